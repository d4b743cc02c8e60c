//! What was committed: every key's versions, and the log of commits that watchers read.

use crate::error::{Error, Unreadable};
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Event, EventKind, ListRequest, Page, Precondition, Revision};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

#[cfg(feature = "redb")]
mod inventory;
mod journal;
mod watcher;

pub(crate) use journal::Journal;

/// The newest state, and as much of the past as is kept.
///
/// The log holds the commits after `oldest` up to `newest`, one for each revision. A key's versions are those that a
/// read at `oldest` or later can meet.
#[derive(Debug)]
pub(crate) struct History {
    versions: BTreeMap<Key, VecDeque<Version>>,
    log: VecDeque<Event>,
    oldest: Revision,
    newest: Revision,
    /// The size of what the log holds, as `limits` counts it.
    bytes: usize,
    /// The keys and values of all versions.
    kept: usize,
    /// How many keys hold what cannot be read.
    #[cfg(feature = "redb")]
    damaged: usize,
    limits: Limits,
}

/// How much of the past is kept: commits are forgotten as long as there are more than one of these allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) commits: usize,
    pub(crate) bytes: usize,
}

impl Limits {
    pub(crate) fn commits(commits: usize) -> Self {
        Self { commits, bytes: usize::MAX }
    }
}

/// What a key held from a revision on.
#[derive(Debug)]
struct Version {
    revision: Revision,
    created: Revision,
    held: Held,
}

#[derive(Debug)]
enum Held {
    Value(Bytes),
    /// The key was deleted.
    Nothing,
    /// A value that its disk did not keep, and how that is known.
    #[cfg(feature = "redb")]
    Damaged(&'static str),
}

/// A history for reading. A panic elsewhere cannot have left it half changed: nothing between the changes panics.
pub(crate) fn read(history: &RwLock<History>) -> RwLockReadGuard<'_, History> {
    history.read().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    pub(crate) fn new(limits: Limits) -> Self {
        let empty = Revision(1);
        Self {
            versions: BTreeMap::new(),
            log: VecDeque::new(),
            oldest: empty,
            newest: empty,
            bytes: 0,
            kept: 0,
            #[cfg(feature = "redb")]
            damaged: 0,
            limits,
        }
    }

    /// A history without a past before this revision.
    pub(crate) fn starting_at(limits: Limits, revision: Revision) -> Self {
        let revision = revision.max(Revision(1));
        Self { oldest: revision, newest: revision, ..Self::new(limits) }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// A history whose oldest state is the given one.
    #[cfg(feature = "redb")]
    pub(crate) fn restored(limits: Limits, oldest: Revision, entries: Vec<Entry>) -> Self {
        let mut history = Self { oldest, newest: oldest, ..Self::new(limits) };
        for Entry { key, value, revision, created } in entries {
            history.keep(&key, Version { revision, created, held: Held::Value(value) });
        }
        history
    }

    #[cfg(feature = "redb")]
    pub(crate) fn oldest(&self) -> Revision {
        self.oldest
    }

    /// How many keys exist.
    #[cfg(feature = "redb")]
    pub(crate) fn count_all(&self) -> usize {
        self.versions.values().filter(|versions| exists(versions)).count()
    }

    /// How many keys exist below a prefix.
    pub(crate) fn count(&self, prefix: &Prefix) -> usize {
        let below = self.versions.range(Key::new(prefix.as_str())..).take_while(|(key, _)| prefix.covers(key));
        below.filter(|(_, versions)| exists(versions)).count()
    }

    /// The size of all keys and values that are kept, of the past too.
    pub(crate) fn size(&self) -> usize {
        self.kept
    }

    pub(crate) fn newest(&self) -> Revision {
        self.newest
    }

    pub(crate) fn get(&self, key: &Key) -> Result<Option<Entry>, Error> {
        let Some(versions) = self.versions.get(key) else { return Ok(None) };
        Ok(at(key, versions, self.newest).transpose()?)
    }

    /// Notes that what a key holds since a revision that is no longer told of cannot be read.
    #[cfg(feature = "redb")]
    pub(crate) fn damage(&mut self, key: &Key, revision: Revision, how: &'static str) {
        self.keep(key, Version { revision, created: revision, held: Held::Damaged(how) });
        self.damaged += 1;
    }

    /// What cannot be read of the newest state.
    #[cfg(feature = "redb")]
    pub(crate) fn damaged(&self) -> Vec<Unreadable> {
        if self.damaged == 0 {
            return Vec::new();
        }
        let newest = self.versions.iter().filter_map(|(key, versions)| at(key, versions, self.newest));
        newest.filter_map(Result::err).collect()
    }

    /// The entry that a write replaces, if the precondition allows the write.
    pub(crate) fn require(&self, key: &Key, precondition: Precondition) -> Result<Entry, Error> {
        allowed(self.get(key)?, key, precondition)
    }

    pub(crate) fn list(&self, prefix: &Prefix, request: &ListRequest) -> Result<Page, Error> {
        let revision = self.readable(request.revision)?;
        let first = Key::new(prefix.as_str());
        let start = request.start.as_ref().map_or(&first, |start| start.max(&first));
        let mut rest = self
            .versions
            .range(start..)
            .take_while(|(key, _)| prefix.covers(key))
            .filter_map(|(key, versions)| at(key, versions, revision));
        let limit = if request.limit == 0 { usize::MAX } else { request.limit };
        let mut entries = Vec::new();
        let mut unreadable = Vec::new();
        for entry in rest.by_ref().take(limit) {
            match entry {
                Ok(entry) => entries.push(entry),
                Err(error) => unreadable.push(error),
            }
        }
        if !unreadable.is_empty() {
            return Err(Error::Unreadable(unreadable));
        }
        let remaining = rest.count();
        let next = entries.last().filter(|_| remaining > 0).map(|last| last.key.successor());
        Ok(Page { entries, revision, next, remaining })
    }

    /// Appends a commit. The caller has checked that it may happen.
    pub(crate) fn commit(&mut self, kind: EventKind, key: &Key, value: Bytes, previous: Option<Entry>) -> Revision {
        let revision = Revision(self.newest.0 + 1);
        self.newest = revision;
        let created = previous.as_ref().map_or(revision, |entry| entry.created);
        let held = if kind == EventKind::Deleted { Held::Nothing } else { Held::Value(value.clone()) };
        self.keep(key, Version { revision, created, held });
        let previous = previous.map(|entry| (entry.value, entry.revision));
        let event = Event { kind, key: key.clone(), value, previous, revision, created };
        self.bytes = self.bytes.saturating_add(size(&event));
        self.log.push_back(event);
        revision
    }

    fn keep(&mut self, key: &Key, version: Version) {
        self.kept += version.size(key);
        self.versions.entry(key.clone()).or_default().push_back(version);
    }

    /// Forgets the commits beyond the capacity; answers the revisions of the versions that no read can meet any more.
    pub(crate) fn trim(&mut self) -> Vec<Revision> {
        let mut dropped = Vec::new();
        while self.log.len() > self.limits.commits || self.bytes > self.limits.bytes {
            self.forget_first(&mut dropped);
        }
        dropped
    }

    /// Forgets what lies below a revision; answers as `trim`. Below what is already forgotten there is nothing to do.
    pub(crate) fn compact(&mut self, revision: Revision) -> Result<Vec<Revision>, Error> {
        if revision > self.newest {
            return Err(Error::Future { requested: revision, current: self.newest });
        }
        let mut dropped = Vec::new();
        while self.oldest < revision {
            self.forget_first(&mut dropped);
        }
        Ok(dropped)
    }

    /// Refuses a revision whose followers are no longer all in the log.
    pub(crate) fn kept(&self, from: Revision) -> Result<(), Error> {
        if from < self.oldest {
            return Err(Error::Expired { requested: from, oldest: self.oldest });
        }
        Ok(())
    }

    /// The commits after a revision, oldest first.
    pub(crate) fn after(&self, from: Revision) -> Result<impl Iterator<Item = &Event>, Error> {
        self.kept(from)?;
        let skipped = usize::try_from(from.0 - self.oldest.0).unwrap_or(usize::MAX);
        Ok(self.log.iter().skip(skipped))
    }

    fn readable(&self, requested: Option<Revision>) -> Result<Revision, Error> {
        let Some(requested) = requested else { return Ok(self.newest) };
        self.kept(requested)?;
        if requested > self.newest {
            return Err(Error::Future { requested, current: self.newest });
        }
        Ok(requested)
    }

    /// Moves `oldest` past the log's first commit, and drops the version that only older reads could meet.
    fn forget_first(&mut self, dropped: &mut Vec<Revision>) {
        let Some(event) = self.log.pop_front() else { return };
        self.oldest = event.revision;
        self.bytes = self.bytes.saturating_sub(size(&event));
        let Some(versions) = self.versions.get_mut(&event.key) else { return };
        while unreachable_at(versions, self.oldest) {
            if let Some(version) = versions.pop_front() {
                self.kept -= version.size(&event.key);
                #[cfg(feature = "redb")]
                if matches!(version.held, Held::Damaged(_)) {
                    self.damaged -= 1;
                }
                dropped.push(version.revision);
            }
        }
        if versions.is_empty() {
            self.versions.remove(&event.key);
        }
    }
}

impl Version {
    fn is_nothing(&self) -> bool {
        matches!(self.held, Held::Nothing)
    }

    fn size(&self, key: &Key) -> usize {
        let value = if let Held::Value(value) = &self.held { value.len() } else { 0 };
        key.as_str().len() + value
    }
}

fn exists(versions: &VecDeque<Version>) -> bool {
    versions.back().is_some_and(|last| !last.is_nothing())
}

/// What a commit costs: its key and its value; a deletion shares the value of the commit before it.
fn size(event: &Event) -> usize {
    let value = if event.kind == EventKind::Deleted { 0 } else { event.value.len() };
    event.key.as_str().len() + value
}

/// The entry that a write replaces, if what is there and the precondition allow the write.
pub(crate) fn allowed(there: Option<Entry>, key: &Key, precondition: Precondition) -> Result<Entry, Error> {
    let there = there.ok_or_else(|| Error::NotFound { key: key.clone() })?;
    if let Some(expected) = precondition.created
        && expected != there.created
    {
        return Err(Error::Recreated { key: key.clone(), expected, current: there.created });
    }
    match precondition.revision {
        Some(expected) if expected != there.revision => {
            Err(Error::Conflict { key: key.clone(), expected, current: there.revision })
        }
        _ => Ok(there),
    }
}

/// The entry of a key as of a revision.
fn at(key: &Key, versions: &VecDeque<Version>, revision: Revision) -> Option<Result<Entry, Unreadable>> {
    let Version { revision, created, held } = versions.iter().rev().find(|version| version.revision <= revision)?;
    let (key, revision) = (key.clone(), *revision);
    match held {
        Held::Value(value) => Some(Ok(Entry { key, value: value.clone(), revision, created: *created })),
        #[cfg(feature = "redb")]
        Held::Damaged(how) => Some(Err(Unreadable { key, revision, why: (*how).to_owned() })),
        Held::Nothing => None,
    }
}

/// Whether reads at `oldest` or later never meet the first version: another took its place, or it says "deleted",
/// which having no version says as well.
fn unreachable_at(versions: &VecDeque<Version>, oldest: Revision) -> bool {
    let replaced = versions.get(1).is_some_and(|second| second.revision <= oldest);
    let gone = versions.front().is_some_and(|first| first.is_nothing() && first.revision <= oldest);
    replaced || gone
}
