//! What upstream's own libraries make of the same histories, rules in sentences, and laws.

mod entries;
mod laws;
mod recorded;
mod rules;
mod subresources;
mod topologies;
mod world;
