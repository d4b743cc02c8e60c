//! Histories that are watched, from before them, from their middle, from after them and from any of their versions.
//!
//! Each watch ends with an object of its own that its selection has, and that nothing follows: both servers' events are compared
//! up to there. Nobody but one manager of each operation writes, for the order of managers depends on the second in which they
//! wrote.

mod selection;

use fastrand::Rng;
use serde_json::{Map, Value, json};

use self::selection::Marker;
use crate::script::{Action, Request, Step};

/// The steps of a case of flunders, written in one version and watched in any.
pub(super) fn flunders(mut rng: Rng) -> Vec<Step> {
    let version = if rng.bool() { "v1beta1" } else { "v1alpha1" };
    Maker::new(rng, Kind::Flunder { version }).case()
}

/// The steps of a case of gadgets.
pub(super) fn gadgets(rng: Rng) -> Vec<Step> {
    Maker::new(rng, Kind::Gadget).case()
}

/// What is watched.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Flunder { version: &'static str },
    Gadget,
}

struct Maker {
    rng: Rng,
    kind: Kind,
    steps: Vec<Step>,
    /// How many versions are kept, as `rv0` and so on.
    kept: usize,
    /// Whether something was made already.
    has_written: bool,
    /// What ends each watch that was begun; nothing where nothing can.
    ends: Vec<Option<Marker>>,
}

impl Maker {
    fn new(rng: Rng, kind: Kind) -> Self {
        Self { rng, kind, steps: Vec::new(), kept: 0, has_written: false, ends: Vec::new() }
    }

    fn case(mut self) -> Vec<Step> {
        if self.rng.u8(..3) == 0 {
            self.watch();
        }
        for name in ["b", "a", "c"] {
            if name == "a" || self.rng.bool() {
                let object = self.object(name);
                self.remember(asked("POST", &self.kind.collection("one"), JSON, &object));
                self.has_written = true;
            }
        }
        for _ in 0..self.rng.usize(4..14) {
            if self.ends.len() < MOST_WATCHES && self.rng.u8(..5) == 0 {
                self.watch();
            }
            if self.rng.u8(..4) == 0 {
                self.list();
            }
            self.change();
        }
        if self.ends.is_empty() || self.rng.u8(..3) == 0 {
            self.watch();
        }
        self.finish();
        self.steps
    }

    fn watch(&mut self) {
        // A list of the newest state waits for the cache: where a watch begins that takes the cache as it is, is then known.
        // Upstream's sample has a cache for each version, and a watch may ask in the one that is not written in.
        self.list();
        if let Kind::Flunder { version } = self.kind {
            let other = if version == "v1beta1" { "v1alpha1" } else { "v1beta1" };
            self.ask("GET", &format!("/apis/wardle.example.com/{other}/flunders"), "", &Value::Null);
        }
        let watched = self.selection();
        let mut request = Request { method: "GET".to_owned(), target: watched.target, ..Request::default() };
        if !watched.accept.is_empty() {
            request.headers.push(("accept".to_owned(), watched.accept.to_owned()));
        }
        self.push(Action::Watch(format!("w{}", self.ends.len()), request));
        self.ends.push(watched.end);
    }

    /// Lists everything, and keeps the version for watches to begin at.
    fn list(&mut self) {
        let everything = format!("{}/{}", self.kind.base(), self.kind.plural());
        self.remember(asked("GET", &everything, "", &Value::Null));
    }

    /// Writes what each watch ends with, and takes the events.
    fn finish(&mut self) {
        let ends = std::mem::take(&mut self.ends);
        for (index, end) in ends.iter().enumerate() {
            let Some(end) = end else { continue };
            let collection = self.kind.collection(end.namespace);
            let label = format!("end-w{index}");
            let name = end.name.unwrap_or(&label);
            if end.name.is_some() {
                let target = format!("{collection}/{name}");
                self.ask("PATCH", &target, MERGE, &json!({ "metadata": { "finalizers": null } }));
                self.ask("DELETE", &target, "", &Value::Null);
            }
            let mut object = self.head(name);
            object["metadata"]["labels"] = end.labels.clone();
            object["metadata"]["labels"]["end"] = json!(label);
            object["spec"] = self.kind.spec_with(&end.spec);
            self.ask("POST", &collection, JSON, &object);
        }
        for (index, _) in ends.iter().enumerate().filter(|(_, end)| end.is_some()) {
            self.push(Action::Until(format!("w{index}"), format!("end-w{index}")));
        }
        // One wait tells of all that would still come.
        let last = ends.iter().rposition(Option::is_some);
        for (index, end) in ends.iter().enumerate() {
            if end.is_none() || Some(index) == last {
                self.push(Action::Close(format!("w{index}")));
            }
        }
    }

    fn change(&mut self) {
        let name = self.one(&["a", "a", "a", "a", "b", "b", "c", "d"]);
        let namespace = self.one(&["one", "one", "one", "one", "one", "one", "one", "two"]);
        let target = format!("{}/{name}", self.kind.collection(namespace));
        let dry = if self.rng.u8(..12) == 0 { "?dryRun=All" } else { "" };
        match self.rng.u8(..32) {
            0..=3 => self.create(name, namespace),
            4..=6 => self.update(name, &target, dry),
            7..=11 => {
                let patch = self.patch();
                let form = if self.kind == Kind::Gadget { MERGE } else { self.one(&[MERGE, MERGE, STRATEGIC]) };
                self.ask("PATCH", &format!("{target}{dry}"), form, &patch);
            }
            12 | 13 => {
                let operations = self.operations();
                self.ask("PATCH", &format!("{target}{dry}"), OPERATIONS, &operations);
            }
            14..=18 => {
                let mut object = self.head(name);
                if self.rng.bool() {
                    object["metadata"]["labels"] = self.labels();
                }
                object["spec"] = self.spec();
                let force = if self.rng.bool() { "&force=true" } else { "" };
                self.ask("PATCH", &format!("{target}?fieldManager=applier{force}"), APPLY, &object);
            }
            19..=23 => {
                let query = self.one(&[
                    "",
                    "",
                    "?propagationPolicy=Background",
                    "?propagationPolicy=Foreground",
                    "?propagationPolicy=Orphan",
                    "?gracePeriodSeconds=0",
                    "?dryRun=All",
                ]);
                self.ask("DELETE", &format!("{target}{query}"), "", &Value::Null);
            }
            24 | 25 => self.ask("PATCH", &target, MERGE, &json!({ "metadata": { "finalizers": null } })),
            26 => {
                let finalizers = json!({ "metadata": { "finalizers": ["example.com/f"] } });
                self.ask("PATCH", &target, MERGE, &finalizers);
            }
            27 => self.ask("PATCH", &target, MERGE, &json!({})),
            28 => {
                let query =
                    self.one(&["", "?labelSelector=l%3Dx", "?fieldSelector=metadata.name%3Da", "?labelSelector=!l"]);
                let collection = self.kind.collection(namespace);
                self.ask("DELETE", &format!("{collection}{query}"), "", &Value::Null);
            }
            _ if self.kind == Kind::Gadget => self.subresource(&target),
            _ => {
                let patch = self.patch();
                self.ask("PATCH", &target, MERGE, &patch);
            }
        }
    }

    fn create(&mut self, name: &str, namespace: &str) {
        let mut object = self.object(name);
        if self.rng.u8(..6) == 0 {
            object["metadata"]["finalizers"] = json!(["example.com/f"]);
        }
        self.ask("POST", &self.kind.collection(namespace), JSON, &object);
    }

    fn update(&mut self, name: &str, target: &str, dry: &str) {
        let mut read = asked("GET", target, "", &Value::Null);
        read.keeps.push(("read".to_owned(), "metadata.resourceVersion".to_owned()));
        self.push(Action::Ask(read));
        let mut object = self.object(name);
        object["metadata"]["resourceVersion"] = json!("{read}");
        self.ask("PUT", &format!("{target}{dry}"), JSON, &object);
    }

    fn subresource(&mut self, target: &str) {
        let replicas = self.rng.u8(..4);
        if self.rng.bool() {
            let patch = json!({ "spec": { "replicas": replicas } });
            self.ask("PATCH", &format!("{target}/scale"), MERGE, &patch);
        } else {
            let ready = json!([{ "type": "Ready", "status": self.one(&["True", "False"]) }]);
            let patch = json!({ "status": { "replicas": replicas, "conditions": ready } });
            self.ask("PATCH", &format!("{target}/status"), MERGE, &patch);
        }
    }

    /// A merge patch, of which some move the object into a selection or out of it.
    fn patch(&mut self) -> Value {
        let mut patch = json!({});
        if self.rng.u8(..4) > 0 {
            patch["metadata"]["labels"] = self.labels();
            let gone = self.one(&["l", "n", "o", "o"]);
            patch["metadata"]["labels"][gone] = Value::Null;
        }
        if self.rng.u8(..4) == 0 {
            patch["metadata"]["annotations"] = json!({ "a": self.one(&["x", "y"]) });
        }
        if self.rng.bool() {
            patch["spec"] = self.spec();
        }
        patch
    }

    fn operations(&mut self) -> Value {
        match self.rng.u8(..3) {
            0 => json!([{ "op": "add", "path": "/metadata/labels", "value": self.labels() }]),
            1 => json!([{ "op": "remove", "path": self.one(&["/metadata/labels/l", "/metadata/labels"]) }]),
            _ => json!([{ "op": "replace", "path": "/spec", "value": self.spec() }]),
        }
    }

    fn object(&mut self, name: &str) -> Value {
        let mut object = self.head(name);
        if self.rng.u8(..5) > 0 {
            object["metadata"]["labels"] = self.labels();
        }
        object["spec"] = self.spec();
        object
    }

    fn head(&self, name: &str) -> Value {
        let (version, kind) = match self.kind {
            Kind::Flunder { version } => (format!("wardle.example.com/{version}"), "Flunder"),
            Kind::Gadget => ("rich.example.com/v1".to_owned(), "Gadget"),
        };
        json!({ "apiVersion": version, "kind": kind, "metadata": { "name": name } })
    }

    fn labels(&mut self) -> Value {
        let mut labels = Map::new();
        labels.insert("l".to_owned(), json!(self.one(&["x", "x", "y", ""])));
        if self.rng.bool() {
            labels.insert("n".to_owned(), json!(self.one(&["0", "1", "2", "3", "x"])));
        }
        Value::Object(labels)
    }

    fn spec(&mut self) -> Value {
        match self.kind {
            Kind::Flunder { version: "v1alpha1" } => json!({ "reference": self.one(&["x", "y"]) }),
            Kind::Flunder { .. } => json!({ "flunderReference": self.one(&["x", "y"]), "referenceType": "Flunder" }),
            Kind::Gadget => {
                let mut spec = json!({ "color": self.one(&["red", "red", "green", "blue"]) });
                if self.rng.bool() {
                    spec["replicas"] = json!(self.rng.u8(..3));
                }
                if self.rng.bool() {
                    spec["mode"] = json!(self.one(&["Auto", "Manual"]));
                }
                spec
            }
        }
    }

    /// A request that is answered with a version for certain.
    fn remember(&mut self, mut request: Request) {
        request.keeps.push((format!("rv{}", self.kept), "metadata.resourceVersion".to_owned()));
        self.kept += 1;
        self.push(Action::Ask(request));
    }

    fn ask(&mut self, method: &str, target: &str, form: &str, body: &Value) {
        self.push(Action::Ask(asked(method, target, form, body)));
    }

    fn push(&mut self, action: Action) {
        let name = format!("step {}", self.steps.len() + 1);
        self.steps.push(Step { name, action, direct_only: false });
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.rng.choice(of).copied().unwrap_or_default()
    }
}

impl Kind {
    /// The path of the version in which is written.
    fn base(self) -> String {
        match self {
            Self::Flunder { version } => format!("/apis/wardle.example.com/{version}"),
            Self::Gadget => "/apis/rich.example.com/v1".to_owned(),
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Flunder { .. } => "flunders",
            Self::Gadget => "gadgets",
        }
    }

    fn collection(self, namespace: &str) -> String {
        format!("{}/namespaces/{namespace}/{}", self.base(), self.plural())
    }

    /// A valid spec that has some fields for certain.
    fn spec_with(self, fields: &Value) -> Value {
        let mut spec = match self {
            Self::Flunder { .. } => json!({}),
            Self::Gadget => json!({ "color": "red" }),
        };
        for (name, value) in fields.as_object().into_iter().flatten() {
            spec[name] = value.clone();
        }
        spec
    }
}

fn asked(method: &str, target: &str, form: &str, body: &Value) -> Request {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut request = Request { method: method.to_owned(), target: target.to_owned(), body, ..Request::default() };
    if !form.is_empty() {
        request.headers.push(("content-type".to_owned(), form.to_owned()));
    }
    request
}

/// Watches that are open at once.
const MOST_WATCHES: usize = 3;
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const OPERATIONS: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
