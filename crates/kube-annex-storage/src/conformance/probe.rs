//! How laws speak to a store: writes that must succeed, and waits that end.

use super::Subject;
use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Event, EventKind, ListRequest, Page, Precondition, Revision, WatchItem, WatchStream};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::sync::Notify;

/// A write that happens whatever is there.
pub(super) const ANY: Precondition = Precondition { revision: None, created: None };

/// How long something that must happen may take.
const SOON: Duration = Duration::from_secs(20);

/// How long nothing must happen. Too short a silence can only make a law miss a fault, never invent one.
const SILENCE: Duration = Duration::from_millis(30);

/// What a prefix holds: each key's value and revision.
pub(super) type Model = BTreeMap<Key, (Bytes, Revision)>;

pub(super) fn widgets() -> Prefix {
    Prefix::of_resource("laws.example.com", "widgets")
}

pub(super) fn key(name: &str) -> Key {
    widgets().key(name)
}

pub(super) fn text(value: impl Into<String>) -> Bytes {
    Bytes::from(value.into())
}

/// A value of a mebibyte whose bytes depend on their place, so that a part out of place shows.
pub(super) fn large(seed: u8) -> Bytes {
    let bytes = (0..1_u32 << 20).map(|place| (place ^ (place >> 8)).to_le_bytes()[0].wrapping_add(seed));
    bytes.collect::<Vec<_>>().into()
}

/// Only when the key is still there.
pub(super) fn only_at(revision: Revision) -> Precondition {
    Precondition::at(revision)
}

pub(super) fn as_of(revision: Revision) -> ListRequest {
    ListRequest { revision: Some(revision), ..ListRequest::default() }
}

impl Subject {
    pub(super) async fn entry(&self, name: &str) -> Option<Entry> {
        self.get(&key(name)).await.expect("a read is answered")
    }

    pub(super) async fn put(&self, name: &str, value: impl Into<String>) -> Revision {
        self.create(&key(name), text(value)).await.expect("a new key can be created")
    }

    /// Creates many keys, many at once: a store that writes to a disk may write them together.
    pub(super) async fn put_many(&self, count: usize) {
        for first in (0..count).step_by(200) {
            let creations = (first..count.min(first + 200)).map(|index| async move {
                self.put(&format!("{index:05}"), "1").await;
            });
            soon(join_all(creations)).await;
        }
    }

    pub(super) async fn set(&self, name: &str, value: impl Into<String>) -> Revision {
        self.update(&key(name), text(value), ANY).await.expect("a key that exists can be updated")
    }

    pub(super) async fn remove(&self, name: &str) -> Revision {
        self.delete(&key(name), ANY).await.expect("a key that exists can be deleted").1
    }

    pub(super) async fn newest(&self) -> Revision {
        self.current_revision().await.expect("the revision is known")
    }

    pub(super) async fn page(&self, prefix: &Prefix, request: ListRequest) -> Page {
        self.list(prefix, request).await.expect("a prefix can be listed")
    }

    pub(super) async fn all(&self) -> Page {
        self.page(&widgets(), ListRequest::default()).await
    }

    /// Every entry, page by page, all of the first page's revision.
    pub(super) async fn paged(&self, prefix: &Prefix, limit: usize) -> Vec<Entry> {
        let mut page = self.page(prefix, ListRequest { limit, ..ListRequest::default() }).await;
        let mut entries = page.entries;
        while let Some(start) = page.next {
            let rest = ListRequest { start: Some(start), limit, revision: Some(page.revision) };
            page = self.page(prefix, rest).await;
            assert!(!page.entries.is_empty(), "a page that was announced has entries");
            entries.append(&mut page.entries);
        }
        entries
    }

    pub(super) async fn events(&self, prefix: &Prefix, from: Revision) -> WatchStream {
        self.watch(prefix, from).await.expect("history is kept")
    }

    /// How a watch that cannot begin says so: by the call, or as the first item.
    pub(super) async fn watch_error(&self, from: Revision) -> Error {
        match self.watch(&widgets(), from).await {
            Err(error) => error,
            Ok(mut events) => {
                let first = soon(events.next()).await.expect("the stream says why it ends");
                let error = first.expect_err("history is gone");
                assert!(soon(events.next()).await.is_none(), "an error ends the stream");
                error
            }
        }
    }
}

/// Waits for something that must happen.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(SOON, future).await {
        Ok(value) => value,
        Err(late) => unreachable!("it must happen: {late} after {SOON:?}"),
    }
}

/// The next events.
pub(super) async fn take(events: &mut WatchStream, count: usize) -> Vec<Event> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        let item = soon(events.next()).await.expect("the stream goes on");
        taken.extend(item.expect("history is kept").event());
    }
    taken
}

/// Asks until a watch says how far it is: one that is behind need not answer. The events before that come with it.
pub(super) async fn progress(store: &Subject, events: &mut WatchStream) -> (Vec<Event>, Revision) {
    let mut before = Vec::new();
    let told = async {
        loop {
            store.request_progress().await.expect("a store that serves can be asked");
            while let Ok(item) = tokio::time::timeout(SILENCE, events.next()).await {
                match item.expect("the stream goes on").expect("history is kept") {
                    WatchItem::Event(event) => before.push(event),
                    WatchItem::Progress(revision) => return revision,
                }
            }
        }
    };
    let revision = soon(told).await;
    (before, revision)
}

/// The events up to a revision that is one of theirs.
pub(super) async fn take_until(events: &mut WatchStream, last: Revision) -> Vec<Event> {
    let mut taken = Vec::new();
    while taken.last().is_none_or(|event: &Event| event.revision < last) {
        taken.append(&mut take(events, 1).await);
    }
    taken
}

/// Nothing more comes.
pub(super) async fn assert_quiet(events: &mut WatchStream) {
    if let Ok(item) = tokio::time::timeout(SILENCE, events.next()).await {
        unreachable!("nothing happened, but the watch says {item:?}");
    }
}

/// Polls once, and comes back whatever the future says.
pub(super) async fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *future).poll(context))).await
}

/// Drops a future at one of its await points: it is polled so many times, each time when it asks to be. Answers whether
/// it had ended before; one that does not ask for a while is dropped early.
pub(super) async fn give_up<T>(polls: usize, mut future: impl Future<Output = T> + Unpin) -> bool {
    let called = Arc::new(Called(Notify::new()));
    let waker = Waker::from(called.clone());
    for _ in 0..polls {
        if Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_ready() {
            return true;
        }
        if tokio::time::timeout(SILENCE, called.0.notified()).await.is_err() {
            return false;
        }
    }
    false
}

/// A future that was polled by hand calls here.
struct Called(Notify);

impl Wake for Called {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// Whether the future is still waiting after a while.
pub(super) async fn waits<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    tokio::time::timeout(SILENCE, future).await.is_err()
}

/// Plays events onto a model. Each must fit what it finds there: that is what "no gap and no repetition" means.
pub(super) fn replay(model: &mut Model, events: &[Event]) {
    for event in events {
        let before = model.get(&event.key).cloned();
        assert_eq!(event.previous, before, "what was there before {event:?}");
        let told = (event.value.clone(), event.revision);
        match event.kind {
            EventKind::Created | EventKind::Updated => {
                assert_eq!(event.kind == EventKind::Created, before.is_none(), "{event:?}");
                model.insert(event.key.clone(), told);
            }
            EventKind::Deleted => {
                assert_eq!(before.map(|(value, _)| value), Some(told.0), "the last value of {}", event.key);
                model.remove(&event.key);
            }
        }
    }
    assert_increasing(events);
}

pub(super) fn assert_increasing(events: &[Event]) {
    let ordered = events.windows(2).all(|pair| pair[0].revision < pair[1].revision);
    assert!(ordered, "{:?}", events.iter().map(|event| event.revision.0).collect::<Vec<_>>());
}

pub(super) fn model(entries: Vec<Entry>) -> Model {
    entries.into_iter().map(|entry| (entry.key, (entry.value, entry.revision))).collect()
}

/// The last segments of the keys.
pub(super) fn names(entries: &[Entry]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry.key.as_str().rsplit('/').next()).collect()
}
