//! What the fields of a gadget hold, right and wrong.

use serde_json::{Map, Value, json};

use super::{Maker, head};

impl Maker {
    /// An object of which some fields are set; one of `mistakes` fields is wrong.
    pub(super) fn object(&mut self, name: &str, mistakes: u32) -> Value {
        let mut object = head(name);
        if self.rng.u8(..3) == 0 {
            object["metadata"]["labels"] = self.map(&["l", "m", "n"]);
        }
        if self.rng.u8(..5) == 0 {
            object["metadata"]["annotations"] = self.map(&["a", "b"]);
        }
        let mut spec = Map::new();
        spec.insert("color".to_owned(), json!(self.one(&["red", "red", "green", "blue"])));
        for field in FIELDS {
            if self.rng.u8(..4) == 0 {
                let value = if self.rng.u32(..mistakes) == 0 { self.mistake(field) } else { self.value(field) };
                spec.insert((*field).to_owned(), value);
            }
        }
        object["spec"] = Value::Object(spec);
        object
    }

    /// A value that the field may have.
    fn value(&mut self, field: &str) -> Value {
        match field {
            "mode" => json!(self.one(&["Auto", "Manual"])),
            "replicas" => json!(self.rng.i32(0..5)),
            // Never whole: for upstream 0.0 and 0 are two values.
            "ratio" => json!(f64::from(self.rng.u8(1..4)) / 4.0),
            "enabled" => json!(self.rng.bool()),
            "nickname" => json!(self.one(&["ab", "abc", "abcdefgh"])),
            "note" => json!(self.one(&["x", "y", ""])),
            "deadline" => json!("2030-01-01T00:00:00Z"),
            "port" => {
                if self.rng.bool() {
                    json!(80)
                } else {
                    json!("http")
                }
            }
            "limits" => {
                let mut limits = self.map(&["cpu", "memory", "disk"]);
                if self.rng.bool() {
                    limits["cpu"] = json!(self.rng.i32(1..4));
                }
                limits
            }
            "labelsAtomic" => self.map(&["p", "q"]),
            "ports" => self.ports(),
            "parts" => self.parts(),
            "words" => Value::Array(self.some(&["a", "b", "c", "d"]).into_iter().map(Value::from).collect()),
            "numbers" => (0..self.rng.usize(1..4)).map(|_| json!(self.rng.i32(0..3))).collect(),
            "plain" => (0..self.rng.usize(1..3)).map(|_| json!(self.one(&["x", "y"]))).collect(),
            "anything" => json!({ self.one(&["a", "b"]): { "c": [1, { "d": self.rng.bool() }] } }),
            _ => json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": self.one(&["t", "u"]) } }),
        }
    }

    /// A value of the right JSON type that the field may not have.
    fn mistake(&mut self, field: &str) -> Value {
        match field {
            "mode" => json!("Other"),
            "replicas" => json!(self.rng.i32(1001..1005)),
            "ratio" => json!(f64::from(self.rng.u8(4..7)) / 4.0),
            "nickname" => json!(self.one(&["a", "A", "abcdefghi", "a1"])),
            "deadline" => json!("tomorrow"),
            "ports" => json!(self.one(&[
                r#"[{"port":0}]"#,
                r#"[{"port":80},{"port":80}]"#,
                r#"[{"port":80,"protocol":"SCTP"}]"#,
                r#"[{"port":80,"tags":["a","a"]}]"#,
            ]))
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default(),
            "parts" => json!([{ "name": "p" }, { "name": "p" }]),
            "words" => json!(["a", "b", "a"]),
            "template" => json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "A B" } }),
            _ => self.value(field),
        }
    }

    fn ports(&mut self) -> Value {
        let mut ports = Vec::new();
        for (port, protocol) in [(80, None), (80, Some("UDP")), (81, Some("TCP")), (82, None)] {
            if self.rng.u8(..3) > 0 {
                continue;
            }
            let mut item = json!({ "port": port });
            if let Some(protocol) = protocol {
                item["protocol"] = json!(protocol);
            }
            if self.rng.bool() {
                item["name"] = json!(self.one(&["web", "dns"]));
            }
            if self.rng.u8(..3) == 0 {
                item["tags"] = Value::Array(self.some(&["s", "t", "u"]).into_iter().map(Value::from).collect());
            }
            ports.push(item);
        }
        if ports.is_empty() {
            ports.push(json!({ "port": 90 }));
        }
        self.rng.shuffle(&mut ports);
        Value::Array(ports)
    }

    fn parts(&mut self) -> Value {
        let names = self.some(&["p", "q", "r"]);
        names
            .into_iter()
            .map(|name| {
                let mut part = json!({ "name": name });
                if self.rng.bool() {
                    part["image"] = json!(self.one(&["i", "j"]));
                }
                if self.rng.u8(..3) == 0 {
                    part["weight"] = json!(self.rng.i32(1..4));
                }
                if self.rng.bool() {
                    let variables = self.some(&["E", "F"]);
                    part["env"] = variables
                        .into_iter()
                        .map(|name| json!({ "name": name, "value": self.one(&["1", "2"]) }))
                        .collect();
                }
                if self.rng.u8(..3) == 0 {
                    part["origin"] = self.map(&["vendor", "serial"]);
                }
                part
            })
            .collect()
    }

    pub(super) fn status(&mut self) -> Value {
        let mut status = json!({ "replicas": self.rng.i32(0..4) });
        if self.rng.bool() {
            let types = self.some(&["Ready", "Other"]);
            status["conditions"] = types
                .into_iter()
                .map(|kind| json!({ "type": kind, "status": self.one(&["True", "False", "Unknown"]) }))
                .collect();
        }
        if self.rng.bool() {
            status["selector"] = json!("a=b");
        }
        status
    }

    pub(super) fn operations(&mut self) -> Value {
        (0..self.rng.usize(1..4))
            .map(|_| {
                let field = self.one(FIELDS);
                let path = format!("/spec/{field}");
                match self.rng.u8(..4) {
                    0 => json!({ "op": "remove", "path": path }),
                    1 => json!({ "op": "replace", "path": path, "value": self.value(field) }),
                    _ => json!({ "op": "add", "path": path, "value": self.value(field) }),
                }
            })
            .collect()
    }

    fn map(&mut self, keys: &[&str]) -> Value {
        let keys = self.some(keys);
        Value::Object(keys.into_iter().map(|key| (key.to_owned(), json!(self.one(&["x", "y"])))).collect())
    }

    /// At least one of them, each at most once, in any order.
    fn some<'a>(&mut self, of: &[&'a str]) -> Vec<&'a str> {
        let mut all = of.to_vec();
        self.rng.shuffle(&mut all);
        all.truncate(self.rng.usize(1..=of.len()));
        all
    }

    pub(super) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.rng.choice(of).copied().unwrap_or_default()
    }
}

/// The fields of a gadget's spec, its color apart.
pub(super) const FIELDS: &[&str] = &[
    "mode",
    "replicas",
    "ratio",
    "enabled",
    "nickname",
    "note",
    "deadline",
    "port",
    "limits",
    "labelsAtomic",
    "ports",
    "parts",
    "words",
    "numbers",
    "plain",
    "anything",
    "template",
];
