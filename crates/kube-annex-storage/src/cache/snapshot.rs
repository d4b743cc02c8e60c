//! The state of a resource at one revision.

use super::entry::CachedEntry;
use super::table::{Run, Table};
use crate::key::{Key, Prefix};
use crate::storage::{Entry, ListRequest, Page, Revision};
use std::sync::Arc;

/// Everything below a resource as of one revision, however much is written meanwhile.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(super) table: Table,
    pub(super) revision: Revision,
}

impl Snapshot {
    /// The revision that it is the state of.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The entry at a key.
    pub fn get(&self, key: &Key) -> Option<&Arc<CachedEntry>> {
        self.table.get(key)
    }

    /// The entries below a prefix in key order, from `start` on or all, in runs that lie in one segment each.
    pub fn runs(&self, prefix: &Prefix, start: Option<&Key>) -> Vec<Run> {
        self.table.runs(prefix, start)
    }

    /// How many entries there are below a prefix.
    pub fn count(&self, prefix: &Prefix) -> usize {
        self.runs(prefix, None).iter().map(|run| run.range.len()).sum()
    }

    /// One page; the request's revision is this snapshot's.
    pub(super) fn page(&self, prefix: &Prefix, request: &ListRequest) -> Page {
        let runs = self.runs(prefix, request.start.as_ref());
        let total: usize = runs.iter().map(|run| run.range.len()).sum();
        let limit = if request.limit == 0 { total } else { request.limit.min(total) };
        let entries = runs.iter().flat_map(Run::entries).take(limit);
        let entries: Vec<Entry> = entries.map(|entry| Entry::clone(entry)).collect();
        let remaining = total - limit;
        let next = entries.last().filter(|_| remaining > 0).map(|last| last.key.successor());
        Page { entries, revision: self.revision, next, remaining }
    }
}
