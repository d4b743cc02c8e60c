//! What can be done with each path, before it is written in a dialect.

use super::definitions::{API_GROUP, API_GROUP_LIST, API_RESOURCE_LIST, DELETE_OPTIONS, PATCH, STATUS, VERSION_INFO};
use super::parameters::{self, Parameter};
use super::{PATCH_MEDIA_TYPES, PATCH_MEDIA_TYPES_WITHOUT_STRATEGIC, Served};
use kube_annex::gvk::GroupVersionKind;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::{ResourceDescriptor, Scope, Verb};

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
    pub(super) produces: &'static [&'static str],
    /// Code, text and definition of each success.
    pub(super) responses: Vec<(u16, &'static str, String)>,
    /// The action and the kind it acts on; documents that are not objects have neither.
    pub(super) action: Option<(&'static str, GroupVersionKind)>,
}

impl Operation {
    /// Whether it can answer with a stream of events.
    pub(super) fn watches(&self) -> bool {
        self.produces == STREAMS
    }
}

/// What is sent.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) definition: String,
    pub(super) required: bool,
    pub(super) media_types: &'static [&'static str],
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
        paths.extend(Resource::new(served).paths());
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
    version.operations.iter_mut().for_each(|operation| operation.produces = JSON);
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
        produces: OBJECTS,
        responses: Vec::new(),
        action: None,
    };
    Path { template: path, parameters: Vec::new(), operations: vec![operation] }
}

impl Path {
    fn answering(mut self, definition: &str) -> Self {
        for operation in &mut self.operations {
            operation.responses.push((200, "OK", definition.to_owned()));
        }
        self
    }
}

/// The parts of operation ids and tags that name the group and its version.
struct Names {
    group_version: String,
    tag: String,
}

impl Names {
    fn new(group: &str, version: Option<&str>) -> Self {
        let group = group.strip_suffix(".k8s.io").unwrap_or(group);
        let mut names = Self { group_version: camel(group, true), tag: camel(group, false) };
        if let Some(version) = version {
            names.group_version.push_str(&camel(version, true));
            names.tag.push('_');
            names.tag.push_str(&camel(version, false));
        }
        names
    }

    fn id(&self, verb: &str, what: &str) -> String {
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

/// A resource with the words its operations are made of.
struct Resource<'a> {
    served: &'a Served,
    descriptor: &'static ResourceDescriptor,
    names: Names,
    /// `Namespaced` or nothing, as ids have it before the kind.
    scope: &'static str,
}

/// An operation on a resource or on a subresource of it.
struct Verbed<'a> {
    verb: Verb,
    /// What the id says after the group version.
    what: String,
    description: String,
    kind: GroupVersionKind,
    /// The definition of what is sent and answered.
    definition: &'a str,
}

impl<'a> Resource<'a> {
    fn new(served: &'a Served) -> Self {
        let descriptor = served.descriptor;
        let scope = if descriptor.scope == Scope::Namespaced { "Namespaced" } else { "" };
        Self { served, descriptor, names: Names::new(descriptor.group, Some(descriptor.version)), scope }
    }

    fn paths(&self) -> Vec<Path> {
        let prefix = format!("/apis/{}/{}", self.descriptor.group, self.descriptor.version);
        let plural = self.descriptor.plural;
        let namespaced = self.descriptor.scope == Scope::Namespaced;
        let collection = if namespaced {
            format!("{prefix}/namespaces/{{namespace}}/{plural}")
        } else {
            format!("{prefix}/{plural}")
        };
        let object = format!("{collection}/{{name}}");
        let namespace: Vec<_> = namespaced.then(parameters::namespace).into_iter().collect();
        let collection_parameters = [&namespace[..], &[parameters::pretty()]].concat();
        let object_parameters =
            [&[parameters::name(self.descriptor.kind)], &namespace[..], &[parameters::pretty()]].concat();
        let mut paths = vec![
            Path { template: collection, parameters: collection_parameters, operations: self.on_collection() },
            Path { template: object.clone(), parameters: object_parameters.clone(), operations: self.on_object() },
        ];
        for subresource in self.descriptor.subresources {
            paths.push(Path {
                template: format!("{object}/{}", subresource.name),
                parameters: object_parameters.clone(),
                operations: self.on_subresource(subresource),
            });
        }
        if namespaced {
            let operations = self.on_all_namespaces();
            paths.push(Path {
                template: format!("{prefix}/{plural}"),
                parameters: vec![parameters::pretty()],
                operations,
            });
        }
        paths.retain(|path| !path.operations.is_empty());
        paths
    }

    fn on_collection(&self) -> Vec<Operation> {
        let what = format!("{}{}", self.scope, self.descriptor.kind);
        [Verb::List, Verb::Create, Verb::DeleteCollection]
            .into_iter()
            .filter(|verb| self.descriptor.serves(*verb))
            .map(|verb| self.operation(self.main(verb, &what)))
            .collect()
    }

    fn on_all_namespaces(&self) -> Vec<Operation> {
        let what = format!("{}ForAllNamespaces", self.descriptor.kind);
        let lists = self.descriptor.serves(Verb::List);
        lists.then(|| self.operation(self.main(Verb::List, &what))).into_iter().collect()
    }

    fn on_object(&self) -> Vec<Operation> {
        let what = format!("{}{}", self.scope, self.descriptor.kind);
        [Verb::Get, Verb::Update, Verb::Delete, Verb::Patch]
            .into_iter()
            .filter(|verb| self.descriptor.serves(*verb))
            .map(|verb| self.operation(self.main(verb, &what)))
            .collect()
    }

    fn on_subresource(&self, subresource: &'static SubresourceDescriptor) -> Vec<Operation> {
        let what = format!("{}{}{}", self.scope, self.descriptor.kind, title(subresource.name));
        let definition = super::definitions::of_subresource(self.served, subresource);
        let operation = |verb: &Verb| {
            let of = format!("{} of the specified {}", subresource.name, self.descriptor.kind);
            self.operation(Verbed {
                verb: *verb,
                what: what.clone(),
                description: match verb {
                    Verb::Get => format!("read {of}"),
                    Verb::Update => format!("replace {of}"),
                    Verb::Patch => format!("partially update {of}"),
                    Verb::Delete => format!("delete {of}"),
                    _ => format!("create {of}"),
                },
                kind: GroupVersionKind::new(subresource.group, subresource.version, subresource.kind),
                definition,
            })
        };
        let on_object = |verb: &&Verb| !matches!(verb, Verb::List | Verb::Watch | Verb::DeleteCollection);
        subresource.verbs.iter().filter(on_object).map(operation).collect()
    }

    fn main(&self, verb: Verb, what: &str) -> Verbed<'a> {
        let kind = self.descriptor.kind;
        let description = match verb {
            Verb::List | Verb::Watch if self.descriptor.serves(Verb::Watch) => {
                format!("list or watch objects of kind {kind}")
            }
            Verb::List | Verb::Watch => format!("list objects of kind {kind}"),
            Verb::Create => format!("create a {kind}"),
            Verb::DeleteCollection => format!("delete collection of {kind}"),
            Verb::Get => format!("read the specified {kind}"),
            Verb::Update => format!("replace the specified {kind}"),
            Verb::Delete => format!("delete a {kind}"),
            Verb::Patch => format!("partially update the specified {kind}"),
        };
        let definition = &self.served.schema.root;
        Verbed { verb, what: what.to_owned(), description, kind: self.descriptor.gvk(), definition }
    }

    fn operation(&self, verbed: Verbed<'_>) -> Operation {
        let Verbed { verb, what, description, kind, definition } = verbed;
        let same = || definition.to_owned();
        let status = || STATUS.to_owned();
        let ok = |definition: String| (200, "OK", definition);
        let created = || (201, "Created", same());
        let body = |definition: String, required| Some(Body { definition, required, media_types: ANY });
        let (method, id, action) = match verb {
            Verb::Get => ("get", "read", "get"),
            Verb::List | Verb::Watch => ("get", "list", "list"),
            Verb::Create => ("post", "create", "post"),
            Verb::Update => ("put", "replace", "put"),
            Verb::Patch => ("patch", "patch", "patch"),
            Verb::Delete => ("delete", "delete", "delete"),
            Verb::DeleteCollection => ("delete", "delete", "deletecollection"),
        };
        let what = if verb == Verb::DeleteCollection { format!("Collection{what}") } else { what };
        let (body, responses) = match verb {
            Verb::Get => (None, vec![ok(same())]),
            Verb::List | Verb::Watch => (None, vec![ok(self.served.schema.list.clone())]),
            Verb::Create => (body(same(), true), vec![ok(same()), created(), (202, "Accepted", same())]),
            Verb::Update => (body(same(), true), vec![ok(same()), created()]),
            Verb::Patch => {
                let media_types =
                    if self.served.strategic_merge { PATCH_MEDIA_TYPES } else { PATCH_MEDIA_TYPES_WITHOUT_STRATEGIC };
                let patch = Body { definition: PATCH.to_owned(), required: true, media_types };
                (Some(patch), vec![ok(same()), created()])
            }
            Verb::Delete => (body(DELETE_OPTIONS.to_owned(), false), vec![ok(status()), (202, "Accepted", status())]),
            Verb::DeleteCollection => (body(DELETE_OPTIONS.to_owned(), false), vec![ok(status())]),
        };
        let watchable = verb == Verb::List && self.descriptor.serves(Verb::Watch);
        Operation {
            method,
            id: self.names.id(id, &what),
            tag: self.names.tag.clone(),
            description,
            parameters: parameters::of(verb, watchable),
            body,
            produces: if watchable { STREAMS } else { OBJECTS },
            responses,
            action: Some((action, kind)),
        }
    }
}

fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

const ANY: &[&str] = &["*/*"];
const JSON: &[&str] = &["application/json"];
const OBJECTS: &[&str] = &["application/json", "application/yaml"];
const STREAMS: &[&str] = &["application/json", "application/yaml", "application/json;stream=watch"];
