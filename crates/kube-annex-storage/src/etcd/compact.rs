//! Forgetting history, by one of all servers that could: upstream's scheme, on upstream's key.
//!
//! The key's version is a logical clock. At each tick every server tries to move it on; the one that succeeds writes down
//! the revision that was the newest when it last looked, and compacts to that. The others learn that they are late, and
//! look again at the next tick. So history is kept for one tick at least and for two at most, and whoever compacts may
//! die.

use super::proto::{CompareResult, PutRequest, RangeRequest, Request, TargetUnion, TxnRequest};
use super::txn::{compare, operations, read};
use super::{Inner, failed};
use crate::error::Error;
use crate::storage::Revision;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Forgets the history of an etcd in turns with all others that do, upstream's servers among them.
pub struct Compactor {
    inner: Arc<Inner>,
    /// The version of the key when it was last seen.
    time: i64,
    /// What was the newest revision then.
    newest: i64,
}

impl Compactor {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, time: 0, newest: 0 }
    }

    /// Compacts again and again, the first time after two intervals; until it is dropped. Failures are logged.
    pub async fn run(mut self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            match self.tick().await {
                Ok(Some(revision)) => tracing::debug!(%revision, "compacted etcd"),
                Ok(None) => {}
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(error, "etcd was not compacted; trying again in {interval:?}");
                }
            }
        }
    }

    /// One tick of the clock: the revision that was compacted to, if it was this one's turn and there was something.
    pub async fn tick(&mut self) -> Result<Option<Revision>, Error> {
        let key = Bytes::from_static(KEY.as_bytes());
        let value = Bytes::from(self.newest.to_string());
        let request = TxnRequest {
            compare: vec![compare(&key, CompareResult::Equal, TargetUnion::Version(self.time))],
            success: operations([Request::Put(PutRequest { key: key.clone(), value })]),
            failure: operations([Request::Range(RangeRequest { key, ..RangeRequest::default() })]),
        };
        let answer = self.inner.txn(&request).await.map_err(|error| failed(OPERATION, error))?;
        let newest = answer.header.unwrap_or_default().revision;
        let seen = std::mem::replace(&mut self.newest, newest);
        if !answer.succeeded {
            self.time = read(answer.responses).map_or(0, |there| there.version);
            return Ok(None);
        }
        self.time += 1;
        if seen == 0 {
            return Ok(None);
        }
        self.inner.forget(seen).await.map_err(|error| failed(OPERATION, error))?;
        Ok(Some(super::revision_of(seen)))
    }
}

impl fmt::Debug for Compactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compactor").field("time", &self.time).field("newest", &self.newest).finish_non_exhaustive()
    }
}

/// Upstream's, outside of every prefix: compaction is of the whole etcd.
const KEY: &str = "compact_rev_key";
const OPERATION: &str = "a compaction";
