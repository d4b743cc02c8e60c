//! What the tests of Annex share: a scripted kube-apiserver and certificates made on the spot.

pub mod apiserver;
pub mod pki;

pub use apiserver::{FakeApiServer, Refusal};
pub use pki::{Authority, Issued, Subject};
