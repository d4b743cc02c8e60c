use super::*;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Counts the writes that reach it, and answers them by its script; then it takes everything.
#[derive(Debug, Default)]
struct Socket {
    writes: Arc<AtomicUsize>,
    script: VecDeque<Answer>,
    taken: Arc<Mutex<Vec<u8>>>,
    shut: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Answer {
    Take(usize),
    Wait,
    Break,
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let taken = match self.script.pop_front() {
            None => buf.len(),
            Some(Answer::Take(most)) => buf.len().min(most),
            Some(Answer::Wait) => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Some(Answer::Break) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        };
        self.taken.lock().unwrap().extend_from_slice(&buf[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shut.store(self.taken.lock().unwrap().len(), Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

fn scripted(script: impl IntoIterator<Item = Answer>) -> Socket {
    Socket { script: script.into_iter().collect(), ..Socket::default() }
}

/// A protocol that writes so often, flushing each time, and then waits for ever.
async fn chatter<T: AsyncWrite + Unpin>(io: &mut Coalesced<T>, line: &[u8], times: usize) -> Result<(), Error> {
    for _ in 0..times {
        io.write_all(line).await?;
        io.flush().await?;
    }
    std::future::pending().await
}

async fn drive_for_a_while<T: AsyncWrite + Unpin>(
    drain: &Drain<T>,
    connection: impl Future<Output = Result<(), Error>>,
) -> Result<(), Error> {
    let connection = std::pin::pin!(connection);
    tokio::time::timeout(Duration::from_secs(1), drain.drive(connection)).await.unwrap_or(Ok(()))
}

#[tokio::test(start_paused = true)]
async fn a_thousand_flushed_writes_are_one() {
    let socket = Socket::default();
    let (writes, taken) = (socket.writes.clone(), socket.taken.clone());
    let (mut io, drain) = coalesce(socket, true);
    drive_for_a_while(&drain, chatter(&mut io, b"0123456789", 1000)).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    assert_eq!(*taken.lock().unwrap(), b"0123456789".repeat(1000));
}

#[tokio::test(start_paused = true)]
async fn switched_off_each_write_goes_through() {
    let socket = Socket::default();
    let writes = socket.writes.clone();
    let (mut io, drain) = coalesce(socket, false);
    drive_for_a_while(&drain, chatter(&mut io, b"0123456789", 1000)).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1000);
}

#[tokio::test(start_paused = true)]
async fn what_others_write_in_the_same_round_goes_out_with_it() {
    let socket = Socket::default();
    let writes = socket.writes.clone();
    let (mut io, drain) = coalesce(socket, true);
    let (lines, mut next) = tokio::sync::mpsc::unbounded_channel::<&[u8]>();
    let connection = async {
        while let Some(line) = next.recv().await {
            io.write_all(line).await?;
        }
        std::future::pending::<Result<(), Error>>().await
    };
    let streams = async {
        for _ in 0..3 {
            lines.send(b"event").unwrap();
            tokio::task::yield_now().await; // the connection is woken and runs in between
        }
        std::future::pending::<()>().await;
    };
    let both = async { tokio::join!(drive_for_a_while(&drain, connection), streams).0 };
    let _ = tokio::time::timeout(Duration::from_secs(1), both).await;
    assert!(writes.load(Ordering::Relaxed) < 3, "{writes:?}");
}

#[tokio::test(start_paused = true)]
async fn as_long_as_each_turn_brings_more_nothing_is_written() {
    let socket = Socket::default();
    let (writes, taken) = (socket.writes.clone(), socket.taken.clone());
    let (mut io, drain) = coalesce(socket, true);
    let connection = async {
        for _ in 0..20 {
            io.write_all(b"event").await?;
            tokio::task::yield_now().await; // the next stream has its turn
        }
        std::future::pending::<Result<(), Error>>().await
    };
    drive_for_a_while(&drain, connection).await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 1);
    assert_eq!(*taken.lock().unwrap(), b"event".repeat(20));
}

#[tokio::test(start_paused = true)]
async fn turns_that_bring_more_do_not_hold_up_what_is_enough() {
    let (mut io, drain) = coalesce(Socket::default(), true);
    let most = AtomicUsize::new(0);
    let connection = async {
        for _ in 0..200 {
            io.write_all(&[7; 5000]).await?;
            most.fetch_max(lock(&io.gathered).waiting(), Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
        Ok(())
    };
    drive_for_a_while(&drain, connection).await.unwrap();
    assert!((ENOUGH..ENOUGH + 5000).contains(&most.load(Ordering::Relaxed)), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_stops_the_writer_at_the_bound() {
    let (ours, _theirs) = tokio::io::duplex(1000);
    let (mut io, drain) = coalesce(ours, true);
    let written = AtomicUsize::new(0);
    let connection = async {
        loop {
            written.fetch_add(io.write(&[7; 10_000]).await?, Ordering::Relaxed);
        }
    };
    drive_for_a_while(&drain, connection).await.unwrap();
    assert_eq!(written.load(Ordering::Relaxed), MOST_KEPT + 1000);
    assert!(lock(&drain.gathered).kept.capacity() <= 2 * MOST_KEPT);
}

#[tokio::test(start_paused = true)]
async fn a_slow_peer_gets_every_byte_in_order() {
    let (ours, mut theirs) = tokio::io::duplex(777);
    let (mut io, drain) = coalesce(ours, true);
    let sent: Vec<u8> = (0..1_500_000_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let connection = async {
        for part in sent.chunks(9_999) {
            io.write_all(part).await?;
        }
        io.shutdown().await.map_err(Error::from)
    };
    let mut received = vec![];
    let reading = theirs.read_to_end(&mut received);
    let connection = std::pin::pin!(connection);
    let (wrote, read) = tokio::join!(drain.drive(connection), reading);
    wrote.unwrap();
    read.unwrap();
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[tokio::test(start_paused = true)]
async fn everything_is_written_before_the_stream_is_shut() {
    let socket = scripted([Answer::Take(3), Answer::Wait, Answer::Take(1)]);
    let (taken, shut) = (socket.taken.clone(), socket.shut.clone());
    let (mut io, drain) = coalesce(socket, true);
    let connection = async {
        io.write_all(b"goodbye").await?;
        io.shutdown().await.map_err(Error::from)
    };
    drain.drive(std::pin::pin!(connection)).await.unwrap();
    assert_eq!(*taken.lock().unwrap(), b"goodbye");
    assert_eq!(shut.load(Ordering::Relaxed), 7, "shut before all was written");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_without_a_shutdown_leaves_nothing_unwritten() {
    let socket = scripted([Answer::Wait, Answer::Take(2)]);
    let taken = socket.taken.clone();
    let (mut io, drain) = coalesce(socket, true);
    let connection = async { io.write_all(b"HTTP/1.1 101 Switching Protocols").await.map_err(Error::from) };
    drain.drive(std::pin::pin!(connection)).await.unwrap();
    drain.finish().await.unwrap();
    assert_eq!(*taken.lock().unwrap(), b"HTTP/1.1 101 Switching Protocols");
}

#[tokio::test(start_paused = true)]
async fn after_an_upgrade_the_new_protocol_writes_and_flushes_by_itself() {
    let socket = Socket::default();
    let (taken, writes) = (socket.taken.clone(), socket.writes.clone());
    let (mut io, drain) = coalesce(socket, true);
    let connection = async { io.write_all(b"head ").await.map_err(Error::from) };
    drain.drive(std::pin::pin!(connection)).await.unwrap();
    lock(&drain.gathered).direct = true; // as `finish` begins, before it had a chance to write
    io.write_all(b"frame").await.unwrap();
    io.flush().await.unwrap();
    assert_eq!(*taken.lock().unwrap(), b"head frame");
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_ends_the_connection_with_its_error() {
    let (mut io, drain) = coalesce(scripted([Answer::Break]), true);
    let outcome = drive_for_a_while(&drain, chatter(&mut io, b"event", 1)).await;
    let error = outcome.unwrap_err();
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::BrokenPipe));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_at_the_bound_is_the_writers_error() {
    let (mut io, _drain) = coalesce(scripted([Answer::Break]), true);
    let outcome = io.write_all(&vec![0; MOST_KEPT + 1]).await;
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_cannot_hold_the_end_up() {
    let (ours, _theirs) = tokio::io::duplex(1);
    let (mut io, drain) = coalesce(ours, true);
    io.write_all(b"goodbye").await.unwrap();
    assert_eq!(drain.finish().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_connection_keeps_no_buffer() {
    let (mut io, drain) = coalesce(Socket::default(), true);
    drive_for_a_while(&drain, chatter(&mut io, &vec![1; 100_000], 1)).await.unwrap();
    assert_eq!(lock(&drain.gathered).kept.capacity(), 0);
}
