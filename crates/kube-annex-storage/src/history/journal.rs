//! A history that many read, one at a time changes, and some wait for.

use super::{History, read, watcher};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Revision, WatchStream};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// What a backend serves reads and watches from. Streams end when it is dropped.
#[derive(Debug)]
pub(crate) struct Journal {
    history: Arc<RwLock<History>>,
    newest: watch::Sender<Revision>,
}

impl Journal {
    pub(crate) fn new(history: History) -> Self {
        let (newest, _) = watch::channel(history.newest());
        Self { history: Arc::new(RwLock::new(history)), newest }
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
        self.newest.send_if_modified(|told| {
            let later = newest > *told;
            if later {
                *told = newest;
            }
            later
        });
        result
    }

    pub(crate) fn watch(&self, prefix: &Prefix, from: Revision) -> Result<WatchStream, Error> {
        self.read().kept(from)?;
        let newest = self.newest.subscribe();
        Ok(watcher::stream(self.history.clone(), newest, prefix.clone(), from))
    }

    pub(crate) async fn wait_for(&self, revision: Revision) {
        // The sender lives in `self`, so the channel cannot close under us.
        let _ = self.newest.subscribe().wait_for(|newest| *newest >= revision).await;
    }
}
