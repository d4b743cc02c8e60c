//! The parameters of each verb, as the documents describe them.

use kube_annex::Verb;

/// A parameter of a path or of an operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) location: Location,
    pub(super) r#type: &'static str,
    pub(super) description: String,
}

/// Where a parameter is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Location {
    /// In the path, so always.
    Path,
    /// In the query, if at all.
    Query,
}

impl Location {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
        }
    }
}

/// The name of an object in the path.
pub(super) fn name(kind: &str) -> Parameter {
    let description = format!("name of the {kind}");
    Parameter { name: "name", location: Location::Path, r#type: "string", description }
}

/// The namespace in the path.
pub(super) fn namespace() -> Parameter {
    let description = "namespace of the object".to_owned();
    Parameter { name: "namespace", location: Location::Path, r#type: "string", description }
}

/// What every operation understands.
pub(super) fn pretty() -> Parameter {
    query(&("pretty", "string", "whether JSON is indented; by default it is for browsers, curl and wget"))
}

/// What a verb understands. `watchable` adds to a list what only watches need.
pub(super) fn of(verb: Verb, watchable: bool) -> Vec<Parameter> {
    let names: &[&[Described]] = match verb {
        Verb::Get => &[],
        Verb::List | Verb::Watch if watchable => &[LIST, &[SEND_INITIAL_EVENTS], WATCH],
        Verb::List | Verb::Watch => &[LIST],
        Verb::Create | Verb::Update => &[WRITE],
        Verb::Patch => &[WRITE, PATCH],
        Verb::Delete => &[DELETE],
        Verb::DeleteCollection => &[LIST, &[SEND_INITIAL_EVENTS], DELETE],
    };
    names.iter().copied().flatten().map(query).collect()
}

type Described = (&'static str, &'static str, &'static str);

fn query(&(name, r#type, description): &Described) -> Parameter {
    Parameter { name, location: Location::Query, r#type, description: description.to_owned() }
}

const DRY_RUN: Described = ("dryRun", "string", "`All` runs every stage of the request and keeps nothing");

const LIST: &[Described] = &[
    ("continue", "string", "the token of the page before; every other parameter is as it was for that page"),
    ("fieldSelector", "string", "restricts the objects to those with these fields, such as `metadata.name=x`"),
    ("labelSelector", "string", "restricts the objects to those with these labels, such as `app=x,tier in (a,b)`"),
    ("limit", "integer", "the most objects of one answer; when more remain, its metadata has a `continue` token"),
    ("resourceVersion", "string", "the state to answer from, together with resourceVersionMatch; unset is the newest"),
    ("resourceVersionMatch", "string", "how resourceVersion is meant: `Exact` or `NotOlderThan`"),
    ("timeoutSeconds", "integer", "seconds after which a list or a watch ends, whatever it has answered by then"),
];

/// Deletions of collections have it as well, and refuse it.
const SEND_INITIAL_EVENTS: Described =
    ("sendInitialEvents", "boolean", "whether a watch begins with the state as ADDED events and a bookmark after them");

const WATCH: &[Described] = &[
    ("allowWatchBookmarks", "boolean", "whether a watch may carry BOOKMARK events, which tell how far it has come"),
    ("watch", "boolean", "whether changes are asked for, as a stream of events, instead of a list"),
];

const WRITE: &[Described] = &[
    DRY_RUN,
    ("fieldManager", "string", "who the changed fields belong to: at most 128 printable characters"),
    (
        "fieldValidation",
        "string",
        "what happens to unknown and duplicate fields: `Ignore` drops them, `Warn` drops them and says so, `Strict` refuses the request; `Warn` by default",
    ),
];

const PATCH: &[Described] =
    &[("force", "boolean", "whether an apply takes fields that belong to others; of no use to other patches")];

const DELETE: &[Described] = &[
    DRY_RUN,
    ("gracePeriodSeconds", "integer", "seconds the object has left; not negative, and 0 means at once"),
    (
        "ignoreStoreReadErrorWithClusterBreakingPotential",
        "boolean",
        "whether an object that cannot be read any more is removed without regard to finalizers and preconditions",
    ),
    ("orphanDependents", "boolean", "deprecated for propagationPolicy: whether dependents stay"),
    ("propagationPolicy", "string", "what happens to dependents: `Orphan`, `Background` or `Foreground`"),
];
