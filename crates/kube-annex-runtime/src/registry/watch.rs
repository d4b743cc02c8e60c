//! Watching: the state as synthetic events, then every change that matters to the watcher.

use crate::registry::item::Item;
use crate::registry::list::Predicate;
use crate::registry::store::Store;
use futures_util::StreamExt as _;
use kube_annex::options::ListOptions;
use kube_annex::watch::EventType;
use kube_annex::{Status, version};
use kube_annex_storage::{self as storage, Event, EventKind, Prefix, Revision, WatchItem, WatchStream};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How often an idle watcher that allows it hears how far it is.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// How long before its end a watch says once more how far it is, so that the next one can go on from there.
const LAST_BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);

/// The next moment for a bookmark of a watch that ends at `deadline`.
fn next_bookmark(deadline: Instant) -> Instant {
    let now = Instant::now();
    let regular = now + BOOKMARK_EVERY;
    let last = deadline.checked_sub(LAST_BOOKMARK_BEFORE_END).filter(|last| *last > now);
    last.map_or(regular, |last| last.min(regular))
}

/// What a watcher is told.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// An object appeared, changed or left.
    Change(EventType, Item),
    /// Everything up to this revision has been told; `initial` marks the end of the synthetic events.
    Bookmark {
        /// The revision.
        revision: u64,
        /// Whether it ends the initial events.
        initial: bool,
    },
    /// The watch cannot go on.
    Error(Status),
}

/// A watch under way. `next` is what the endpoint pulls.
pub(crate) struct Watcher {
    store: Store,
    predicate: Predicate,
    initial: VecDeque<Item>,
    initial_bookmark: bool,
    changes: WatchStream,
    bookmarks: bool,
    next_bookmark: Instant,
    deadline: Instant,
    /// The revision up to which everything has been told.
    told: Option<u64>,
    ended: bool,
}

impl Store {
    /// Starts a watch.
    ///
    /// * Errors: as [`Status`] only where upstream refuses before the stream begins; what fails later becomes one
    ///   ERROR event.
    pub(crate) async fn watch(
        &self,
        namespace: &str,
        options: &ListOptions,
        predicate: Predicate,
        deadline: Instant,
    ) -> Result<Watcher, WatchRefusal> {
        let from = version::parse_watch(&options.resource_version).map_err(WatchRefusal::Answer)?;
        let prefix = self.prefix.in_namespace(namespace);
        let send_initial = options.send_initial_events == Some(true);
        let newest = self.storage.current_revision().await;
        let newest = newest.map_err(|error| WatchRefusal::Event(self.failed(&error, "watch", "")))?.0;
        let (initial, from) = if send_initial {
            self.initial_state(namespace, from, &predicate).await.map_err(WatchRefusal::Event)?
        } else {
            (VecDeque::new(), if from == 0 { newest } else { from })
        };
        let changes = self.changes(&prefix, from).await.map_err(WatchRefusal::Event)?;
        Ok(Watcher {
            store: self.clone(),
            predicate,
            initial,
            initial_bookmark: send_initial && options.allow_watch_bookmarks,
            changes,
            bookmarks: options.allow_watch_bookmarks,
            next_bookmark: next_bookmark(deadline),
            deadline,
            // A revision that is still to come has not been told.
            told: Some(from).filter(|from| send_initial || *from <= newest),
            ended: false,
        })
    }

    async fn initial_state(
        &self,
        namespace: &str,
        at_least: u64,
        predicate: &Predicate,
    ) -> Result<(VecDeque<Item>, u64), Status> {
        if at_least > 0 {
            self.wait_for(at_least).await?;
        }
        let listed = self.list(namespace, &ListOptions::default(), predicate).await?;
        Ok((listed.items.into(), listed.revision))
    }

    async fn changes(&self, prefix: &Prefix, from: u64) -> Result<WatchStream, Status> {
        self.storage.watch(prefix, Revision(from)).await.map_err(|error| self.watch_failed(&error))
    }

    fn watch_failed(&self, error: &storage::Error) -> Status {
        match error {
            storage::Error::Expired { requested, oldest } => {
                Status::expired(format!("too old resource version: {requested} ({oldest})"))
            }
            other => self.failed(other, "watch", ""),
        }
    }
}

/// Why a watch did not begin.
pub(crate) enum WatchRefusal {
    /// Told as the answer to the request.
    Answer(Status),
    /// Told as the one event of a stream that then ends.
    Event(Status),
}

impl Watcher {
    /// Lets the watch be over.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// The next thing to tell; `None` when the watch is over. Cancellation-safe.
    pub(crate) async fn next(&mut self) -> Option<WatchEvent> {
        if self.ended || Instant::now() >= self.deadline {
            return None;
        }
        if let Some(item) = self.initial.pop_front() {
            return Some(WatchEvent::Change(EventType::Added, item));
        }
        if std::mem::take(&mut self.initial_bookmark)
            && let Some(revision) = self.told
        {
            return Some(WatchEvent::Bookmark { revision, initial: true });
        }
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.deadline) => {
                    self.ended = true;
                    return None;
                }
                change = self.changes.next() => {
                    let event = match change? {
                        Ok(WatchItem::Event(event)) => event,
                        Ok(WatchItem::Progress(revision)) => {
                            self.told = self.told.max(Some(revision.0));
                            continue;
                        }
                        Err(error) => {
                            self.ended = true;
                            return Some(WatchEvent::Error(lost_history(&self.store, &error)));
                        }
                    };
                    self.told = Some(event.revision.0);
                    match self.tell(event) {
                        // The next change may be there already: others get their turn first.
                        Ok(None) => tokio::task::yield_now().await,
                        Ok(Some(told)) => return Some(told),
                        Err(status) => {
                            self.ended = true;
                            return Some(WatchEvent::Error(status));
                        }
                    }
                }
                () = tokio::time::sleep_until(self.next_bookmark), if self.bookmarks => {
                    self.next_bookmark = next_bookmark(self.deadline);
                    if let Some(revision) = self.told {
                        return Some(WatchEvent::Bookmark { revision, initial: false });
                    }
                }
            }
        }
    }

    /// What a commit means to this watcher: objects that enter or leave its selection appear or disappear.
    fn tell(&self, event: Event) -> Result<Option<WatchEvent>, Status> {
        let revision = event.revision.0;
        let now = Item { bytes: event.value, revision };
        if self.predicate.is_empty() {
            let kind = match event.kind {
                EventKind::Created => EventType::Added,
                EventKind::Updated => EventType::Modified,
                EventKind::Deleted => EventType::Deleted,
            };
            return Ok(Some(WatchEvent::Change(kind, now)));
        }
        let before = event.previous.map(|(bytes, _)| Item { bytes, revision });
        let was_selected = before.as_ref().map_or(Ok(false), |item| self.predicate.matches(item))?;
        let is_selected = event.kind != EventKind::Deleted && self.predicate.matches(&now)?;
        Ok(match (was_selected, is_selected) {
            (false, true) => Some(WatchEvent::Change(EventType::Added, now)),
            (true, true) => Some(WatchEvent::Change(EventType::Modified, now)),
            (true, false) => before.map(|old| WatchEvent::Change(EventType::Deleted, old)),
            (false, false) => None,
        })
    }
}

fn lost_history(store: &Store, error: &storage::Error) -> Status {
    match error {
        storage::Error::Expired { .. } => Status::expired("The resourceVersion for the provided watch is too old."),
        other => store.failed(other, "watch", ""),
    }
}
