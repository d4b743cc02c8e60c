//! Everything in memory: the reference backend. Nothing survives the process.
//!
//! It keeps every law of [`Storage`], so that what is built above can be tested without a disk or a network, and it is
//! what other backends are compared with.

#[cfg(test)]
mod tests;

use crate::error::Error;
use crate::history::{History, Journal, Limits};
use crate::key::{Key, Prefix};
use crate::storage::{BoxFuture, Entry, EventKind, ListRequest, Page, Precondition, Revision, Storage, WatchStream};
use bytes::Bytes;
use std::sync::RwLockReadGuard;

/// A store that lives as long as the process.
///
/// * Shape: one revision sequence for all keys; an empty store is at revision 1, its first write is revision 2.
/// * Units: history is bounded by a number of commits, and by their size where nobody says otherwise. A watcher holds a
///   cursor and at most a few hundred events, however slow it is; when the commits after its cursor are forgotten its
///   stream ends with [`Error::Expired`].
/// * Errors: never [`Error::Backend`].
#[derive(Debug)]
pub struct Memory {
    journal: Journal,
}

/// How many commits a store keeps for watches and for reads of the past when nobody says otherwise.
pub const DEFAULT_HISTORY: usize = 100_000;

/// How large those commits are together at most: keys and values, in bytes. A hundred thousand of the largest objects
/// would be more than a machine has.
pub const DEFAULT_HISTORY_BYTES: usize = 256 << 20;

impl Memory {
    /// An empty store that keeps [`DEFAULT_HISTORY`] commits, of [`DEFAULT_HISTORY_BYTES`].
    pub fn new() -> Self {
        let limits = Limits { commits: DEFAULT_HISTORY, bytes: DEFAULT_HISTORY_BYTES };
        Self { journal: Journal::new(History::new(limits)) }
    }

    /// An empty store that keeps the last `commits` commits, whatever their size; with 0, the newest state alone.
    pub fn with_history(commits: usize) -> Self {
        Self { journal: Journal::new(History::new(Limits::commits(commits))) }
    }

    /// The same empty store, at a later revision: what an earlier store's clients remember is then older than its
    /// history, so that they are told so instead of waiting for what has long happened.
    #[must_use]
    pub fn starting_at(self, revision: Revision) -> Self {
        Self { journal: Journal::new(History::starting_at(self.read().limits(), revision)) }
    }

    fn read(&self) -> RwLockReadGuard<'_, History> {
        self.journal.read()
    }

    fn write<T>(&self, work: impl FnOnce(&mut History) -> Result<T, Error>) -> Result<T, Error> {
        self.journal.write(|history| {
            let result = work(history);
            history.trim();
            result
        })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Storage for Memory {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move { self.read().get(key) })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { self.read().list(prefix, &request) })
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            self.write(|history| match history.get(key)? {
                Some(there) => Err(Error::AlreadyExists { key: key.clone(), revision: there.revision }),
                None => Ok(history.commit(EventKind::Created, key, value, None)),
            })
        })
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            self.write(|history| {
                let there = history.require(key, precondition)?;
                Ok(history.commit(EventKind::Updated, key, value, Some(there)))
            })
        })
    }

    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        Box::pin(async move {
            self.write(|history| {
                let there = history.require(key, precondition)?;
                let last = there.value.clone();
                let revision = history.commit(EventKind::Deleted, key, last, Some(there.clone()));
                Ok((there, revision))
            })
        })
    }

    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move { self.journal.watch(prefix, from) })
    }

    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.journal.request_progress();
            Ok(())
        })
    }

    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        Box::pin(async move { Ok(self.read().newest()) })
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.journal.wait_for(revision).await;
            Ok(())
        })
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move { self.write(|history| history.compact(revision).map(drop)) })
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move { Ok(self.read().count(prefix)) })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move { Ok(self.read().size() as u64) })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async { Ok(()) })
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}
