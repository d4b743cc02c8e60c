//! Writes: each is one transaction that looks at its key and changes it, or tells what is there instead.

use super::proto::{
    Compare, CompareResult, CompareTarget, DeleteRangeRequest, KeyValue, PutRequest, RangeRequest, Request, RequestOp,
    Response, ResponseOp, TargetUnion, TxnRequest, TxnResponse,
};
use super::{Inner, failed, is_too_large, nonsense, revision, revision_of};
use crate::error::Error;
use crate::key::Key;
use crate::storage::{Entry, Precondition, Revision};
use bytes::Bytes;

impl Inner {
    pub(super) async fn create(&self, key: &Key, value: Bytes) -> Result<Revision, Error> {
        let at = self.layout.key(key);
        let free = compare(&at, CompareResult::Equal, TargetUnion::ModRevision(0));
        let answer = self.write("a creation", key, vec![free], put(&at, value)).await?;
        if answer.succeeded {
            return Ok(revision(answer.header));
        }
        let there = found(answer).ok_or_else(|| nonsense("a creation", "the key was taken, and nothing is there"))?;
        Err(Error::AlreadyExists { key: key.clone(), revision: revision_of(there.mod_revision) })
    }

    pub(super) async fn update(&self, key: &Key, value: Bytes, precondition: Precondition) -> Result<Revision, Error> {
        let at = self.layout.key(key);
        let answer = self.write("an update", key, required(&at, precondition), put(&at, value)).await?;
        if answer.succeeded { Ok(revision(answer.header)) } else { Err(refusal(key, precondition, answer)) }
    }

    pub(super) async fn delete(&self, key: &Key, precondition: Precondition) -> Result<(Entry, Revision), Error> {
        let at = self.layout.key(key);
        let delete = Request::DeleteRange(DeleteRangeRequest { key: at.clone(), prev_kv: true });
        let answer = self.write("a deletion", key, required(&at, precondition), delete).await?;
        if !answer.succeeded {
            return Err(refusal(key, precondition, answer));
        }
        let deleted = revision(answer.header);
        let there = found(answer).ok_or_else(|| nonsense("a deletion", "it does not tell what was there"))?;
        Ok((self.layout.entry(there, false)?, deleted))
    }

    /// Changes a key if all comparisons hold, else reads it.
    async fn write(
        &self,
        operation: &'static str,
        key: &Key,
        compare: Vec<Compare>,
        change: Request,
    ) -> Result<TxnResponse, Error> {
        let bytes = match &change {
            Request::Put(put) => put.value.len(),
            _ => 0,
        };
        let read = RangeRequest { key: self.layout.key(key), keys_only: true, ..RangeRequest::default() };
        let request = TxnRequest { compare, success: vec![op(change)], failure: vec![op(Request::Range(read))] };
        self.txn(&request).await.map_err(|error| {
            if is_too_large(&error) { Error::TooLarge { key: key.clone(), bytes } } else { failed(operation, error) }
        })
    }
}

/// What must hold for a key to be changed: it is there, and as the writer knows it.
fn required(at: &Bytes, precondition: Precondition) -> Vec<Compare> {
    let number = |revision: Revision| i64::try_from(revision.0).unwrap_or(i64::MAX);
    let mut all = vec![compare(at, CompareResult::Greater, TargetUnion::CreateRevision(0))];
    let equal = |target| compare(at, CompareResult::Equal, target);
    all.extend(precondition.revision.map(|revision| equal(TargetUnion::ModRevision(number(revision)))));
    all.extend(precondition.created.map(|created| equal(TargetUnion::CreateRevision(number(created)))));
    all
}

/// Why a key was not changed, from what was there in the same instant.
fn refusal(key: &Key, precondition: Precondition, answer: TxnResponse) -> Error {
    let key = key.clone();
    let Some(there) = found(answer) else { return Error::NotFound { key } };
    let (current, created) = (revision_of(there.mod_revision), revision_of(there.create_revision));
    match precondition {
        Precondition { created: Some(expected), .. } if expected != created => {
            Error::Recreated { key, expected, current: created }
        }
        Precondition { revision: Some(expected), .. } => Error::Conflict { key, expected, current },
        Precondition { revision: None, .. } => nonsense("a write", "it was refused without a reason"),
    }
}

/// What was at the key, as a read or a deletion tells it.
fn found(answer: TxnResponse) -> Option<KeyValue> {
    match answer.responses.into_iter().next()?.response? {
        Response::Range(range) => range.kvs.into_iter().next(),
        Response::DeleteRange(deleted) => deleted.prev_kvs.into_iter().next(),
        Response::Put(_) => None,
    }
}

fn put(at: &Bytes, value: Bytes) -> Request {
    Request::Put(PutRequest { key: at.clone(), value })
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

pub(super) fn compare(key: &Bytes, result: CompareResult, with: TargetUnion) -> Compare {
    let target = match with {
        TargetUnion::Version(_) => CompareTarget::Version,
        TargetUnion::CreateRevision(_) => CompareTarget::Create,
        TargetUnion::ModRevision(_) => CompareTarget::Mod,
    };
    Compare { result: result.into(), target: target.into(), key: key.clone(), target_union: Some(with) }
}

/// The operation of a transaction as the compactor needs it too.
pub(super) fn operations(requests: impl IntoIterator<Item = Request>) -> Vec<RequestOp> {
    requests.into_iter().map(op).collect()
}

/// What the first operation of a transaction read.
pub(super) fn read(responses: Vec<ResponseOp>) -> Option<KeyValue> {
    found(TxnResponse { responses, ..TxnResponse::default() })
}
