//! What upstream's own libraries make of the same histories, rules in sentences, and laws.

mod laws;
mod recorded;
mod rules;
mod subresources;
mod world;
