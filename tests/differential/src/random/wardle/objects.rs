//! Flunders and fischers, right and wrong.

use serde_json::{Map, Value, json};

use super::{ALPHA, BETA, FISCHERS, Maker};

impl Maker {
    /// A body of a create, and its media type.
    pub(super) fn body(&mut self, collection: &str) -> (&'static str, String) {
        let name = self.name();
        let object = self.object(collection, name).to_string();
        match self.rng.u8(..16) {
            0 => ("application/yaml", object),
            1 => ("", object),
            2 => ("application/yaml", self.one(YAML).to_owned()),
            3 => ("application/json", self.one(BROKEN).to_owned()),
            4 => (self.odd_form(), object),
            5 => ("application/json", object.replacen(r#""metadata":{"#, r#""metadata":{"name":"z","#, 1)),
            _ => ("application/json", object),
        }
    }

    fn odd_form(&mut self) -> &'static str {
        self.one(&[
            "application/json; charset=utf-8",
            "application/yaml;a",
            "APPLICATION/JSON",
            "text/json",
            "application/x-www-form-urlencoded",
            "json",
            "application/merge-patch+json",
            "*/*",
        ])
    }

    /// An object of which some fields are set, some of them wrongly.
    pub(super) fn object(&mut self, collection: &str, name: &str) -> Value {
        if self.errs() {
            // Upstream reads a body as what it says to be: another mistake would be told first.
            let mistakes = std::mem::replace(&mut self.mistakes, u32::MAX);
            let mut object = json!({ "metadata": self.metadata(name) });
            self.mistakes = mistakes;
            object["apiVersion"] = json!(kind_of(collection).0);
            object["kind"] = json!(self.one(&["Flunder", "Fischer", "flunder", "FlunderList", "Status", "Pod", ""]));
            return object;
        }
        let mut object = json!({ "metadata": self.metadata(name) });
        if self.rng.bool() {
            let (version, kind) = kind_of(collection);
            object["apiVersion"] = json!(version);
            object["kind"] = json!(kind);
        }
        if self.errs() {
            object["apiVersion"] = json!(self.one(&[
                "wardle.example.com/v1beta1",
                "wardle.example.com/v1alpha1",
                "wardle.example.com/v9",
                "v1",
                "other.example.com/v1",
                "a/b/c",
                "",
                "wardle.example.com/",
            ]));
        }
        if collection == FISCHERS {
            if self.rng.bool() {
                object["disallowedFlunders"] = self.words(&["one", "two", "a", ""]);
            }
        } else {
            object["spec"] = self.spec(collection);
        }
        if self.errs() {
            let field =
                self.one(&["spec", "status", "metadata", "unknown", "apiVersion", "disallowedFlunders", "Spec"]);
            object[field] = self.wrong();
        }
        object
    }

    fn metadata(&mut self, name: &str) -> Value {
        let mut metadata = Map::new();
        metadata.insert("name".to_owned(), json!(name));
        if self.errs() {
            metadata.insert("name".to_owned(), json!(self.one(NAMES)));
        }
        if !self.generated && self.rng.u8(..20) == 0 {
            self.generated = true;
            metadata.insert("generateName".to_owned(), json!("generated-"));
            metadata.remove("name");
        }
        let is_named = metadata.get("name").is_some_and(|name| name != "");
        if is_named && self.rng.u8(..12) == 0 {
            metadata.insert("generateName".to_owned(), json!(self.one(&["g-", "G_", "", "-", "a b"])));
        }
        if self.rng.u8(..3) == 0 {
            metadata.insert("labels".to_owned(), self.map(LABELS));
        }
        if self.rng.u8(..5) == 0 {
            metadata.insert("annotations".to_owned(), self.map(ANNOTATIONS));
        }
        if self.rng.u8(..8) == 0 {
            metadata.insert("finalizers".to_owned(), self.words(FINALIZERS));
        }
        if self.rng.u8(..8) == 0 {
            let owners: Vec<Value> = (0..self.rng.usize(1..4)).map(|_| self.owner()).collect();
            metadata.insert("ownerReferences".to_owned(), json!(owners));
        }
        if self.rng.u8(..8) == 0 {
            let namespace = self.one(&["one", "one", "two", "", "Bad_Name"]);
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        for (field, values) in SYSTEM {
            if self.rng.u8(..24) == 0 && self.mistakes < u32::MAX {
                let value = self.one(values);
                metadata.insert((*field).to_owned(), serde_json::from_str(value).unwrap_or_default());
            }
        }
        if self.errs() {
            let field = self.one(&[
                "name",
                "labels",
                "annotations",
                "finalizers",
                "ownerReferences",
                "namespace",
                "unknown",
                "uid",
            ]);
            metadata.insert(field.to_owned(), self.wrong());
        }
        Value::Object(metadata)
    }

    pub(super) fn spec(&mut self, collection: &str) -> Value {
        let mut spec = Map::new();
        if collection == ALPHA {
            if self.rng.bool() {
                spec.insert("reference".to_owned(), json!(self.one(&["x", "y", ""])));
            }
            if self.rng.u8(..3) == 0 {
                spec.insert("referenceType".to_owned(), json!(self.one(&["Flunder", "Fischer"])));
            }
        } else {
            for field in ["flunderReference", "fischerReference"] {
                if self.rng.u8(..3) == 0 {
                    spec.insert(field.to_owned(), json!(self.one(&["x", "y", ""])));
                }
            }
            if self.rng.u8(..4) == 0 {
                spec.insert("referenceType".to_owned(), json!(self.one(&["Flunder", "Fischer"])));
            }
        }
        if self.errs() {
            let field = self.one(&["referenceType", "flunderReference", "reference", "unknown", "ReferenceType"]);
            let value = if self.rng.bool() { json!(self.one(&["Other", "flunder"])) } else { self.wrong() };
            spec.insert(field.to_owned(), value);
        }
        Value::Object(spec)
    }

    fn owner(&mut self) -> Value {
        let mut owner = json!({
            "apiVersion": self.one(&["v1", "v1", "apps/v1", "wardle.example.com/v1beta1"]),
            "kind": self.one(&["ConfigMap", "Flunder"]),
            "name": self.one(&["o", "p"]),
            "uid": self.one(&["u-1", "u-2"]),
        });
        if self.rng.u8(..4) == 0 {
            owner["controller"] = json!(self.rng.bool());
        }
        if self.rng.u8(..4) == 0 {
            owner["blockOwnerDeletion"] = json!(self.rng.bool());
        }
        if self.errs() {
            let field = self.one(&["apiVersion", "kind", "name", "uid"]);
            owner[field] = json!(self.one(&["", "a/b/c", "Event", "v1"]));
        }
        if self.errs() {
            let field = self.one(&["apiVersion", "kind", "name", "uid", "controller", "unknown"]);
            owner[field] = self.wrong();
        }
        owner
    }

    /// A value that hardly any field has.
    pub(super) fn wrong(&mut self) -> Value {
        let text = self.one(&[
            "null",
            "1",
            "-1.5",
            "true",
            "\"text\"",
            "[]",
            "{}",
            "[null]",
            "[1]",
            r#"{"a":null}"#,
            r#"{"a":1}"#,
            "[{}]",
        ]);
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Labels or annotations; the later half of the keys and values is wrong.
    pub(super) fn map(&mut self, (good, bad): (&[&'static str], &[&'static str])) -> Value {
        let mut map = Map::new();
        // Upstream tells several in the order of chance.
        let mut has_erred = false;
        for _ in 0..self.rng.usize(1..4) {
            let mut pick = |of: &[&'static str], maker: &mut Self| {
                let errs = !has_erred && maker.errs();
                has_erred |= errs;
                maker.one(if errs { bad } else { of })
            };
            let key = pick(good, self);
            let value = pick(&["x", "y", "1", "2", ""], self);
            map.insert(key.to_owned(), json!(value));
        }
        if self.errs() {
            map.insert("k".to_owned(), self.wrong());
        }
        Value::Object(map)
    }

    fn words(&mut self, of: &[&str]) -> Value {
        let mut words: Vec<Value> = (0..self.rng.usize(1..4)).map(|_| json!(self.one(of))).collect();
        if self.errs() {
            words.push(self.wrong());
        }
        Value::Array(words)
    }
}

/// The type of what is in a collection.
pub(super) fn kind_of(collection: &str) -> (&'static str, &'static str) {
    match collection {
        BETA => ("wardle.example.com/v1beta1", "Flunder"),
        FISCHERS => ("wardle.example.com/v1alpha1", "Fischer"),
        _ => ("wardle.example.com/v1alpha1", "Flunder"),
    }
}

const NAMES: &[&str] = &[
    "A",
    "a_b",
    "-a",
    "a-",
    "a.b",
    "a/b",
    "..",
    ".",
    "",
    "a b",
    "ü",
    "a..b",
    "<<253 times n>>",
    "<<254 times n>>",
    "a%b",
];
const FINALIZERS: &[&str] =
    &["example.com/f", "example.com/g", "example.com/f", "f", "a b", "", "orphan", "foregroundDeletion", "/", "a/b/c"];
/// Keys that are allowed, and texts that are not, as keys or as values.
pub(super) const LABELS: (&[&str], &[&str]) = (
    &["l", "m", "n", "example.com/l"],
    &["", "-a", "a b", "a/b/c", "/a", "a/", "Ü", "a\n", "<<64 times k>>", "x_", "é/a"],
);
const ANNOTATIONS: (&[&str], &[&str]) =
    (&["a", "b", "Example.com/A"], &["", "-a", "a b", "a/b/c", "/a", "a/", "<<64 times k>>", "\u{7}<&>", "é"]);
/// What the server decides, whoever writes it.
const SYSTEM: &[(&str, &[&str])] = &[
    ("uid", &["\"u-1\"", "\"\"", "null"]),
    ("generation", &["7", "-1", "0", "1.5", "\"1\""]),
    (
        "creationTimestamp",
        &["\"2020-01-01T00:00:00Z\"", "null", "\"x\"", "\"2020-01-01T00:00:00.5Z\"", "\"2020-01-01T02:00:00+02:00\""],
    ),
    ("deletionTimestamp", &["\"2020-01-01T00:00:00Z\"", "null"]),
    ("deletionGracePeriodSeconds", &["7", "0", "null", "-1"]),
    ("selfLink", &["\"/x\""]),
    ("resourceVersion", &["\"1\"", "\"0\"", "\"\"", "5"]),
    (
        "managedFields",
        &[
            "null",
            "[]",
            "[{}]",
            r#"[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{}}]"#,
            r#"[{"manager":"m","operation":"Apply","apiVersion":"wardle.example.com/v1beta1","time":"2020-01-01T00:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:flunderReference":{}}}}]"#,
            r#"[{"manager":"m","operation":"Other","fieldsType":"FieldsV2"}]"#,
            r#"[{"manager":"m","operation":"Update","apiVersion":"wardle.example.com/v1beta1","fieldsType":"FieldsV1","fieldsV1":{"x":{}}}]"#,
        ],
    ),
];
const YAML: &[&str] = &[
    "metadata:\n  name: a\nspec:\n  flunderReference: on\n",
    "metadata: {name: d, labels: {l: 1}}\n",
    "metadata: {name: d, labels: {l: \"1\", m: 'x'}}\n---\nmetadata: {name: e}\n",
    "metadata:\n  name: d\n  name: e\n",
    "metadata:\n\tname: d\n",
    "# nothing\n",
    "- a\n",
    "metadata: &m {name: d}\nspec: {flunderReference: x}\nunknown: *m\n",
    "metadata: {name: d, labels: {yes: \"no\"}}\n",
    "{",
    "a: b: c\n",
    "metadata: {name: 2020-01-01}\n",
    "metadata: {name: 1.0}\n",
    "metadata: {name: ~}\n",
    "metadata: {name: !!str 1}\n",
    "metadata:\n  name: d\n  annotations:\n    a: |\n      two\n      lines\n    b: >-\n      one\n      line\n",
];
const BROKEN: &[&str] = &[
    "",
    " ",
    "null",
    "[]",
    "1",
    "\"a\"",
    "{",
    "{}",
    "{\"metadata\":{\"name\":\"a\"}} {}",
    "{\"metadata\":{\"name\":\"a\",}}",
    "{metadata:{name:a}}",
    "{\"metadata\":{\"name\":\"a\\ud800\"}}",
    "{\"metadata\":null}",
    "{\"metadata\":{\"name\":\"d\"},\"spec\":null,\"status\":null}",
    "{\"metadata\":{\"name\":\"d\"},\"metadata\":{\"labels\":{\"a\":\"b\"}}}",
    "{\"kind\":1}",
    "{\"kind\":\"Flunder\",\"kind\":\"Fischer\"}",
    "{\"Metadata\":{\"Name\":\"d\"}}",
    "{\"metadata\":{\"name\":\"d\",\"labels\":{\"a\":\"b\",\"a\":\"c\"}},\"x\":1,\"y\":{\"z\":2}}",
    "\u{feff}{}",
    "{\"metadata\":{\"name\":\"d\",\"annotations\":{\"a\":\"\\u0000\\u2028<&>\"}}}",
    "\n{\"metadata\":{\"name\":\"d\"}}\n",
    "--- \nmetadata: {name: d}\n",
];
