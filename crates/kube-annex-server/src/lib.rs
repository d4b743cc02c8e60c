//! A command line for aggregated API servers: flags, serving, describing, logging and shutdown.
//!
//! A server of one's own is a [`Program`] with registrations; its `main` hands over to [`Program::run`]. The binary of
//! this crate is such a program, with the example APIs of [`resources`].

mod cli;
mod cluster;
mod config;
mod describe;
mod encryption;
#[cfg(feature = "etcd")]
mod etcd;
mod failure;
#[cfg(feature = "redb")]
mod maintenance;
mod program;
pub mod resources;
mod serve;
mod signals;
mod standalone;
mod storage;

pub use program::Program;

/// The code in the README and the guide, compiled and run as examples.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../README.md")]
    mod readme {}

    #[doc = include_str!("../../../docs/guide/first-server.md")]
    mod first_server {}

    #[doc = include_str!("../../../docs/guide/computed-resource.md")]
    mod computed_resource {}

    #[doc = include_str!("../../../docs/guide/schema.md")]
    mod schema {}
}
