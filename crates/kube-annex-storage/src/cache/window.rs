//! The last commits of a resource, for watchers that read them at their own pace.
//!
//! There is one lane of all commits and one for each namespace, so that who watches a namespace is neither woken by
//! others nor left behind by them.

use super::entry::CachedEvent;
use super::fanout::Sleepers;
use crate::error::Error;
use crate::storage::Revision;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many commits a window holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Capacity {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// How many of the last commits keep what was encoded of them.
const RECENT: usize = 256;

/// The commits after `oldest`.
#[derive(Debug)]
pub(super) struct Window {
    capacity: Capacity,
    oldest: Revision,
    bytes: usize,
    all: Lane,
    namespaces: HashMap<Arc<str>, Lane>,
}

/// The commits that some watchers read.
#[derive(Debug, Default)]
struct Lane {
    events: VecDeque<Arc<CachedEvent>>,
    /// The newest commit of this lane that is forgotten.
    lost: Revision,
    watchers: usize,
    sleepers: Arc<Sleepers>,
}

impl Window {
    /// A window that begins after a revision.
    pub(super) fn new(capacity: Capacity, oldest: Revision) -> Self {
        Self { capacity, oldest, bytes: 0, all: Lane::default(), namespaces: HashMap::new() }
    }

    /// Every commit after this one is here.
    pub(super) fn oldest(&self) -> Revision {
        self.oldest
    }

    /// Adds the newest commit, and forgets the oldest beyond the capacity.
    pub(super) fn push(&mut self, event: Arc<CachedEvent>, namespace: Option<&str>) {
        if let Some(stale) = self.all.events.len().checked_sub(RECENT).and_then(|at| self.all.events.get(at)) {
            stale.forget_forms();
        }
        if let Some(namespace) = namespace {
            if let Some(lane) = self.namespaces.get_mut(namespace) {
                lane.events.push_back(event.clone());
            } else {
                let lane = Lane { events: VecDeque::from([event.clone()]), ..Lane::default() };
                self.namespaces.insert(namespace.into(), lane);
            }
        }
        self.bytes += event.size();
        self.all.events.push_back(event);
        // The newest stays, however large: those who keep up lose nothing.
        while self.all.events.len() > 1
            && (self.all.events.len() > self.capacity.events || self.bytes > self.capacity.bytes)
        {
            self.forget_first();
        }
    }

    /// Forgets the commits up to a revision; those that are yet to come are told to who watches already.
    pub(super) fn forget_up_to(&mut self, revision: Revision) {
        while self.all.events.front().is_some_and(|event| event.entry.revision <= revision) {
            self.forget_first();
        }
        self.oldest = self.oldest.max(revision);
    }

    /// Forgets everything: what lies between the last commit here and `revision` is not known.
    pub(super) fn restart(&mut self, revision: Revision) {
        self.oldest = self.oldest.max(revision);
        self.bytes = 0;
        for lane in self.namespaces.values_mut().chain([&mut self.all]) {
            lane.events.clear();
            lane.lost = revision;
        }
        self.namespaces.retain(|_, lane| lane.watchers > 0);
    }

    fn forget_first(&mut self) {
        let Some(event) = self.all.forget_first() else { return };
        self.oldest = self.oldest.max(event.entry.revision);
        self.bytes -= event.size();
        if let Some(namespace) = super::namespace_of(event.entry.key.as_str())
            && let Some(lane) = self.namespaces.get_mut(namespace)
        {
            lane.forget_first();
            if lane.events.is_empty() && lane.watchers == 0 {
                self.namespaces.remove(namespace);
            }
        }
    }

    /// The sleepers of a lane, which a new watcher joins.
    pub(super) fn join(&mut self, namespace: Option<&Arc<str>>) -> Arc<Sleepers> {
        let lane = match namespace {
            Some(namespace) => self.namespaces.entry(namespace.clone()).or_default(),
            None => &mut self.all,
        };
        lane.watchers += 1;
        lane.sleepers.clone()
    }

    /// A watcher of a lane goes away.
    pub(super) fn part(&mut self, namespace: Option<&Arc<str>>) {
        let Some(namespace) = namespace else {
            self.all.watchers -= 1;
            return;
        };
        if let Some(lane) = self.namespaces.get_mut(namespace) {
            lane.watchers -= 1;
            if lane.events.is_empty() && lane.watchers == 0 {
                self.namespaces.remove(namespace);
            }
        }
    }

    /// Whether anybody watches.
    pub(super) fn is_watched(&self) -> bool {
        self.all.watchers > 0 || self.namespaces.values().any(|lane| lane.watchers > 0)
    }

    /// The newest commit of all lanes that is not forgotten.
    pub(super) fn newest(&self) -> Option<Revision> {
        self.all.events.back().map(|event| event.entry.revision)
    }

    /// The next commit of a lane after a revision. [`Error::Expired`] when it is forgotten.
    pub(super) fn next(
        &self,
        namespace: Option<&Arc<str>>,
        after: Revision,
    ) -> Result<Option<&Arc<CachedEvent>>, Error> {
        let lane = match namespace {
            // A watched lane is kept.
            Some(namespace) => match self.namespaces.get(namespace) {
                Some(lane) => lane,
                None => return Ok(None),
            },
            None => &self.all,
        };
        if after < lane.lost {
            return Err(Error::Expired { requested: after, oldest: self.oldest });
        }
        Ok(lane.after(after))
    }

    /// The commits after a revision that is not forgotten, newest first.
    pub(super) fn back_to(&self, revision: Revision) -> impl Iterator<Item = &Arc<CachedEvent>> {
        self.all.events.iter().rev().take_while(move |event| event.entry.revision > revision)
    }

    /// Those who sleep and may want to know of a commit in a namespace.
    pub(super) fn sleepers(&self, namespace: Option<&str>) -> [Option<Arc<Sleepers>>; 2] {
        let lane = namespace.and_then(|namespace| self.namespaces.get(namespace));
        let wanted = |lane: &Lane| (lane.watchers > 0).then(|| lane.sleepers.clone());
        [wanted(&self.all), lane.and_then(wanted)]
    }

    /// Everybody who sleeps.
    pub(super) fn all_sleepers(&self) -> Vec<Arc<Sleepers>> {
        self.namespaces.values().chain([&self.all]).map(|lane| lane.sleepers.clone()).collect()
    }
}

impl Lane {
    fn forget_first(&mut self) -> Option<Arc<CachedEvent>> {
        let event = self.events.pop_front()?;
        self.lost = event.entry.revision;
        Some(event)
    }

    fn after(&self, revision: Revision) -> Option<&Arc<CachedEvent>> {
        let newest = self.events.back()?;
        if newest.entry.revision <= revision {
            return None;
        }
        // Most watchers are one commit behind.
        let before = self.events.len().checked_sub(2).and_then(|at| self.events.get(at));
        if before.is_none_or(|before| before.entry.revision <= revision) {
            return Some(newest);
        }
        self.events.get(self.events.partition_point(|event| event.entry.revision <= revision))
    }
}
