//! Watching: the state as synthetic events, then every change that may matter to the watcher.

mod alarm;

use self::alarm::Alarm;
use crate::registry::store::Store;
use crate::serve::Waiting;
use futures_util::Stream;
use kube_annex::options::ListOptions;
use kube_annex::{Status, version};
use kube_annex_storage::cache::{CachedEntry, CachedEvent, CachedItem, Events, Freshness, Run};
use kube_annex_storage::{self as storage, Revision};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
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

/// What a watcher is told, whatever it selects: that is for whoever writes it down.
#[derive(Debug)]
pub(crate) enum WatchEvent {
    /// An object as it was when the watch began.
    Initial(Arc<CachedEntry>),
    /// An object appeared, changed or went.
    Change(Arc<CachedEvent>),
    /// Everything up to this revision has been told; `initial` marks the end of the initial events.
    Bookmark {
        /// The revision.
        revision: u64,
        /// Whether it ends the initial events.
        initial: bool,
    },
    /// The watch cannot go on.
    Error(Status),
}

/// A watch under way: a cursor and an alarm. It holds no events.
pub(crate) struct Watcher {
    store: Store,
    initial: Option<Initial>,
    initial_bookmark: Option<u64>,
    events: Events,
    bookmarks: bool,
    /// What a client knows without a bookmark: the revision of the last commit when the watch began. As upstream, a
    /// bookmark that is no further than that is not sent.
    known: Revision,
    next_bookmark: Instant,
    deadline: Instant,
    /// Rings at the next bookmark or at the deadline.
    alarm: Alarm,
    /// Ends when the server drains.
    draining: Waiting,
    ended: bool,
}

/// The initial events that are yet to be told.
struct Initial {
    runs: std::vec::IntoIter<Run>,
    run: Option<(Run, usize)>,
}

impl Iterator for Initial {
    type Item = Arc<CachedEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((run, at)) = &mut self.run
                && let Some(entry) = run.entries().get(*at)
            {
                *at += 1;
                return Some(entry.clone());
            }
            self.run = Some((self.runs.next()?, 0));
        }
    }
}

impl Store {
    /// Starts a watch that ends at `deadline`, or when `draining` does.
    ///
    /// * Errors: as [`Status`] only where upstream refuses before the stream begins; what fails later becomes one
    ///   ERROR event.
    pub(crate) async fn watch(
        &self,
        namespace: &str,
        options: &ListOptions,
        deadline: Instant,
        draining: Waiting,
    ) -> Result<Watcher, WatchRefusal> {
        let from = version::parse_watch(&options.resource_version).map_err(WatchRefusal::Answer)?;
        let prefix = self.prefix.in_namespace(namespace);
        // Nothing is said of the initial events where a nought is written in another way than clients write it; they are
        // told then, and not their end.
        let send_initial = options.send_initial_events.unwrap_or(from == 0);
        let tells_end = options.send_initial_events == Some(true) && options.allow_watch_bookmarks;
        let freshness = match from {
            _ if !send_initial => Freshness::Newest,
            0 if options.resource_version.is_empty() => Freshness::Newest,
            0 => Freshness::Any,
            from => Freshness::NotOlderThan(Revision(from)),
        };
        let (from, initial) = if send_initial || from == 0 {
            let snapshot = self.bounded(freshness, self.cache.snapshot(&prefix, freshness)).await;
            let snapshot = snapshot.map_err(WatchRefusal::Event)?.map_err(|error| self.refusal(&error))?;
            let runs = if send_initial { snapshot.runs(&prefix, None) } else { Vec::new() };
            (snapshot.revision(), Some(Initial { runs: runs.into_iter(), run: None }))
        } else {
            (Revision(from), None)
        };
        let events = self.cache.events(&prefix, from).await.map_err(|error| self.refusal(&error))?;
        let next_bookmark = next_bookmark(deadline);
        Ok(Watcher {
            store: self.clone(),
            initial,
            initial_bookmark: tells_end.then_some(from.0),
            known: events.unchanged_since(),
            events,
            bookmarks: options.allow_watch_bookmarks,
            next_bookmark,
            deadline,
            alarm: Alarm::at(next_bookmark.min(deadline)),
            draining,
            ended: false,
        })
    }

    fn refusal(&self, error: &storage::Error) -> WatchRefusal {
        match error {
            storage::Error::NotReady { troubled: false, .. } => WatchRefusal::Answer(self.failed(error, "watch", "")),
            storage::Error::Expired { requested, oldest } => {
                WatchRefusal::Event(Status::expired(format!("too old resource version: {requested} ({oldest})")))
            }
            other => WatchRefusal::Event(self.failed(other, "watch", "")),
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

    /// What comes when nothing happens: the end, or a bookmark.
    fn idle(&mut self, context: &mut Context<'_>) -> Poll<Option<WatchEvent>> {
        loop {
            if self.draining.poll(context).is_ready() {
                self.ended = true;
                return Poll::Ready(None);
            }
            ready!(self.alarm.poll(context));
            let now = Instant::now();
            if now >= self.deadline {
                self.ended = true;
                return Poll::Ready(None);
            }
            let due = now >= self.next_bookmark;
            if due {
                self.next_bookmark = next_bookmark(self.deadline);
            }
            let next = self.next_bookmark.min(self.deadline);
            self.alarm.set(next);
            if !(due && self.bookmarks) {
                continue;
            }
            // Before its revision has happened there is nothing that a watch could have told.
            if let Some(revision) = self.events.told_up_to().filter(|revision| *revision > self.known) {
                return Poll::Ready(Some(WatchEvent::Bookmark { revision: revision.0, initial: false }));
            }
        }
    }
}

/// What to tell; it ends when the watch is over.
impl Stream for Watcher {
    type Item = WatchEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<WatchEvent>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // Also a watch that has much to tell ends in time.
        if this.alarm.poll(context).is_ready() && Instant::now() >= this.deadline {
            this.ended = true;
            return Poll::Ready(None);
        }
        if let Some(initial) = &mut this.initial {
            match initial.next() {
                Some(entry) => return Poll::Ready(Some(WatchEvent::Initial(entry))),
                // What the snapshot held may be forgotten now.
                None => this.initial = None,
            }
        }
        if let Some(revision) = this.initial_bookmark.take() {
            return Poll::Ready(Some(WatchEvent::Bookmark { revision, initial: true }));
        }
        loop {
            match Pin::new(&mut this.events).poll_next(context) {
                Poll::Ready(Some(Ok(CachedItem::Event(event)))) => {
                    return Poll::Ready(Some(WatchEvent::Change(event)));
                }
                Poll::Ready(Some(Ok(CachedItem::Progress(_)))) => {}
                Poll::Ready(Some(Err(error))) => {
                    this.ended = true;
                    return Poll::Ready(Some(WatchEvent::Error(lost_history(&this.store, &error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return this.idle(context),
            }
        }
    }
}

fn lost_history(store: &Store, error: &storage::Error) -> Status {
    match error {
        storage::Error::Expired { .. } => Status::expired("The resourceVersion for the provided watch is too old."),
        other => store.failed(other, "watch", ""),
    }
}
