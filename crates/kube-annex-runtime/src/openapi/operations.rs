//! What can be done with each path, before it is written in a dialect.

use super::Served;
use super::definitions::{API_GROUP, API_GROUP_LIST, API_RESOURCE_LIST, VERSION_INFO};
use super::parameters::Parameter;
use super::resources;
use kube_annex::gvk::GroupVersionKind;

/// A path with what holds for all of its operations.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) template: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) operations: Vec<Operation>,
}

/// What a method does to a path.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    /// The media types that version 2 tells of what is sent; version 3 tells those of a body, if there is one.
    pub(super) consumes: &'static [&'static str],
    pub(super) produces: &'static [&'static str],
    /// Code, text and definition of each success.
    pub(super) responses: Vec<(u16, &'static str, String)>,
    /// The action and the kind it acts on; documents that are not objects have neither.
    pub(super) action: Option<(&'static str, GroupVersionKind)>,
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) definition: String,
    pub(super) required: bool,
}

/// The group versions of the resources, each once, in order.
pub(super) fn group_versions(served: &[Served]) -> Vec<(&'static str, &'static str)> {
    let mut all: Vec<_> = served.iter().map(|served| (served.descriptor.group, served.descriptor.version)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The paths of a group version: its discovery document and its resources.
pub(super) fn of_group_version(group: &str, version: &str, served: &[Served]) -> Vec<Path> {
    let names = Names::new(group, Some(version));
    let id = names.id("get", "APIResources");
    let discovery = document(format!("/apis/{group}/{version}/"), id, names.tag, "get available resources");
    let mut paths = vec![discovery.answering(API_RESOURCE_LIST)];
    for served in served.iter().filter(|s| s.descriptor.group == group && s.descriptor.version == version) {
        paths.extend(resources::paths(served));
    }
    paths
}

/// The paths that belong to no group version: discovery of the server and of its groups, and the server's version.
pub(super) fn of_server(served: &[Served]) -> Vec<Path> {
    let mut paths = vec![
        document("/apis/".to_owned(), "getAPIVersions".to_owned(), "apis".to_owned(), "get available API versions")
            .answering(API_GROUP_LIST),
    ];
    let mut groups: Vec<_> = served.iter().map(|served| served.descriptor.group).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let names = Names::new(group, None);
        let id = names.id("get", "APIGroup");
        let path = document(format!("/apis/{group}/"), id, names.tag, "get information of a group");
        paths.push(path.answering(API_GROUP));
    }
    let (id, tag) = ("getCodeVersion".to_owned(), "version".to_owned());
    let mut version = document("/version/".to_owned(), id, tag, "get the version information for this server");
    for operation in &mut version.operations {
        (operation.consumes, operation.produces) = (JSON, JSON);
    }
    paths.push(version.answering(VERSION_INFO));
    paths
}

/// A path that can only be read, and is not an object.
fn document(path: String, id: String, tag: String, description: &str) -> Path {
    let operation = Operation {
        method: "get",
        id,
        tag,
        description: description.to_owned(),
        parameters: Vec::new(),
        body: None,
        consumes: OBJECTS,
        produces: OBJECTS,
        responses: Vec::new(),
        action: None,
    };
    Path::new(path, vec![operation])
}

impl Path {
    /// A path with these operations. As upstream has it, parameters that all of them have are told of the path.
    pub(super) fn new(template: String, mut operations: Vec<Operation>) -> Self {
        let mut parameters = operations.first().map(|first| first.parameters.clone()).unwrap_or_default();
        parameters.retain(|parameter| operations.iter().all(|operation| operation.parameters.contains(parameter)));
        for operation in &mut operations {
            operation.parameters.retain(|parameter| !parameters.contains(parameter));
        }
        Self { template, parameters, operations }
    }

    fn answering(mut self, definition: &str) -> Self {
        for operation in &mut self.operations {
            operation.responses.push((200, "OK", definition.to_owned()));
        }
        self
    }
}

/// The parts of operation ids and tags that name the group and its version.
pub(super) struct Names {
    group_version: String,
    pub(super) tag: String,
}

impl Names {
    pub(super) fn new(group: &str, version: Option<&str>) -> Self {
        let group = group.strip_suffix(".k8s.io").unwrap_or(group);
        let mut names = Self { group_version: camel(group, true), tag: camel(group, false) };
        if let Some(version) = version {
            names.group_version.push_str(&camel(version, true));
            names.tag.push('_');
            names.tag.push_str(&camel(version, false));
        }
        names
    }

    pub(super) fn id(&self, verb: &str, what: &str) -> String {
        format!("{verb}{}{what}", self.group_version)
    }
}

/// The letters and digits of a name; what follows any other character begins with a capital.
fn camel(name: &str, mut capital: bool) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, c) in name.char_indices() {
        if c.is_ascii_alphabetic() || c == '_' || (index != 0 && c.is_ascii_digit()) {
            out.push(if capital { c.to_ascii_uppercase() } else { c });
            capital = false;
        } else {
            capital = true;
        }
    }
    out
}

const JSON: &[&str] = &["application/json"];
pub(super) const OBJECTS: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
