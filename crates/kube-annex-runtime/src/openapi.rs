//! What the served types look like and what can be done with them: the documents under `/openapi`.
//!
//! One description of paths and operations is written in two dialects: version 2 as one document for the whole server,
//! version 3 as one for each group version, under URLs that change with the content. Both are computed once, from
//! nothing but the served types, so that replicas of one build answer the same bytes.

mod definitions;
mod message;
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
use bytes::Bytes;
use http::HeaderMap;
use http::header::EXPIRES;
use kube_annex::ResourceDescriptor;
use kube_annex::options::query::Query;
use kube_annex::schema::TypeSchema;
use std::collections::BTreeMap;
use std::sync::OnceLock;

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
    v2: Forms,
    v3: Document,
    group_versions: BTreeMap<String, Forms>,
    /// What belongs to no group version: read by whoever knows of it, and not listed in the root.
    others: BTreeMap<String, Forms>,
}

/// One document, and the same in protobuf from the first request for that on.
#[derive(Debug)]
struct Forms {
    json: Document,
    message: OnceLock<Document>,
    /// How the JSON becomes a message.
    encode: fn(&serde_json::Value) -> Vec<u8>,
    media_types: &'static [&'static str; 3],
}

impl Forms {
    fn of_v2(content: &serde_json::Value) -> Self {
        let json = json_document(content);
        Self { json, message: OnceLock::new(), encode: message::of_v2, media_types: MEDIA_TYPES }
    }

    fn of_v3(content: &serde_json::Value) -> Self {
        let json = json_document(content);
        Self { json, message: OnceLock::new(), encode: message::of_v3, media_types: MEDIA_TYPES_V3 }
    }

    /// The form that a client wants most. Both are known by the same tag: `Vary` tells them apart.
    fn accepted(&self, accept: &Accept) -> Option<&Document> {
        let [json, message, older] = *self.media_types;
        let is_json = accept.select(|range| match range {
            range if range.matches(json) => Some(true),
            range => (range.matches(message) || range.matches(older)).then_some(false),
        })?;
        Some(if is_json { &self.json } else { self.message.get_or_init(|| self.encoded()) })
    }

    fn encoded(&self) -> Document {
        // What this server wrote is JSON.
        let tree = serde_json::from_slice(self.json.bytes()).unwrap_or_default();
        Document::with_etag((self.encode)(&tree), self.media_types[1], self.json.etag().to_owned())
    }
}

impl OpenApi {
    /// The documents of these resources.
    pub fn new(about: About<'_>, served: &[Served]) -> Self {
        let definitions = definitions::collect(served);
        let mut group_versions = BTreeMap::new();
        for (group, version) in operations::group_versions(served) {
            let paths = operations::of_group_version(group, version, served);
            let document = v3::document(about, &paths, Some((group, version)), &definitions);
            group_versions.insert(format!("apis/{group}/{version}"), Forms::of_v3(&document));
        }
        let others = operations::of_server(served).into_iter().map(|path| {
            let key = path.template.trim_matches('/').to_owned();
            (key, Forms::of_v3(&v3::document(about, &[path], None, &definitions)))
        });
        let others = others.collect();
        let etags = group_versions.iter().map(|(key, document)| (key.as_str(), document.json.etag()));
        Self {
            v2: Forms::of_v2(&v2::document(about, served, &definitions)),
            v3: json_document(&v3::root(etags)),
            group_versions,
            others,
        }
    }

    /// Answers a request for a path at or below `/openapi`, whatever its method. `query` is what follows the `?`, `now` the time of the request.
    ///
    /// * Shape: a version 3 document asked for with its current `hash` may be kept for a year; with an old one, or
    ///   without, it is answered all the same but is not to be kept. There are no redirects: the aggregator follows none.
    /// * Errors: [`Answer::NotAcceptable`] when neither JSON nor protobuf is accepted, [`Answer::NotFound`] for every path
    ///   outside.
    pub fn answer(&self, path: &str, query: &str, ask: &Ask, now: jiff::Timestamp) -> Answer {
        match path {
            "/openapi/v2" => match self.v2.accepted(&ask.accept()) {
                Some(document) => document.conditional_gzip(ask, &[VARY_ACCEPT]),
                None => Answer::NotAcceptable { offered: MEDIA_TYPES },
            },
            // Small, and of one form only: answered whatever is accepted, as upstream does.
            "/openapi/v3" => self.v3.conditional(ask, &[]),
            _ => {
                let Some(key) = path.strip_prefix("/openapi/v3/") else { return Answer::NotFound };
                // As upstream, a document that is not there is an empty one.
                let none = || Answer::Ok { headers: HeaderMap::new(), body: Bytes::new() };
                let forms = self.group_versions.get(key).or_else(|| self.others.get(key));
                forms.map_or_else(none, |forms| versioned(forms, query, ask, now))
            }
        }
    }

    /// The version 2 document.
    pub fn v2(&self) -> &Document {
        &self.v2.json
    }

    /// The version 3 document of a group version.
    pub fn v3(&self, group: &str, version: &str) -> Option<&Document> {
        self.group_versions.get(&format!("apis/{group}/{version}")).map(|forms| &forms.json)
    }
}

fn versioned(forms: &Forms, query: &str, ask: &Ask, now: jiff::Timestamp) -> Answer {
    let Some(document) = forms.accepted(&ask.accept()) else {
        return Answer::NotAcceptable { offered: MEDIA_TYPES_V3 };
    };
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

/// A tree of strings, numbers and lists: writing it cannot fail.
fn json_document(content: &serde_json::Value) -> Document {
    Document::new(serde_json::to_vec(content).unwrap_or_default(), "application/json")
}

/// What the document of version 2 can be read as. The last is an older name of the one before it.
pub const MEDIA_TYPES: &[&str; 3] = &[
    "application/json",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
];

/// What those of version 3 can be read as.
pub const MEDIA_TYPES_V3: &[&str; 3] = &[
    "application/json",
    "application/com.github.proto-openapi.spec.v3.v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v3@v1.0+protobuf",
];

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
