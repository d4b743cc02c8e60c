//! What keeps a cache up to date: one list, then one watch, again whenever the storage fails.

use super::shared::Shared;
use crate::error::Error;
use crate::storage::{ListRequest, Revision, Storage, WatchItem, WatchStream};
use futures_util::{FutureExt, StreamExt};
use std::time::Duration;
use tokio::sync::watch;

/// How many entries are read at once: a resource of 100,000 objects is read in pages, each of them a moment.
const PAGE: usize = 1_000;

/// How many commits that are there already are taken over at once; readers wait for no more than that.
const BATCH: usize = 128;

/// How long after a failure the storage is asked again: doubled with each failure.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// How often a watched cache asks how far the storage is: as new as that are the bookmarks of an idle resource.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Feeds a cache until nobody holds the other end of `alive`.
pub(super) async fn feed(shared: &Shared, storage: &dyn Storage, mut alive: watch::Receiver<()>) {
    let gone = async { while alive.changed().await.is_ok() {} };
    tokio::select! {
        () = gone => {}
        () = keep_up(shared, storage) => {}
    }
    shared.close();
}

async fn keep_up(shared: &Shared, storage: &dyn Storage) {
    let mut pause = PAUSE.0;
    let mut known = None;
    loop {
        let from = match known {
            Some(from) => Ok(from),
            None => load(shared, storage).await,
        };
        let before = from.as_ref().ok().copied();
        let ended = match from {
            Ok(from) => follow(shared, storage, from).await,
            Err(error) => error,
        };
        let reached = { shared.read().up_to };
        // What was lost is read again; after any other failure the watch goes on where it was.
        known = match ended {
            Error::Expired { .. } => None,
            Error::Unreadable(objects) => {
                shared.unreadable(objects);
                None
            }
            _ => before.map(|from| from.max(reached)),
        };
        if known.is_none() {
            shared.troubled();
        }
        let progressed = before.is_some_and(|from| reached > from);
        pause = if progressed { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        tokio::time::sleep(pause).await;
    }
}

/// Reads the newest state, page by page, all of one revision.
async fn load(shared: &Shared, storage: &dyn Storage) -> Result<Revision, Error> {
    let mut request = ListRequest { limit: PAGE, ..ListRequest::default() };
    let mut entries = Vec::new();
    loop {
        let page = storage.list(&shared.prefix, request).await?;
        entries.extend(page.entries);
        let Some(next) = page.next else {
            shared.restart(entries, page.revision);
            return Ok(page.revision);
        };
        request = ListRequest { start: Some(next), limit: PAGE, revision: Some(page.revision) };
        // Storages in memory are always ready: others get their turn.
        tokio::task::yield_now().await;
    }
}

/// Takes over what happens after a revision; answers why that ended.
async fn follow(shared: &Shared, storage: &dyn Storage, from: Revision) -> Error {
    let mut stream = match storage.watch(&shared.prefix, from).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    // Whoever asked before this watch was open was not answered.
    let _ = storage.request_progress().await;
    let mut clock = tokio::time::interval(PROGRESS_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            item = stream.next() => {
                if let Some(ended) = take_over(shared, &mut stream, item) {
                    return ended;
                }
            }
            _ = clock.tick() => {
                let watched = { shared.read().window.is_watched() };
                if watched {
                    let _ = storage.request_progress().await;
                }
            }
        }
    }
}

/// Takes over an item and those that are there already.
fn take_over(shared: &Shared, stream: &mut WatchStream, first: Option<Result<WatchItem, Error>>) -> Option<Error> {
    let mut next = Some(first);
    let mut events = Vec::new();
    let mut reached = None;
    let mut ended = None;
    while let Some(item) = next {
        match item {
            Some(Ok(WatchItem::Event(event))) => events.push(event),
            Some(Ok(WatchItem::Progress(revision))) => reached = Some(revision),
            Some(Err(error)) => ended = Some(error),
            None => ended = Some(gone()),
        }
        let go_on = ended.is_none() && reached.is_none() && events.len() < BATCH;
        next = if go_on { stream.next().now_or_never() } else { None };
    }
    if !events.is_empty() {
        shared.apply(events);
    }
    if let Some(revision) = reached {
        shared.reached(revision);
    }
    ended
}

fn gone() -> Error {
    Error::Backend { backend: "storage", operation: "a watch", source: "it ended without a reason".into() }
}
