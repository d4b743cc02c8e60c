//! A store in etcd, laid out as upstream's: servers written with `k8s.io/apiserver` on the same prefix read what is
//! written here, and the reverse.
//!
//! Writes are transactions on one key, reads are linearizable, and nothing is cached. What etcd does not answer is
//! asked again as long as that is safe: an etcd that was away is used again as soon as it is back.

mod compact;
mod connection;
mod endpoint;
mod grpc;
mod layout;
mod pool;
mod proto;
#[cfg(test)]
mod tests;
mod txn;
mod watch;

use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::storage::{BoxFuture, Entry, ListRequest, Page, Precondition, Revision, Storage, WatchStream};
use bytes::Bytes;
use grpc::{CallError, Code, Stream};
use layout::Layout;
use pool::{Pause, Pool, Repeat};
use proto::{
    CompactionRequest, CompactionResponse, KeyValue, RangeRequest, RangeResponse, ResponseHeader, StatusRequest,
    StatusResponse, TxnRequest, TxnResponse, WatchRequest, WatchResponse,
};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use watch::Watches;

pub use compact::Compactor;
pub use endpoint::{Endpoint, EndpointError, TlsFiles};

/// How an etcd is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Its members; at least one. Which one is asked is not promised.
    pub endpoints: Vec<Endpoint>,
    /// What every key starts with, such as `/registry/example.com`. A `/` at either end is added where it is missing.
    pub prefix: String,
    /// How TLS is spoken to it. Without it, TLS is spoken to `https` endpoints, believing the system's authorities.
    pub tls: Option<TlsFiles>,
    /// How long a call may take, all its tries together.
    pub patience: Duration,
    /// How long [`Storage::health`] may take.
    pub health_patience: Duration,
}

impl Options {
    /// An etcd without TLS files; a call is given up after ten seconds, and after two etcd is not healthy.
    pub fn new(endpoints: Vec<Endpoint>, prefix: impl Into<String>) -> Self {
        let (patience, health_patience) = (Duration::from_secs(10), Duration::from_secs(2));
        Self { endpoints, prefix: prefix.into(), tls: None, patience, health_patience }
    }
}

/// A store in an etcd, version 3.5 or newer.
///
/// * Shape: one revision sequence for all of etcd, in which others write too.
/// * Units: history is kept until somebody compacts it, which is what a [`Compactor`] does.
/// * Errors: [`Error::Backend`] when etcd did not answer in time, or not as it should. Of a write it is then unknown
///   whether it happened.
#[derive(Clone)]
pub struct Etcd {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool,
    layout: Layout,
    watches: Watches,
    health_patience: Duration,
}

impl Etcd {
    /// A store that connects when it is first asked.
    pub fn new(options: Options) -> Self {
        let Options { endpoints, prefix, tls, patience, health_patience } = options;
        let pool = Pool::new(endpoints, tls, patience);
        let inner = Inner { pool, layout: Layout::new(&prefix), watches: Watches::default(), health_patience };
        Self { inner: Arc::new(inner) }
    }

    /// What every key in etcd starts with: it begins and ends with `/`.
    pub fn root(&self) -> String {
        String::from_utf8_lossy(&self.inner.layout.root()).into_owned()
    }

    /// What forgets the history of this etcd, together with all others that do.
    pub fn compactor(&self) -> Compactor {
        Compactor::new(Arc::clone(&self.inner))
    }
}

impl Inner {
    async fn range(&self, request: &RangeRequest) -> Result<RangeResponse, CallError> {
        self.pool.call("/etcdserverpb.KV/Range", request, Repeat::Always).await
    }

    async fn txn(&self, request: &TxnRequest) -> Result<TxnResponse, CallError> {
        self.pool.call("/etcdserverpb.KV/Txn", request, Repeat::IfUnsent).await
    }

    async fn watch(&self, request: &WatchRequest) -> Result<Stream<WatchResponse>, CallError> {
        self.pool.stream("/etcdserverpb.Watch/Watch", request).await
    }

    async fn forget(&self, revision: i64) -> Result<(), CallError> {
        let request = CompactionRequest { revision };
        let done = self.pool.call::<CompactionResponse>("/etcdserverpb.KV/Compact", &request, Repeat::Always).await;
        match done {
            Err(CallError::Refused(status)) if status.message == COMPACTED => Ok(()),
            other => other.map(drop),
        }
    }

    /// The newest revision, by a read that reflects every write answered before it.
    async fn newest(&self) -> Result<Revision, CallError> {
        let request = RangeRequest { key: self.layout.root(), count_only: true, ..RangeRequest::default() };
        self.range(&request).await.map(|answer| revision(answer.header))
    }

    /// What a reader of a revision is told when etcd refuses.
    async fn refused(&self, operation: &'static str, requested: Revision, error: CallError) -> Error {
        match &error {
            CallError::Refused(status) if status.message == COMPACTED => {
                Error::Expired { requested, oldest: self.oldest(requested).await }
            }
            CallError::Refused(status) if status.message == FUTURE => match self.newest().await {
                Ok(current) => Error::Future { requested, current },
                Err(error) => failed(operation, error),
            },
            _ => failed(operation, error),
        }
    }

    /// The oldest revision that is kept. Only to a watch from the very beginning does etcd name it.
    async fn oldest(&self, requested: Revision) -> Revision {
        let asked = async {
            let mut stream = self.watch(&self.layout.watch_from_the_beginning()).await?;
            loop {
                let answer = stream.next().await?;
                if answer.canceled || answer.compact_revision > 0 {
                    return Ok::<_, CallError>(revision_of(answer.compact_revision));
                }
            }
        };
        let told = timeout(self.health_patience, asked).await.ok().and_then(Result::ok);
        told.unwrap_or_default().max(Revision(requested.0.saturating_add(1)))
    }

    async fn page(&self, prefix: &Prefix, request: ListRequest) -> Result<Page, Error> {
        let at = match request.revision {
            None => 0,
            Some(requested) => self.readable(requested).await?,
        };
        let (mut start, end) = self.layout.range(prefix, request.start.as_ref());
        let mut page = Page::default();
        let mut asked = at;
        loop {
            let left = if request.limit == 0 { MOST_AT_ONCE } else { request.limit - page.entries.len() };
            let limit = i64::try_from(left.min(MOST_AT_ONCE)).unwrap_or(i64::MAX);
            let (key, range_end) = (start.clone(), end.clone());
            let range = RangeRequest { key, range_end, limit, revision: asked, ..RangeRequest::default() };
            let answer = match self.range(&range).await {
                Ok(answer) => answer,
                Err(error) => return Err(self.refused("a list", revision_of(asked), error).await),
            };
            if asked == 0 {
                asked = answer.header.unwrap_or_default().revision;
            }
            let count = usize::try_from(answer.count).unwrap_or_default();
            page.remaining = count.saturating_sub(answer.kvs.len());
            page.entries.reserve(answer.kvs.len() + if request.limit == 0 { page.remaining } else { 0 });
            for found in answer.kvs {
                page.entries.push(self.layout.entry(found, true)?);
            }
            page.revision = revision_of(asked);
            page.next = page.entries.last().filter(|_| page.remaining > 0).map(|last| last.key.successor());
            match &page.next {
                Some(next) if request.limit == 0 || page.entries.len() < request.limit => start = self.layout.key(next),
                _ => return Ok(page),
            }
        }
    }

    /// A revision as etcd takes it. Of 0 it would give the newest, and larger ones than it knows have not happened.
    async fn readable(&self, requested: Revision) -> Result<i64, Error> {
        if requested == Revision(0) {
            return Err(Error::Expired { requested, oldest: self.oldest_of_all().await });
        }
        if let Ok(revision) = i64::try_from(requested.0) {
            return Ok(revision);
        }
        let current = self.newest().await.map_err(|error| failed("a list", error))?;
        Err(Error::Future { requested, current })
    }

    /// The oldest revision that is kept, of an etcd that may have forgotten nothing: then it is silent.
    async fn oldest_of_all(&self) -> Revision {
        let request =
            RangeRequest { key: self.layout.root(), count_only: true, revision: 1, ..RangeRequest::default() };
        match self.range(&request).await {
            Ok(_) => Revision(1),
            Err(_) => self.oldest(Revision(0)).await,
        }
    }
}

impl Storage for Etcd {
    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        Box::pin(async move {
            let layout = &self.inner.layout;
            let request = RangeRequest { key: layout.key(key), ..RangeRequest::default() };
            let answer = self.inner.range(&request).await.map_err(|error| failed("a read", error))?;
            let found = answer.kvs.into_iter().next();
            found.map(|found| layout.entry(found, false)).transpose()
        })
    }

    fn list<'a>(&'a self, prefix: &'a Prefix, request: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        Box::pin(self.inner.page(prefix, request))
    }

    fn create<'a>(&'a self, key: &'a Key, value: Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(self.inner.create(key, value))
    }

    fn update<'a>(
        &'a self,
        key: &'a Key,
        value: Bytes,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<Revision, Error>> {
        Box::pin(self.inner.update(key, value, precondition))
    }

    fn delete<'a>(
        &'a self,
        key: &'a Key,
        precondition: Precondition,
    ) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        Box::pin(self.inner.delete(key, precondition))
    }

    fn watch<'a>(&'a self, prefix: &'a Prefix, from: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        Box::pin(watch::open(&self.inner, prefix, from))
    }

    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            // A member that is behind answers with what it knows: only what all know tells who is behind.
            if self.inner.watches.are_open() {
                self.inner.watches.request_progress(self.current_revision().await?);
            }
            Ok(())
        })
    }

    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        Box::pin(async move { self.inner.newest().await.map_err(|error| failed("a read of its revision", error)) })
    }

    fn wait_for(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let mut pause = Pause::default();
            while self.current_revision().await? < revision {
                tokio::time::sleep(pause.next().min(LONGEST_LOOK_AWAY)).await;
            }
            Ok(())
        })
    }

    fn compact(&self, revision: Revision) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            if revision == Revision(0) {
                return Ok(());
            }
            let asked = i64::try_from(revision.0).unwrap_or(i64::MAX);
            match self.inner.forget(asked).await {
                Ok(()) => Ok(()),
                Err(error) => Err(self.inner.refused("a compaction", revision, error).await),
            }
        })
    }

    fn count<'a>(&'a self, prefix: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        Box::pin(async move {
            let (key, range_end) = self.inner.layout.range(prefix, None);
            let request = RangeRequest { key, range_end, count_only: true, ..RangeRequest::default() };
            let answer = self.inner.range(&request).await.map_err(|error| failed("a count", error))?;
            Ok(usize::try_from(answer.count).unwrap_or_default())
        })
    }

    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        Box::pin(async move {
            let (path, request) = ("/etcdserverpb.Maintenance/Status", StatusRequest {});
            let answer: StatusResponse = self
                .inner
                .pool
                .call(path, &request, Repeat::Always)
                .await
                .map_err(|error| failed("a look at its size", error))?;
            Ok(u64::try_from(answer.db_size).unwrap_or_default())
        })
    }

    /// A read that a majority of the members must take part in.
    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let request = RangeRequest { key: self.inner.layout.health(), ..RangeRequest::default() };
            let patience = self.inner.health_patience;
            let answer = timeout(patience, self.inner.range(&request)).await.unwrap_or_else(|_| {
                let why = format!("{} gave no answer in {patience:?}", self.inner.pool.names());
                Err(CallError::Lost(why.into()))
            });
            answer.map(drop).map_err(|error| failed(HEALTH, error))
        })
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd").field("endpoints", &self.inner.pool.names()).finish_non_exhaustive()
    }
}

fn failed(operation: &'static str, error: CallError) -> Error {
    Error::Backend { backend: NAME, operation, source: error.into() }
}

/// What etcd answered that it cannot have meant.
fn nonsense(operation: &'static str, what: impl Into<String>) -> Error {
    Error::Backend { backend: NAME, operation, source: what.into().into() }
}

fn revision(header: Option<ResponseHeader>) -> Revision {
    revision_of(header.unwrap_or_default().revision)
}

/// etcd's numbers have a sign that they do not use.
fn revision_of(number: i64) -> Revision {
    Revision(u64::try_from(number).unwrap_or_default())
}

/// Whether etcd, or gRPC on its behalf, finds a request too large.
fn is_too_large(error: &CallError) -> bool {
    let CallError::Refused(status) = error else { return false };
    match status.code {
        Code::InvalidArgument => status.message == "etcdserver: request is too large",
        Code::ResourceExhausted => status.message.contains("larger than max"),
        _ => false,
    }
}

/// A value without the message that it came in, if that is much larger: whoever keeps one would keep the other.
fn of_its_own(found: KeyValue, among_others: bool) -> Bytes {
    if among_others { Bytes::copy_from_slice(&found.value) } else { found.value }
}

const NAME: &str = "etcd";
const HEALTH: &str = "a health check";
/// As etcd says that a revision is forgotten, and that it has not happened.
const COMPACTED: &str = "etcdserver: mvcc: required revision has been compacted";
const FUTURE: &str = "etcdserver: mvcc: required revision is a future revision";
/// A list without a limit is read in so many pieces.
const MOST_AT_ONCE: usize = 10_000;
const LONGEST_LOOK_AWAY: Duration = Duration::from_millis(160);
