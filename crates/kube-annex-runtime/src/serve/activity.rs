//! How busy a connection is, so that an idle one can be closed.

use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Counts the exchanges of one connection.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    counts: Arc<Counts>,
}

/// One exchange, from its request's head to the end of its response's body.
#[derive(Debug)]
pub(super) struct Exchange {
    counts: Arc<Counts>,
}

/// A response's body; while it lives, its connection is not idle.
#[derive(Debug)]
pub struct TrackedBody<B> {
    body: B,
    _exchange: Exchange,
}

#[derive(Debug)]
struct Counts {
    since: Instant,
    running: AtomicUsize,
    // Milliseconds after `since`.
    last_end: AtomicU64,
}

impl Activity {
    pub(super) fn new() -> Self {
        let counts = Counts { since: Instant::now(), running: AtomicUsize::new(0), last_end: AtomicU64::new(0) };
        Self { counts: Arc::new(counts) }
    }

    pub(super) fn begin(&self) -> Exchange {
        self.counts.running.fetch_add(1, Ordering::Relaxed);
        Exchange { counts: self.counts.clone() }
    }

    /// Waits until nothing has run for that long. It looks now and then, rather than being told of every exchange.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let busy = self.counts.running.load(Ordering::Relaxed) > 0;
            let last_end = self.counts.since + Duration::from_millis(self.counts.last_end.load(Ordering::Relaxed));
            let now = Instant::now();
            let due = if busy { now + limit } else { last_end + limit };
            if due <= now {
                return;
            }
            tokio::time::sleep_until(due).await;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let now = u64::try_from(self.counts.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.counts.last_end.fetch_max(now, Ordering::Relaxed);
        self.counts.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<B> TrackedBody<B> {
    pub(super) fn new(body: B, exchange: Exchange) -> Self {
        Self { body, _exchange: exchange }
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_only_a_while_after_its_last_exchange() {
        let activity = Activity::new();
        let exchange = activity.begin();
        let limit = Duration::from_secs(90);
        assert!(tokio::time::timeout(Duration::from_mins(10), activity.idle_for(limit)).await.is_err());
        drop(exchange);
        let ended = Instant::now();
        activity.idle_for(limit).await;
        assert!(ended.elapsed() >= limit && ended.elapsed() < limit * 2, "{:?}", ended.elapsed());
    }
}
