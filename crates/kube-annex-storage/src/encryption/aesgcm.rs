//! AES in Galois/counter mode, with a new random nonce for each value: `nonce | ciphertext | tag`.

use super::transformer::{Plain, TransformError, Transformer};
use aes_gcm::aead::consts::U12;
use aes_gcm::aead::generic_array::GenericArray;
use aes_gcm::aead::rand_core::RngCore;
use aes_gcm::aead::{AeadInPlace, KeyInit, OsRng};
use aes_gcm::aes::Aes192;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use bytes::Bytes;
use std::fmt;

/// Encrypts with one key.
///
/// * Units: a key must be replaced long before 2^32 values were written with it, as the nonces are random.
pub struct AesGcm(Cipher);

enum Cipher {
    Aes128(Aes128Gcm),
    Aes192(aes_gcm::AesGcm<Aes192, U12>),
    Aes256(Aes256Gcm),
}

impl AesGcm {
    /// The sizes that a key can have, in bytes.
    pub const KEY_SIZES: [usize; 3] = [16, 24, 32];

    /// Encrypts with this key; `None` when it has none of the sizes.
    pub fn new(key: &[u8]) -> Option<Self> {
        Some(Self(match key.len() {
            16 => Cipher::Aes128(Aes128Gcm::new_from_slice(key).ok()?),
            24 => Cipher::Aes192(KeyInit::new_from_slice(key).ok()?),
            32 => Cipher::Aes256(Aes256Gcm::new_from_slice(key).ok()?),
            _ => return None,
        }))
    }
}

impl fmt::Debug for AesGcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AesGcm")
    }
}

const NONCE: usize = 12;
const TAG: usize = 16;

impl Transformer for AesGcm {
    fn seal(&self, value: &[u8], authenticated: &[u8]) -> Result<Bytes, TransformError> {
        let mut kept = Vec::with_capacity(NONCE + value.len() + TAG);
        kept.extend([0; NONCE]);
        OsRng.try_fill_bytes(&mut kept).map_err(|_| TransformError::Unencrypted)?;
        kept.extend_from_slice(value);
        let (nonce, text) = kept.split_at_mut(NONCE);
        let nonce = GenericArray::from_slice(nonce);
        let tag = match &self.0 {
            Cipher::Aes128(cipher) => cipher.encrypt_in_place_detached(nonce, authenticated, text),
            Cipher::Aes192(cipher) => cipher.encrypt_in_place_detached(nonce, authenticated, text),
            Cipher::Aes256(cipher) => cipher.encrypt_in_place_detached(nonce, authenticated, text),
        };
        kept.extend(tag.map_err(|_| TransformError::Unencrypted)?);
        Ok(kept.into())
    }

    fn unseal(&self, kept: &Bytes, authenticated: &[u8]) -> Result<Plain, TransformError> {
        let (nonce, rest) = kept.split_at_checked(NONCE).ok_or(TransformError::Short)?;
        let text = rest.len().checked_sub(TAG).ok_or(TransformError::Refused)?;
        let (text, tag) = rest.split_at(text);
        let (nonce, tag) = (GenericArray::from_slice(nonce), GenericArray::from_slice(tag));
        let mut value = text.to_vec();
        let opened = match &self.0 {
            Cipher::Aes128(cipher) => cipher.decrypt_in_place_detached(nonce, authenticated, &mut value, tag),
            Cipher::Aes192(cipher) => cipher.decrypt_in_place_detached(nonce, authenticated, &mut value, tag),
            Cipher::Aes256(cipher) => cipher.decrypt_in_place_detached(nonce, authenticated, &mut value, tag),
        };
        opened.map_err(|_| TransformError::Refused)?;
        Ok(Plain { value: value.into(), stale: false })
    }
}
