//! What can be done with the paths of a resource.

use super::definitions::{self, DELETE_OPTIONS, PATCH, STATUS, WATCH_EVENT};
use super::operations::{Body, Names, OBJECTS, Operation, Path};
use super::parameters::{self, Parameter};
use super::{PATCH_MEDIA_TYPES, PATCH_MEDIA_TYPES_WITHOUT_STRATEGIC, Served};
use kube_annex::gvk::GroupVersionKind;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::{ResourceDescriptor, Scope, Verb};

/// The paths of a resource, its subresources and the older paths of its watches.
pub(super) fn paths(served: &Served) -> Vec<Path> {
    let resource = Resource::new(served);
    let mut paths = resource.paths();
    paths.extend(resource.watched_paths());
    paths
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
    place: Place,
    /// What the id says after the group version.
    what: String,
    description: String,
    kind: GroupVersionKind,
    /// The definition of what is sent and answered.
    definition: &'a str,
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// The objects of a namespace, or all of a cluster-wide resource.
    Collection,
    /// The objects of all namespaces.
    AllNamespaces,
    /// One object, or a part of it.
    Object,
}

impl<'a> Resource<'a> {
    fn new(served: &'a Served) -> Self {
        let descriptor = served.descriptor;
        let scope = if descriptor.scope == Scope::Namespaced { "Namespaced" } else { "" };
        Self { served, descriptor, names: Names::new(descriptor.group, Some(descriptor.version)), scope }
    }

    fn paths(&self) -> Vec<Path> {
        let collection = self.collection("");
        let object = format!("{collection}/{{name}}");
        let mut paths = vec![Path::new(collection, self.on_collection()), Path::new(object.clone(), self.on_object())];
        for subresource in self.descriptor.subresources {
            paths.push(Path::new(format!("{object}/{}", subresource.name), self.on_subresource(subresource)));
        }
        if self.is_namespaced() {
            paths.push(Path::new(self.all_namespaces(""), self.on_all_namespaces()));
        }
        paths.retain(|path| !path.operations.is_empty());
        paths
    }

    /// The paths that do nothing but watch: of a collection where it can be listed too, and of one object.
    fn watched_paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        if !self.descriptor.serves(Verb::Watch) {
            return paths;
        }
        let (scope, kind) = (self.scope, self.descriptor.kind);
        let path = |template, operation| Path::new(template, vec![operation]);
        if self.descriptor.serves(Verb::List) {
            let operation = self.watch(Place::Collection, &format!("{scope}{kind}List"));
            paths.push(path(self.collection("watch/"), operation));
            if self.is_namespaced() {
                let operation = self.watch(Place::AllNamespaces, &format!("{kind}ListForAllNamespaces"));
                paths.push(path(self.all_namespaces("watch/"), operation));
            }
        }
        let operation = self.watch(Place::Object, &format!("{scope}{kind}"));
        paths.push(path(format!("{}/{{name}}", self.collection("watch/")), operation));
        paths
    }

    fn is_namespaced(&self) -> bool {
        self.descriptor.scope == Scope::Namespaced
    }

    /// The path of the collection that objects are created in. `below` is what precedes it in its group version.
    fn collection(&self, below: &str) -> String {
        let namespace = if self.is_namespaced() { "namespaces/{namespace}/" } else { "" };
        self.all_namespaces(&format!("{below}{namespace}"))
    }

    fn all_namespaces(&self, below: &str) -> String {
        let ResourceDescriptor { group, version, plural, .. } = self.descriptor;
        format!("/apis/{group}/{version}/{below}{plural}")
    }

    fn on_collection(&self) -> Vec<Operation> {
        let what = format!("{}{}", self.scope, self.descriptor.kind);
        [Verb::List, Verb::Create, Verb::DeleteCollection]
            .into_iter()
            .filter(|verb| self.descriptor.serves(*verb))
            .map(|verb| self.operation(self.main(verb, Place::Collection, &what)))
            .collect()
    }

    fn on_all_namespaces(&self) -> Vec<Operation> {
        let what = format!("{}ForAllNamespaces", self.descriptor.kind);
        let lists = self.descriptor.serves(Verb::List);
        lists.then(|| self.operation(self.main(Verb::List, Place::AllNamespaces, &what))).into_iter().collect()
    }

    fn on_object(&self) -> Vec<Operation> {
        let what = format!("{}{}", self.scope, self.descriptor.kind);
        [Verb::Get, Verb::Update, Verb::Delete, Verb::Patch]
            .into_iter()
            .filter(|verb| self.descriptor.serves(*verb))
            .map(|verb| self.operation(self.main(verb, Place::Object, &what)))
            .collect()
    }

    fn on_subresource(&self, subresource: &'static SubresourceDescriptor) -> Vec<Operation> {
        let what = format!("{}{}{}", self.scope, self.descriptor.kind, title(subresource.name));
        let definition = definitions::of_subresource(self.served, subresource);
        let operation = |verb: &Verb| {
            let of = format!("{} of the specified {}", subresource.name, self.descriptor.kind);
            self.operation(Verbed {
                verb: *verb,
                place: Place::Object,
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

    fn main(&self, verb: Verb, place: Place, what: &str) -> Verbed<'a> {
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
        Verbed { verb, place, what: what.to_owned(), description, kind: self.descriptor.gvk(), definition }
    }

    fn operation(&self, verbed: Verbed<'_>) -> Operation {
        let Verbed { verb, place, what, description, kind, definition } = verbed;
        let same = || definition.to_owned();
        let status = || STATUS.to_owned();
        let ok = |definition: String| (200, "OK", definition);
        let created = || (201, "Created", same());
        let body = |definition: String, required| Some(Body { definition, required });
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
            Verb::Patch => (body(PATCH.to_owned(), true), vec![ok(same()), created()]),
            Verb::Delete => (body(DELETE_OPTIONS.to_owned(), false), vec![ok(status()), (202, "Accepted", status())]),
            Verb::DeleteCollection => (body(DELETE_OPTIONS.to_owned(), false), vec![ok(status())]),
        };
        let consumes = match verb {
            Verb::Patch if self.served.strategic_merge => PATCH_MEDIA_TYPES,
            Verb::Patch => PATCH_MEDIA_TYPES_WITHOUT_STRATEGIC,
            _ => ANY,
        };
        let watchable = verb == Verb::List && self.descriptor.serves(Verb::Watch);
        Operation {
            method,
            id: self.names.id(id, &what),
            tag: self.names.tag.clone(),
            description,
            parameters: self.parameters(verb, watchable, place),
            body,
            consumes,
            produces: if watchable { STREAMS } else { OBJECTS },
            responses,
            action: Some((action, kind)),
        }
    }

    fn watch(&self, place: Place, what: &str) -> Operation {
        let kind = self.descriptor.kind;
        let (action, description) = match place {
            Place::Object => (
                "watch",
                format!(
                    "watch changes to an object of kind {kind}. {INSTEAD}, filtered to a single item with the 'fieldSelector' parameter."
                ),
            ),
            _ => ("watchlist", format!("watch individual changes to a list of {kind}. {INSTEAD}.")),
        };
        Operation {
            method: "get",
            id: self.names.id("watch", what),
            tag: self.names.tag.clone(),
            description,
            parameters: self.parameters(Verb::List, true, place),
            body: None,
            consumes: ANY,
            produces: STREAMS,
            responses: vec![(200, "OK", WATCH_EVENT.to_owned())],
            action: Some((action, self.descriptor.gvk())),
        }
    }

    /// What a verb understands, and what the path holds, in the order of their names.
    fn parameters(&self, verb: Verb, watchable: bool, place: Place) -> Vec<Parameter> {
        let mut all = parameters::of(verb, watchable);
        all.push(parameters::pretty());
        if place == Place::Object {
            all.push(parameters::name(self.descriptor.kind));
        }
        if place != Place::AllNamespaces && self.is_namespaced() {
            all.push(parameters::namespace());
        }
        all.sort_by_key(|parameter| parameter.name);
        all
    }
}

fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

const INSTEAD: &str = "deprecated: use the 'watch' parameter with a list operation instead";
const ANY: &[&str] = &["*/*"];
const STREAMS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
