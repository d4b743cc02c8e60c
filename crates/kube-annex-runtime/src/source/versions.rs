//! Versions for objects that nobody stores: an object whose bytes change gets a new revision.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Mutex;

/// Which revision each computed object had when it was last seen.
///
/// * Units: revisions start at the moment the server started, in microseconds, so that they grow across restarts.
#[derive(Debug)]
pub(crate) struct Versions(Mutex<State>);

#[derive(Debug)]
struct State {
    newest: u64,
    seen: HashMap<String, (u64, u64)>,
}

/// Objects whose revisions are remembered. When there are more, all are forgotten: they get new revisions when they are
/// seen again, which costs clients a retry and never tells them something wrong.
const MOST_SEEN: usize = 1_000_000;

impl Versions {
    pub(crate) fn starting_at(now: jiff::Timestamp) -> Self {
        let newest = u64::try_from(now.as_microsecond()).unwrap_or(1).max(1);
        Self(Mutex::new(State { newest, seen: HashMap::new() }))
    }

    /// The revision of an object: the one it had, or a new one when its bytes differ.
    pub(crate) fn of(&self, key: &str, bytes: &Bytes) -> u64 {
        let digest = fingerprint(bytes);
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match state.seen.get(key) {
            Some((known, revision)) if *known == digest => *revision,
            _ => {
                state.newest += 1;
                let revision = state.newest;
                if state.seen.len() >= MOST_SEEN {
                    state.seen.clear();
                }
                state.seen.insert(key.to_owned(), (digest, revision));
                revision
            }
        }
    }

    /// The newest revision that was given.
    pub(crate) fn newest(&self) -> u64 {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).newest
    }

    /// Forgets the objects below `prefix` that a whole list no longer holds, and answers the newest revision.
    ///
    /// A disappearance is a change, so it takes a revision as a deletion would. What was first seen after the list
    /// began, at revision `listed_at`, may have been made meanwhile: it is kept.
    pub(crate) fn retain(&self, prefix: &str, listed_at: u64, is_listed: impl Fn(&str) -> bool) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = state.seen.len();
        state.seen.retain(|key, (_, revision)| *revision > listed_at || !key.starts_with(prefix) || is_listed(key));
        if state.seen.len() != before {
            state.newest += 1;
        }
        state.newest
    }
}

fn fingerprint(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_keeps_its_revision_until_it_changes() {
        let versions = Versions::starting_at(jiff::Timestamp::UNIX_EPOCH);
        let first = versions.of("a", &Bytes::from_static(b"1"));
        assert_eq!(versions.of("a", &Bytes::from_static(b"1")), first);
        assert!(versions.of("a", &Bytes::from_static(b"2")) > first);
    }

    #[test]
    fn a_disappearance_moves_the_list_on() {
        let versions = Versions::starting_at(jiff::Timestamp::UNIX_EPOCH);
        versions.of("n/a", &Bytes::from_static(b"1"));
        let before = versions.of("m/b", &Bytes::from_static(b"1"));
        assert_eq!(versions.retain("n/", before, |_| true), before);
        assert!(versions.retain("n/", before, |_| false) > before);
        assert_eq!(versions.of("m/b", &Bytes::from_static(b"1")), before, "another prefix is left alone");
    }
}
