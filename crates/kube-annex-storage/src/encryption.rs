//! Values at rest that only the holders of a key can read.
//!
//! A [`Transformer`] turns a value into what is kept and back. Which one a resource has is told by an
//! [`EncryptionConfiguration`], the same file that upstream's servers read; what is kept is what they would keep, so
//! that they and this crate can share one etcd.

mod aesgcm;
mod config;
mod encrypted;
mod resources;
mod rewrite;
#[cfg(test)]
mod tests;
mod transformer;

pub use aesgcm::AesGcm;
pub use config::{ConfigError, EncryptionConfiguration};
pub use encrypted::Encrypted;
pub use resources::Transformers;
pub use rewrite::{Rewritten, rewrite};
pub use transformer::{Identity, Plain, Prefixed, TransformError, Transformer};
