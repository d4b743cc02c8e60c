//! How a read knows that the cache is new enough.

use super::shared::Shared;
use super::{CATCHING_UP, Cached, FILLING, Freshness};
use crate::error::Error;
use crate::storage::{Revision, Storage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// The storage's newest revision, asked for once for all who wait for it together.
#[derive(Debug, Default)]
pub(super) struct Newest {
    asked: AtomicU64,
    /// Whose questions were answered last, and the answer.
    answer: Mutex<(u64, Revision)>,
}

impl Newest {
    /// The newest revision: at least that of every commit answered before the call.
    pub(super) async fn of(&self, storage: &dyn Storage) -> Result<Revision, Error> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut answer = self.answer.lock().await;
        if answer.0 >= number {
            // The question was put after this caller came.
            return Ok(answer.1);
        }
        let covered = self.asked.load(Ordering::SeqCst);
        let newest = storage.current_revision().await?;
        *answer = (covered, newest);
        Ok(newest)
    }
}

/// How long a watch that was asked how far it is may take before it is asked again.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));

impl Cached {
    /// Waits until the cache is filled, if that is a matter of a moment.
    pub(super) async fn filled(&self, shared: &Arc<Shared>) -> Result<(), Error> {
        let ready = { shared.read().ready };
        if ready {
            return Ok(());
        }
        let mut tip = shared.tip();
        let filled = tip.wait_for(|tip| tip.up_to.is_some() || tip.troubled);
        match tokio::time::timeout(FILLING, filled).await {
            Ok(Ok(tip)) if tip.up_to.is_some() => Ok(()),
            _ => Err(shared.not_ready()),
        }
    }

    /// Waits until the cache is as new as it must be.
    pub(super) async fn fresh(&self, shared: &Arc<Shared>, freshness: Freshness) -> Result<(), Error> {
        self.filled(shared).await?;
        match freshness {
            Freshness::Any => Ok(()),
            Freshness::NotOlderThan(revision) => self.catch_up(shared, revision).await,
            Freshness::Newest => {
                let newest = self.newest.of(&*self.storage).await?;
                let caught_up = tokio::time::timeout(CATCHING_UP, self.catch_up(shared, newest)).await;
                caught_up.unwrap_or_else(|_| Err(shared.behind()))
            }
        }
    }

    /// Waits until the cache is at least at a revision, and asks for progress meanwhile.
    async fn catch_up(&self, shared: &Arc<Shared>, revision: Revision) -> Result<(), Error> {
        let there = { shared.read().up_to >= revision };
        if there {
            return Ok(());
        }
        let mut tip = shared.tip();
        let mut pause = ASK_AGAIN.0;
        loop {
            self.storage.request_progress().await?;
            let reached = tip.wait_for(|tip| tip.up_to >= Some(revision) || tip.troubled);
            match tokio::time::timeout(pause, reached).await {
                Ok(Ok(tip)) if tip.up_to >= Some(revision) => return Ok(()),
                // It is read anew, and nobody knows for how long in vain.
                Ok(Ok(_)) => return Err(shared.behind()),
                Ok(Err(_)) => return Err(shared.not_ready()),
                Err(_) => pause = (pause * 2).min(ASK_AGAIN.1),
            }
        }
    }
}
