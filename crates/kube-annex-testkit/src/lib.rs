//! What the tests of Annex share: a scripted kube-apiserver and certificates made on the spot.

#![allow(clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

pub mod apiserver;
pub mod pki;

pub use apiserver::{FakeApiServer, Refusal};
pub use pki::{Authority, Issued, Subject};
