//! What the tests of Annex share: a server without a socket, a scripted kube-apiserver, certificates made on the spot.

#![allow(clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

pub mod apiserver;
pub mod etcd;
pub mod pki;
pub mod resources;
pub mod seams;
pub mod server;

pub use apiserver::{FakeApiServer, Refusal};
pub use pki::{Authority, Issued, Subject};
pub use seams::{FixedClock, KnownIds};
pub use server::{Answer, Ask, Events, TestServer, TestServerBuilder};
