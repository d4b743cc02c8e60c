//! Histories that chance makes: a gadget is applied, updated, patched and read by two to five managers.
//!
//! A case is known by the seed and its number alone. Most of what is written is valid, so that histories grow; every kind of
//! mistake comes now and then.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::script::{Action, Request, Step};

/// The steps of a case.
pub(crate) fn case(seed: u64, number: usize) -> Vec<Step> {
    let number = u64::try_from(number).unwrap_or(u64::MAX);
    let mut maker = Maker { rng: Rng::with_seed(seed.wrapping_mul(0x9E37_79B9).wrapping_add(number)), step: 0 };
    match maker.rng.u8(..10) {
        0 | 1 => maker.creations(),
        2 => maker.lists(),
        _ => maker.history(),
    }
}

struct Maker {
    rng: Rng,
    step: usize,
}

impl Maker {
    /// Objects valid and not, one after the other.
    fn creations(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for index in 0..self.rng.usize(2..5) {
            let query =
                self.one(&["", "?dryRun=All", "?fieldValidation=Strict", "?fieldValidation=Ignore", "?fieldManager=m"]);
            let object = self.object(&format!("c{index}"), 3);
            steps.push(self.ask("POST", &format!("{ALL}{query}"), "application/json", &object));
            steps.push(self.ask("GET", &format!("{ALL}/c{index}"), "", &Value::Null));
        }
        steps
    }

    /// A few objects, and ways to ask for them.
    fn lists(&mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        for index in 0..self.rng.usize(1..5) {
            let object = self.object(&format!("l{index}"), 12);
            steps.push(self.ask("POST", ALL, "application/json", &object));
        }
        for _ in 0..self.rng.usize(3..8) {
            let query = self.query();
            let accept = self.one(&[
                "application/json",
                "application/json;as=Table;g=meta.k8s.io;v=v1",
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            ]);
            let mut step = self.ask("GET", &format!("{ALL}?{query}"), "", &Value::Null);
            if let Action::Ask(request) = &mut step.action {
                request.headers.push(("accept".to_owned(), accept.to_owned()));
            }
            steps.push(step);
        }
        let query = self.query();
        steps.push(self.ask("DELETE", &format!("{ALL}?{query}"), "", &Value::Null));
        steps.push(self.ask("GET", ALL, "", &Value::Null));
        steps
    }

    /// One object's life.
    fn history(&mut self) -> Vec<Step> {
        let managers = self.rng.usize(2..6);
        let mut steps = Vec::new();
        let mut begin = self.object("h", 40);
        if self.rng.bool() {
            steps.push(self.ask("POST", &format!("{ALL}?fieldManager=m0"), "application/json", &begin));
        } else {
            begin["spec"]["color"] = json!("red");
            steps.push(self.ask("PATCH", &format!("{ALL}/h?fieldManager=m0"), APPLY, &begin));
        }
        for _ in 0..self.rng.usize(3..9) {
            let manager = self.rng.usize(..managers);
            self.change(manager, &mut steps);
        }
        steps.push(self.ask("GET", &format!("{ALL}/h"), "", &Value::Null));
        steps
    }

    fn change(&mut self, manager: usize, steps: &mut Vec<Step>) {
        let strict = self.one(&["", "", "", "", "&fieldValidation=Strict", "&dryRun=All"]);
        let who = format!("fieldManager=m{manager}{strict}");
        match self.rng.u8(..16) {
            0..=6 => {
                let force = if self.rng.u8(..3) == 0 { "&force=true" } else { "" };
                let object = self.object("h", 30);
                steps.push(self.ask("PATCH", &format!("{ALL}/h?{who}{force}"), APPLY, &object));
            }
            7 | 8 => {
                let mut read = self.ask("GET", &format!("{ALL}/h"), "", &Value::Null);
                if let Action::Ask(request) = &mut read.action {
                    request.keeps.push(("rv".to_owned(), "metadata.resourceVersion".to_owned()));
                }
                steps.push(read);
                let mut object = self.object("h", 30);
                // Without an object it is empty, which nothing was read at.
                object["metadata"]["resourceVersion"] = json!("{rv}");
                steps.push(self.ask("PUT", &format!("{ALL}/h?{who}"), "application/json", &object));
            }
            9..=11 => {
                let mut patch = self.object("h", 20);
                for name in ["apiVersion", "kind"] {
                    patch.as_object_mut().map(|patch| patch.remove(name));
                }
                if self.rng.u8(..4) == 0 {
                    let gone = self.one(FIELDS);
                    patch["spec"][gone] = Value::Null;
                }
                steps.push(self.ask("PATCH", &format!("{ALL}/h?{who}"), MERGE, &patch));
            }
            12 => {
                let patch = self.operations();
                steps.push(self.ask("PATCH", &format!("{ALL}/h?{who}"), "application/json-patch+json", &patch));
            }
            13 => {
                let mut object = head("h");
                object["status"] = self.status();
                let target = format!("{ALL}/h/status?{who}");
                if self.rng.bool() {
                    steps.push(self.ask("PATCH", &target, APPLY, &object));
                } else {
                    let patch = json!({ "status": object["status"] });
                    steps.push(self.ask("PATCH", &target, MERGE, &patch));
                }
            }
            14 => {
                let replicas = self.rng.i32(0..8);
                let patch = json!({ "spec": { "replicas": replicas } });
                steps.push(self.ask("PATCH", &format!("{ALL}/h/scale?{who}"), MERGE, &patch));
            }
            _ => steps.push(self.ask("GET", &format!("{ALL}/h"), "", &Value::Null)),
        }
    }

    /// An object of which some fields are set; one of `mistakes` fields is wrong.
    fn object(&mut self, name: &str, mistakes: u32) -> Value {
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

    fn status(&mut self) -> Value {
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

    fn operations(&mut self) -> Value {
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

    fn query(&mut self) -> String {
        let parts = [
            "fieldSelector=spec.color%3Dred",
            "fieldSelector=spec.color!%3Dred",
            "fieldSelector=spec.color%3Dred,spec.replicas%3D1",
            "fieldSelector=spec.replicas!%3D1",
            "fieldSelector=metadata.name%3Dl0",
            "fieldSelector=metadata.name!%3Dl0",
            "fieldSelector=spec.mode%3DAuto",
            "labelSelector=l",
            "labelSelector=!l",
            "labelSelector=l%3Dx",
            "labelSelector=l!%3Dx",
            "labelSelector=l%20in%20(x,y),m",
            "labelSelector=n%20notin%20(x)",
            "labelSelector=l%3E1",
            "labelSelector=l%20in%20x",
            "labelSelector=,",
            "labelSelector=-a%3Db",
            "limit=10",
            "resourceVersionMatch=NotOlderThan",
            "resourceVersion=x",
            "timeoutSeconds=9",
        ];
        (0..self.rng.usize(..3)).map(|_| self.one(&parts)).collect::<Vec<_>>().join("&")
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

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.rng.choice(of).copied().unwrap_or_default()
    }

    fn ask(&mut self, method: &str, target: &str, form: &str, body: &Value) -> Step {
        self.step += 1;
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = Request { method: method.to_owned(), target: target.to_owned(), body, ..Request::default() };
        if !form.is_empty() {
            request.headers.push(("content-type".to_owned(), form.to_owned()));
        }
        Step { name: format!("step {}", self.step), action: Action::Ask(request), direct_only: false }
    }
}

fn head(name: &str) -> Value {
    json!({ "apiVersion": "rich.example.com/v1", "kind": "Gadget", "metadata": { "name": name } })
}

const ALL: &str = "/apis/rich.example.com/v1/namespaces/one/gadgets";
const APPLY: &str = "application/apply-patch+yaml";
const MERGE: &str = "application/merge-patch+json";
/// The fields of a gadget's spec, its color apart.
const FIELDS: &[&str] = &[
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_known_by_its_seed_and_number() {
        assert_eq!(case(7, 3), case(7, 3));
        assert_ne!(case(7, 3), case(7, 4));
        assert_ne!(case(7, 3), case(8, 3));
    }

    #[test]
    fn cases_are_of_every_kind() {
        let all: String = (0..200).flat_map(|number| case(1, number)).map(|step| step.to_string()).collect();
        for part in
            [APPLY, MERGE, "json-patch", "PUT", "POST", "DELETE", "/status", "/scale", "force=true", "Table", "m4"]
        {
            assert!(all.contains(part), "no case has {part}");
        }
    }
}
