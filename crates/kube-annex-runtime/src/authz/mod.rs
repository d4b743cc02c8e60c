//! May they: the authorizers in upstream's order, and the answer to those who may not.

mod always_allow;
mod attributes;
mod decision_cache;
mod forbidden;
mod standalone;
mod subject_access_review;

pub use always_allow::{AlwaysAllowPaths, PathPatternError, PrivilegedGroups};
pub use forbidden::{forbidden, internal_error_text};
pub use standalone::Standalone;
pub use subject_access_review::{SubjectAccessReviewOptions, SubjectAccessReviews};

use crate::authn::ReviewError;
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};
use std::sync::Arc;

/// Decides whether a user may do what a request asks for.
pub trait Authorizer: Send + Sync {
    /// The decision.
    ///
    /// * Errors: it could not be found out. Nobody may do anything then.
    fn authorize<'a>(&'a self, user: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>>;
}

/// What an authorizer says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Decision {
    /// They may.
    Allow,
    /// They may not, whatever others say; with the reason, which may be empty.
    Deny(String),
    /// It is for others to say; with the reason, which may be empty.
    NoOpinion(String),
}

impl Decision {
    /// Whether they may.
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allow
    }

    /// Why they may not; empty when there is nothing to tell.
    pub fn reason(&self) -> &str {
        match self {
            Self::Allow => "",
            Self::Deny(reason) | Self::NoOpinion(reason) => reason,
        }
    }
}

/// Why there is no decision. Its text goes to the client: it names no address.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The cluster could not be asked.
    #[error(transparent)]
    Review(Arc<ReviewError>),
    /// The cluster allows and denies.
    #[error("the subject access review returned both allow and deny")]
    Contradiction,
}

/// Authorizers in the order in which they are asked: the first that allows or denies decides.
#[derive(Clone, Default)]
pub struct Authorizers {
    members: Vec<Arc<dyn Authorizer>>,
}

impl Authorizers {
    /// Nobody to ask: nobody may do anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Upstream's order: `system:masters`, the paths open to all, and then `last`.
    pub fn standard(open_paths: AlwaysAllowPaths, last: Arc<dyn Authorizer>) -> Self {
        Self::new().with(Arc::new(PrivilegedGroups::masters())).with(Arc::new(open_paths)).with(last)
    }

    /// The same with one more, asked last.
    #[must_use]
    pub fn with(mut self, member: Arc<dyn Authorizer>) -> Self {
        self.members.push(member);
        self
    }
}

impl Authorizer for Authorizers {
    fn authorize<'a>(&'a self, user: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        Box::pin(async move {
            let (mut reasons, mut failure) = (vec![], None);
            for member in &self.members {
                match member.authorize(user, info).await {
                    Ok(Decision::NoOpinion(reason)) if reason.is_empty() => {}
                    Ok(Decision::NoOpinion(reason)) => reasons.push(reason),
                    Ok(decision) => return Ok(decision),
                    Err(error) => failure = Some(error),
                }
            }
            failure.map_or_else(|| Ok(Decision::NoOpinion(reasons.join("\n"))), Err)
        })
    }
}

/// The group whose members may do everything, without asking the network.
pub const MASTERS: &str = "system:masters";
