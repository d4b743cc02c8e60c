//! The cache of one resource: what the feed writes and everybody reads.

use super::entry::{CachedEntry, CachedEvent};
use super::fanout::Sleepers;
use super::snapshot::Snapshot;
use super::table::Table;
use super::window::{Capacity, Window};
use super::{namespace_of, resource_of};
use crate::error::{Error, Unreadable};
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Event, EventKind, Revision};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::watch;

/// One resource's state, window and watchers.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) prefix: Prefix,
    state: RwLock<State>,
    /// What those wait for who need a state that is new enough.
    tip: watch::Sender<Tip>,
}

/// How far the cache is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Tip {
    /// Everything up to this revision is in the cache; `None` while it is filled for the first time.
    pub(super) up_to: Option<Revision>,
    /// Whether filling it failed and is tried again.
    pub(super) troubled: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) window: Window,
    pub(super) up_to: Revision,
    pub(super) ready: bool,
    /// Nothing comes any more: the cache or its storage is gone.
    pub(super) closed: bool,
    /// What the storage has and cannot read: nothing after that comes until it can.
    pub(super) unreadable: Vec<Unreadable>,
    /// How often watchers were asked how far they are; for how much of that they may answer; what they must have reached.
    pub(super) asked: u64,
    pub(super) answerable: u64,
    asked_at: Revision,
}

impl Shared {
    pub(super) fn new(prefix: Prefix, capacity: Capacity) -> Self {
        let state = State {
            table: Table::default(),
            window: Window::new(capacity, Revision(0)),
            up_to: Revision(0),
            ready: false,
            closed: false,
            unreadable: Vec::new(),
            asked: 0,
            answerable: 0,
            asked_at: Revision(0),
        };
        Self { prefix, state: RwLock::new(state), tip: watch::Sender::new(Tip::default()) }
    }

    /// Nothing between two changes panics, so that a panic elsewhere cannot have left the state half changed.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tip(&self) -> watch::Receiver<Tip> {
        self.tip.subscribe()
    }

    pub(super) fn not_ready(&self) -> Error {
        Error::NotReady { prefix: self.prefix.clone(), troubled: self.tip.borrow().troubled }
    }

    /// The cache is filled, and too far behind.
    pub(super) fn behind(&self) -> Error {
        Error::NotReady { prefix: self.prefix.clone(), troubled: true }
    }

    /// The state as it is, if there is one.
    pub(super) fn snapshot(&self) -> Option<Snapshot> {
        let state = self.read();
        state.ready.then(|| Snapshot { table: state.table.clone(), revision: state.up_to })
    }

    /// The state as it was, if the window reaches back so far.
    pub(super) fn snapshot_at(&self, revision: Revision) -> Option<Snapshot> {
        let (mut table, later) = {
            let state = self.read();
            if !state.ready || revision < state.window.oldest() || revision > state.up_to {
                return None;
            }
            let later: Vec<_> = state.window.back_to(revision).cloned().collect();
            (state.table.clone(), later)
        };
        for event in later {
            match &event.previous {
                Some(previous) => drop(table.insert(previous.clone())),
                None => drop(table.remove(&event.entry.key)),
            }
        }
        Some(Snapshot { table, revision })
    }

    /// Takes over the state of a revision. What happened between the last known commit and that is not known.
    pub(super) fn restart(&self, entries: Vec<Entry>, revision: Revision) {
        let entries: Vec<_> = entries.into_iter().map(|entry| Arc::new(CachedEntry::new(entry))).collect();
        let table = Table::of(&entries);
        self.change(|state| {
            if !state.ready || state.up_to < revision {
                state.window.restart(revision);
            }
            state.table = table;
            state.up_to = revision;
            state.ready = true;
            state.unreadable.clear();
            state.window.all_sleepers()
        });
        self.tip.send_if_modified(|tip| std::mem::take(&mut tip.troubled));
    }

    /// Takes over commits, in their order. Those that are known already change nothing.
    pub(super) fn apply(&self, events: Vec<Event>) {
        self.change(|state| {
            let mut sleepers: Vec<Arc<Sleepers>> = Vec::new();
            for event in events {
                if event.revision <= state.up_to {
                    continue;
                }
                let namespace = namespace_of(event.key.as_str()).map(Arc::<str>::from);
                state.apply(event, namespace.as_deref());
                for lane in state.window.sleepers(namespace.as_deref()).into_iter().flatten() {
                    if !sleepers.iter().any(|known| Arc::ptr_eq(known, &lane)) {
                        sleepers.push(lane);
                    }
                }
            }
            sleepers
        });
    }

    /// Everything up to this revision has been told.
    pub(super) fn reached(&self, revision: Revision) {
        self.change(|state| {
            state.up_to = state.up_to.max(revision);
            Vec::new()
        });
    }

    /// Asks all watchers to say how far they are once the cache is at that revision.
    pub(super) fn ask(&self, revision: Revision) {
        self.change(|state| {
            state.asked += 1;
            state.asked_at = state.asked_at.max(revision);
            Vec::new()
        });
    }

    /// Forgets the commits up to a revision.
    pub(super) fn forget_up_to(&self, revision: Revision) {
        self.change(|state| {
            state.window.forget_up_to(revision);
            state.window.all_sleepers()
        });
    }

    /// What comes next cannot be read: watchers are told so, and readers ask the storage.
    pub(super) fn unreadable(&self, objects: Vec<Unreadable>) {
        self.change(|state| {
            state.unreadable = objects;
            state.window.all_sleepers()
        });
    }

    /// Filling the cache failed.
    pub(super) fn troubled(&self) {
        self.tip.send_modify(|tip| tip.troubled = true);
    }

    /// Ends all watches.
    pub(super) fn close(&self) {
        self.change(|state| {
            state.closed = true;
            state.window.all_sleepers()
        });
    }

    /// Changes the state, then wakes those that the change names, and those who wait for how far the cache is.
    fn change(&self, work: impl FnOnce(&mut State) -> Vec<Arc<Sleepers>>) {
        let (mut sleepers, up_to) = {
            let mut state = self.write();
            let sleepers = work(&mut state);
            let answers = state.ready && state.answerable < state.asked && state.up_to >= state.asked_at;
            if answers {
                state.answerable = state.asked;
            }
            let sleepers = if answers { state.window.all_sleepers() } else { sleepers };
            (sleepers, state.ready.then_some(state.up_to))
        };
        self.tip.send_if_modified(|tip| {
            let changed = up_to > tip.up_to;
            if changed {
                *tip = Tip { up_to, troubled: false };
            }
            changed
        });
        sleepers.drain(..).for_each(|lane| lane.wake());
    }
}

impl State {
    /// Whether a watcher that has answered so often has nothing to hear but commits.
    pub(super) fn is_quiet(&self, answered: u64) -> bool {
        self.unreadable.is_empty() && !self.closed && self.answerable <= answered
    }

    fn apply(&mut self, event: Event, namespace: Option<&str>) {
        let Event { kind, key, value, previous, revision, created } = event;
        let known = match kind {
            EventKind::Deleted => self.table.remove(&key),
            EventKind::Created | EventKind::Updated => None,
        };
        let entry = Arc::new(CachedEntry::new(Entry { key: key.clone(), value, revision, created }));
        let known = match kind {
            EventKind::Deleted => known,
            EventKind::Created | EventKind::Updated => self.table.insert(entry.clone()),
        };
        // The entry that is shared already, if it is the one that the event speaks of.
        let previous = previous.map(|(value, before)| match known {
            Some(known) if known.revision == before => known,
            _ => Arc::new(CachedEntry::new(Entry { key, value, revision: before, created })),
        });
        self.up_to = revision;
        self.window.push(Arc::new(CachedEvent::new(kind, entry, previous)), namespace);
    }
}

/// The lane of a prefix: that of its namespace, if it names one.
pub(super) fn lane_of(prefix: &Prefix) -> Option<Arc<str>> {
    let text = prefix.as_str();
    let rest = text.get(resource_of(text)?.len()..)?;
    rest.split_once('/').map(|(namespace, _)| namespace.into())
}

/// Whether a lane holds nothing but what the prefix covers.
pub(super) fn is_whole_lane(prefix: &Prefix) -> bool {
    let text = prefix.as_str();
    resource_of(text).and_then(|resource| text.get(resource.len()..)).is_some_and(|rest| rest.matches('/').count() < 2)
}

/// Whether a key can be in a cache at all.
pub(super) fn is_cacheable(key: &Key) -> bool {
    resource_of(key.as_str()).is_some()
}
