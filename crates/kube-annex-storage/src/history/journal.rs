//! A history that many read, one at a time changes, and some wait for.

use super::{History, read, watcher};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Revision, WatchStream};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// What sleeping watchers are woken by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tip {
    pub(super) newest: Revision,
    /// How often watchers were asked how far they are.
    pub(super) asked: u64,
}

/// What a backend serves reads and watches from. Streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    history: Arc<RwLock<History>>,
    tip: watch::Sender<Tip>,
}

impl Journal {
    pub(crate) fn new(history: History) -> Self {
        let (tip, _) = watch::channel(Tip { newest: history.newest(), asked: 0 });
        Self { history: Arc::new(RwLock::new(history)), tip }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, History> {
        read(&self.history)
    }

    /// Changes the history alone, then tells watchers. It never waits for anything but other short runs.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&mut History) -> T) -> T {
        let (result, newest) = {
            let mut history = self.history.write().unwrap_or_else(PoisonError::into_inner);
            (work(&mut history), history.newest())
        };
        // Another writer may have published a later commit in between: what is told never goes back.
        self.tip.send_if_modified(|tip| {
            let later = newest > tip.newest;
            if later {
                tip.newest = newest;
            }
            later
        });
        result
    }

    /// Asks every watcher how far it is.
    pub(crate) fn request_progress(&self) {
        // What was committed was published before it was answered, or is about to be: never told less than was answered.
        let newest = self.read().newest();
        self.tip.send_modify(|tip| {
            tip.newest = tip.newest.max(newest);
            tip.asked += 1;
        });
    }

    pub(crate) fn watch(&self, prefix: &Prefix, from: Revision) -> Result<WatchStream, Error> {
        self.read().kept(from)?;
        let tip = self.tip.subscribe();
        Ok(watcher::stream(self.history.clone(), tip, prefix.clone(), from))
    }

    pub(crate) async fn wait_for(&self, revision: Revision) {
        // The sender lives in `self`, so the channel cannot close under us.
        let _ = self.tip.subscribe().wait_for(|tip| tip.newest >= revision).await;
    }
}
