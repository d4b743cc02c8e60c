//! The trait that every backend implements, and its vocabulary.

use crate::error::Error;
use crate::key::{Key, Prefix};
use bytes::Bytes;
use futures_util::Stream;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// A future that can be kept without naming its type.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Changes in revision order, and how far the stream is when that was asked for; an error ends the stream.
pub type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchItem, Error>> + Send>>;

/// The number of a commit: store-wide, strictly increasing, never 0 for anything that exists.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value as it is kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Where it is.
    pub key: Key,
    /// What was written.
    pub value: Bytes,
    /// The commit that wrote it.
    pub revision: Revision,
    /// The commit that created the key: who deletes and creates it again makes another. It tells one life of a key
    /// from the next, as a uid does for objects.
    pub created: Revision,
}

/// What must be true for a write to happen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Precondition {
    /// The key is still at this revision.
    pub revision: Option<Revision>,
    /// The key has not been deleted since this revision created it. Looked at first.
    pub created: Option<Revision>,
}

impl Precondition {
    /// Only if the key is still at this revision.
    pub const fn at(revision: Revision) -> Self {
        Self { revision: Some(revision), created: None }
    }
}

/// Which part of a prefix is wanted.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListRequest {
    /// Only keys greater than or equal to this; from the prefix's first key when `None`.
    pub start: Option<Key>,
    /// At most so many entries; 0 means no limit.
    pub limit: usize,
    /// The state as of this revision; the newest when `None`.
    pub revision: Option<Revision>,
}

/// One page of a prefix, in key order.
///
/// * Shape: at most `limit` entries; `next` is `Some` exactly when more remain.
/// * Units: `remaining` counts entries after this page; `revision` is store-wide, not per key.
/// * Errors: [`Error::Expired`] when the revision was compacted; [`Error::Future`] when it has not happened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The revision that the page is a snapshot of.
    pub revision: Revision,
    /// Where the next page starts: after this page's last key, and not after the first that remains.
    pub next: Option<Key>,
    /// How many entries follow this page.
    pub remaining: usize,
}

/// A commit as a watcher sees it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Where.
    pub key: Key,
    /// The value after the commit; of a deletion, the last value.
    pub value: Bytes,
    /// The value before the commit and its revision; `None` for a creation.
    pub previous: Option<(Bytes, Revision)>,
    /// The commit.
    pub revision: Revision,
    /// The commit that created the key; of a creation, the commit itself.
    pub created: Revision,
}

/// What a watch yields.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum WatchItem {
    /// A commit.
    Event(Event),
    /// Everything below the prefix up to this revision has been told. It never goes back, and only answers
    /// [`Storage::request_progress`].
    Progress(Revision),
}

impl WatchItem {
    /// The commit, if it is one.
    pub fn event(self) -> Option<Event> {
        match self {
            Self::Event(event) => Some(event),
            Self::Progress(_) => None,
        }
    }
}

/// What a commit did to a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EventKind {
    /// The key did not exist before.
    Created,
    /// The key had another value before.
    Updated,
    /// The key no longer exists.
    Deleted,
}

/// Where objects are kept: bytes under keys, with one revision sequence and its history.
///
/// What every backend promises. The `conformance` feature has each promise as a test.
///
/// * Reads and writes are linearizable: a read reflects every write answered before it began, by whomever.
/// * Revisions are store-wide and strictly increase in commit order. They need not be consecutive; 0 is none. Every
///   commit has its own; a write that fails consumes none, and so does everything that is not a write.
/// * Keys are bytes in byte order. A prefix ends in `/` and covers what is below it, nothing else.
/// * A page is a snapshot: of its revision, whole, whatever is written meanwhile.
/// * The past can be read and watched from any revision that is kept. Older than that is [`Error::Expired`], which
///   names the oldest kept; later than the newest is [`Error::Future`], which names the newest. Revision 0 is always
///   too old.
/// * A watch misses nothing, repeats nothing and keeps commit order, or ends with an error that says why. A reader
///   that is slow delays no writer and no other reader, and holds a bounded amount of memory.
/// * A dropped future leaves either nothing or the whole write, never half of one; a write that was dropped may still
///   happen later. What was answered stays.
pub trait Storage: Send + Sync + 'static {
    /// The entry at a key, newest state. `None` when there is nothing, which is not an error.
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>>;

    /// One page of a prefix.
    ///
    /// To read on, ask again with [`Page::next`] as the start and [`Page::revision`] as the revision: the pages join to
    /// the state of that revision. A start outside the prefix can only narrow it.
    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>>;

    /// Writes a key that does not exist. [`Error::AlreadyExists`] when it does.
    ///
    /// A key that was deleted can be created again; its former revisions never come back.
    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>>;

    /// Overwrites a key that exists. [`Error::NotFound`] when it does not, whatever the precondition;
    /// [`Error::Recreated`] when it was deleted and created again since the precondition's creation; [`Error::Conflict`]
    /// when it is at another revision than the precondition says.
    ///
    /// Equal bytes are a commit too: whether a write changes anything is decided by the caller.
    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>>;

    /// Removes a key; answers what was there and the revision of the removal. Errors as `update`.
    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>>;

    /// Removes a key whose value cannot be read, if it is at that revision; answers the revision of the removal. Errors
    /// as `update`.
    ///
    /// A storage around another has that one remove it, and does not read it. [`Error::Unreadable`] where the value is
    /// lost in a way that keeps the backend from removing it.
    fn delete_unreadable<'a>(&'a self, key: &'a Key, revision: Revision) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move { Ok(self.delete(key, Precondition::at(revision)).await?.1) })
    }

    /// Every commit after `from` below the prefix, past ones first.
    ///
    /// * Shape: it goes on until it is dropped, or the store is gone, or an item is an error, which is the last.
    /// * `from` may be in the future: the stream then begins after that revision has happened.
    /// * Errors: [`Error::Expired`] when commits after `from` are forgotten, as the answer of the call or as the first
    ///   item; later, when the reader is so slow that its next commits are.
    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>>;

    /// Asks every open watch that has been told everything to say so: it yields a [`WatchItem::Progress`] that is at
    /// least as new as every commit answered before the call.
    ///
    /// A watch that is behind need not answer: ask again when it has caught up. A watch that begins in the future
    /// answers when that has happened. Several calls may be answered at once.
    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// Whether a write of the very value that a key holds would keep it in another form than it is kept in now, such as
    /// under a newer key of encryption: whoever would leave out a write that changes nothing makes it then.
    ///
    /// A storage around another asks that one. `false` when there is nothing at the key.
    fn is_stale<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, Error>> {
        let _ = key;
        Box::pin(async { Ok(false) })
    }

    /// The newest revision: at least that of every commit answered before the call. It never goes back.
    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>>;

    /// Waits until the newest revision is at least `revision`. The caller bounds the wait.
    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>>;

    /// Forgets history below `revision`: older reads and watches are answered [`Error::Expired`].
    ///
    /// The state at `revision` and everything after it stay. [`Error::Future`] when it has not happened; nothing is done
    /// when it is forgotten already.
    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>>;

    /// How many keys there are below a prefix, newest state.
    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>>;

    /// How many bytes the store takes where it keeps them, history included, as far as it knows: on its disk, or in
    /// memory if there is none. It is for those who watch over it; nothing is computed from it.
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>>;

    /// Whether the backend can serve. The error says what is wrong.
    fn health(&self) -> BoxFuture<'_, Result<(), Error>>;

    /// The backend's name, for health checks and messages.
    fn name(&self) -> &'static str;
}
