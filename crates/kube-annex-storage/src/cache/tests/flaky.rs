//! A storage that counts what it is asked, and that fails, hangs and heals when a test says so.

use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::memory::Memory;
use crate::storage::{BoxFuture, Entry, ListRequest, Page, Precondition, Revision, Storage, WatchStream};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Wake;
use std::time::Duration;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mood {
    Well,
    Failing,
    Hanging,
}

pub(super) struct Flaky {
    inside: Memory,
    mood: watch::Sender<Mood>,
    pub(super) lists: AtomicUsize,
    pub(super) watches: AtomicUsize,
    pub(super) revisions: AtomicUsize,
    /// How many watches are open now.
    pub(super) open: Arc<AtomicUsize>,
    /// Whether answers take time.
    pub(super) slow: AtomicBool,
}

impl Flaky {
    pub(super) fn new(inside: Memory) -> Self {
        let zero = AtomicUsize::default;
        let (open, slow) = (Arc::default(), AtomicBool::default());
        let mood = watch::Sender::new(Mood::Well);
        Self { inside, mood, lists: zero(), watches: zero(), revisions: zero(), open, slow }
    }

    /// The storage as those see it who are not cut off.
    pub(super) fn inside(&self) -> &Memory {
        &self.inside
    }

    /// Everything fails from now on, open watches too.
    pub(super) fn fail(&self) {
        self.mood.send_replace(Mood::Failing);
    }

    /// Lists are never answered.
    pub(super) fn hang(&self) {
        self.mood.send_replace(Mood::Hanging);
    }

    pub(super) fn heal(&self) {
        self.mood.send_replace(Mood::Well);
    }

    async fn answers(&self) -> Result<(), Error> {
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if *self.mood.borrow() == Mood::Failing { Err(down()) } else { Ok(()) }
    }
}

fn down() -> Error {
    Error::Backend { backend: "flaky", operation: "anything", source: "it is down".into() }
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Storage for Flaky {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move {
            self.answers().await?;
            self.inside.get(key).await
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            self.lists.fetch_add(1, Ordering::SeqCst);
            self.answers().await?;
            if *self.mood.borrow() == Mood::Hanging {
                std::future::pending::<()>().await;
            }
            self.inside.list(prefix, request).await
        })
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        self.inside.create(key, value)
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        self.inside.update(key, value, precondition)
    }

    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        self.inside.delete(key, precondition)
    }

    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move {
            self.answers().await?;
            self.watches.fetch_add(1, Ordering::SeqCst);
            self.open.fetch_add(1, Ordering::SeqCst);
            let (open, mut mood) = (Open(self.open.clone()), self.mood.subscribe());
            let failing = async move {
                let _ = mood.wait_for(|mood| *mood == Mood::Failing).await;
            };
            let items = self.inside.watch(prefix, from).await?.take_until(failing);
            let stream: WatchStream = Box::pin(items.map(move |item| {
                let _ = &open;
                item
            }));
            Ok(stream)
        })
    }

    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            self.answers().await?;
            self.inside.request_progress().await
        })
    }

    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        Box::pin(async move {
            self.revisions.fetch_add(1, Ordering::SeqCst);
            self.answers().await?;
            self.inside.current_revision().await
        })
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.wait_for(revision)
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.compact(revision)
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        self.inside.count(prefix)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.inside.size()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.inside.health()
    }

    fn name(&self) -> &'static str {
        "flaky"
    }
}

/// A waker that counts.
#[derive(Default)]
pub(super) struct Wakes(AtomicUsize);

impl Wakes {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
