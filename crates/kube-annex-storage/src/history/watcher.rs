//! A watcher: a cursor into the log that sleeps until there is more.

use super::{History, read};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Event, Revision, WatchStream};
use futures_util::{StreamExt, stream};
use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use tokio::sync::watch;

/// How many commits are looked at under the lock at once. It also bounds what a slow watcher holds.
const BATCH: usize = 256;

struct Watcher {
    history: Arc<RwLock<History>>,
    newest: watch::Receiver<Revision>,
    prefix: Prefix,
    cursor: Revision,
    ready: VecDeque<Event>,
}

/// The commits below `prefix` after `from`. It ends after an error, and when the store is gone.
pub(super) fn stream(
    history: Arc<RwLock<History>>,
    newest: watch::Receiver<Revision>,
    prefix: Prefix,
    from: Revision,
) -> WatchStream {
    let watcher = Watcher { history, newest, prefix, cursor: from, ready: VecDeque::new() };
    let events = stream::unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        let item = watcher.next().await?;
        let rest = item.is_ok().then_some(watcher);
        Some((item, rest))
    });
    Box::pin(events.fuse())
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(Ok(event));
            }
            // Marked as seen before looking: a commit that comes in between wakes the sleeper.
            let newest = *self.newest.borrow_and_update();
            if let Err(error) = self.advance() {
                return Some(Err(error));
            }
            if self.ready.is_empty() && self.cursor >= newest && self.newest.changed().await.is_err() {
                return None;
            }
        }
    }

    /// Looks at the next commits and takes those below the prefix.
    fn advance(&mut self) -> Result<(), Error> {
        let history = read(&self.history);
        for event in history.after(self.cursor)?.take(BATCH) {
            self.cursor = event.revision;
            if self.prefix.covers(&event.key) {
                self.ready.push_back(event.clone());
            }
        }
        Ok(())
    }
}
