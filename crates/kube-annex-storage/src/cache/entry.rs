//! What the cache keeps of an entry and of an event, and what its readers may keep beside them.

use crate::storage::{Entry, Event, EventKind};
use bytes::Bytes;
use std::any::Any;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// An entry, and what its readers found out about it.
pub struct CachedEntry {
    entry: Entry,
    facts: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl CachedEntry {
    /// An entry that nothing is known of yet.
    pub fn new(entry: Entry) -> Self {
        Self { entry, facts: OnceLock::new() }
    }

    /// What readers need to know of the value, read once. The cache itself never looks into values.
    ///
    /// * Errors: those of `read`, which is then tried again by the next reader.
    ///
    /// # Panics
    ///
    /// When readers of one cache want facts of different types.
    pub fn facts<T: Send + Sync + 'static, E>(&self, read: impl FnOnce(&Entry) -> Result<T, E>) -> Result<&T, E> {
        if self.facts.get().is_none() {
            // Two readers may both read: what they find is the same.
            let _ = self.facts.set(Box::new(read(&self.entry)?));
        }
        let facts = self.facts.get().and_then(|facts| facts.downcast_ref());
        Ok(facts.expect("the readers of a cache agree on one type of facts, and they were set above"))
    }

    /// What it costs to keep.
    pub(super) fn size(&self) -> usize {
        self.entry.key.as_str().len() + self.entry.value.len()
    }
}

impl Deref for CachedEntry {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry
    }
}

impl fmt::Debug for CachedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

/// A commit as all its watchers share it.
#[derive(Debug)]
pub struct CachedEvent {
    /// What happened.
    pub kind: EventKind,
    /// The entry after the commit; of a deletion, the last value at the revision of the deletion.
    pub entry: Arc<CachedEntry>,
    /// The entry before the commit; `None` for a creation.
    pub previous: Option<Arc<CachedEntry>>,
    told: Mutex<Vec<(u64, Option<Bytes>)>>,
}

/// How many forms of an event are kept at once; a watcher of yet another has it encoded for itself.
const MOST_FORMS: usize = 16;

impl CachedEvent {
    pub(super) fn new(kind: EventKind, entry: Arc<CachedEntry>, previous: Option<Arc<CachedEntry>>) -> Self {
        Self { kind, entry, previous, told: Mutex::default() }
    }

    /// What watchers of that form are told, encoded once for all of them; `None` when the event is none of theirs.
    ///
    /// * Shape: `form` is a number that the reader gives to a version, an encoding and a selection.
    /// * Errors: those of `encode`, which is then tried again by the next watcher.
    pub fn told<E>(&self, form: u64, encode: impl FnOnce() -> Result<Option<Bytes>, E>) -> Result<Option<Bytes>, E> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, line)) = told.iter().find(|(known, _)| *known == form) {
            return Ok(line.clone());
        }
        let line = encode()?;
        if told.len() < MOST_FORMS {
            told.push((form, line.clone()));
        }
        Ok(line)
    }

    /// Watchers that come so late are few: they encode for themselves.
    pub(super) fn forget_forms(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Vec::new();
    }

    /// The event as the storage told it.
    pub fn to_event(&self) -> Event {
        let Entry { key, value, revision, created } = &**self.entry;
        let previous = self.previous.as_ref().map(|entry| (entry.value.clone(), entry.revision));
        let (key, value) = (key.clone(), value.clone());
        Event { kind: self.kind, key, value, previous, revision: *revision, created: *created }
    }

    /// An event that no one shares yet.
    pub(super) fn of(event: Event) -> Self {
        let Event { kind, key, value, previous, revision, created } = event;
        let previous = previous
            .map(|(value, revision)| Arc::new(CachedEntry::new(Entry { key: key.clone(), value, revision, created })));
        Self::new(kind, Arc::new(CachedEntry::new(Entry { key, value, revision, created })), previous)
    }

    pub(super) fn size(&self) -> usize {
        self.entry.size()
    }
}
