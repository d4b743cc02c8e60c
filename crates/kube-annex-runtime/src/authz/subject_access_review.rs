//! The cluster's rules: RBAC and whatever else kube-apiserver is told to go by.

use super::decision_cache::DecisionCache;
use super::{Authorizer, Decision, Error, attributes};
use crate::authn::Backoff;
use crate::authn::review::Reviews;
use k8s_openapi::api::authorization::v1::{SubjectAccessReview, SubjectAccessReviewStatus};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};
use std::sync::Arc;
use std::time::Duration;

/// How the cluster is asked.
#[derive(Clone, Copy, Debug)]
pub struct SubjectAccessReviewOptions {
    /// `--authorization-webhook-cache-authorized-ttl`; zero remembers nothing.
    pub allowed_ttl: Duration,
    /// `--authorization-webhook-cache-unauthorized-ttl`; zero remembers nothing.
    pub refused_ttl: Duration,
    /// How long the cluster may take, all tries together.
    pub timeout: Duration,
    /// How to try again.
    pub backoff: Backoff,
}

impl Default for SubjectAccessReviewOptions {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { allowed_ttl: ten, refused_ttl: ten, timeout: ten, backoff: Backoff::default() }
    }
}

/// Asks the cluster, and remembers what it says for a while.
pub struct SubjectAccessReviews {
    reviews: Reviews,
    decisions: DecisionCache,
}

impl SubjectAccessReviews {
    /// Asks through `client`, which needs `system:auth-delegator`; make it with
    /// [`reviewing_client`](crate::authn::reviewing_client).
    pub fn new(client: kube::Client, options: &SubjectAccessReviewOptions) -> Self {
        Self {
            reviews: Reviews { client, path: PATH, backoff: options.backoff, timeout: options.timeout },
            decisions: DecisionCache::new(options.allowed_ttl, options.refused_ttl),
        }
    }

    async fn ask(&self, user: &UserInfo, info: &RequestInfo) -> Result<Decision, Error> {
        let review = SubjectAccessReview { spec: attributes::spec(user, info), ..SubjectAccessReview::default() };
        let answer = self.reviews.create(&review).await.map_err(|error| Error::Review(Arc::new(error)))?;
        decide(answer.status.unwrap_or_default())
    }
}

impl Authorizer for SubjectAccessReviews {
    fn authorize<'a>(&'a self, user: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        Box::pin(self.decisions.get_or_ask(user, info, self.ask(user, info)))
    }
}

fn decide(status: SubjectAccessReviewStatus) -> Result<Decision, Error> {
    let reason = status.reason.unwrap_or_default();
    match (status.allowed, status.denied.unwrap_or_default()) {
        (true, true) => Err(Error::Contradiction),
        (true, false) => Ok(Decision::Allow),
        (false, true) => Ok(Decision::Deny(reason)),
        (false, false) => Ok(Decision::NoOpinion(reason)),
    }
}

const PATH: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn az_9_denied_is_a_denial_neither_is_no_opinion_and_both_is_an_error() {
        let status = |allowed, denied| SubjectAccessReviewStatus {
            allowed,
            denied: Some(denied),
            reason: Some("because".to_owned()),
            evaluation_error: None,
        };
        assert_eq!(decide(status(true, false)).ok(), Some(Decision::Allow));
        assert_eq!(decide(status(false, true)).ok(), Some(Decision::Deny("because".to_owned())));
        assert_eq!(decide(status(false, false)).ok(), Some(Decision::NoOpinion("because".to_owned())));
        assert!(decide(status(true, true)).is_err());
    }
}
