//! From socket to storage: an aggregated API server as a library.
//!
//! A [`Server`] is built from [`Registration`]s, a storage, authenticators and an authorizer. [`serve`](serve::serve)
//! puts it behind a TLS listener; tests call [`Server::answer`] directly.

pub mod admission;
pub mod authn;
pub mod authz;
pub mod discovery;
pub mod document;
mod documents;
mod endpoint;
mod flow;
pub mod health;
mod impersonation;
pub mod openapi;
mod pipeline;
pub mod registry;
pub mod request;
pub mod seams;
pub mod serve;
mod server;
mod source;

pub use registry::{Reader, Registration, StoredRegistration};
pub use seams::Seams;
pub use server::{BuildError, Server, ServerBuilder};
