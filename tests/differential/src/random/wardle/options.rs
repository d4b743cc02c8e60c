//! Query parameters, headers and the options of deletions.

use serde_json::{Value, json};

use super::Maker;
use crate::script::Request;

impl Maker {
    /// Parameters of a create, an update or a patch.
    pub(super) fn write_query(&mut self) -> String {
        let mut parts = Vec::new();
        for (good, bad) in [
            (
                &["dryRun=All"][..],
                &["dryRun=", "dryRun=all", "dryRun=All&dryRun=All", "dryRun=All&dryRun=x", "dryRun=true"][..],
            ),
            (
                &["fieldManager=m", "fieldManager=n"],
                &[
                    "fieldManager=",
                    "fieldManager=%01",
                    "fieldManager=a%20b",
                    "fieldManager=<<129 times m>>",
                    "fieldManager=ü",
                ],
            ),
            (
                &["fieldValidation=Strict", "fieldValidation=Ignore", "fieldValidation=Warn"],
                &["fieldValidation=", "fieldValidation=strict", "fieldValidation=Strict&fieldValidation=Ignore"],
            ),
            (&["pretty=true"], &["pretty=x", "force=true", "force=x", "unknown=1", "resourceVersion=1"]),
        ] {
            if self.rng.u8(..5) == 0 {
                parts.push(if self.errs() { self.one(bad) } else { self.one(good) });
            }
        }
        joined(&parts)
    }

    /// Parameters of a list.
    pub(super) fn list_query(&mut self) -> String {
        let mut parts = Vec::new();
        if self.rng.u8(..3) == 0 {
            parts.push(self.label_selector());
        }
        if self.rng.u8(..4) == 0 {
            parts.push(self.field_selector());
        }
        for (good, bad) in [
            (
                &["limit=1", "limit=2", "limit=0"][..],
                &["limit=-1", "limit=x", "limit=", "limit=1&limit=2", "limit=9223372036854775808", "limit=1.0"][..],
            ),
            (
                &["continue={next}"],
                &[
                    "continue=x",
                    "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9",
                    "continue=",
                    "continue=%25",
                    "continue=e30",
                ],
            ),
            (
                // How new a state from the cache is, is a matter of chance: no 0, nor what is read as 0.
                &["resourceVersion={list}", "resourceVersion={rv}", "resourceVersion="],
                &[
                    "resourceVersion=x",
                    "resourceVersion=-1",
                    "resourceVersion=1.5",
                    "resourceVersion=18446744073709551616",
                ],
            ),
            (
                &["resourceVersionMatch=Exact", "resourceVersionMatch=NotOlderThan"],
                &["resourceVersionMatch=", "resourceVersionMatch=exact", "resourceVersionMatch=Other"],
            ),
            (
                &["timeoutSeconds=9", "pretty=true"],
                &[
                    "timeoutSeconds=x",
                    "timeoutSeconds=-1",
                    "timeoutSeconds=0",
                    "sendInitialEvents=true",
                    "allowWatchBookmarks=x",
                ],
            ),
        ] {
            if self.rng.u8(..5) == 0 {
                parts.push(if self.errs() { self.one(bad) } else { self.one(good) }.to_owned());
            }
        }
        joined(&parts)
    }

    /// Parameters of a watch, which begins where the history is known.
    pub(super) fn watch_query(&mut self) -> String {
        let mut parts = vec![self.one(&["watch=true", "watch=1", "watch", "watch=true"]).to_owned()];
        parts.push(
            self.one(&[
                "resourceVersion={rv}",
                "resourceVersion={rv}",
                "resourceVersion={list}",
                "resourceVersion=0",
                "resourceVersion=",
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
                "sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion={rv}",
                "allowWatchBookmarks=true",
                "sendInitialEvents=true",
                "resourceVersionMatch=NotOlderThan",
                "resourceVersion=x",
                "sendInitialEvents=true&resourceVersionMatch=Exact",
                "resourceVersion=-1",
            ])
            .to_owned(),
        );
        if self.rng.u8(..3) == 0 {
            parts.push(self.label_selector());
        }
        if self.rng.u8(..4) == 0 {
            parts.push(self.field_selector());
        }
        if self.errs() {
            parts.push(
                self.one(&[
                    "limit=1",
                    "continue=x",
                    "timeoutSeconds=x",
                    "timeoutSeconds=-1",
                    "limit=x",
                    "timeoutSeconds=20",
                ])
                .to_owned(),
            );
        }
        joined(&parts)
    }

    fn label_selector(&mut self) -> String {
        let text = if self.errs() {
            let part = self.one(PARTS);
            format!("{part}{}{}", self.one(PARTS), self.one(PARTS))
        } else {
            self.one(LABEL_SELECTORS).to_owned()
        };
        format!("labelSelector={}", escaped(&text))
    }

    fn field_selector(&mut self) -> String {
        let text = self.one(&[
            "metadata.name=a",
            "metadata.name!=a",
            "metadata.name==b",
            "metadata.namespace=one",
            "metadata.namespace=two",
            "metadata.name=a,metadata.namespace=one",
            "metadata.name=a,metadata.name=b",
            "metadata.name=",
            "metadata.name",
            "spec.flunderReference=x",
            "metadata.labels=x",
            "=a",
            "metadata.name=a\\,b",
            "metadata.name=a\\",
            "metadata.name=a=b",
            ",",
            "metadata.name in (a)",
            "metadata.name=A_",
        ]);
        format!("fieldSelector={}", escaped(text))
    }

    /// The query or the body of a deletion.
    pub(super) fn delete_options(&mut self) -> (String, String) {
        if self.rng.u8(..3) == 0 {
            return (String::new(), String::new());
        }
        if self.rng.bool() {
            let mut parts = Vec::new();
            for part in [
                &[
                    "propagationPolicy=Background",
                    "propagationPolicy=Foreground",
                    "propagationPolicy=Orphan",
                    "propagationPolicy=",
                    "propagationPolicy=x",
                ][..],
                &["gracePeriodSeconds=0", "gracePeriodSeconds=30", "gracePeriodSeconds=-1", "gracePeriodSeconds=x"],
                &["orphanDependents=true", "orphanDependents=false", "orphanDependents=x"],
                &["dryRun=All", "dryRun=x"],
                &["uid={uid}", "uid=x", "resourceVersion={rv}", "resourceVersion=1", "pretty=true"],
            ] {
                if self.rng.u8(..4) == 0 {
                    parts.push(self.one(part));
                }
            }
            return (joined(&parts), String::new());
        }
        let mut options = json!({});
        if self.rng.bool() {
            options["kind"] = json!(self.one(&["DeleteOptions", "DeleteOptions", "Flunder", "Status"]));
            options["apiVersion"] =
                json!(self.one(&["v1", "wardle.example.com/v1beta1", "meta.k8s.io/v1", "other/v1"]));
        }
        for (field, values) in [
            ("propagationPolicy", &[r#""Background""#, r#""Foreground""#, r#""Orphan""#, r#""x""#, "1", "null"][..]),
            ("gracePeriodSeconds", &["0", "30", "-1", "\"1\"", "1.5", "null"]),
            ("orphanDependents", &["true", "false", "null", "1"]),
            ("dryRun", &[r#"["All"]"#, r#"["x"]"#, "[]", "null", r#""All""#, r#"["All","All"]"#]),
            (
                "preconditions",
                &[
                    r#"{"uid":"{uid}"}"#,
                    r#"{"uid":"x"}"#,
                    r#"{"resourceVersion":"{rv}"}"#,
                    r#"{"resourceVersion":"1","uid":"x"}"#,
                    "{}",
                    "null",
                    "[]",
                ],
            ),
            ("unknown", &["1"]),
        ] {
            if self.rng.u8(..4) == 0 {
                let value = self.one(values);
                options[field] = serde_json::from_str(value).unwrap_or(Value::Null);
            }
        }
        (String::new(), options.to_string())
    }

    /// Sometimes another form of the answer.
    pub(super) fn accept(&mut self, request: &mut Request) {
        if self.rng.u8(..4) > 0 {
            return;
        }
        let accept = self.one(&[
            "application/json",
            "application/yaml",
            "*/*",
            "application/json;as=Table;g=meta.k8s.io;v=v1",
            "application/json;as=Table;g=meta.k8s.io;v=v1beta1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
            "application/json;as=Table;g=meta.k8s.io;v=v9,application/json",
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            "application/json;pretty=1",
            "application/json;q=0.1,application/yaml",
            "text/html",
            "application/*",
            "application/json;stream=watch",
            "application/json;v=v1",
            "application/json;sv=v9",
        ]);
        request.headers.push(("accept".to_owned(), accept.to_owned()));
        if accept.contains("Table") && !request.target.contains('?') && self.rng.bool() {
            let include = self.one(&["Object", "None", "Metadata", "x"]);
            request.target.push_str("?includeObject=");
            request.target.push_str(include);
        }
    }
}

fn joined(parts: &[impl AsRef<str>]) -> String {
    let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

/// What stands in a query, the names of kept values apart.
fn escaped(text: &str) -> String {
    crate::run::encoded(text)
}

const LABEL_SELECTORS: &[&str] = &[
    "l",
    "!l",
    "l=x",
    "l==x",
    "l!=x",
    "l in (x,y)",
    "l in (x),n",
    "l notin (x)",
    "l=x,n=1",
    "n>1",
    "n<3",
    "l=",
    "example.com/l",
    "l in ()",
    "l in (,x)",
    " l = x , n ",
    "",
];
/// Of these texts are made that are hardly ever selectors.
const PARTS: &[&str] = &[
    "l", "=", "==", "!=", "!", ",", "(", ")", " in ", " notin ", ">", "<", "1", "x", "-", "a/b/c", "\u{0}", " ", "ü",
    "x y", "(x)", "in", "notin", "(x,y)", "a.b/c",
];
