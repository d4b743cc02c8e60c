//! The watch cache: a storage around a storage, that reads each resource once whatever the number of clients.
//!
//! One list and one watch of the storage feed a table of the newest state and a window of the last commits. Reads of the
//! newest state are confirmed: the storage is asked how far it is, and the cache waits until it is as far.

mod entry;
mod events;
mod fanout;
mod feed;
mod progress;
mod shared;
mod snapshot;
mod table;
#[cfg(test)]
mod tests;
mod window;

/// What the fan-out is synchronized by; a test puts another in its place that tries every order of events.
mod sync {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
    pub(super) use std::sync::{Mutex, MutexGuard};
}

pub use entry::{CachedEntry, CachedEvent};
pub use events::{CachedItem, Events};
pub use snapshot::Snapshot;
pub use table::{Run, Segment, SegmentBody};

use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::storage::{BoxFuture, Entry, ListRequest, Page, Precondition, Revision, Storage, WatchItem, WatchStream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use progress::Newest;
use shared::{Shared, is_cacheable};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use window::Capacity;

/// A storage whose reads and watches are served from memory.
///
/// * Shape: it keeps every law of [`Storage`]. Below a resource's prefix it serves reads and watches itself; everything
///   else, and everything that its window does not reach back to, goes to the storage.
/// * Units: a resource costs its entries once, and at most [`CacheOptions::events`] commits; a watcher costs a cursor.
/// * Errors: those of the storage. While the storage fails, what is cached is still served to whoever asks for any
///   state.
pub struct Cached {
    storage: Arc<dyn Storage>,
    options: CacheOptions,
    spawn: Spawn,
    newest: Newest,
    resources: Mutex<HashMap<Arc<str>, Arc<Shared>>>,
    /// The feeds live as long as this.
    alive: watch::Sender<()>,
}

/// How a cache starts its tasks, one for each resource; they end when the cache is dropped.
pub type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// How much of the past a cache keeps for each resource.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CacheOptions {
    /// How many commits.
    pub events: usize,
    /// Their keys and values, in bytes.
    pub bytes: usize,
}

impl Default for CacheOptions {
    /// 10,000 commits, of 32 MiB.
    fn default() -> Self {
        Self { events: 10_000, bytes: 32 << 20 }
    }
}

/// How new what is read must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Freshness {
    /// Whatever is in the cache.
    Any,
    /// At least of that revision. It waits until that has happened; the caller bounds the wait.
    NotOlderThan(Revision),
    /// It reflects every write that was answered before the call.
    Newest,
}

/// How long a read waits for a cache that is being filled.
const FILLING: Duration = Duration::from_secs(1);

/// How long a read of the newest state waits for the cache before it asks the storage itself.
const CATCHING_UP: Duration = Duration::from_secs(3);

impl Cached {
    /// A cache around a storage. The tasks that feed it are started by `spawn`, when a resource is first asked for.
    pub fn new(storage: Arc<dyn Storage>, options: CacheOptions, spawn: Spawn) -> Self {
        let newest = Newest::default();
        Self { storage, options, spawn, newest, resources: Mutex::default(), alive: watch::Sender::new(()) }
    }

    /// The storage below.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Begins to fill the cache of a resource before anybody asks for it.
    pub fn warm(&self, resource: &Prefix) {
        self.shared(resource.as_str());
    }

    /// Whether what is cached of a resource can be served.
    pub fn is_ready(&self, resource: &Prefix) -> bool {
        self.shared(resource.as_str()).is_some_and(|shared| shared.read().ready)
    }

    /// The entry at a key.
    ///
    /// * Errors: [`Error::NotReady`] while the cache is filled, unless the newest state is asked for: that the storage
    ///   knows.
    pub async fn entry(&self, key: &Key, freshness: Freshness) -> Result<Option<Arc<CachedEntry>>, Error> {
        if let Some(shared) = self.shared(key.as_str()) {
            match self.fresh(&shared, freshness).await {
                Ok(()) => return Ok(shared.read().table.get(key).cloned()),
                Err(Error::NotReady { .. }) if freshness == Freshness::Newest => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.storage.get(key).await?.map(|entry| Arc::new(CachedEntry::new(entry))))
    }

    /// The state of the resource that a prefix lies in.
    ///
    /// * Errors: [`Error::NotReady`] while the cache is filled or cannot keep up.
    pub async fn snapshot(&self, prefix: &Prefix, freshness: Freshness) -> Result<Snapshot, Error> {
        let shared = self.shared(prefix.as_str()).ok_or_else(|| uncached(prefix))?;
        self.fresh(&shared, freshness).await?;
        shared.snapshot().ok_or_else(|| shared.not_ready())
    }

    /// The state as it was at a revision that has happened; `None` when the window does not reach back so far: then the
    /// storage may still know.
    pub fn snapshot_at(&self, prefix: &Prefix, revision: Revision) -> Option<Snapshot> {
        self.shared(prefix.as_str())?.snapshot_at(revision)
    }

    /// The commits below a prefix after a revision.
    ///
    /// * Errors: [`Error::NotReady`] while the cache is filled; [`Error::Expired`] when neither the window nor the
    ///   storage reach back so far.
    pub async fn events(&self, prefix: &Prefix, from: Revision) -> Result<Events, Error> {
        let shared = self.shared(prefix.as_str()).ok_or_else(|| uncached(prefix))?;
        self.filled(&shared).await?;
        self.events_of(shared, prefix, from).await
    }

    /// How far the cache of a resource is.
    pub fn reached(&self, prefix: &Prefix) -> Option<Revision> {
        let shared = self.shared(prefix.as_str())?;
        let state = shared.read();
        state.ready.then_some(state.up_to)
    }

    async fn events_of(&self, shared: Arc<Shared>, prefix: &Prefix, from: Revision) -> Result<Events, Error> {
        // The watcher joins first: from then on the window loses nothing without telling it.
        let mut events = Events::new(shared.clone(), prefix, from, None);
        let covered = {
            let state = shared.read();
            state.ready && from >= state.window.oldest()
        };
        if !covered {
            events = Events::new(shared, prefix, from, Some(self.storage.watch(prefix, from).await?));
            // When the storage has told what the window lacks, it says so.
            self.storage.request_progress().await?;
        }
        Ok(events)
    }

    /// The caches of all resources that anybody asked for.
    fn caches(&self) -> Vec<Arc<Shared>> {
        let resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        resources.values().cloned().collect()
    }

    /// The cache of what a key or prefix lies in; `None` for what is no resource's.
    fn shared(&self, text: &str) -> Option<Arc<Shared>> {
        let resource = resource_of(text)?;
        let mut resources = self.resources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = resources.get(resource) {
            return Some(shared.clone());
        }
        let CacheOptions { events, bytes } = self.options;
        let shared = Arc::new(Shared::new(Prefix::new(resource), Capacity { events, bytes }));
        resources.insert(resource.into(), shared.clone());
        let (fed, storage, alive) = (shared.clone(), self.storage.clone(), self.alive.subscribe());
        (self.spawn)(Box::pin(async move { feed::feed(&fed, &*storage, alive).await }));
        Some(shared)
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached").field("storage", &self.storage.name()).finish_non_exhaustive()
    }
}

/// Reads and watches that the cache cannot serve are the storage's: what is true there is true.
impl Storage for Cached {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move {
            if !is_cacheable(key) {
                return self.storage.get(key).await;
            }
            Ok(self.entry(key, Freshness::Newest).await?.map(|entry| Entry::clone(&entry)))
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let snapshot = match request.revision {
                None => self.snapshot(prefix, Freshness::Newest).await.ok(),
                Some(revision) => self.snapshot_at(prefix, revision),
            };
            match snapshot {
                Some(snapshot) => Ok(snapshot.page(prefix, &request)),
                None => self.storage.list(prefix, request).await,
            }
        })
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        self.storage.create(key, value)
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        self.storage.update(key, value, precondition)
    }

    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        self.storage.delete(key, precondition)
    }

    fn delete_unreadable<'a>(&'a self, key: &'a Key, revision: Revision) -> BoxFuture<'a, Result<Revision, Error>> {
        self.storage.delete_unreadable(key, revision)
    }

    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move {
            let Some(shared) = self.shared(prefix.as_str()) else {
                return self.storage.watch(prefix, from).await;
            };
            let _ = self.filled(&shared).await;
            let events = self.events_of(shared, prefix, from).await?;
            let items = events.map(|item| {
                item.map(|item| match item {
                    CachedItem::Event(event) => WatchItem::Event(event.to_event()),
                    CachedItem::Progress(revision) => WatchItem::Progress(revision),
                })
            });
            let stream: WatchStream = Box::pin(items);
            Ok(stream)
        })
    }

    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let newest = self.newest.of(&*self.storage).await?;
            for shared in self.caches() {
                shared.ask(newest);
            }
            self.storage.request_progress().await
        })
    }

    fn is_stale<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, Error>> {
        self.storage.is_stale(key)
    }

    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        Box::pin(self.newest.of(&*self.storage))
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.storage.wait_for(revision)
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            // A feed that is overtaken loses its place, and so does everybody who watches.
            if revision <= self.newest.of(&*self.storage).await? {
                let caches = self.caches();
                let fed = caches.iter().map(|shared| self.fresh(shared, Freshness::NotOlderThan(revision)));
                // A cache that cannot keep up does not keep the storage from forgetting.
                let _ = tokio::time::timeout(CATCHING_UP, join_all(fed)).await;
            }
            self.storage.compact(revision).await?;
            for shared in self.caches() {
                shared.forget_up_to(revision);
            }
            Ok(())
        })
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move {
            match self.snapshot(prefix, Freshness::Newest).await {
                Ok(snapshot) => Ok(snapshot.count(prefix)),
                Err(_) => self.storage.count(prefix).await,
            }
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.storage.size()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.storage.health()
    }

    fn name(&self) -> &'static str {
        self.storage.name()
    }
}

/// What lies in no resource is never cached.
fn uncached(prefix: &Prefix) -> Error {
    Error::NotReady { prefix: prefix.clone(), troubled: true }
}

/// The prefix of the resource that a key or a prefix lies in: what its first two segments say.
fn resource_of(text: &str) -> Option<&str> {
    let (second, _) = text.match_indices('/').nth(1)?;
    text.get(..=second)
}

/// The namespace of a key, if it has one.
fn namespace_of(key: &str) -> Option<&str> {
    let rest = key.get(resource_of(key)?.len()..)?;
    rest.split_once('/').map(|(namespace, _)| namespace)
}
