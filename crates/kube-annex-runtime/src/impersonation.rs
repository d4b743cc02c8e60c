//! Acting as somebody else: who a request wants to be, and whether its sender may be.
//!
//! Behind an aggregator the front has done it. Who asks the server itself is asked about here, as upstream's constrained
//! impersonation asks: first for rights that hold for one kind of user and for what is done as that user, then for the
//! older right to be somebody whatever is done.

mod mode;
mod wanted;

use crate::authz::Authorizer;
use kube_annex::Status;
use kube_annex::request::{RequestInfo, UserInfo};
use mode::Mode;
use moka::future::Cache;
use sha2::{Digest, Sha256};
pub(crate) use wanted::take;

/// Decides who may act as whom.
pub(crate) struct Impersonation {
    /// By requestor, the mode that let him be somebody else the last time. It is tried first: whoever has the older right
    /// alone is not asked about the newer ones each time, and is told of the right that he would need again.
    last: Cache<[u8; 32], Mode>,
}

impl Impersonation {
    pub(crate) fn new() -> Self {
        Self { last: Cache::new(MOST_REQUESTORS) }
    }

    /// The user that a request is answered for.
    ///
    /// * Errors: 403, for the first thing that the requestor may not.
    /// * Source: `WithConstrainedImpersonation` of k8s.io/apiserver.
    pub(crate) async fn of(
        &self,
        authorizer: &dyn Authorizer,
        requestor: &UserInfo,
        wanted: &UserInfo,
        info: &RequestInfo,
    ) -> Result<UserInfo, Status> {
        let key: [u8; 32] = Sha256::digest(&requestor.name).into();
        let last = self.last.get(&key).await;
        let mut first = None;
        let others = Mode::ALL.into_iter().filter(|mode| Some(*mode) != last);
        for mode in last.into_iter().chain(others) {
            match mode.check(authorizer, requestor, wanted, info).await {
                Some(Ok(user)) => {
                    self.last.insert(key, mode).await;
                    tracing::info!(
                        requestor = requestor.name,
                        groups = ?requestor.groups,
                        impersonated = user.name,
                        impersonated_groups = ?user.groups,
                        right = mode.verb(),
                        "impersonation"
                    );
                    return Ok(user);
                }
                Some(Err(refusal)) => drop(first.get_or_insert(refusal)),
                None => {}
            }
        }
        Err(first.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
    }
}

/// As many as upstream remembers.
const MOST_REQUESTORS: u64 = 10_000;

#[cfg(test)]
mod tests;
