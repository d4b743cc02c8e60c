//! The members of an etcd, one connection for calls and one for watches, and another try where that is safe.

use super::connection::{Connection, Window};
use super::endpoint::{Endpoint, TlsFiles};
use super::grpc::{self, CallError, Code, Status, Stream};
use crate::error::BoxError;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use prost::Message;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

/// Whom to ask, and how long.
pub(super) struct Pool {
    endpoints: Vec<Endpoint>,
    files: Option<TlsFiles>,
    patience: Duration,
    calls: Line,
    watches: Line,
}

/// One connection, made when it is needed and given up when it disappoints.
struct Line {
    window: Window,
    current: Mutex<Current>,
    /// Held by whoever connects: the others wait for the outcome.
    connecting: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Current {
    connection: Option<Arc<Connection>>,
    /// Who is asked first.
    preferred: usize,
}

/// Whether a call may be asked again when nobody knows what became of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Repeat {
    /// It changes nothing, or the same thing once more.
    Always,
    /// It is a write: only if it was not asked.
    IfUnsent,
}

impl Pool {
    pub(super) fn new(endpoints: Vec<Endpoint>, files: Option<TlsFiles>, patience: Duration) -> Self {
        let line = |window| Line { window, current: Mutex::default(), connecting: tokio::sync::Mutex::default() };
        Self { endpoints, files, patience, calls: line(CALL_WINDOW), watches: line(WATCH_WINDOW) }
    }

    /// How long a call may take, all its tries together.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Asks, again where that is safe, until an answer, an answer that is a refusal, or the end of the patience.
    pub(super) async fn call<A: Message + Default>(
        &self,
        path: &'static str,
        request: &impl Message,
        repeat: Repeat,
    ) -> Result<A, CallError> {
        let mut tries = Tries::new(self, &self.calls, repeat);
        loop {
            let error = match tries.connection().await {
                Err(error) => error,
                Ok(connection) => {
                    let answered = timeout_at(tries.deadline, grpc::unary(&connection, path, request)).await;
                    match tries.outcome(&connection, answered) {
                        Ok(answer) => return Ok(answer),
                        Err(error) => error,
                    }
                }
            };
            tries.rest_after(error).await?;
        }
    }

    /// Opens a stream, by the same rules.
    pub(super) async fn stream<A: Message + Default>(
        &self,
        path: &'static str,
        request: &impl Message,
    ) -> Result<Stream<A>, CallError> {
        let mut tries = Tries::new(self, &self.watches, Repeat::Always);
        loop {
            let error = match tries.connection().await {
                Err(error) => error,
                Ok(connection) => {
                    let opened = timeout_at(tries.deadline, Stream::open(&connection, path, request)).await;
                    match tries.outcome(&connection, opened) {
                        Ok(stream) => return Ok(stream),
                        Err(error) => error,
                    }
                }
            };
            tries.rest_after(error).await?;
        }
    }

    async fn connection(&self, line: &Line) -> Result<Arc<Connection>, BoxError> {
        if let Some(connection) = line.usable() {
            return Ok(connection);
        }
        let _alone = line.connecting.lock().await;
        if let Some(connection) = line.usable() {
            return Ok(connection);
        }
        let first = line.lock().preferred;
        let (index, connection) = self.connect(first, line.window).await?;
        let mut current = line.lock();
        current.preferred = index;
        current.connection = Some(Arc::clone(&connection));
        Ok(connection)
    }

    /// Connects to whoever is there first. The preferred one has a head start, and each one before the next.
    async fn connect(&self, first: usize, window: Window) -> Result<(usize, Arc<Connection>), BoxError> {
        let count = self.endpoints.len();
        let (patience, files) = (self.patience, self.files.as_ref());
        let mut tries: FuturesUnordered<_> = (0..count)
            .map(|turn| {
                let index = (first + turn) % count;
                let endpoint = &self.endpoints[index];
                let head_start = HEAD_START * u32::try_from(turn).unwrap_or(u32::MAX);
                async move {
                    sleep(head_start).await;
                    let opened = timeout(patience, Connection::open(endpoint, files, window)).await;
                    let opened = opened.unwrap_or_else(|_| Err("it does not answer".into()));
                    opened.map(|connection| (index, connection)).map_err(|error| (endpoint, error))
                }
            })
            .collect();
        let mut reasons = Vec::with_capacity(count);
        while let Some(outcome) = tries.next().await {
            match outcome {
                Ok(connected) => return Ok(connected),
                Err((endpoint, error)) => reasons.push(format!("{endpoint}: {error}")),
            }
        }
        Err(reasons.join(", ").into())
    }

    /// Lets go of a connection, so that whoever comes next is asked elsewhere. Those that use it may finish.
    fn give_up(&self, line: &Line, disappointing: &Arc<Connection>) {
        let mut current = line.lock();
        if current.connection.as_ref().is_some_and(|connection| Arc::ptr_eq(connection, disappointing)) {
            current.connection = None;
            current.preferred = (current.preferred + 1) % self.endpoints.len().max(1);
        }
    }

    /// A stream ended in a way that says nothing good about whom it was asked of.
    pub(super) fn give_up_stream<A: Message + Default>(&self, stream: &Stream<A>) {
        self.give_up(&self.watches, stream.connection());
    }

    pub(super) fn names(&self) -> String {
        let names: Vec<String> = self.endpoints.iter().map(ToString::to_string).collect();
        names.join(", ")
    }
}

/// The tries of one call.
struct Tries<'a> {
    pool: &'a Pool,
    line: &'a Line,
    repeat: Repeat,
    deadline: Instant,
    pause: Pause,
    /// What the try before met: more than that there was no time for another.
    before: Option<CallError>,
}

impl<'a> Tries<'a> {
    fn new(pool: &'a Pool, line: &'a Line, repeat: Repeat) -> Self {
        Self { pool, line, repeat, deadline: Instant::now() + pool.patience, pause: Pause::default(), before: None }
    }

    async fn connection(&mut self) -> Result<Arc<Connection>, CallError> {
        match timeout_at(self.deadline, self.pool.connection(self.line)).await {
            Ok(connected) => connected.map_err(CallError::Unsent),
            Err(_) => Err(self
                .before
                .take()
                .unwrap_or_else(|| CallError::Unsent(format!("{} cannot be reached", self.pool.names()).into()))),
        }
    }

    fn outcome<T>(
        &self,
        connection: &Arc<Connection>,
        answered: Result<Result<T, CallError>, Elapsed>,
    ) -> Result<T, CallError> {
        let late = |_| Err(CallError::Lost(format!("no answer in {:?}", self.pool.patience).into()));
        let outcome = answered.unwrap_or_else(late);
        if outcome.as_ref().is_err_and(disappoints) {
            self.pool.give_up(self.line, connection);
        }
        outcome
    }

    /// Rests before the next try; gives the error back when there is to be none.
    async fn rest_after(&mut self, error: CallError) -> Result<(), CallError> {
        let again = match &error {
            CallError::Unsent(_) => true,
            CallError::Refused(status) if was_not_done(status) => true,
            CallError::Refused(status) => self.repeat == Repeat::Always && is_passing(status),
            CallError::Lost(_) => self.repeat == Repeat::Always,
        };
        let next = Instant::now() + self.pause.next();
        if !again || next >= self.deadline {
            return Err(error);
        }
        self.before = Some(error);
        sleep_until(next).await;
        Ok(())
    }
}

impl Line {
    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(&self) -> Option<Arc<Connection>> {
        self.lock().connection.as_ref().filter(|connection| connection.is_alive()).cloned()
    }
}

/// Waits that grow, so that what is sick is not asked to death.
#[derive(Default)]
pub(super) struct Pause(u32);

impl Pause {
    /// 20 ms, then twice as long each time, up to a second or so.
    pub(super) fn next(&mut self) -> Duration {
        let pause = FIRST_PAUSE * (1 << self.0.min(6));
        self.0 += 1;
        pause
    }
}

/// What etcd says of requests that it has not begun.
fn was_not_done(status: &Status) -> bool {
    let busy = status.code == Code::ResourceExhausted && status.message.ends_with("too many requests");
    busy || status.message == "raft proposal dropped"
}

/// What may be otherwise in a moment: a member without a leader, one that is stopped.
fn is_passing(status: &Status) -> bool {
    matches!(status.code, Code::Unavailable | Code::DeadlineExceeded)
}

/// Whether somebody else should be asked next time.
fn disappoints(error: &CallError) -> bool {
    match error {
        CallError::Unsent(_) | CallError::Lost(_) => true,
        CallError::Refused(status) => is_passing(status),
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const HEAD_START: Duration = Duration::from_millis(250);
/// Answers to calls are always read at once.
const CALL_WINDOW: Window = Window(8 << 20);
/// What a watcher that rests may hold.
const WATCH_WINDOW: Window = Window(256 << 10);

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: Code, message: &str) -> Status {
        Status { code, message: message.to_owned() }
    }

    #[test]
    fn pauses_grow_and_stop_growing() {
        let mut pause = Pause::default();
        let pauses: Vec<u128> = (0..9).map(|_| pause.next().as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1280, 1280, 1280]);
    }

    #[test]
    fn only_what_was_not_begun_may_be_written_again() {
        assert!(was_not_done(&status(Code::ResourceExhausted, "etcdserver: too many requests")));
        assert!(was_not_done(&status(Code::Other(2), "raft proposal dropped")));
        assert!(!was_not_done(&status(Code::ResourceExhausted, "etcdserver: mvcc: database space exceeded")));
        assert!(!was_not_done(&status(Code::Unavailable, "etcdserver: request timed out")));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_there_is_told_with_every_address_after_the_patience() {
        let endpoints = vec!["127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap()];
        let pool = Pool::new(endpoints, None, Duration::from_secs(3));
        let started = Instant::now();
        let asked = super::super::proto::StatusRequest {};
        let error =
            pool.call::<super::super::proto::StatusResponse>("/x/Y", &asked, Repeat::IfUnsent).await.unwrap_err();
        let CallError::Unsent(why) = error else { unreachable!("{error:?}") };
        assert!(why.to_string().contains("127.0.0.1:1: ") && why.to_string().contains("127.0.0.1:2: "), "{why}");
        assert!(started.elapsed() <= Duration::from_secs(3));
    }
}
