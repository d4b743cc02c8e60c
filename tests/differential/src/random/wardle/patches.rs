//! Patches of the four kinds, right and wrong.

use serde_json::{Value, json};

use super::objects::{LABELS, kind_of};
use super::{FISCHERS, Maker};

impl Maker {
    /// A patch and its media type.
    pub(super) fn any_patch(&mut self, collection: &str, name: &str) -> (&'static str, String) {
        match self.rng.u8(..9) {
            0..=2 => (MERGE, self.merge(collection, name)),
            3 | 4 => (STRATEGIC, self.merge(collection, name)),
            5 | 6 => (JSON, self.operations(collection)),
            7 => (self.one_form(), self.merge(collection, name)),
            _ => (APPLY, self.applied(collection, name)),
        }
    }

    fn one_form(&mut self) -> &'static str {
        self.one(&[
            "application/json",
            "",
            "text/plain",
            "application/merge-patch+json; charset=utf-8",
            MERGE,
            JSON,
            STRATEGIC,
            "application/json-patch+json;a",
        ])
    }

    /// What a merge patch says, or a strategic one.
    fn merge(&mut self, collection: &str, name: &str) -> String {
        if self.errs() {
            return self
                .one(&[
                    "",
                    "{",
                    "null",
                    "[]",
                    "1",
                    "\"a\"",
                    "{}",
                    r#"{"metadata":null}"#,
                    r#"{"spec":null}"#,
                    r#"{"a":1,"a":2}"#,
                    r#"[{"a":1}]"#,
                ])
                .to_owned();
        }
        let mut patch = json!({});
        if self.rng.bool() {
            patch["metadata"] = json!({ "labels": self.map(LABELS) });
            if self.rng.u8(..3) == 0 {
                let gone = self.one(&["l", "n", "none"]);
                patch["metadata"]["labels"][gone] = Value::Null;
            }
        }
        if self.rng.bool() && collection != FISCHERS {
            patch["spec"] = self.spec(collection);
        }
        if self.rng.u8(..4) == 0 {
            let whole = self.object(collection, name);
            let field = self.one(&["metadata", "apiVersion", "kind", "spec", "disallowedFlunders"]);
            if let Some(value) = whole.get(field) {
                patch[field] = value.clone();
            }
        }
        if self.rng.u8(..6) == 0 {
            let (field, value) = *self.rng.choice(PLACES).unwrap_or(&PLACES[0]);
            patch["metadata"][field] = serde_json::from_str(value).unwrap_or_default();
        }
        if self.errs() {
            let field = self.one(&["unknown", "metadata", "spec", "$patch", "kind", "apiVersion", "$retainKeys"]);
            patch[field] = self.wrong();
        }
        patch.to_string()
    }

    fn operations(&mut self, collection: &str) -> String {
        if self.errs() {
            return self
                .one(&[
                    "",
                    "{",
                    "null",
                    "[]",
                    "{}",
                    "1",
                    "[1]",
                    "[null]",
                    "[[]]",
                    r#"[{"op":1}]"#,
                    r#"[{"op":"add","path":"/spec","path":"/a","value":1}]"#,
                ])
                .to_owned();
        }
        let all: Vec<Value> = (0..self.rng.usize(1..4)).map(|_| self.operation(collection)).collect();
        Value::Array(all).to_string()
    }

    fn operation(&mut self, collection: &str) -> Value {
        let path = self.one(&[
            "/metadata/labels/l",
            "/metadata/labels/n",
            "/metadata/labels",
            "/metadata/annotations",
            "/metadata/annotations/a",
            "/metadata/finalizers",
            "/metadata/finalizers/-",
            "/metadata/finalizers/0",
            "/spec/flunderReference",
            "/spec/reference",
            "/spec",
            "/spec/referenceType",
            "/disallowedFlunders/-",
            "/disallowedFlunders/0",
            "/status",
        ]);
        let path = if self.errs() {
            self.one(&[
                "",
                "/",
                "/unknown",
                "spec",
                "/metadata/labels/a~1b",
                "/metadata/labels/a~2",
                "/kind",
                "/apiVersion",
                "/metadata/name",
                "/metadata/resourceVersion",
                "/metadata/uid",
                "/metadata",
                "/spec/none/deep",
                "/metadata/finalizers/9",
                "/metadata/finalizers/-1",
            ])
        } else {
            path
        };
        let value = if self.errs() {
            self.wrong()
        } else {
            match path {
                "/spec" => self.spec(collection),
                "/metadata/labels" | "/metadata/annotations" => self.map(LABELS),
                "/metadata/finalizers" => json!(["example.com/f"]),
                "/metadata/finalizers/-" | "/metadata/finalizers/0" => json!("example.com/g"),
                _ => json!(self.one(&["x", "y", "Flunder", "1", ""])),
            }
        };
        let op = self.one(&["add", "add", "add", "replace", "remove", "test", "copy", "move"]);
        let op = if self.errs() { self.one(&["", "Add", "unknown"]) } else { op };
        let mut operation = json!({ "op": op, "path": path });
        if matches!(op, "add" | "replace" | "test") {
            operation["value"] = value;
        }
        if matches!(op, "copy" | "move") {
            operation["from"] = json!(self.one(&[
                "/metadata/labels/l",
                "/metadata/labels",
                "/spec",
                "/none",
                "/spec/flunderReference",
                ""
            ]));
        }
        if self.errs() {
            let member = self.one(&["op", "path", "value", "from", "more"]);
            operation[member] = self.wrong();
        }
        operation
    }

    fn applied(&mut self, collection: &str, name: &str) -> String {
        let mut object = self.object(collection, name);
        if self.rng.u8(..8) > 0 {
            let (version, kind) = kind_of(collection);
            object["apiVersion"] = json!(version);
            object["kind"] = json!(kind);
        }
        if self.errs() {
            return self
                .one(&[
                    "",
                    "null",
                    "[]",
                    "{",
                    "{}",
                    "a: b: c",
                    "kind: Flunder\n",
                    "apiVersion: wardle.example.com/v1beta1\nkind: Flunder\n",
                ])
                .to_owned();
        }
        object.to_string()
    }
}

/// Members of metadata that patches seldom touch.
const PLACES: &[(&str, &str)] = &[
    ("finalizers", r#"["example.com/f"]"#),
    ("finalizers", "null"),
    ("finalizers", "[]"),
    ("$deleteFromPrimitiveList/finalizers", r#"["example.com/f"]"#),
    ("$setElementOrder/finalizers", r#"["example.com/g","example.com/f"]"#),
    ("$retainKeys", r#"["name"]"#),
    ("$patch", r#""replace""#),
    ("$patch", r#""delete""#),
    ("annotations", r#"{"a":"b","$patch":"replace"}"#),
    ("ownerReferences", r#"[{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u-1"}]"#),
    ("ownerReferences", r#"[{"uid":"u-1","$patch":"delete"}]"#),
    ("ownerReferences", r#"[{"name":"x"}]"#),
    ("resourceVersion", "\"1\""),
    ("resourceVersion", "\"{rv}\""),
    ("resourceVersion", "null"),
    ("name", "\"other\""),
    ("name", "null"),
    ("namespace", "\"two\""),
    ("uid", "\"x\""),
    ("uid", "null"),
    ("managedFields", "null"),
    ("managedFields", "[]"),
    ("managedFields", "[{}]"),
    ("creationTimestamp", "null"),
    ("creationTimestamp", "\"2020-01-01T00:00:00Z\""),
    ("deletionTimestamp", "\"2020-01-01T00:00:00Z\""),
    ("generation", "9"),
    ("generateName", "\"g-\""),
];

pub(super) const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const JSON: &str = "application/json-patch+json";
