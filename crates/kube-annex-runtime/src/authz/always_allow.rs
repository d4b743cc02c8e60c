//! What is decided without asking anyone: privileged groups and open paths.

use super::{Authorizer, Decision, Error, MASTERS};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};
use std::future::ready;

/// Allows everything to the members of some groups.
#[derive(Clone, Debug)]
pub struct PrivilegedGroups {
    groups: Vec<String>,
}

/// Allows some paths to everyone, the anonymous included. Resources are never among them.
#[derive(Clone, Debug)]
pub struct AlwaysAllowPaths {
    exact: Vec<String>,
    prefixes: Vec<String>,
}

/// Why a pattern of paths is none.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{pattern:?} is no path for --authorization-always-allow-paths: `*` may stand at the end alone, as in /healthz/*"
)]
pub struct PathPatternError {
    /// What was written.
    pub pattern: String,
}

impl PrivilegedGroups {
    /// Upstream's default: `system:masters`.
    pub fn masters() -> Self {
        Self::new([MASTERS.to_owned()])
    }

    /// These groups.
    pub fn new(groups: impl IntoIterator<Item = String>) -> Self {
        Self { groups: groups.into_iter().collect() }
    }
}

impl Authorizer for PrivilegedGroups {
    fn authorize<'a>(&'a self, user: &'a UserInfo, _: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        let privileged = user.groups.iter().any(|group| self.groups.contains(group));
        Box::pin(ready(Ok(if privileged { Decision::Allow } else { Decision::NoOpinion(String::new()) })))
    }
}

impl AlwaysAllowPaths {
    /// Paths, or prefixes that end in `*`. A leading slash is optional.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, PathPatternError> {
        let mut paths = Self { exact: vec![], prefixes: vec![] };
        for pattern in patterns {
            let path = pattern.strip_prefix('/').unwrap_or(pattern);
            let (path, known) = match path.strip_suffix('*') {
                Some(prefix) => (prefix, &mut paths.prefixes),
                None => (path, &mut paths.exact),
            };
            if path.contains('*') {
                return Err(PathPatternError { pattern: pattern.to_owned() });
            }
            known.push(path.to_owned());
        }
        Ok(paths)
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.exact.iter().any(|exact| exact == path) || self.prefixes.iter().any(|prefix| path.starts_with(prefix))
    }
}

/// Upstream's default: the health endpoints, which kubelet asks without a credential.
impl Default for AlwaysAllowPaths {
    fn default() -> Self {
        Self { exact: ["healthz", "readyz", "livez"].map(str::to_owned).to_vec(), prefixes: vec![] }
    }
}

impl Authorizer for AlwaysAllowPaths {
    fn authorize<'a>(&'a self, _: &'a UserInfo, info: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, Error>> {
        let open = !info.is_resource_request && self.holds(&info.path);
        Box::pin(ready(Ok(if open { Decision::Allow } else { Decision::NoOpinion(String::new()) })))
    }
}
