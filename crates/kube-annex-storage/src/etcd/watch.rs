//! Watches: one stream of etcd for each, opened again where it was when its connection is lost.

use super::grpc::{Asking, CallError, Stream};
use super::proto::{
    self, EventType, RangeRequest, WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchRequestUnion,
    WatchResponse,
};
use super::{COMPACTED, FUTURE, Inner, Pause, failed, nonsense, of_its_own, revision, revision_of};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{Event, EventKind, Revision, WatchItem, WatchStream};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Opens a watch of everything below a prefix, after a revision.
pub(super) async fn open(inner: &Arc<Inner>, prefix: &Prefix, from: Revision) -> Result<WatchStream, Error> {
    if from == Revision(0) {
        return Err(Error::Expired { requested: from, oldest: inner.oldest_of_all().await });
    }
    let (key, range_end) = inner.layout.range(prefix, None);
    let progress = Arc::new(Progress::default());
    let (inner, ready) = (Arc::clone(inner), VecDeque::new());
    let mut watch = Watch { inner, key, range_end, from, told: 0, repeated: 0, in_future: false, progress, ready };
    let stream = watch.begin().await?;
    watch.inner.watches.add(&watch.progress);
    let items = futures_util::stream::unfold(Some((watch, Some(stream))), |open| async move {
        let (mut watch, mut stream) = open?;
        match watch.next(&mut stream).await {
            Ok(item) => Some((Ok(item), Some((watch, stream)))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(Box::pin(items))
}

/// The watches that can be asked how far they are.
#[derive(Default)]
pub(super) struct Watches(Mutex<Vec<Weak<Progress>>>);

/// How a watch is asked how far it is.
#[derive(Default)]
struct Progress {
    /// How far somebody wants it to be; 0 when nobody does.
    wanted: AtomicU64,
    woken: Notify,
    /// Where to ask etcd; nowhere while there is no stream.
    asking: Mutex<Option<Asking>>,
}

impl Watches {
    fn add(&self, progress: &Arc<Progress>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|watch| watch.strong_count() > 0);
        all.push(Arc::downgrade(progress));
    }

    pub(super) fn are_open(&self) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|watch| watch.strong_count() > 0)
    }

    /// Makes every watch say so when it has told everything up to a revision.
    pub(super) fn request_progress(&self, newest: Revision) {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for progress in all.iter().filter_map(Weak::upgrade) {
            progress.wanted.fetch_max(newest.0, Ordering::AcqRel);
            progress.ask_if_wanted();
            progress.woken.notify_one();
        }
    }
}

impl Progress {
    /// etcd does not answer while it is behind itself: then it is asked again.
    fn ask_if_wanted(&self) {
        if self.wanted.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(asking) = &*self.asking.lock().unwrap_or_else(PoisonError::into_inner) {
            let progress = WatchRequestUnion::Progress(WatchProgressRequest {});
            asking.ask(&WatchRequest { request_union: Some(progress) });
        }
    }

    /// Whether somebody wanted the watch to be where it is now; they are told once.
    fn is_reached(&self, at: Revision) -> bool {
        let wanted = self.wanted.load(Ordering::Acquire);
        let reached = wanted != 0 && wanted <= at.0;
        // Who asked meanwhile is told by the next round.
        reached && self.wanted.compare_exchange(wanted, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Ends when somebody asks, or when it is time to ask etcd again for those who did.
    async fn is_asked(&self) {
        if self.wanted.load(Ordering::Acquire) == 0 {
            self.woken.notified().await;
        } else {
            let _ = timeout(ASK_AGAIN, self.woken.notified()).await;
            self.ask_if_wanted();
        }
    }

    fn goes_to(&self, asking: Option<Asking>) {
        *self.asking.lock().unwrap_or_else(PoisonError::into_inner) = asking;
    }
}

struct Watch {
    inner: Arc<Inner>,
    key: Bytes,
    range_end: Bytes,
    /// Everything up to here was told.
    from: Revision,
    /// How many commits of the next revision were told too: a transaction of others may come in parts.
    told: usize,
    /// How many of those come again, after the stream was opened again.
    repeated: usize,
    /// Whether where it is has not happened yet.
    in_future: bool,
    progress: Arc<Progress>,
    ready: VecDeque<WatchItem>,
}

impl Watch {
    async fn next(&mut self, stream: &mut Option<Stream<WatchResponse>>) -> Result<WatchItem, Error> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(item);
            }
            let Some(open) = stream else {
                *stream = Some(self.begin_again().await?);
                continue;
            };
            if !self.in_future && self.progress.is_reached(self.from) {
                return Ok(WatchItem::Progress(self.from));
            }
            let answer = tokio::select! {
                biased;
                answer = open.next() => answer,
                () = self.progress.is_asked() => {
                    self.has_happened();
                    continue;
                }
            };
            match answer {
                Ok(answer) => self.take(answer).await?,
                Err(error) => {
                    tracing::debug!(error = %error, from = self.from.0, "a watch of etcd ended; opening it again");
                    self.inner.pool.give_up_stream(open);
                    self.progress.goes_to(None);
                    *stream = None;
                }
            }
        }
    }

    /// Opens the stream until etcd is there again: whoever does not want to wait any more drops the watch.
    async fn begin_again(&mut self) -> Result<Stream<WatchResponse>, Error> {
        let mut pause = Pause::default();
        loop {
            match self.begin().await {
                Err(Error::Backend { source, .. }) => {
                    tracing::warn!(error = %source, "etcd cannot be watched; trying again");
                    sleep(pause.next()).await;
                }
                other => return other,
            }
        }
    }

    async fn begin(&mut self) -> Result<Stream<WatchResponse>, Error> {
        let start = i64::try_from(self.from.0).unwrap_or(i64::MAX).saturating_add(1);
        let create = WatchCreateRequest {
            key: self.key.clone(),
            range_end: self.range_end.clone(),
            start_revision: start,
            progress_notify: true,
            prev_kv: true,
            fragment: true,
        };
        let request = WatchRequest { request_union: Some(WatchRequestUnion::Create(create)) };
        let mut stream = self.inner.watch(&request).await.map_err(|error| failed(OPERATION, error))?;
        let patience = self.inner.pool.patience();
        let answered = timeout(patience, stream.next()).await;
        let answer =
            match answered.unwrap_or_else(|_| Err(CallError::Lost(format!("no answer in {patience:?}").into()))) {
                Ok(answer) => answer,
                Err(error) => {
                    self.inner.pool.give_up_stream(&stream);
                    return Err(failed(OPERATION, error));
                }
            };
        if answer.canceled {
            return Err(self.canceled(&answer).await);
        }
        let newest = revision(answer.header);
        if newest > self.from {
            self.ensure_kept().await?;
        }
        self.in_future = newest < self.from;
        self.repeated = self.told;
        self.progress.goes_to(Some(stream.asking()));
        self.progress.ask_if_wanted();
        Ok(stream)
    }

    /// etcd tells what comes after a revision as soon as it keeps that; here, the revision itself must be kept, so that
    /// a watch and a list agree about what is forgotten.
    async fn ensure_kept(&self) -> Result<(), Error> {
        let at = i64::try_from(self.from.0).unwrap_or(i64::MAX);
        let (key, count_only) = (self.inner.layout.root(), true);
        let request = RangeRequest { key, count_only, revision: at, ..RangeRequest::default() };
        match self.inner.range(&request).await {
            Err(CallError::Refused(status)) if status.message == COMPACTED => Err(self.expired().await),
            // In the future of the member that was asked it may be, since another tells the watch.
            Err(CallError::Refused(status)) if status.message == FUTURE => Ok(()),
            other => other.map(drop).map_err(|error| failed(OPERATION, error)),
        }
    }

    async fn expired(&self) -> Error {
        Error::Expired { requested: self.from, oldest: self.inner.oldest(self.from).await }
    }

    async fn canceled(&self, answer: &WatchResponse) -> Error {
        match (answer.compact_revision, answer.cancel_reason.as_str()) {
            (0, reason) if reason.contains("compacted") => self.expired().await,
            (0, reason) => nonsense(OPERATION, format!("it was canceled: {reason}")),
            (oldest, _) => Error::Expired { requested: self.from, oldest: revision_of(oldest) },
        }
    }

    async fn take(&mut self, answer: WatchResponse) -> Result<(), Error> {
        if answer.canceled {
            return Err(self.canceled(&answer).await);
        }
        if answer.created {
            return Ok(());
        }
        let many = answer.events.len() > 1;
        let Some(last) = answer.events.iter().filter_map(|event| event.kv.as_ref()).map(|kv| kv.mod_revision).max()
        else {
            // etcd says now and then how far it is, and when it is asked.
            self.is_at(revision(answer.header).max(self.from));
            return Ok(());
        };
        let last = revision_of(last);
        let mut told = 0;
        for event in answer.events {
            let event = self.event(event, many)?;
            if self.repeated > 0 && event.revision.0 == self.from.0 + 1 {
                self.repeated -= 1;
                continue;
            }
            told += usize::from(event.revision == last);
            self.ready.push_back(WatchItem::Event(event));
        }
        if !answer.fragment {
            self.is_at(last);
        } else if last.0 == self.from.0 + 1 {
            self.told += told;
        } else {
            self.is_at(Revision(last.0.saturating_sub(1)));
            self.told = told;
        }
        self.progress.ask_if_wanted();
        Ok(())
    }

    /// Whoever wants the watch to be beyond its beginning has seen that this has happened.
    fn has_happened(&mut self) {
        self.in_future &= self.progress.wanted.load(Ordering::Acquire) < self.from.0;
    }

    fn is_at(&mut self, revision: Revision) {
        self.in_future &= revision <= self.from;
        (self.from, self.told, self.repeated) = (revision, 0, 0);
    }

    fn event(&self, event: proto::Event, among_others: bool) -> Result<Event, Error> {
        let deleted = event.r#type() == EventType::Delete;
        let kv = event.kv.ok_or_else(|| nonsense(OPERATION, "an event without a key"))?;
        let key = self.inner.layout.parse(&kv.key)?;
        let revision = revision_of(kv.mod_revision);
        if !deleted && kv.create_revision == kv.mod_revision {
            let value = of_its_own(kv, among_others);
            return Ok(Event { kind: EventKind::Created, key, value, previous: None, revision, created: revision });
        }
        // What was there before is forgotten: an event without it would be a lie.
        let before = event.prev_kv.ok_or(Error::Expired { requested: self.from, oldest: revision })?;
        let (created, replaced) = (revision_of(before.create_revision), revision_of(before.mod_revision));
        let previous = of_its_own(before, true);
        let (kind, value) =
            if deleted { (EventKind::Deleted, previous.clone()) } else { (EventKind::Updated, of_its_own(kv, true)) };
        Ok(Event { kind, key, value, previous: Some((previous, replaced)), revision, created })
    }
}

const OPERATION: &str = "a watch";
/// As often as etcd lets those who are behind catch up.
const ASK_AGAIN: Duration = Duration::from_millis(100);
