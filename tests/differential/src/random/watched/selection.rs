//! What a watch selects, where it begins and in which form it tells, and the object that it is sure to tell of at its end.

use serde_json::{Value, json};

use super::{Kind, Maker};

/// A watch.
pub(super) struct Watched {
    /// Path and query.
    pub(super) target: String,
    /// The form of its events; empty for whichever.
    pub(super) accept: &'static str,
    /// What it ends with; nothing where it selects nothing or does not begin.
    pub(super) end: Option<Marker>,
}

/// An object that a selection has.
pub(super) struct Marker {
    /// Its name, where the selection has no other.
    pub(super) name: Option<&'static str>,
    pub(super) namespace: &'static str,
    pub(super) labels: Value,
    pub(super) spec: Value,
}

impl Maker {
    /// A watch of some of the objects, from somewhere on.
    pub(super) fn selection(&mut self) -> Watched {
        let kind = self.kind;
        let version = match kind {
            Kind::Flunder { .. } => {
                self.one(&["/apis/wardle.example.com/v1alpha1", "/apis/wardle.example.com/v1beta1"])
            }
            Kind::Gadget => "/apis/rich.example.com/v1",
        };
        let plural = kind.plural();
        let is_older = self.rng.u8(..8) == 0;
        let base = if is_older { format!("{version}/watch") } else { version.to_owned() };
        // The namespace that is asked for, and the name.
        let mut marker = Marker { name: None, namespace: "one", labels: json!({}), spec: json!({}) };
        let mut bound = true;
        let path = match self.rng.u8(..10) {
            0..=2 => {
                bound = false;
                format!("{base}/{plural}")
            }
            3 => {
                marker.namespace = "two";
                format!("{base}/namespaces/two/{plural}")
            }
            4 if is_older => {
                marker.name = Some("a");
                format!("{base}/namespaces/one/{plural}/a")
            }
            _ => format!("{base}/namespaces/one/{plural}"),
        };
        let mut end = Some(marker);
        let mut parts = if is_older { Vec::new() } else { vec![self.one(&["watch=true", "watch=1"]).to_owned()] };
        let (begin, begins) = self.beginning();
        parts.extend((!begin.is_empty()).then_some(begin));
        if !begins {
            end = None;
        }
        if !is_older && self.rng.bool() {
            parts.push("allowWatchBookmarks=true".to_owned());
        }
        if self.rng.u8(..5) < 2 {
            let (text, labels) = *self.rng.choice(LABEL_SELECTORS).unwrap_or(&LABEL_SELECTORS[0]);
            parts.push(format!("labelSelector={}", crate::run::encoded(text)));
            match serde_json::from_str(labels) {
                Ok(labels) => drop(end.as_mut().map(|end| end.labels = labels)),
                Err(_) => end = None,
            }
        }
        if self.rng.u8(..4) == 0 {
            let (text, of) = self.field_selector();
            parts.push(format!("fieldSelector={}", crate::run::encoded(text)));
            end = end.and_then(|end| within(end, of, bound));
        }
        let mut accept = if self.rng.bool() { "" } else { self.one_form() };
        if accept.contains("Table") && self.rng.bool() {
            // Without the object only its name tells which it is.
            let is_named = end.as_ref().is_some_and(|end| end.name.is_some());
            let include = if is_named { "Object" } else { self.one(&["None", "Object", "Metadata"]) };
            parts.push(format!("includeObject={include}"));
        }
        if self.rng.u8(..12) == 0 {
            parts.push(self.one(&["timeoutSeconds=60", "pretty=true", "limit=1", "timeout=30s"]).to_owned());
        }
        if kind == Kind::Gadget && accept == PROTOBUF {
            // The order of managers is brought into one form in JSON alone.
            accept = "";
        }
        let query = if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) };
        Watched { target: format!("{path}{query}"), accept, end }
    }

    /// Where a watch begins, and whether it does.
    fn beginning(&mut self) -> (String, bool) {
        let version = if self.kept == 0 {
            String::new()
        } else {
            // The first is that of an object that was made for certain, the last may be the newest.
            let latest = self.kept - 1;
            let index = match self.rng.u8(..4) {
                0 => 0,
                1 => latest,
                _ => self.rng.usize(..=latest),
            };
            format!("resourceVersion={{rv{index}}}")
        };
        if self.rng.u8(..24) == 0 {
            return (self.one(NO_BEGINNINGS).to_owned(), false);
        }
        let beginning = match self.rng.u8(..16) {
            0 | 1 => String::new(),
            // How far a cache is that was told of no change is chance.
            2 | 3 if self.has_written => "resourceVersion=0".to_owned(),
            4 | 5 => INITIAL.to_owned(),
            6 if self.has_written => format!("{INITIAL}&resourceVersion=0"),
            7 => NOT_INITIAL.to_owned(),
            8 => format!("{NOT_INITIAL}&resourceVersion=0"),
            9 if !version.is_empty() => format!("{INITIAL}&{version}"),
            10 if !version.is_empty() => format!("{NOT_INITIAL}&{version}"),
            _ => version,
        };
        (beginning, true)
    }

    fn field_selector(&mut self) -> (&'static str, Of) {
        let gadgets: &[(&str, Of)] = if self.kind == Kind::Gadget { GADGET_FIELDS } else { &[] };
        let all: Vec<(&str, Of)> = FIELDS.iter().chain(gadgets).copied().collect();
        self.rng.choice(all).unwrap_or(FIELDS[0])
    }

    fn one_form(&mut self) -> &'static str {
        self.one(&[
            "application/json",
            "application/json;stream=watch",
            "application/json;as=Table;g=meta.k8s.io;v=v1",
            "application/json;as=Table;g=meta.k8s.io;v=v1",
            "application/json;as=Table;g=meta.k8s.io;v=v1beta1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
            "application/json;as=Table;g=meta.k8s.io;v=v9,application/json",
            PROTOBUF,
        ])
    }
}

/// What a field selector has.
#[derive(Clone, Copy)]
enum Of {
    /// Objects of any name.
    Any,
    /// The one of that name.
    Name(&'static str),
    /// The one of that name in that namespace.
    NameIn(&'static str, &'static str),
    /// Objects in that namespace.
    Namespace(&'static str),
    /// Objects with such fields.
    Spec(&'static str),
    /// Nothing.
    Nothing,
}

/// The same end within one more selection; `bound` is whether the path tells its namespace already.
fn within(end: Marker, of: Of, bound: bool) -> Option<Marker> {
    match of {
        Of::Any => Some(end),
        Of::Name(name) => Some(Marker { name: Some(name), ..end }),
        Of::NameIn(name, namespace) if namespace == end.namespace => Some(Marker { name: Some(name), ..end }),
        Of::Namespace(namespace) if namespace == end.namespace => Some(end),
        Of::Namespace(namespace) if !bound => Some(Marker { namespace, ..end }),
        Of::NameIn(..) | Of::Namespace(_) | Of::Nothing => None,
        Of::Spec(spec) => Some(Marker { spec: serde_json::from_str(spec).ok()?, ..end }),
    }
}

/// Selectors, and the labels of what they have; no labels for what is no selector.
const LABEL_SELECTORS: &[(&str, &str)] = &[
    ("l", r#"{"l":"x"}"#),
    ("!l", "{}"),
    ("l=x", r#"{"l":"x"}"#),
    ("l=x", r#"{"l":"x"}"#),
    ("l!=x", r#"{"l":"y"}"#),
    ("l=", r#"{"l":""}"#),
    ("l in (x,y)", r#"{"l":"y"}"#),
    ("l notin (x)", "{}"),
    ("l in (x),!n", r#"{"l":"x"}"#),
    ("l=x,n=1", r#"{"l":"x","n":"1"}"#),
    ("n>1", r#"{"n":"3"}"#),
    ("n<3", r#"{"n":"0"}"#),
    ("end", "{}"),
    ("l in x", "none"),
];

const FIELDS: &[(&str, Of)] = &[
    ("metadata.name=a", Of::Name("a")),
    ("metadata.name=a", Of::Name("a")),
    ("metadata.name!=a", Of::Any),
    ("metadata.namespace=one", Of::Namespace("one")),
    ("metadata.namespace=two", Of::Namespace("two")),
    ("metadata.namespace!=one", Of::Namespace("two")),
    ("metadata.name=a,metadata.namespace=one", Of::NameIn("a", "one")),
    ("metadata.name=a,metadata.name=b", Of::Nothing),
    ("spec.none=x", Of::Nothing),
];

const GADGET_FIELDS: &[(&str, Of)] = &[
    ("spec.color=red", Of::Any),
    ("spec.color=red", Of::Any),
    ("spec.color!=red", Of::Spec(r#"{"color":"green"}"#)),
    ("spec.color=blue,spec.replicas=2", Of::Spec(r#"{"color":"blue","replicas":2}"#)),
    ("spec.replicas!=1", Of::Spec(r#"{"replicas":0}"#)),
];

/// Where no watch begins.
const NO_BEGINNINGS: &[&str] = &[
    "sendInitialEvents=true",
    "sendInitialEvents=false",
    "resourceVersionMatch=NotOlderThan",
    "resourceVersionMatch=Exact&resourceVersion=0",
    "sendInitialEvents=true&resourceVersionMatch=Exact",
    "sendInitialEvents=x&resourceVersionMatch=NotOlderThan",
    "resourceVersion=x",
    "resourceVersion=-1",
];
const INITIAL: &str = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
const NOT_INITIAL: &str = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
