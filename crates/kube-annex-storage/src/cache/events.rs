//! A watcher: a cursor into the window of a resource.

use super::entry::CachedEvent;
use super::fanout::{Left, Sleepers};
use super::shared::{Shared, is_whole_lane, lane_of};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Revision, WatchItem, WatchStream};
use futures_util::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What a watcher of the cache is told.
#[derive(Clone, Debug)]
pub enum CachedItem {
    /// A commit, shared with all who watch.
    Event(Arc<CachedEvent>),
    /// Everything below the prefix up to this revision has been told; it only answers
    /// [`Storage::request_progress`](crate::Storage::request_progress).
    Progress(Revision),
}

/// The commits below a prefix after a revision.
///
/// * Shape: a cursor; it buffers nothing. It ends after an error, and when the cache is gone.
/// * Errors: [`Error::Expired`] when the watcher is so slow that its next commit is no longer in the window;
///   [`Error::Unreadable`] when the storage cannot read what comes next.
pub struct Events {
    shared: Arc<Shared>,
    prefix: Prefix,
    /// Whether the lane holds what the prefix does not cover.
    filters: bool,
    lane: Option<Arc<str>>,
    sleepers: Arc<Sleepers>,
    place: usize,
    /// The waker that was left there last.
    left: Option<Left>,
    /// Whether the last look found all that there was, and the waker was there before.
    at_rest: bool,
    cursor: Revision,
    answered: u64,
    /// What the window does not reach back to comes from the storage itself.
    bridge: Option<WatchStream>,
    ended: bool,
}

impl Events {
    /// The commits after `from`, the first of them through `bridge` if there is one.
    pub(super) fn new(shared: Arc<Shared>, prefix: &Prefix, from: Revision, bridge: Option<WatchStream>) -> Self {
        let lane = lane_of(prefix);
        let (sleepers, answered) = {
            let mut state = shared.write();
            (state.window.join(lane.as_ref()), state.asked)
        };
        let place = sleepers.enter();
        let (prefix, filters) = (prefix.clone(), !is_whole_lane(prefix));
        let (left, at_rest, cursor, ended) = (None, false, from, false);
        Self { shared, prefix, filters, lane, sleepers, place, left, at_rest, cursor, answered, bridge, ended }
    }

    /// The revision up to which everything has been told, which goes on as the store does; `None` while a later commit
    /// waits to be read, and before the revision has happened that the watch begins after.
    pub fn told_up_to(&self) -> Option<Revision> {
        let state = self.shared.read();
        let all_told = self.bridge.is_none() && matches!(state.window.next(self.lane.as_ref(), self.cursor), Ok(None));
        (all_told && self.cursor <= state.up_to).then_some(state.up_to)
    }

    /// Since when the resource has not changed, as far as the cache knows: its newest commit, or the revision that the
    /// watch begins after, whichever is greater.
    pub fn unchanged_since(&self) -> Revision {
        let state = self.shared.read();
        // What the storage itself is asked for may reach as far as the cache does.
        let newest = if self.bridge.is_some() { Some(state.up_to) } else { state.window.newest() };
        newest.map_or(self.cursor, |newest| newest.max(self.cursor))
    }

    /// The revision of the last commit that was looked at, or the one that the watch begins after.
    pub fn cursor(&self) -> Revision {
        self.cursor
    }

    /// What there is to tell now; `Ok(None)` when there is nothing.
    fn look(&mut self) -> Result<Option<CachedItem>, Error> {
        let state = self.shared.read();
        let newest = state.window.newest();
        self.at_rest = false;
        // Who is as far as everything is looks for no lane.
        while newest.is_none_or(|newest| self.cursor < newest)
            && let Some(event) = state.window.next(self.lane.as_ref(), self.cursor)?
        {
            self.cursor = event.entry.revision;
            if !self.filters || self.prefix.covers(&event.entry.key) {
                self.at_rest = newest == Some(self.cursor) && state.is_quiet(self.answered);
                return Ok(Some(CachedItem::Event(event.clone())));
            }
        }
        if !state.unreadable.is_empty() {
            return Err(Error::Unreadable(state.unreadable.clone()));
        }
        if state.closed {
            self.ended = true;
        } else if state.answerable > self.answered && self.cursor <= state.up_to {
            self.answered = state.answerable;
            return Ok(Some(CachedItem::Progress(state.up_to)));
        }
        self.at_rest = !self.ended;
        Ok(None)
    }

    /// Reads from the storage until the window has what comes next.
    fn cross(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<CachedItem, Error>>> {
        while let Some(bridge) = &mut self.bridge {
            match bridge.as_mut().poll_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(item))) => {
                    let (revision, event) = match item {
                        WatchItem::Event(event) => (event.revision, Some(event)),
                        WatchItem::Progress(revision) => (revision, None),
                    };
                    let new = revision > self.cursor;
                    self.cursor = self.cursor.max(revision);
                    let state = self.shared.read();
                    if state.ready && self.cursor >= state.window.oldest() {
                        self.bridge = None;
                    }
                    drop(state);
                    if let Some(event) = event.filter(|_| new) {
                        return Poll::Ready(Some(Ok(CachedItem::Event(Arc::new(CachedEvent::of(event))))));
                    }
                }
            }
        }
        Poll::Pending
    }
}

impl Stream for Events {
    type Item = Result<CachedItem, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if this.bridge.is_some() {
            match this.cross(context) {
                Poll::Ready(Some(Ok(item))) => return Poll::Ready(Some(Ok(item))),
                Poll::Ready(end) => {
                    this.ended = true;
                    return Poll::Ready(end);
                }
                Poll::Pending if this.bridge.is_some() => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        if !this.left.as_ref().is_some_and(|left| left.is_there(&this.sleepers, context.waker())) {
            this.sleepers.sleep(this.place, context.waker(), &mut this.left);
        } else if this.at_rest {
            return Poll::Pending;
        }
        match this.look() {
            Ok(Some(item)) => Poll::Ready(Some(Ok(item))),
            Err(error) => {
                this.ended = true;
                Poll::Ready(Some(Err(error)))
            }
            Ok(None) if this.ended => Poll::Ready(None),
            Ok(None) => Poll::Pending,
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.sleepers.leave(self.place);
        self.shared.write().window.part(self.lane.as_ref());
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("prefix", &self.prefix).field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
