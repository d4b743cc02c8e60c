//! A storage whose values are encrypted below, and plain above.

use super::resources::Transformers;
use super::transformer::{Plain, TransformError};
use crate::error::{Error, Unreadable};
use crate::key::{Key, Prefix};
use crate::storage::{
    BoxFuture, Entry, Event, ListRequest, Page, Precondition, Revision, Storage, WatchItem, WatchStream,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use std::fmt;
use std::sync::Arc;

/// A storage around a storage: what it is given is kept encrypted, and what it answers is decrypted.
///
/// * Shape: only the values change; keys, revisions and history are those of the storage below. A cache belongs above
///   it, and holds plain values then.
/// * Errors: [`Error::Unreadable`] for what no key reads, and only for that; a watch that meets it ends with it.
#[derive(Clone)]
pub struct Encrypted {
    below: Arc<dyn Storage>,
    transformers: Arc<Transformers>,
    /// What comes before the key in what identifies a value's place.
    place: Arc<str>,
}

impl Encrypted {
    /// A storage whose values are bound to their keys.
    pub fn new(below: Arc<dyn Storage>, transformers: Transformers) -> Self {
        Self { below, transformers: Arc::new(transformers), place: "".into() }
    }

    /// As [`new`](Self::new), for values whose place is known to others by a longer name than their key, which begins so.
    ///
    /// Upstream's servers bind a value to all of its key in etcd: `/registry/` and what follows.
    #[must_use]
    pub fn with_place(self, place: &str) -> Self {
        Self { place: place.into(), ..self }
    }

    fn authenticated(&self, key: &Key) -> String {
        [&self.place, key.as_str()].concat()
    }

    fn seal(&self, key: &Key, value: &[u8]) -> Result<Bytes, Error> {
        let sealed = self.transformers.of(key).seal(value, self.authenticated(key).as_bytes());
        sealed.map_err(|error| Error::Backend {
            backend: self.below.name(),
            operation: "the encryption",
            source: error.into(),
        })
    }

    fn read(&self, key: &Key, kept: &Bytes) -> Result<Plain, TransformError> {
        self.transformers.of(key).unseal(kept, self.authenticated(key).as_bytes())
    }

    fn open(&self, entry: Entry) -> Result<Entry, Unreadable> {
        match self.read(&entry.key, &entry.value) {
            Ok(plain) => Ok(Entry { value: plain.value, ..entry }),
            Err(why) => Err(unreadable(entry.key, entry.revision, why)),
        }
    }

    fn open_event(&self, event: Event) -> Result<Event, Unreadable> {
        let open = |value: &Bytes, revision| {
            self.read(&event.key, value).map_err(|why| unreadable(event.key.clone(), revision, why))
        };
        let value = open(&event.value, event.revision)?.value;
        let previous = match &event.previous {
            Some((value, revision)) => Some((open(value, *revision)?.value, *revision)),
            None => None,
        };
        Ok(Event { value, previous, ..event })
    }

    fn open_item(&self, item: Result<WatchItem, Error>) -> Result<WatchItem, Error> {
        match item? {
            WatchItem::Event(event) => Ok(WatchItem::Event(self.open_event(event)?)),
            progress @ WatchItem::Progress(_) => Ok(progress),
        }
    }
}

fn unreadable(key: Key, revision: Revision, why: TransformError) -> Unreadable {
    Unreadable { key, revision, why: format!("data from the storage is not transformable: {why}") }
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { below, transformers, place } = self;
        let mut fields = f.debug_struct("Encrypted");
        fields.field("below", &below.name()).field("transformers", transformers).field("place", place).finish()
    }
}

impl Storage for Encrypted {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move {
            let entry = self.below.get(key).await?;
            Ok(entry.map(|entry| self.open(entry)).transpose()?)
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(async move {
            let page = self.below.list(prefix, request).await?;
            let mut entries = Vec::with_capacity(page.entries.len());
            let mut unreadable = Vec::new();
            for entry in page.entries {
                match self.open(entry) {
                    Ok(entry) => entries.push(entry),
                    Err(error) => unreadable.push(error),
                }
            }
            if unreadable.is_empty() { Ok(Page { entries, ..page }) } else { Err(Error::Unreadable(unreadable)) }
        })
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move { self.below.create(key, self.seal(key, &value)?).await })
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(async move { self.below.update(key, self.seal(key, &value)?, precondition).await })
    }

    /// What cannot be read is not deleted: the answer would have to tell what it was.
    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        Box::pin(async move {
            // Who names a revision has read it, if nothing is encrypted that could be read otherwise.
            let known = self.transformers.is_empty() && precondition.revision.is_some();
            let readable = if known { None } else { self.get(key).await? };
            let (entry, revision) = self.below.delete(key, precondition).await?;
            // Mostly what was read a moment ago is what was deleted.
            match readable.filter(|readable| readable.revision == entry.revision) {
                Some(readable) => Ok((readable, revision)),
                None => Ok((self.open(entry)?, revision)),
            }
        })
    }

    fn delete_unreadable<'a>(&'a self, key: &'a Key, revision: Revision) -> BoxFuture<'a, Result<Revision, Error>> {
        self.below.delete_unreadable(key, revision)
    }

    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(async move {
            let items = self.below.watch(prefix, from).await?;
            let items = stream::unfold(Some((self.clone(), items)), |state| async move {
                let (this, mut items) = state?;
                let item = this.open_item(items.next().await?);
                let rest = item.is_ok().then_some((this, items));
                Some((item, rest))
            });
            Ok(Box::pin(items.fuse()) as WatchStream)
        })
    }

    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.below.request_progress()
    }

    fn is_stale<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(async move {
            if self.transformers.is_empty() {
                return Ok(false);
            }
            let Some(entry) = self.below.get(key).await? else { return Ok(false) };
            match self.read(key, &entry.value) {
                Ok(plain) => Ok(plain.stale),
                Err(why) => Err(unreadable(entry.key, entry.revision, why).into()),
            }
        })
    }

    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        self.below.current_revision()
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.below.wait_for(revision)
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.below.compact(revision)
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        self.below.count(prefix)
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.below.size()
    }

    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.below.health()
    }

    fn name(&self) -> &'static str {
        self.below.name()
    }
}
