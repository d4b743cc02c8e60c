//! From socket to storage: an aggregated API server as a library.

pub mod authn;
pub mod authz;
pub mod discovery;
pub mod document;
pub mod openapi;
pub mod serve;
