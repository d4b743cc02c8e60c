//! Writes of a connection, gathered into few.
//!
//! HTTP/2 flushes after every frame. An event to a thousand watchers would be a thousand records and as many system
//! calls. What the protocol writes is kept here instead, and really written when the connection has nothing more to do.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// The side of the protocol: it takes writes, up to [`MOST_KEPT`], and says at once that they are flushed.
#[derive(Debug)]
pub(super) struct Coalesced<T> {
    gathered: Arc<Mutex<Gathered<T>>>,
}

/// The side of the connection's task: it really writes.
#[derive(Debug)]
pub(super) struct Drain<T> {
    gathered: Arc<Mutex<Gathered<T>>>,
}

#[derive(Debug)]
struct Gathered<T> {
    io: T,
    kept: Vec<u8>,
    /// How much of `kept` is written.
    written: usize,
    /// Something was written and not flushed.
    unflushed: bool,
    /// Nobody drains: each write goes through, and flushing is flushing.
    direct: bool,
    /// Nothing more is written, as the peer has been told.
    shut: bool,
}

/// The two sides of a stream. When not `on`, writes go through as they come.
pub(super) fn coalesce<T>(io: T, on: bool) -> (Coalesced<T>, Drain<T>) {
    let gathered = Gathered { io, kept: Vec::new(), written: 0, unflushed: false, direct: !on, shut: false };
    let gathered = Arc::new(Mutex::new(gathered));
    (Coalesced { gathered: Arc::clone(&gathered) }, Drain { gathered })
}

impl<T: AsyncWrite + Unpin> Drain<T> {
    /// Runs a connection, and writes what it has left to write whenever it waits.
    ///
    /// * Errors: the connection's, or that of a write.
    pub(super) async fn drive<C>(&self, mut connection: Pin<&mut C>) -> Result<(), Error>
    where
        C: Future<Output = Result<(), Error>>,
    {
        let mut waited_with = 0;
        std::future::poll_fn(|cx| {
            if let Poll::Ready(outcome) = connection.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            let mut gathered = lock(&self.gathered);
            if gathered.is_drained() {
                return Poll::Pending;
            }
            // Streams that are about to run have more to write; they go first, as long as that brings more.
            let waiting = gathered.waiting();
            if waiting > std::mem::replace(&mut waited_with, waiting) && waiting < ENOUGH {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            waited_with = 0;
            match gathered.poll_drain(cx) {
                Poll::Ready(Ok(())) => gathered.forget(),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                Poll::Pending => {}
            }
            Poll::Pending
        })
        .await
    }

    /// Writes what is left once the connection is done. What has become of it, such as a WebSocket, writes by itself
    /// from now on.
    ///
    /// * Errors: that of the write, or that the peer takes nothing for 5 s.
    pub(super) async fn finish(&self) -> io::Result<()> {
        lock(&self.gathered).direct = true;
        let drained = std::future::poll_fn(|cx| lock(&self.gathered).poll_drain(cx));
        tokio::time::timeout(LAST_WRITE, drained).await?
    }
}

impl<T: AsyncRead + Unpin> Drain<T> {
    /// Reads what the peer still sends, and drops it, if nothing more is written: to close with something unread would
    /// reset the connection, and the peer might never see its answer. Ends with the peer, or after [`LINGER`] or
    /// [`MOST_DROPPED`].
    pub(super) async fn linger(&self) {
        if !lock(&self.gathered).shut {
            return;
        }
        let rest = async {
            let mut sink = vec![0; 16 << 10];
            let mut left = MOST_DROPPED;
            while left > 0 {
                let read = std::future::poll_fn(|cx| {
                    let mut sink = ReadBuf::new(&mut sink);
                    let read = Pin::new(&mut lock(&self.gathered).io).poll_read(cx, &mut sink);
                    read.map_ok(|()| sink.filled().len())
                });
                match read.await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => left = left.saturating_sub(read),
                }
            }
        };
        let _ = tokio::time::timeout(LINGER, rest).await;
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Coalesced<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut lock(&self.gathered).io).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Coalesced<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut gathered = lock(&self.gathered);
        let room = ready!(gathered.poll_room(cx))?;
        if gathered.direct {
            return Pin::new(&mut gathered.io).poll_write(cx, buf);
        }
        Poll::Ready(Ok(gathered.keep(buf, room)))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut gathered = lock(&self.gathered);
        let mut room = ready!(gathered.poll_room(cx))?;
        if gathered.direct {
            return Pin::new(&mut gathered.io).poll_write_vectored(cx, bufs);
        }
        let mut kept = 0;
        for buf in bufs {
            let taken = gathered.keep(buf, room);
            kept += taken;
            room -= taken;
        }
        Poll::Ready(Ok(kept))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gathered = lock(&self.gathered);
        if !gathered.direct {
            return Poll::Ready(Ok(()));
        }
        ready!(gathered.poll_drain(cx))?;
        Pin::new(&mut gathered.io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut gathered = lock(&self.gathered);
        ready!(gathered.poll_drain(cx))?;
        gathered.shut = true;
        Pin::new(&mut gathered.io).poll_shutdown(cx)
    }
}

impl<T: AsyncWrite + Unpin> Gathered<T> {
    /// How many bytes may be taken; when all room is used, that of what can be written now.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.direct {
            return self.poll_drain(cx).map_ok(|()| MOST_KEPT);
        }
        if self.waiting() >= MOST_KEPT {
            match self.poll_drain(cx) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending if self.waiting() >= MOST_KEPT => return Poll::Pending,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
        }
        Poll::Ready(Ok(MOST_KEPT - self.waiting()))
    }

    fn keep(&mut self, buf: &[u8], room: usize) -> usize {
        let taken = buf.len().min(room);
        if self.written > 0 && self.kept.len() + taken > self.kept.capacity() {
            self.kept.drain(..self.written);
            self.written = 0;
        }
        let needed = self.kept.len() + taken;
        if needed > self.kept.capacity() {
            // Few steps: each copies what is kept.
            let size = [KEPT_WHEN_IDLE, KEPT_WHEN_IDLE * 8, MOST_KEPT].into_iter().find(|size| needed <= *size);
            self.kept.reserve_exact(size.unwrap_or(needed) - self.kept.len());
        }
        self.kept.extend_from_slice(&buf[..taken]);
        taken
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.waiting() > 0 {
            self.unflushed = true;
            let written = ready!(Pin::new(&mut self.io).poll_write(cx, &self.kept[self.written..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += written;
        }
        self.kept.clear();
        self.written = 0;
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> Gathered<T> {
    fn waiting(&self) -> usize {
        self.kept.len() - self.written
    }

    fn is_drained(&self) -> bool {
        self.waiting() == 0 && !self.unflushed
    }

    /// A connection that waits holds no memory for what it once wrote.
    fn forget(&mut self) {
        if self.kept.capacity() > KEPT_WHEN_IDLE {
            self.kept = Vec::new();
        }
    }
}

/// Held for the length of one poll; the two sides are polled by the same task but for the end of an upgrade.
fn lock<T>(gathered: &Mutex<Gathered<T>>) -> MutexGuard<'_, Gathered<T>> {
    gathered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that wait to be written, per connection.
const MOST_KEPT: usize = 256 << 10;
/// Bytes that are worth a write whatever follows: some system calls, as large as TLS makes them.
const ENOUGH: usize = 192 << 10;
const KEPT_WHEN_IDLE: usize = 4 << 10;
const LAST_WRITE: Duration = Duration::from_secs(5);
/// How long, and for how many bytes, an answered peer is listened to: some bodies over the limit, not all there can be.
const LINGER: Duration = Duration::from_secs(2);
const MOST_DROPPED: usize = 8 << 20;

#[cfg(test)]
mod tests;
