//! Time and ids that a test decides.

use jiff::{Span, Timestamp};
use kube_annex_runtime::seams::{Clock, Ids};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// A clock that stands still until it is set.
#[derive(Debug)]
pub struct FixedClock(Mutex<Timestamp>);

/// The moment at which a new [`FixedClock`] stands. Its fraction is there to be cut off.
pub const START: &str = "2026-01-02T03:04:05.678Z";

impl FixedClock {
    /// Moves the clock on.
    pub fn advance(&self, seconds: i64) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(Span::new().seconds(seconds)).expect("a time that exists");
    }
}

impl Default for FixedClock {
    fn default() -> Self {
        Self(Mutex::new(START.parse().expect("a valid time")))
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Uids that count, and name suffixes in a given order.
#[derive(Debug, Default)]
pub struct KnownIds {
    given: Mutex<u64>,
    suffixes: Mutex<VecDeque<String>>,
}

impl KnownIds {
    /// Says which suffixes come next. Without any the suffixes count too.
    pub fn next_suffixes(&self, suffixes: &[&str]) {
        let mut next = self.suffixes.lock().unwrap_or_else(PoisonError::into_inner);
        next.extend(suffixes.iter().map(|&suffix| suffix.to_owned()));
    }

    fn count(&self) -> u64 {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given += 1;
        *given
    }
}

impl Ids for KnownIds {
    fn uid(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.count())
    }

    fn name_suffix(&self) -> String {
        let next = self.suffixes.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        next.unwrap_or_else(|| format!("{:05}", self.count()))
    }
}
