//! How many requests are worked on at once.

use crate::authz::MASTERS;
use crate::health::{ENDPOINTS, text};
use axum::response::Response;
use http::header::{RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, StatusCode};
use kube_annex::request::{RequestInfo, UserInfo};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Places for requests that are no watches, as many as upstream has: more wait longer than they take when refused.
#[derive(Debug)]
pub(crate) struct InFlight {
    reading: Semaphore,
    changing: Semaphore,
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Admitted<'a> {
    /// It is worked on, in a place of its own until this is dropped.
    Counted(#[allow(dead_code, reason = "held, not read")] SemaphorePermit<'a>),
    /// It is worked on whatever else is: probes, watches, and those who repair.
    Exempt,
    /// Too many others are.
    Refused,
}

impl InFlight {
    pub(crate) fn new(reading: usize, changing: usize) -> Self {
        Self { reading: Semaphore::new(reading), changing: Semaphore::new(changing) }
    }

    /// Finds a place. Nobody waits for one: clients are told to come again.
    pub(crate) fn admit(&self, user: &UserInfo, info: &RequestInfo) -> Admitted<'_> {
        if is_exempt(info) {
            return Admitted::Exempt;
        }
        let places = if matches!(info.verb.as_str(), "get" | "list") { &self.reading } else { &self.changing };
        match places.try_acquire() {
            Ok(place) => Admitted::Counted(place),
            Err(_) if user.groups.iter().any(|group| group == MASTERS) => Admitted::Exempt,
            Err(_) => Admitted::Refused,
        }
    }
}

impl Default for InFlight {
    fn default() -> Self {
        Self::new(MOST_READING, MOST_CHANGING)
    }
}

/// What a client without a place is told, in upstream's words.
pub(crate) fn refusal() -> Response {
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, "Too many requests, please try again later.\n".to_owned());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn is_exempt(info: &RequestInfo) -> bool {
    is_long_running(info) || is_probe(info)
}

fn is_probe(info: &RequestInfo) -> bool {
    let first = info.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    !info.is_resource_request && ENDPOINTS.contains(&first)
}

/// Whether a request takes as long as its client wants: nobody bounds or counts it.
pub(crate) fn is_long_running(info: &RequestInfo) -> bool {
    info.is_resource_request && info.verb == "watch"
}

/// Whether a request is answered even by a server that accepts nothing new: watches, which end on their own then,
/// probes, and who calls himself kube-apiserver.
///
/// * Source: `isRequestExemptFromRetryAfter` of k8s.io/apiserver.
pub(crate) fn is_exempt_from_shutdown(info: &RequestInfo, headers: &HeaderMap) -> bool {
    let agent = headers.get(USER_AGENT).map_or(&b""[..], HeaderValue::as_bytes);
    is_exempt(info) || agent.starts_with(b"kube-apiserver/")
}

/// `--max-requests-inflight` of upstream.
const MOST_READING: usize = 400;

/// `--max-mutating-requests-inflight` of upstream.
const MOST_CHANGING: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(verb: &str, path: &str) -> RequestInfo {
        let is_resource_request = path.starts_with("/apis/");
        RequestInfo { verb: verb.to_owned(), path: path.to_owned(), is_resource_request, ..RequestInfo::default() }
    }

    #[test]
    fn sv_4_reads_and_writes_have_places_of_their_own() {
        let places = InFlight::new(1, 1);
        let user = UserInfo::default();
        let list = asking("list", "/apis/g.io/v1/things");
        let first = places.admit(&user, &list);
        assert!(matches!(first, Admitted::Counted(_)));
        assert!(matches!(places.admit(&user, &list), Admitted::Refused));
        let create = places.admit(&user, &asking("create", "/apis/g.io/v1/things"));
        assert!(matches!(create, Admitted::Counted(_)));
        drop(first);
        assert!(matches!(places.admit(&user, &list), Admitted::Counted(_)), "a place is free again");
    }

    #[test]
    fn sv_4_masters_probes_and_watches_are_never_refused() {
        let places = InFlight::new(0, 0);
        let masters = UserInfo { groups: vec![MASTERS.to_owned()], ..UserInfo::default() };
        assert!(matches!(places.admit(&masters, &asking("list", "/apis/g.io/v1/things")), Admitted::Exempt));
        for (verb, path) in [("watch", "/apis/g.io/v1/things"), ("get", "/readyz"), ("get", "/livez/ping")] {
            assert!(matches!(places.admit(&UserInfo::default(), &asking(verb, path)), Admitted::Exempt), "{path}");
        }
        assert!(matches!(places.admit(&UserInfo::default(), &asking("get", "/apis")), Admitted::Refused));
    }
}
