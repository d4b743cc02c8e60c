//! A store in a folder: every answered write is on the disk.
//!
//! One thread writes, and everything that waits for it goes into one transaction. Reads and watches are served from
//! memory, which holds what the file holds: the state of every key and the history that is kept.

mod committer;
mod file;
mod row;
#[cfg(test)]
mod tests;

use crate::error::{BoxError, Error};
use crate::history::{Journal, Limits};
use crate::key::{Key, Prefix};
use crate::memory::DEFAULT_HISTORY;
use crate::storage::{BoxFuture, Entry, ListRequest, Page, Precondition, Revision, Storage, WatchStream};
use bytes::Bytes;
use committer::{Change, Committer, Done, Request};
use file::{File, Loaded};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A store that survives its process.
///
/// * Shape: one revision sequence for all keys, which goes on where it was when the folder is opened again.
/// * Units: history is bounded by [`Retention`]; what is forgotten is removed from the file in the background.
/// * Errors: [`Error::Backend`] for every write after one that the disk refused; reads and watches go on.
pub struct Redb {
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
    /// What was read is not what was written; restore a backup.
    #[error("{} is damaged at revision {revision}{}: {what}; restore a backup", folder.display(), held(key.as_ref()))]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// The row that cannot be believed.
        revision: Revision,
        /// The key whose newest value that row is; `None` when it is of the past, or nothing tells.
        key: Option<Key>,
        /// What is wrong with it.
        what: &'static str,
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
    /// [`DEFAULT_HISTORY`] commits, of 256 MiB, whatever their age.
    fn default() -> Self {
        Self { commits: DEFAULT_HISTORY, bytes: 256 << 20, age: None }
    }
}

impl Retention {
    fn limits(self) -> Limits {
        Limits { commits: self.commits, bytes: self.bytes }
    }
}

/// What a folder holds, as [`verify`] found it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// How many keys there are.
    pub keys: usize,
    /// The oldest revision that can be read and watched from.
    pub oldest: Revision,
    /// The newest revision.
    pub newest: Revision,
    /// The size of the file in bytes.
    pub bytes: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, oldest, newest, bytes } = self;
        write!(f, "intact: {keys} objects, history from revision {oldest} to {newest}, {bytes} bytes")
    }
}

/// Reads and checks all of a folder, which nobody may be using, and begins none.
pub fn verify(folder: impl AsRef<Path>) -> Result<Summary, OpenError> {
    let folder = folder.as_ref();
    let path = folder.join(file::NAME);
    let size = || std::fs::metadata(&path).map(|metadata| metadata.len());
    let failed = |source| OpenError::Failed { folder: folder.into(), source: Box::new(source) };
    size().map_err(failed)?;
    let Loaded { history, .. } = File::open(folder, Limits::commits(usize::MAX))?;
    let bytes = size().map_err(failed)?;
    Ok(Summary { keys: history.count_all(), oldest: history.oldest(), newest: history.newest(), bytes })
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
        let Loaded { file, mut history, mut dropped } = loaded;
        dropped.extend(history.trim());
        let journal = Arc::new(Journal::new(history));
        let health = Arc::new(Health::default());
        let (requests, waiting) = mpsc::channel(QUEUE);
        let committer = Committer::new(file, journal.clone(), health.clone(), waiting, dropped, retention.age);
        let thread = thread::Builder::new().name("storage-commit".into()).spawn(|| committer.run()).map_err(failed)?;
        let path = folder.join(file::NAME);
        Ok(Self { path, journal, health, requests: Some(requests), committer: Some(thread) })
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
        Box::pin(async move { Ok(self.journal.read().get(key)) })
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
            let writes = self.requests.as_ref().is_some_and(|requests| !requests.is_closed());
            if writes { Ok(()) } else { Err(self.health.refusal("the write")) }
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

const NAME: &str = "redb";

/// The first thing that went wrong with the disk; there is no second.
#[derive(Debug, Default)]
struct Health(OnceLock<String>);

impl Health {
    fn fail(&self, error: &Error) {
        let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        let _ = self.0.set(source);
    }

    fn check(&self) -> Result<(), Error> {
        self.0.get().map_or(Ok(()), |why| Err(backend("a transaction", why.as_str().into())))
    }

    /// What a writer is told when its write did not happen, or may not have.
    fn refusal(&self, operation: &'static str) -> Error {
        let why = self.0.get().map_or("the writing thread is gone", String::as_str);
        backend(operation, why.into())
    }
}

fn backend(operation: &'static str, source: BoxError) -> Error {
    Error::Backend { backend: NAME, operation, source }
}

fn held(key: Option<&Key>) -> String {
    key.map(|key| format!(", the newest of {key}")).unwrap_or_default()
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
