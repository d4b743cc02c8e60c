//! The one parser of paths. Authorization, audit, metrics and dispatch read what it finds.

use http::Method;
use kube_annex::options::query::Query;
use kube_annex::request::RequestInfo;
use kube_annex::selector::field;
use percent_encoding::percent_decode_str;

/// Why a path names nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Error {
    /// `/apis/<group>/<version>/watch` without a resource.
    #[error("unable to determine kind and namespace from url")]
    NoResource,
}

/// Reads a request's method, path and query.
///
/// * Errors: [`Error::NoResource`] for a `/watch` or `/proxy` path that goes no further.
/// * Source: upstream's `RequestInfoFactory`.
pub fn parse(method: &Method, path: &str, query: &str) -> Result<RequestInfo, Error> {
    let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut info = RequestInfo { verb: method.as_str().to_ascii_lowercase(), path, ..RequestInfo::default() };
    let path = info.path.clone();
    let mut parts: Vec<&str> = split(&path);

    let grouped = match parts.first() {
        Some(&"apis") => true,
        Some(&"api") => false,
        _ => return Ok(info),
    };
    if parts.len() < if grouped { 4 } else { 3 } {
        return Ok(info);
    }
    parts.remove(0);
    if grouped {
        parts.remove(0).clone_into(&mut info.group);
    }
    info.is_resource_request = true;
    parts.remove(0).clone_into(&mut info.version);
    let special = special_verb(&mut parts)?;
    match special {
        Some(verb) => verb.clone_into(&mut info.verb),
        None => verb_of(method).clone_into(&mut info.verb),
    }

    if parts.first() == Some(&"namespaces")
        && let Some(namespace) = parts.get(1).copied()
    {
        namespace.clone_into(&mut info.namespace);
        if parts.get(2).is_some_and(|word| !NAMESPACE_SUBRESOURCES.contains(word)) {
            parts.drain(..2);
        }
    }
    info.parts = parts.iter().map(|&part| part.to_owned()).collect();
    info.parts.first().cloned().unwrap_or_default().clone_into(&mut info.resource);
    info.parts.get(1).cloned().unwrap_or_default().clone_into(&mut info.name);
    if special.is_none() {
        info.parts.get(2).cloned().unwrap_or_default().clone_into(&mut info.subresource);
    }
    refine_verb(&mut info, query);
    Ok(info)
}

/// The name that the path itself carries; [`RequestInfo::name`] may come from a field selector.
pub fn path_name(info: &RequestInfo) -> Option<&str> {
    info.parts.get(1).map(String::as_str)
}

const NAMESPACE_SUBRESOURCES: [&str; 2] = ["status", "finalize"];

fn split(path: &str) -> Vec<&str> {
    let path = path.trim_matches('/');
    if path.is_empty() { Vec::new() } else { path.split('/').collect() }
}

fn special_verb<'a>(parts: &mut Vec<&'a str>) -> Result<Option<&'a str>, Error> {
    match parts.first().copied() {
        Some(word @ ("proxy" | "watch")) => {
            if parts.len() < 2 {
                return Err(Error::NoResource);
            }
            parts.remove(0);
            Ok(Some(word))
        }
        _ => Ok(None),
    }
}

fn verb_of(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::GET | Method::HEAD => "get",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "",
    }
}

/// Collections turn `get` into `list` or `watch` and `delete` into `deletecollection`; selectors are taken along.
fn refine_verb(info: &mut RequestInfo, query: &str) {
    let query = Query::parse(query);
    if info.name.is_empty() && info.verb == "get" {
        if query.flag("watch") == Some(true) { "watch" } else { "list" }.clone_into(&mut info.verb);
    }
    if info.name.is_empty() && info.verb == "delete" {
        "deletecollection".clone_into(&mut info.verb);
    }
    if matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
        // The first value counts, as it does for the handler: what is authorized must be what is done.
        info.field_selector = query.text("fieldSelector");
        info.label_selector = query.text("labelSelector");
    }
    if info.name.is_empty()
        && matches!(info.verb.as_str(), "list" | "watch")
        && let Ok(selector) = field::Selector::parse(&info.field_selector)
        && let Some(name) = selector.required_name()
        && kube_annex::names::dns::path_segment(name).is_empty()
    {
        name.clone_into(&mut info.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &str, path_and_query: &str) -> RequestInfo {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        parse(&Method::from_bytes(method.as_bytes()).unwrap(), path, query).unwrap()
    }

    #[test]
    fn az_4_verbs_follow_method_path_and_watch_parameter() {
        for (method, path, verb) in [
            ("GET", "/apis/g.io/v1/things", "list"),
            ("GET", "/apis/g.io/v1/things?watch=true", "watch"),
            ("GET", "/apis/g.io/v1/things?watch", "watch"),
            ("GET", "/apis/g.io/v1/things?watch=maybe", "watch"),
            ("GET", "/apis/g.io/v1/things?watch=0", "list"),
            ("GET", "/apis/g.io/v1/things?watch=False", "list"),
            ("GET", "/apis/g.io/v1/namespaces/n/things/x", "get"),
            ("HEAD", "/apis/g.io/v1/namespaces/n/things/x", "get"),
            ("POST", "/apis/g.io/v1/namespaces/n/things", "create"),
            ("PUT", "/apis/g.io/v1/namespaces/n/things/x", "update"),
            ("PATCH", "/apis/g.io/v1/namespaces/n/things/x", "patch"),
            ("DELETE", "/apis/g.io/v1/namespaces/n/things/x", "delete"),
            ("DELETE", "/apis/g.io/v1/namespaces/n/things", "deletecollection"),
            ("GET", "/apis/g.io/v1/watch/things", "watch"),
            ("OPTIONS", "/apis/g.io/v1/things", ""),
        ] {
            assert_eq!(info(method, path).verb, verb, "{method} {path}");
        }
    }

    #[test]
    fn az_6_paths_split_into_namespace_resource_name_and_subresource() {
        let found = info("GET", "/apis/g.io/v1/namespaces/n/things/x/status/more");
        assert_eq!(
            (found.group.as_str(), found.version.as_str(), found.namespace.as_str()),
            ("g.io", "v1", "n"),
            "{found:?}"
        );
        assert_eq!(
            (found.resource.as_str(), found.name.as_str(), found.subresource.as_str()),
            ("things", "x", "status")
        );
        let cluster = info("GET", "/apis/g.io/v1/things/x");
        assert_eq!((cluster.namespace.as_str(), cluster.resource.as_str(), cluster.name.as_str()), ("", "things", "x"));
        let namespace = info("PUT", "/apis/g.io/v1/namespaces/n/status");
        assert_eq!((namespace.resource.as_str(), namespace.subresource.as_str()), ("namespaces", "status"));
    }

    #[test]
    fn az_5_a_name_selector_names_the_object_for_lists_and_watches_alone() {
        assert_eq!(info("GET", "/apis/g.io/v1/things?fieldSelector=metadata.name%3Dx").name, "x");
        assert_eq!(info("GET", "/apis/g.io/v1/things?fieldSelector=metadata.name%3Da%2Fb").name, "");
        assert_eq!(info("DELETE", "/apis/g.io/v1/things?fieldSelector=metadata.name%3Dx").name, "");
        assert_eq!(path_name(&info("GET", "/apis/g.io/v1/things?fieldSelector=metadata.name%3Dx")), None);
    }

    #[test]
    fn the_selector_that_is_authorized_is_the_one_that_is_used() {
        let found = info(
            "GET",
            "/apis/g.io/v1/things?fieldSelector=&fieldSelector=metadata.name%3Dx&labelSelector=&labelSelector=a",
        );
        assert_eq!((found.name.as_str(), found.field_selector.as_str(), found.label_selector.as_str()), ("", "", ""));
    }

    #[test]
    fn d_2_discovery_paths_are_not_resource_requests() {
        for path in ["/", "/apis", "/apis/", "/apis/g.io", "/apis/g.io/v1", "/healthz", "/openapi/v3/apis/g.io/v1"] {
            let found = info("GET", path);
            assert!(!found.is_resource_request, "{path}");
            assert_eq!(found.verb, "get", "{path}");
        }
        assert!(info("GET", "/api/v1/pods").is_resource_request);
    }

    #[test]
    fn rq_2_segments_are_decoded_before_they_are_split() {
        let found = info("GET", "/apis/g.io/v1/things/a%20b");
        assert_eq!(found.name, "a b");
        assert_eq!(parse(&Method::GET, "/apis/g.io/v1/watch", ""), Err(Error::NoResource));
    }
}
