//! What the served types look like and what can be done with them: the documents under `/openapi`.
//!
//! One description of paths and operations is written in two dialects: version 2 as one document for the whole server,
//! version 3 as one for each group version, under URLs that change with the content. Both are computed once, from
//! nothing but the served types, so that replicas of one build answer the same bytes.

mod definitions;
mod operations;
mod parameters;
mod render;
mod resources;
#[cfg(test)]
mod tests;
mod v2;
mod v3;

use crate::document::{Answer, Ask, Document, IMMUTABLE, VARY_ACCEPT};
use crate::request::accept::Accept;
use http::header::EXPIRES;
use kube_annex::ResourceDescriptor;
use kube_annex::options::query::Query;
use kube_annex::schema::TypeSchema;
use std::collections::BTreeMap;

/// A resource that is served in one version, with its schema.
#[derive(Clone, Debug)]
pub struct Served {
    /// What its type says of it.
    pub descriptor: &'static ResourceDescriptor,
    /// What its objects look like.
    pub schema: TypeSchema,
    /// Whether it takes strategic merge patches.
    pub strategic_merge: bool,
}

/// What the documents say of the server as a whole.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The server's name.
    pub title: &'a str,
    /// The server's version.
    pub version: &'a str,
}

/// The `OpenAPI` documents of a server, computed once.
#[derive(Debug)]
pub struct OpenApi {
    v2: Document,
    v3: Document,
    group_versions: BTreeMap<String, Document>,
}

impl OpenApi {
    /// The documents of these resources.
    pub fn new(about: About<'_>, served: &[Served]) -> Self {
        let definitions = definitions::collect(served);
        let mut group_versions = BTreeMap::new();
        for (group, version) in operations::group_versions(served) {
            let document = v3::document(about, group, version, served, &definitions);
            group_versions.insert(format!("apis/{group}/{version}"), json_document(&document));
        }
        let etags = group_versions.iter().map(|(key, document)| (key.as_str(), document.etag()));
        Self {
            v2: json_document(&v2::document(about, served, &definitions)),
            v3: json_document(&v3::root(etags)),
            group_versions,
        }
    }

    /// Answers a GET of a path at or below `/openapi`. `query` is what follows the `?`, `now` the time of the request.
    ///
    /// * Shape: a version 3 document asked for with its current `hash` may be kept for a year; with an old one, or
    ///   without, it is answered all the same but is not to be kept. There are no redirects: the aggregator follows none.
    /// * Errors: [`Answer::NotAcceptable`] when JSON is not accepted, [`Answer::NotFound`] for every other path.
    pub fn answer(&self, path: &str, query: &str, ask: &Ask, now: jiff::Timestamp) -> Answer {
        match path {
            "/openapi/v2" if accepts_json(&ask.accept()) => self.v2.conditional_gzip(ask, &[VARY_ACCEPT]),
            "/openapi/v2" => Answer::NotAcceptable { offered: MEDIA_TYPES },
            // Small, and of one form only: answered whatever is accepted, as upstream does.
            "/openapi/v3" => self.v3.conditional(ask, &[]),
            _ => {
                let key = path.strip_prefix("/openapi/v3/").unwrap_or_default();
                self.group_versions.get(key).map_or(Answer::NotFound, |document| versioned(document, query, ask, now))
            }
        }
    }

    /// The version 2 document.
    pub fn v2(&self) -> &Document {
        &self.v2
    }

    /// The version 3 document of a group version.
    pub fn v3(&self, group: &str, version: &str) -> Option<&Document> {
        self.group_versions.get(&format!("apis/{group}/{version}"))
    }
}

fn versioned(document: &Document, query: &str, ask: &Ask, now: jiff::Timestamp) -> Answer {
    if !accepts_json(&ask.accept()) {
        return Answer::NotAcceptable { offered: MEDIA_TYPES };
    }
    if Query::parse(query).first("hash") == Some(document.etag()) {
        let expires = in_a_year(now);
        return document.conditional_gzip(ask, &[VARY_ACCEPT, IMMUTABLE, (EXPIRES, &expires)]);
    }
    document.conditional_gzip(ask, &[VARY_ACCEPT])
}

fn in_a_year(now: jiff::Timestamp) -> String {
    let year = jiff::SignedDuration::from_hours(365 * 24);
    now.checked_add(year).unwrap_or(now).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn accepts_json(accept: &Accept) -> bool {
    accept.accepts("application/json")
}

/// A tree of strings, numbers and lists: writing it cannot fail.
fn json_document(content: &serde_json::Value) -> Document {
    Document::new(serde_json::to_vec(content).unwrap_or_default(), "application/json")
}

/// What the documents can be read as.
pub const MEDIA_TYPES: &[&str] = &["application/json"];

/// The patches that a patchable resource takes, as clients learn them: kubectl picks its kind of patch from these.
pub const PATCH_MEDIA_TYPES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];

/// Those of a resource that takes no strategic merge patches.
pub const PATCH_MEDIA_TYPES_WITHOUT_STRATEGIC: &[&str] =
    &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
