//! A store in a folder: every answered write is on the disk.
//!
//! One thread writes, and everything that waits for it goes into one transaction. Reads and watches are served from
//! memory, which holds what the file holds: the state of every key and the history that is kept.

mod committer;
mod file;
mod folder;
mod guard;
mod load;
mod maintenance;
mod mark;
mod medium;
mod row;
#[cfg(test)]
mod tests;

use crate::error::{BoxError, Error, Unreadable};
use crate::history::{Journal, Limits};
use crate::key::{Key, Prefix};
use crate::memory::{DEFAULT_HISTORY, DEFAULT_HISTORY_BYTES};
use crate::storage::{BoxFuture, Entry, ListRequest, Page, Precondition, Revision, Storage, WatchStream};
use bytes::Bytes;
use committer::{Change, Committer, Done, Request};
use file::{File, Loaded};
pub use guard::catches_panics;
pub use maintenance::{HistoryStats, ResourceStats, Stats, Summary, backup, restore, stats, verify};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A store that survives its process.
///
/// * Shape: one revision sequence for all keys, which goes on where it was when the folder is opened again.
/// * Units: history is bounded by [`Retention`]; what is forgotten is removed from the file in the background.
/// * Errors: [`Error::Backend`] for a write that the disk refused, and for every write until the disk is well again,
///   which is tried now and then; reads and watches go on. After a failed sync only a restart can tell what the disk
///   holds. [`Error::Unreadable`] for an object whose bytes the disk did not keep, and for lists of it; the rest is
///   served. Either makes the store unhealthy.
///
/// Every byte that comes from the file is verified by the checksum of its row, when the store is opened: there is no
/// other read of the file. What is served later comes from memory, where those verified bytes are.
pub struct Redb {
    /// The damaged file that was put aside when this was opened.
    aside: Option<PathBuf>,
    damaged: Arc<[Unreadable]>,
    path: PathBuf,
    journal: Arc<Journal>,
    health: Arc<Health>,
    requests: Option<mpsc::Sender<Request>>,
    committer: Option<JoinHandle<()>>,
}

/// Why a folder cannot be served from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process serves from it; stop that one or choose another folder.
    #[error("{} is in use by process {}; stop it or choose another folder", folder.display(), named(*process))]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// The other process, if it said so.
        process: Option<u32>,
    },
    /// Another program wrote it, newer or older; use that one.
    #[error("{} has format {found}, this program understands {supported}; {}", folder.display(), advice(*found, *supported))]
    Format {
        /// The folder.
        folder: PathBuf,
        /// The format that was found.
        found: u64,
        /// The format that is understood.
        supported: u64,
    },
    /// What was read is not what was written; a server serves the rest, a backup brings back the whole.
    #[error("{} is damaged: {why}{}; restore a backup", folder.display(), listed(objects))]
    Damaged {
        /// The folder, or the file of a backup.
        folder: PathBuf,
        /// The keys whose newest values cannot be read.
        objects: Vec<Unreadable>,
        /// What is wrong with the file.
        why: String,
    },
    /// Commits that were answered are gone; restore a backup, or delete the note to go on without them.
    #[error(
        "{} has lost commits: revision {answered} was answered, and the newest that is there is {newest}; restore a \
         backup, or delete {}/{} to go on without them",
        folder.display(), folder.display(), mark::NAME
    )]
    Lost {
        /// The folder.
        folder: PathBuf,
        /// The newest revision that was answered.
        answered: Revision,
        /// The newest revision that is there.
        newest: Revision,
    },
    /// A backup is restored only where there is nothing.
    #[error("{} is not empty; choose another folder, or move away what is in it", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system or the database refused. The cause is in `source`, never repeated in this text.
    #[error("{} cannot be opened as a store", folder.display())]
    Failed {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: BoxError,
    },
}

/// How much of the past is kept for watches and reads: commits are forgotten as soon as one of these is exceeded.
///
/// What keys hold now is never forgotten, and the file grows no further than that and the history need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Retention {
    /// How many commits.
    pub commits: usize,
    /// The keys and values of the commits, in bytes.
    pub bytes: usize,
    /// How long after its commit, or after the store was opened; `None` has no such end. It is told in sixteenths.
    pub age: Option<Duration>,
}

impl Default for Retention {
    /// [`DEFAULT_HISTORY`] commits, of [`DEFAULT_HISTORY_BYTES`], whatever their age.
    fn default() -> Self {
        Self { commits: DEFAULT_HISTORY, bytes: DEFAULT_HISTORY_BYTES, age: None }
    }
}

impl Retention {
    fn limits(self) -> Limits {
        Limits { commits: self.commits, bytes: self.bytes }
    }
}

impl Redb {
    /// Opens the store in a folder, or begins one; history is kept as [`Retention::default`] says. It reads the whole
    /// file: call it where waiting for the disk is allowed.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::with_retention(folder, Retention::default())
    }

    /// As [`open`](Self::open), keeping the last `commits` commits whatever their size and age.
    pub fn with_history(folder: impl AsRef<Path>, commits: usize) -> Result<Self, OpenError> {
        Self::with_retention(folder, Retention { commits, bytes: usize::MAX, age: None })
    }

    /// As [`open`](Self::open), keeping so much history.
    pub fn with_retention(folder: impl AsRef<Path>, retention: Retention) -> Result<Self, OpenError> {
        let folder = folder.as_ref();
        let loaded = File::open(folder, retention.limits())?;
        Self::serve(loaded, retention, folder)
    }

    fn serve(loaded: Loaded, retention: Retention, folder: &Path) -> Result<Self, OpenError> {
        let failed = |source: std::io::Error| OpenError::Failed { folder: folder.into(), source: source.into() };
        let damaged = loaded.damaged().into();
        let Loaded { file, mut history, mut dropped, aside, .. } = loaded;
        dropped.extend(history.trim());
        let journal = Arc::new(Journal::new(history));
        let health = Arc::new(Health::default());
        let (requests, waiting) = mpsc::channel(QUEUE);
        let committer = Committer::new(file, journal.clone(), health.clone(), waiting, dropped, retention.age);
        let thread = thread::Builder::new().name("storage-commit".into()).spawn(|| committer.run()).map_err(failed)?;
        let path = folder.join(file::NAME);
        Ok(Self { aside, damaged, path, journal, health, requests: Some(requests), committer: Some(thread) })
    }

    /// What could not be read when the store was opened. Until it is removed it is served as unreadable.
    pub fn damaged(&self) -> &[Unreadable] {
        &self.damaged
    }

    /// The damaged file that was put aside when the store was opened; what could be read of it was written anew.
    pub fn aside(&self) -> Option<&Path> {
        self.aside.as_deref()
    }

    /// Asks the writing thread. A caller that goes away before it is asked has asked nothing; later, the work is done.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Request) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let gone = || self.health.refusal("the write");
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    async fn change(&self, key: &Key, change: Change) -> Result<Done, Error> {
        let key = key.clone();
        self.ask(|answer| Request::Write { key, change, answer }).await
    }
}

/// How many may wait for the writing thread before they wait for a place to wait.
const QUEUE: usize = 1024;

impl Drop for Redb {
    /// Waits until what was asked is on the disk and the folder is free.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(committer) = self.committer.take() {
            // A panic of that thread has been printed, and its writers were told.
            let _ = committer.join();
        }
    }
}

impl fmt::Debug for Redb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redb").field("health", &self.health).finish_non_exhaustive()
    }
}

impl Storage for Redb {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move { self.journal.read().get(key) })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move { self.journal.read().list(prefix, &request) })
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move { Ok(self.change(key, Change::Create(value)).await?.revision) })
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move { Ok(self.change(key, Change::Update(value, precondition)).await?.revision) })
    }

    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        Box::pin(async move {
            let Done { revision, previous } = self.change(key, Change::Delete(precondition)).await?;
            let there = previous.ok_or_else(|| Error::NotFound { key: key.clone() })?;
            Ok((there, revision))
        })
    }

    fn delete_unreadable<'a>(&'a self, key: &'a Key, revision: Revision) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move {
            let lost = { self.journal.read().get(key).is_err() };
            if !lost {
                return Ok(self.delete(key, Precondition::at(revision)).await?.1);
            }
            let key = key.clone();
            self.ask(move |answer| Request::Remove { key, revision, answer }).await
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
        Box::pin(async move { Ok(self.journal.read().newest()) })
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.journal.wait_for(revision).await;
            Ok(())
        })
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(self.ask(move |answer| Request::Compact { revision, answer }))
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move { Ok(self.journal.read().count(prefix)) })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let size = std::fs::metadata(&self.path).map(|metadata| metadata.len());
            size.map_err(|error| backend("the measurement of its file", error.into()))
        })
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.health.check()?;
            let damaged = { self.journal.read().damaged() };
            if !damaged.is_empty() {
                return Err(backend("the check of its objects", Error::Unreadable(damaged).into()));
            }
            let writes = self.requests.as_ref().is_some_and(|requests| !requests.is_closed());
            if writes { Ok(()) } else { Err(self.health.refusal("the write")) }
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

const NAME: &str = "redb";

/// What went wrong with the disk, until it is well again.
#[derive(Debug, Default)]
struct Health(Mutex<Option<String>>);

impl Health {
    fn fail(&self, error: &BoxError) {
        self.fault().get_or_insert_with(|| error.to_string());
    }

    fn heal(&self) {
        *self.fault() = None;
    }

    fn check(&self) -> Result<(), Error> {
        let fault = self.fault().clone();
        fault.map_or(Ok(()), |why| Err(backend("a transaction", why.into())))
    }

    /// What a writer is told when its write did not happen, or may not have.
    fn refusal(&self, operation: &'static str) -> Error {
        let fault = self.fault().clone();
        backend(operation, fault.unwrap_or_else(|| "the writing thread is gone".to_owned()).into())
    }

    fn fault(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn backend(operation: &'static str, source: BoxError) -> Error {
    Error::Backend { backend: NAME, operation, source }
}

fn listed(objects: &[Unreadable]) -> String {
    objects.iter().flat_map(|object| ["; ".to_owned(), object.to_string()]).collect()
}

fn advice(found: u64, supported: u64) -> &'static str {
    if found > supported {
        "use a newer one"
    } else {
        "it was never released: use the program that wrote it, or another folder"
    }
}

fn named(process: Option<u32>) -> String {
    process.map_or_else(|| "unknown".to_owned(), |process| process.to_string())
}
