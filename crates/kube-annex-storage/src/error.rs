//! Why a storage operation did not take effect.

use crate::key::{Key, Prefix};
use crate::storage::Revision;

/// The cause of a backend's failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a storage operation did not take effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing at the key.
    #[error("{key} does not exist")]
    NotFound {
        /// The key that was asked for.
        key: Key,
    },
    /// The key is taken; a creation never overwrites.
    #[error("{key} exists at revision {revision}")]
    AlreadyExists {
        /// The key that was to be created.
        key: Key,
        /// The revision of what is there.
        revision: Revision,
    },
    /// Another writer was first; read again and retry.
    #[error("{key} is at revision {current}, the write expected {expected}")]
    Conflict {
        /// The key that was to be changed.
        key: Key,
        /// The revision the writer knew.
        expected: Revision,
        /// The revision of what is there.
        current: Revision,
    },
    /// What the writer knew was deleted, and the key created again; there is nothing to retry.
    #[error("{key} was created at revision {current}, the write expected the one created at {expected}")]
    Recreated {
        /// The key that was to be changed.
        key: Key,
        /// The creation the writer knew.
        expected: Revision,
        /// The creation of what is there.
        current: Revision,
    },
    /// The history the caller needs is gone; it must list again.
    #[error("revision {requested} was compacted; the oldest kept is {oldest}")]
    Expired {
        /// The revision that was asked for.
        requested: Revision,
        /// The oldest revision that can still be read or watched from.
        oldest: Revision,
    },
    /// The revision has not happened yet; wait or ask for an older one.
    #[error("revision {requested} is in the future; the newest is {current}")]
    Future {
        /// The revision that was asked for.
        requested: Revision,
        /// The newest revision.
        current: Revision,
    },
    /// The backend takes no value of that size; a smaller one it does.
    #[error("{key} cannot hold {bytes} bytes: the backend refuses a write of that size")]
    TooLarge {
        /// The key that was to be written.
        key: Key,
        /// The size of the value, in bytes.
        bytes: usize,
    },
    /// The cache is being filled, or cannot keep up with its storage; come again in a moment.
    #[error("the cache of {prefix} is not ready")]
    NotReady {
        /// What was asked for.
        prefix: Prefix,
        /// Whether its storage failed; asking that instead may tell why.
        troubled: bool,
    },
    /// What is kept cannot be read: it was changed where it lies, or no key decrypts it. It is still there, and other
    /// objects are not concerned.
    #[error("{}", told(.0))]
    Unreadable(
        /// Each object that was asked for and cannot be read; at least one.
        Vec<Unreadable>,
    ),
    /// The backend failed. The cause is in `source`, never repeated in this text.
    #[error("{backend} did not finish {operation}")]
    Backend {
        /// The backend's name.
        backend: &'static str,
        /// What it was doing.
        operation: &'static str,
        /// Why it failed.
        source: BoxError,
    },
}

/// An object that is there and cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{key} at revision {revision} cannot be read: {why}")]
pub struct Unreadable {
    /// Where it is.
    pub key: Key,
    /// The commit that wrote it.
    pub revision: Revision,
    /// Why it cannot be read.
    pub why: String,
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        Self::Unreadable(vec![unreadable])
    }
}

fn told(unreadable: &[Unreadable]) -> String {
    let first = unreadable.first().map(ToString::to_string).unwrap_or_default();
    match unreadable.len() {
        0 | 1 => first,
        more => format!("{first} (and {} more)", more - 1),
    }
}
