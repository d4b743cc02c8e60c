//! Whether a recorded history of concurrent operations can have happened one after the other.
//!
//! A store says in which order its writes happened: that of their revisions. So a history is linearizable when every
//! read finds a place in that order where what it saw was true, not before an operation that ended before it began,
//! and not after one that began after it ended. The earliest such place is always the best choice.

use crate::key::Key;
use crate::storage::Revision;
use std::collections::BTreeMap;

/// An operation on a key, with the ticks of one clock at its call and its answer.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) key: Key,
    pub(super) called: u64,
    pub(super) answered: u64,
    pub(super) outcome: Outcome,
}

/// What an operation did or saw.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It created or updated the key.
    Wrote(Revision),
    /// It deleted the key.
    Deleted(Revision),
    /// It saw the key at that revision, or absent.
    Saw(Option<Revision>),
    /// It saw how far the whole store is.
    SawAll(Revision),
    /// It saw every key of the store as of that revision, each at the revision that wrote it.
    Listed(Revision, BTreeMap<Key, Revision>),
}

/// For each key, at which revisions it was written (`true`) or deleted.
type Versions = BTreeMap<Key, BTreeMap<Revision, bool>>;

/// The first operation that fits nowhere, and why. The keys do not exist at the beginning.
pub(super) fn check(mut operations: Vec<Operation>) -> Result<(), String> {
    let versions = versions(&operations);
    operations.sort_by_key(|operation| operation.called);
    let mut places: Vec<(u64, Revision)> = Vec::new();
    for operation in &operations {
        let ended = places.iter().filter(|(answered, _)| *answered < operation.called);
        let bound = ended.map(|(_, place)| *place).max().unwrap_or_default();
        let place = place(operation, bound, &versions).map_err(|why| format!("{operation:?}, after {bound}: {why}"))?;
        places.push((operation.answered, place));
    }
    Ok(())
}

fn versions(operations: &[Operation]) -> Versions {
    let mut versions = Versions::new();
    for operation in operations {
        let (revision, there) = match operation.outcome {
            Outcome::Wrote(revision) => (revision, true),
            Outcome::Deleted(revision) => (revision, false),
            Outcome::Saw(_) | Outcome::SawAll(_) | Outcome::Listed(..) => continue,
        };
        versions.entry(operation.key.clone()).or_default().insert(revision, there);
    }
    versions
}

/// Every key that was there at a revision, and what had written it.
fn state(versions: &Versions, revision: Revision) -> BTreeMap<Key, Revision> {
    let last = versions.iter().filter_map(|(key, versions)| Some((key, versions.range(..=revision).next_back()?)));
    last.filter(|(_, (_, there))| **there).map(|(key, (written, _))| (key.clone(), *written)).collect()
}

/// The earliest place at `bound` or later where the outcome is true.
fn place(operation: &Operation, bound: Revision, versions: &Versions) -> Result<Revision, &'static str> {
    let of_key = versions.get(&operation.key);
    match &operation.outcome {
        Outcome::Listed(revision, _) if *revision < bound => {
            Err("it listed a store older than what ended before it began")
        }
        Outcome::Listed(revision, listed) if *listed != state(versions, *revision) => {
            Err("it listed what was never there at one time")
        }
        Outcome::Listed(revision, _) => Ok(*revision),
        &Outcome::Wrote(revision) | &Outcome::Deleted(revision) if revision > bound => Ok(revision),
        Outcome::Wrote(_) | Outcome::Deleted(_) => Err("a write is not newer than what ended before it began"),
        &Outcome::SawAll(revision) if revision >= bound => Ok(revision),
        Outcome::SawAll(_) => Err("it saw a store older than what ended before it began"),
        &Outcome::Saw(Some(revision)) => {
            let written = of_key.and_then(|versions| versions.get(&revision));
            if written != Some(&true) {
                return Err("nobody wrote what it saw");
            }
            let place = revision.max(bound);
            let replaced = of_key.is_some_and(|versions| versions.range(revision..=place).count() > 1);
            if replaced { Err("what it saw had been replaced") } else { Ok(place) }
        }
        Outcome::Saw(None) => {
            let Some(versions) = of_key else { return Ok(bound) };
            let there = versions.range(..=bound).next_back().is_some_and(|(_, there)| *there);
            if !there {
                return Ok(bound);
            }
            let deleted = versions.range(bound..).find(|(_, there)| !**there);
            deleted.map(|(revision, _)| *revision).ok_or("the key existed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operations of `(called, answered, outcome)`, all on one key.
    fn history(operations: &[(u64, u64, Outcome)]) -> Vec<Operation> {
        let operation = |(called, answered, outcome): &(u64, u64, Outcome)| {
            let (called, answered, outcome) = (*called, *answered, outcome.clone());
            Operation { key: Key::new("a"), called, answered, outcome }
        };
        operations.iter().map(operation).collect()
    }

    use Outcome::{Deleted, Listed, Saw, SawAll, Wrote};

    #[test]
    fn a_read_beside_a_write_may_see_either_state() {
        for saw in [None, Some(Revision(2))] {
            assert_eq!(check(history(&[(1, 4, Wrote(Revision(2))), (2, 3, Saw(saw))])), Ok(()));
        }
    }

    #[test]
    fn a_read_after_a_write_sees_it() {
        let after = |saw| check(history(&[(1, 2, Wrote(Revision(2))), (3, 4, saw)]));
        assert_eq!(after(Saw(Some(Revision(2)))), Ok(()));
        assert_eq!(after(SawAll(Revision(2))), Ok(()));
        assert!(after(Saw(None)).is_err());
        assert!(after(SawAll(Revision(1))).is_err());
        assert!(after(Saw(Some(Revision(3)))).is_err());
    }

    #[test]
    fn a_read_before_a_write_does_not_see_it() {
        assert!(check(history(&[(1, 2, Saw(Some(Revision(2)))), (3, 4, Wrote(Revision(2)))])).is_err());
    }

    #[test]
    fn two_reads_one_after_the_other_never_go_back() {
        let (first, second) = (Wrote(Revision(2)), Wrote(Revision(3)));
        let reads =
            |one, two| history(&[(1, 2, first.clone()), (3, 9, second.clone()), (4, 5, Saw(one)), (6, 7, Saw(two))]);
        assert_eq!(check(reads(Some(Revision(2)), Some(Revision(3)))), Ok(()));
        assert!(check(reads(Some(Revision(3)), Some(Revision(2)))).is_err());
    }

    #[test]
    fn writes_one_after_the_other_have_growing_revisions() {
        assert!(check(history(&[(1, 2, Wrote(Revision(3))), (3, 4, Wrote(Revision(2)))])).is_err());
    }

    #[test]
    fn absence_is_seen_before_the_creation_or_after_the_deletion() {
        let lives = [(1, 2, Wrote(Revision(2))), (3, 6, Deleted(Revision(3))), (8, 11, Wrote(Revision(4)))];
        let with = |read| check(history(&[&lives[..], &[read]].concat()));
        assert_eq!(with((4, 5, Saw(None))), Ok(()));
        assert_eq!(with((9, 10, Saw(None))), Ok(()));
        assert!(with((12, 13, Saw(None))).is_err());
    }

    #[test]
    fn a_list_is_a_state_that_was_and_not_an_old_one() {
        let writes = [(1, 2, Wrote(Revision(2))), (3, 9, Wrote(Revision(3)))];
        let listed = |revision, written: u64| {
            let keys = BTreeMap::from([(Key::new("a"), Revision(written))]);
            check(history(&[&writes[..], &[(4, 5, Listed(Revision(revision), keys))]].concat()))
        };
        assert_eq!(listed(2, 2), Ok(()));
        assert_eq!(listed(3, 3), Ok(()));
        assert!(listed(3, 2).is_err(), "the write of 3 is missing");
        assert!(listed(2, 3).is_err(), "the write of 3 is ahead of the list");
        let nothing = Listed(Revision(1), BTreeMap::new());
        assert!(
            check(history(&[&writes[..], &[(4, 5, nothing)]].concat())).is_err(),
            "it is older than what ended before"
        );
    }
}
