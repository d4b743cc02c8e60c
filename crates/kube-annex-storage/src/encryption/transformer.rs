//! From a value to what is kept of it, and back.

use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Between values and what is kept of them. Each method undoes the other.
///
/// `authenticated` is what identifies the place of the value, such as its key: what was kept at one place is refused
/// at any other.
pub trait Transformer: Send + Sync + 'static {
    /// What is kept of a value.
    ///
    /// * Errors: it cannot be made; nothing may be kept then.
    fn seal(&self, value: &[u8], authenticated: &[u8]) -> Result<Bytes, TransformError>;

    /// The value of what was kept.
    ///
    /// * Errors: why it cannot be read.
    fn unseal(&self, kept: &Bytes, authenticated: &[u8]) -> Result<Plain, TransformError>;
}

/// A value that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Plain {
    /// The value.
    pub value: Bytes,
    /// Whether it is kept in another form than a write would give it today: it is to be written although nothing of it
    /// has changed.
    pub stale: bool,
}

/// Why a value cannot be read or kept. The text holds nothing of keys or values.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransformError {
    /// No provider of the configuration reads what begins so; perhaps its key was removed.
    #[error("no matching prefix found")]
    NoProvider,
    /// A provider would read it, but has no key of that name.
    #[error("no matching key was found for the provided AES transformer")]
    NoKey,
    /// The key of that name does not fit, or what is kept was changed or belongs to another place.
    #[error("the stored data does not fit its key")]
    Refused,
    /// It is too short to be anything.
    #[error("the stored data was shorter than the required size")]
    Short,
    /// It is encrypted, and nobody was asked to decrypt it.
    #[error("identity transformer tried to read encrypted data")]
    Encrypted,
    /// The system has no randomness to give, or the value is too large for the cipher.
    #[error("the value could not be encrypted")]
    Unencrypted,
}

/// What everything that is encrypted begins with, whichever provider did it.
pub(super) const ENCRYPTED: &[u8] = b"k8s:enc:";

/// Keeps values as they are, and refuses to take what is encrypted for a value.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Transformer for Identity {
    fn seal(&self, value: &[u8], _: &[u8]) -> Result<Bytes, TransformError> {
        Ok(Bytes::copy_from_slice(value))
    }

    fn unseal(&self, kept: &Bytes, _: &[u8]) -> Result<Plain, TransformError> {
        if kept.starts_with(ENCRYPTED) {
            return Err(TransformError::Encrypted);
        }
        Ok(Plain { value: kept.clone(), stale: false })
    }
}

/// Transformers that know their values by what these begin with: the first writes, each reads its own.
pub struct Prefixed {
    transformers: Vec<(Bytes, Arc<dyn Transformer>)>,
    /// What is wrong with a value that begins as none of them.
    unknown: TransformError,
}

impl Prefixed {
    /// The transformers and what their values begin with, in the order in which they are asked.
    pub fn new(transformers: Vec<(Bytes, Arc<dyn Transformer>)>, unknown: TransformError) -> Self {
        Self { transformers, unknown }
    }
}

impl fmt::Debug for Prefixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.transformers.iter().map(|(prefix, _)| prefix)).finish()
    }
}

impl Transformer for Prefixed {
    fn seal(&self, value: &[u8], authenticated: &[u8]) -> Result<Bytes, TransformError> {
        let (prefix, first) = self.transformers.first().ok_or(self.unknown)?;
        let kept = first.seal(value, authenticated)?;
        if prefix.is_empty() { Ok(kept) } else { Ok([&prefix[..], &kept].concat().into()) }
    }

    fn unseal(&self, kept: &Bytes, authenticated: &[u8]) -> Result<Plain, TransformError> {
        let mut refused = None;
        for (index, (prefix, transformer)) in self.transformers.iter().enumerate() {
            if !kept.starts_with(prefix) {
                continue;
            }
            match transformer.unseal(&kept.slice(prefix.len()..), authenticated) {
                Ok(plain) => return Ok(Plain { stale: plain.stale || index > 0, ..plain }),
                // What one cannot read a later one may: the same provider can be there twice, with other keys.
                Err(error) if !prefix.is_empty() => refused = refused.or(Some(error)),
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or(self.unknown))
    }
}
