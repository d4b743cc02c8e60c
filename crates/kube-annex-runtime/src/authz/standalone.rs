//! The rules of a server that has no cluster to ask.

use super::{AlwaysAllowPaths, Authorizer, Decision, Error};
use crate::authn::AUTHENTICATED;
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};

/// Lets identified users see what is served, as the cluster role `system:discovery` does, and nothing else. Stands
/// behind the authorizers that let `system:masters` do everything.
#[derive(Clone, Debug)]
pub struct Standalone {
    discovery: AlwaysAllowPaths,
}

impl Standalone {
    /// The one rule.
    pub fn new() -> Self {
        Self::default()
    }

    fn decide(&self, user: &UserInfo, info: &RequestInfo) -> Decision {
        let identified = user.groups.iter().any(|group| group == AUTHENTICATED);
        let discovery = !info.is_resource_request && info.verb == "get" && self.discovery.holds(&info.path);
        if identified && discovery { Decision::Allow } else { Decision::NoOpinion(String::new()) }
    }
}

impl Default for Standalone {
    fn default() -> Self {
        let discovery = AlwaysAllowPaths::new(DISCOVERY);
        Self { discovery: discovery.unwrap_or_default() }
    }
}

impl Authorizer for Standalone {
    fn authorize<'a>(&'a self, user: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        Box::pin(std::future::ready(Ok(self.decide(user, info))))
    }
}

const DISCOVERY: [&str; 11] = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/readyz",
    "/openapi",
    "/openapi/*",
    "/version",
    "/version/",
];
