//! A watcher: a cursor into the log that sleeps until there is more.

use super::journal::Tip;
use super::{History, read};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Event, Revision, WatchItem, WatchStream};
use futures_util::{StreamExt, stream};
use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use tokio::sync::watch;

/// How many commits are looked at under the lock at once. It also bounds what a slow watcher holds.
const BATCH: usize = 256;

struct Watcher {
    history: Arc<RwLock<History>>,
    tip: watch::Receiver<Tip>,
    prefix: Prefix,
    cursor: Revision,
    /// How many of the questions how far it is were answered.
    answered: u64,
    ready: VecDeque<Event>,
}

/// The commits below `prefix` after `from`. It ends after an error, and when the store is gone.
pub(super) fn stream(
    history: Arc<RwLock<History>>,
    tip: watch::Receiver<Tip>,
    prefix: Prefix,
    from: Revision,
) -> WatchStream {
    let answered = tip.borrow().asked;
    let watcher = Watcher { history, tip, prefix, cursor: from, answered, ready: VecDeque::new() };
    let events = stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let item = watcher.next().await?;
        let rest = item.is_ok().then_some(watcher);
        Some((item, rest))
    });
    Box::pin(events.fuse())
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<WatchItem, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(WatchItem::Event(event)));
            }
            // Marked as seen before looking: a commit that comes in between wakes the sleeper.
            let tip = *self.tip.borrow_and_update();
            let happened = match self.advance() {
                Ok(newest) => self.cursor <= newest,
                Err(error) => return Some(Err(error)),
            };
            if !self.ready.is_empty() || self.cursor < tip.newest {
                continue;
            }
            // A watcher of the future has no progress before that has happened.
            if tip.asked > self.answered && happened {
                self.answered = tip.asked;
                return Some(Ok(WatchItem::Progress(self.cursor)));
            }
            if self.tip.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Looks at the next commits and takes those below the prefix; answers the newest.
    fn advance(&mut self) -> Result<Revision, Error> {
        let history = read(&self.history);
        for event in history.after(self.cursor)?.take(BATCH) {
            self.cursor = event.revision;
            if self.prefix.covers(&event.key) {
                self.ready.push_back(event.clone());
            }
        }
        Ok(history.newest())
    }
}
