//! The state of a resource: entries in key order, in segments that are shared until they change.

use super::entry::CachedEntry;
use crate::key::{Key, Prefix};
use bytes::Bytes;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A few neighbours in key order, and their bytes joined. A write makes one segment anew; all others stay shared.
#[derive(Debug, Default)]
pub struct Segment {
    entries: Vec<Arc<CachedEntry>>,
    bodies: Mutex<Vec<(u64, Arc<SegmentBody>)>>,
}

/// The entries of a segment in one encoding, one after the other.
#[derive(Clone, Debug, Default)]
pub struct SegmentBody {
    /// All of them.
    pub bytes: Bytes,
    /// Where each of them ends, in their order.
    pub ends: Vec<usize>,
}

impl SegmentBody {
    /// The bytes of some of the entries; no copy.
    pub fn slice(&self, range: &Range<usize>) -> Bytes {
        let end = |index: usize| index.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        let (start, end) = (end(range.start), end(range.end));
        self.bytes.slice(start..end.max(start))
    }
}

/// How many encodings of a segment are kept at once.
const MOST_BODIES: usize = 4;

impl Segment {
    /// The entries, in key order.
    pub fn entries(&self) -> &[Arc<CachedEntry>] {
        &self.entries
    }

    /// The entries in an encoding, joined once for all its readers until one of them changes.
    ///
    /// * Shape: `form` is a number that the reader gives to a version and an encoding.
    /// * Errors: those of `join`.
    pub fn body<E>(
        &self,
        form: u64,
        join: impl FnOnce(&[Arc<CachedEntry>]) -> Result<SegmentBody, E>,
    ) -> Result<Arc<SegmentBody>, E> {
        let mut bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, body)) = bodies.iter().find(|(known, _)| *known == form) {
            return Ok(body.clone());
        }
        let body = Arc::new(join(&self.entries)?);
        if bodies.len() == MOST_BODIES {
            bodies.remove(0);
        }
        bodies.push((form, body.clone()));
        Ok(body)
    }

    fn of(entries: Vec<Arc<CachedEntry>>) -> Self {
        Self { entries, bodies: Mutex::default() }
    }

    /// The entries, to be changed: what was joined is no longer true.
    fn change(&mut self) -> &mut Vec<Arc<CachedEntry>> {
        self.bodies.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        &mut self.entries
    }
}

impl Clone for Segment {
    fn clone(&self) -> Self {
        Self::of(self.entries.clone())
    }
}

/// A segment that grows beyond this is split into two.
const MOST_ENTRIES: usize = 128;
/// How many entries the segments of a new table have: there is room for some more.
const FILLED: usize = 96;

/// All entries. A clone is a snapshot, and costs nothing until one of the two changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    segments: Arc<Vec<Arc<Segment>>>,
}

impl Table {
    /// A table of entries that are in key order.
    pub(super) fn of(entries: &[Arc<CachedEntry>]) -> Self {
        let segments = entries.chunks(FILLED).map(|chunk| Arc::new(Segment::of(chunk.to_vec()))).collect();
        Self { segments: Arc::new(segments) }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Arc<CachedEntry>> {
        let segment = self.segments.get(self.segment_of(key)?)?;
        let at = segment.entries.binary_search_by(|entry| entry.key.cmp(key)).ok()?;
        segment.entries.get(at)
    }

    /// Puts an entry in its place; answers the one that was there.
    pub(super) fn insert(&mut self, entry: Arc<CachedEntry>) -> Option<Arc<CachedEntry>> {
        let at = self.segment_of(&entry.key);
        let segments = Arc::make_mut(&mut self.segments);
        let Some(at) = at else {
            segments.insert(0, Arc::new(Segment::of(vec![entry])));
            return None;
        };
        let entries = Arc::make_mut(&mut segments[at]).change();
        match entries.binary_search_by(|there| there.key.cmp(&entry.key)) {
            Ok(place) => Some(std::mem::replace(&mut entries[place], entry)),
            Err(place) => {
                entries.insert(place, entry);
                if entries.len() > MOST_ENTRIES {
                    // Keys that only grow fill the segments: little is moved to the new one.
                    let split = if place + 1 == entries.len() { FILLED } else { entries.len() / 2 };
                    let rest = entries.split_off(split);
                    segments.insert(at + 1, Arc::new(Segment::of(rest)));
                }
                None
            }
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &Key) -> Option<Arc<CachedEntry>> {
        let at = self.segment_of(key)?;
        let place = self.segments.get(at)?.entries.binary_search_by(|entry| entry.key.cmp(key)).ok()?;
        let segments = Arc::make_mut(&mut self.segments);
        let entries = Arc::make_mut(&mut segments[at]).change();
        let removed = entries.remove(place);
        if entries.is_empty() {
            segments.remove(at);
        } else if let Some(next) = segments.get(at + 1)
            && segments[at].entries.len() + next.entries.len() <= MOST_ENTRIES / 2
        {
            let next = segments.remove(at + 1);
            Arc::make_mut(&mut segments[at]).change().extend(next.entries.iter().cloned());
        }
        Some(removed)
    }

    /// The entries below a prefix from a key on, in runs of neighbours.
    pub(super) fn runs(&self, prefix: &Prefix, start: Option<&Key>) -> Vec<Run> {
        let first = Key::new(prefix.as_str());
        let start = start.map_or(&first, |start| start.max(&first));
        let mut runs = Vec::new();
        let from = self.segment_of(start).unwrap_or(0);
        for (index, segment) in self.segments.iter().enumerate().skip(from) {
            // What comes after the first segment comes after the start: to look at its last entry is mostly enough.
            let begin = if index > from { 0 } else { segment.entries.partition_point(|entry| entry.key < *start) };
            let rest = segment.entries.get(begin..).unwrap_or_default();
            let covers = |entry: &Arc<CachedEntry>| prefix.covers(&entry.key);
            let length = if rest.last().is_some_and(covers) { rest.len() } else { rest.partition_point(covers) };
            if length > 0 {
                runs.push(Run { segment: segment.clone(), range: begin..begin + length });
            }
            if length < rest.len() {
                break;
            }
        }
        runs
    }

    /// The segment that holds a key if any does: the last whose first key is not after it, else the first.
    fn segment_of(&self, key: &Key) -> Option<usize> {
        let after = self.segments.partition_point(|segment| segment.entries.first().is_some_and(|it| it.key <= *key));
        if self.segments.is_empty() { None } else { Some(after.saturating_sub(1)) }
    }
}

/// Some neighbours within one segment.
#[derive(Clone, Debug)]
pub struct Run {
    /// Their segment.
    pub segment: Arc<Segment>,
    /// Which of its entries they are; never none.
    pub range: Range<usize>,
}

impl Run {
    /// Entries that are in no cache, in key order; `None` when there are none.
    pub fn of(entries: Vec<Arc<CachedEntry>>) -> Option<Self> {
        let range = 0..entries.len();
        (!entries.is_empty()).then(|| Self { segment: Arc::new(Segment::of(entries)), range })
    }

    /// The entries, in key order.
    pub fn entries(&self) -> &[Arc<CachedEntry>] {
        self.segment.entries.get(self.range.clone()).unwrap_or_default()
    }
}
