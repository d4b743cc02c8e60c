//! Which groups, versions and resources are served: the documents under `/apis`.
//!
//! Two generations describe the same resources. The older has a document for the server, one for each group and one
//! for each version; the newer puts everything into one, and is chosen by `Accept` at `/apis` alone.

mod aggregated;
mod legacy;
#[cfg(test)]
mod tests;

use crate::document::{Answer, Ask, Document, PUBLIC, VARY_ACCEPT, etag_of};
use crate::request::accept::MediaRange;
use kube_annex::gvk::GroupVersionKind;
use kube_annex::names::version;
use kube_annex::{ResourceDescriptor, protobuf};
use serde::Serialize;
use std::collections::BTreeMap;

/// A resource that is served in one version.
#[derive(Clone, Debug)]
pub struct Discovered {
    /// What its type says of it.
    pub descriptor: &'static ResourceDescriptor,
    /// What its objects are stored as; `None` when they are not stored.
    pub storage: Option<GroupVersionKind>,
}

/// The discovery documents of a server, computed once.
#[derive(Debug)]
pub struct Discovery {
    legacy: BTreeMap<String, Forms>,
    aggregated: Forms,
}

impl Discovery {
    /// The documents of these resources. Groups keep the order in which they first appear.
    pub fn new(resources: &[Discovered]) -> Self {
        let groups = group(resources);
        let mut legacy = BTreeMap::from([("/apis".to_owned(), Forms::plain(&legacy::group_list(&groups)))]);
        for group in &groups {
            legacy.insert(format!("/apis/{}", group.name), Forms::plain(&legacy::group(group)));
            for version in &group.versions {
                let path = format!("/apis/{}/{}", group.name, version.name);
                legacy.insert(path, Forms::plain(&legacy::resource_list(group.name, version)));
            }
        }
        let list = aggregated::items(&groups);
        let etag = etag_of(&json(&list));
        Self { legacy, aggregated: Forms::new(&aggregated::list("v2", &list), AGGREGATED_V2, &etag) }
    }

    /// Answers a GET of a path at or below `/apis`, with or without a trailing slash.
    ///
    /// * Errors: [`Answer::NotFound`] when it is no group and no version of one; whether the path lies below a served
    ///   group, which upstream answers differently, is told by [`Discovery::serves_group`].
    pub fn answer(&self, path: &str, ask: &Ask) -> Answer {
        let path = path.strip_suffix('/').unwrap_or(path);
        let Some(legacy) = self.legacy.get(path) else { return Answer::NotFound };
        let accept = ask.accept();
        // As upstream, the aggregated document goes before whatever else is accepted.
        let aggregated = accept.select(aggregated_form).filter(|_| path == "/apis");
        let legacy_form = || accept.select(|range| form(range).filter(|_| is_plain(range)));
        let choice = match aggregated {
            Some(format) => Some((Generation::V2, format)),
            None => legacy_form().map(|format| (Generation::Legacy, format)),
        };
        match choice {
            None => Answer::NotAcceptable { offered: MEDIA_TYPES },
            Some((Generation::Legacy, format)) => legacy.form(format, ask).plain(),
            Some((Generation::V2, format)) => cacheable(self.aggregated.form(format, ask), ask),
        }
    }

    /// Every path that is answered.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.legacy.keys().map(String::as_str)
    }

    /// Whether a path, with or without a trailing slash, is one of a document.
    pub fn has(&self, path: &str) -> bool {
        self.legacy.contains_key(path.strip_suffix('/').unwrap_or(path))
    }

    /// Whether a group has resources here.
    pub fn serves_group(&self, group: &str) -> bool {
        self.legacy.contains_key(&format!("/apis/{group}"))
    }
}

/// A group with its versions, preferred first.
struct Group<'a> {
    name: &'a str,
    versions: Vec<Version<'a>>,
}

/// A version with its resources by name.
struct Version<'a> {
    name: &'a str,
    resources: Vec<&'a Discovered>,
}

fn group(resources: &[Discovered]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for resource in resources {
        let descriptor = resource.descriptor;
        let group = find_or_insert(
            &mut groups,
            |group| group.name == descriptor.group,
            || Group { name: descriptor.group, versions: Vec::new() },
        );
        let version = find_or_insert(
            &mut group.versions,
            |version| version.name == descriptor.version,
            || Version { name: descriptor.version, resources: Vec::new() },
        );
        version.resources.push(resource);
    }
    for group in &mut groups {
        group.versions.sort_by(|left, right| version::compare(left.name, right.name));
        for version in &mut group.versions {
            version.resources.sort_by_key(|resource| resource.descriptor.plural);
        }
    }
    groups
}

fn find_or_insert<T>(items: &mut Vec<T>, is_it: impl Fn(&T) -> bool, make: impl Fn() -> T) -> &mut T {
    let index = items.iter().position(is_it).unwrap_or_else(|| {
        items.push(make());
        items.len() - 1
    });
    &mut items[index]
}

#[derive(Clone, Copy)]
enum Generation {
    Legacy,
    V2,
}

#[derive(Clone, Copy)]
enum Format {
    Json,
    Yaml,
    Protobuf,
}

/// The form in which a media range takes the aggregated document.
fn aggregated_form(range: &MediaRange) -> Option<Format> {
    let asked = (range.parameter("as"), range.parameter("g"), range.parameter("v"));
    form(range).filter(|_| asked == ("APIGroupDiscoveryList", "apidiscovery.k8s.io", "v2"))
}

/// Whether a media range asks for no other kind of document.
fn is_plain(range: &MediaRange) -> bool {
    ["as", "g", "v"].iter().all(|parameter| range.parameter(parameter).is_empty())
}

fn form(range: &MediaRange) -> Option<Format> {
    if range.matches("application/json") {
        Some(Format::Json)
    } else if range.matches("application/yaml") {
        Some(Format::Yaml)
    } else if range.matches(protobuf::MEDIA_TYPE) {
        Some(Format::Protobuf)
    } else {
        None
    }
}

fn cacheable(document: &Document, ask: &Ask) -> Answer {
    document.conditional(ask, &[VARY_ACCEPT, PUBLIC])
}

/// One document as JSON for programs, as JSON for people, as YAML and in protobuf.
#[derive(Debug)]
struct Forms {
    json: Document,
    pretty: Document,
    yaml: Document,
    message: Document,
}

impl Forms {
    fn plain(content: &impl Serialize) -> Self {
        Self::new(content, PLAIN, "")
    }

    fn new(content: &impl Serialize, &[json_type, yaml_type, message_type]: &[&'static str; 3], etag: &str) -> Self {
        let mut compact = json(content);
        compact.push(b'\n');
        let pretty = serde_json::to_vec_pretty(content).unwrap_or_default();
        // Through a tree, so that keys are sorted as upstream's YAML has them.
        let tree = serde_json::to_value(content).unwrap_or_default();
        let yaml = serde_saphyr::to_string(&tree).unwrap_or_default();
        // Every kind of discovery has this form.
        let message = protobuf::write(&tree).unwrap_or_default();
        Self {
            json: Document::with_etag(compact, json_type, etag.to_owned()),
            pretty: Document::with_etag(pretty, json_type, etag.to_owned()),
            yaml: Document::with_etag(yaml, yaml_type, etag.to_owned()),
            message: Document::with_etag(message, message_type, etag.to_owned()),
        }
    }

    fn form(&self, format: Format, ask: &Ask) -> &Document {
        match format {
            Format::Yaml => &self.yaml,
            Format::Protobuf => &self.message,
            Format::Json if ask.pretty => &self.pretty,
            Format::Json => &self.json,
        }
    }
}

/// Plain structs with string keys: serialising them cannot fail.
fn json(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(content).unwrap_or_default()
}

/// What discovery can be read as.
pub const MEDIA_TYPES: &[&str] = PLAIN;

const PLAIN: &[&str; 3] = &["application/json", "application/yaml", protobuf::MEDIA_TYPE];
const AGGREGATED_V2: &[&str; 3] = &[
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
];
