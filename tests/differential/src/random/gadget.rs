//! Histories that chance makes: a gadget is applied, updated, patched and read by two to five managers.
//!
//! A case is known by the seed and its number alone. Most of what is written is valid, so that histories grow; every kind of
//! mistake comes now and then.

mod values;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::script::{Action, Request, Step};
use values::FIELDS;

/// The steps of a case.
pub(super) fn case(rng: Rng) -> Vec<Step> {
    let mut maker = Maker { rng, step: 0 };
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
