//! How a history is read from a database, also when some of it is not what was written.

use super::file::{COMPACTED, CURRENT, LOG, META};
use super::row::{self, Row};
use crate::error::BoxError;
use crate::history::{History, Limits};
use crate::key::Key;
use crate::storage::{Entry, EventKind, Revision};
use ::redb::{ReadOnlyTable, ReadableDatabase, ReadableTable};
use std::collections::{BTreeMap, HashSet};

/// What a database holds.
pub(super) struct Contents {
    pub(super) history: History,
    /// Rows that no read meets any more, oldest first: the process that was to remove them ended before it had.
    pub(super) dropped: Vec<Revision>,
    /// What is wrong with it, if the past could not be told because of that.
    pub(super) salvaged: Option<&'static str>,
}

/// Reads everything. A value that cannot be believed is known to the history as damaged; where a commit of the past
/// cannot, all of the past is forgotten, since nobody can tell what that commit was.
pub(super) fn read(database: &impl ReadableDatabase, limits: Limits) -> Result<Contents, BoxError> {
    let transaction = database.begin_read()?;
    let oldest = transaction.open_table(META)?.get(COMPACTED)?.map_or(1, |oldest| oldest.value());
    let rows = Rows { log: transaction.open_table(LOG)?, oldest: Revision(oldest), held: BTreeMap::new() };
    let rows = rows.with_keys(&transaction.open_table(CURRENT)?)?;
    match rows.in_order(limits)? {
        Ok((history, dropped)) => Ok(Contents { history, dropped, salvaged: None }),
        Err(why) => {
            let history = rows.salvage(limits)?;
            Ok(Contents { history, dropped: Vec::new(), salvaged: Some(why) })
        }
    }
}

struct Rows {
    log: ReadOnlyTable<u64, &'static [u8]>,
    /// The oldest revision that could be read.
    oldest: Revision,
    /// Which key is held by what was written at a revision.
    held: BTreeMap<Revision, Key>,
}

/// What a row is that does not fit its checksum, and what is said of a value whose row that is.
const CHANGED: &str = "its row does not fit its checksum";
const MISSING: &str = "its row is missing";

impl Rows {
    fn with_keys(mut self, current: &ReadOnlyTable<&'static str, u64>) -> Result<Self, BoxError> {
        for item in current.iter()? {
            let (key, revision) = item?;
            self.held.insert(Revision(revision.value()), Key::new(key.value()));
        }
        Ok(self)
    }

    /// The history and the rows that are none of it, or why the rows do not make one.
    fn in_order(&self, limits: Limits) -> Result<Result<(History, Vec<Revision>), &'static str>, BoxError> {
        let mut held = BTreeMap::new();
        let mut dropped = Vec::new();
        let mut damaged = Vec::new();
        for item in self.log.range(..=self.oldest.0)? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            let Some(row) = row::decode(revision, bytes.value()) else {
                let Some(key) = self.held.get(&revision) else { return Ok(Err(CHANGED)) };
                damaged.push((key.clone(), revision, CHANGED));
                continue;
            };
            let entry = Entry { key: row.key, value: row.value, revision, created: row.created };
            dropped.extend(held.remove(&entry.key).map(|earlier: Entry| earlier.revision));
            if row.kind == EventKind::Deleted {
                dropped.push(revision);
            } else {
                held.insert(entry.key.clone(), entry);
            }
        }
        for (key, revision, _) in &damaged {
            match held.remove(key) {
                Some(later) if later.revision > *revision => return Ok(Err("a key names a row that was replaced")),
                earlier => dropped.extend(earlier.map(|earlier| earlier.revision)),
            }
        }
        for (revision, key) in self.held.range(..=self.oldest) {
            if self.log.get(revision.0)?.is_none() {
                damaged.push((key.clone(), *revision, MISSING));
                dropped.extend(held.remove(key).map(|earlier| earlier.revision));
            }
        }
        let mut history = History::restored(limits, self.oldest, held.into_values().collect());
        for (key, revision, how) in damaged {
            history.damage(&key, revision, how);
        }
        if let Err(why) = self.replay(&mut history)? {
            return Ok(Err(why));
        }
        dropped.sort_unstable();
        Ok(self.agrees(&history).map(|()| (history, dropped)))
    }

    /// Adds the commits after the oldest state.
    fn replay(&self, history: &mut History) -> Result<Result<(), &'static str>, BoxError> {
        for item in self.log.range(self.oldest.0 + 1..)? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            let Some(row) = row::decode(revision, bytes.value()) else { return Ok(Err(CHANGED)) };
            if revision.0 != history.newest().0 + 1 {
                return Ok(Err("commits are missing"));
            }
            let Ok(previous) = history.get(&row.key) else { return Ok(Err("a commit changed what is damaged")) };
            let created = previous.as_ref().map_or(revision, |entry| entry.created);
            let fits = (row.kind == EventKind::Created) == previous.is_none();
            if !fits || row.created != created {
                return Ok(Err("a commit does not follow from those before it"));
            }
            let last = previous.as_ref().filter(|_| row.kind == EventKind::Deleted);
            let value = last.map_or(row.value, |entry| entry.value.clone());
            history.commit(row.kind, &row.key, value, previous);
        }
        Ok(Ok(()))
    }

    /// Whether the keys hold what the commits say.
    fn agrees(&self, history: &History) -> Result<(), &'static str> {
        for (revision, key) in &self.held {
            let holds = match history.get(key) {
                Ok(entry) => entry.is_some_and(|entry| entry.revision == *revision),
                Err(_) => true,
            };
            if !holds {
                return Err("a key names a row that does not hold it");
            }
        }
        if self.held.len() == history.count_all() { Ok(()) } else { Err("keys are missing from the table of keys") }
    }

    /// The newest state, as far as it is known, without a past.
    ///
    /// Of two tables that contradict each other the rows are believed, since they have checksums. Only for a key that
    /// is not named although its newest row says that it is there, it matters what else is damaged: a later row that
    /// says nothing may have been its deletion.
    fn salvage(&self, limits: Limits) -> Result<History, BoxError> {
        let Survey { newest_of, intact, unknown, last } = self.survey()?;
        let mut entries = Vec::new();
        let mut damaged = Vec::new();
        let named: BTreeMap<&Key, Revision> = self.held.iter().map(|(revision, key)| (key, *revision)).collect();
        for (key, revision) in &named {
            match newest_of.get(*key) {
                Some((at, row)) if at >= revision => entries.extend(entry(key, *at, row)),
                _ if intact.contains(revision) => {} // the row there is another key's
                _ => {
                    let how = if self.log.get(revision.0)?.is_some() { CHANGED } else { MISSING };
                    damaged.push(((*key).clone(), *revision, how));
                }
            }
        }
        let unnamed = newest_of.iter().filter(|(key, (at, _))| !named.contains_key(key) && *at > unknown);
        entries.extend(unnamed.filter_map(|(key, (at, row))| entry(key, *at, row)));
        let mut history = History::restored(limits, last, entries);
        for (key, revision, how) in damaged {
            history.damage(&key, revision, how);
        }
        Ok(history)
    }

    fn survey(&self) -> Result<Survey, BoxError> {
        let last_held = self.held.keys().next_back().copied().unwrap_or_default();
        let mut survey = Survey { last: self.oldest.max(last_held), ..Survey::default() };
        let mut expected = self.oldest.0 + 1;
        for item in self.log.iter()? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            survey.last = survey.last.max(revision);
            if revision > self.oldest {
                let lost = (expected..revision.0).rev().map(Revision).find(|lost| !self.held.contains_key(lost));
                survey.unknown = survey.unknown.max(lost.unwrap_or_default());
                expected = revision.0 + 1;
            }
            match row::decode(revision, bytes.value()) {
                Some(row) => {
                    survey.intact.insert(revision);
                    survey.newest_of.insert(row.key.clone(), (revision, row));
                }
                None if !self.held.contains_key(&revision) => survey.unknown = survey.unknown.max(revision),
                None => {}
            }
        }
        Ok(survey)
    }
}

/// What the rows say, whatever the keys do.
#[derive(Default)]
struct Survey {
    newest_of: BTreeMap<Key, (Revision, Row)>,
    intact: HashSet<Revision>,
    /// The newest commit of which not even the key is known.
    unknown: Revision,
    last: Revision,
}

fn entry(key: &Key, revision: Revision, row: &Row) -> Option<Entry> {
    let (key, value) = (key.clone(), row.value.clone());
    (row.kind != EventKind::Deleted).then_some(Entry { key, value, revision, created: row.created })
}
