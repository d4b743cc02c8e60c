//! Histories of flunders and fischers: written in every way, listed, watched and deleted.

mod objects;
mod options;
mod patches;

use fastrand::Rng;
use serde_json::Value;

use crate::script::{Action, Request, Step};

/// The steps of a case.
pub(super) fn case(rng: Rng) -> Vec<Step> {
    let mut maker = Maker { rng, steps: Vec::new(), generated: false, mistakes: 12 };
    maker.mistakes = maker.rng.u32(4..40);
    for name in ["a", "b", "c"] {
        if maker.rng.u8(..3) > 0 {
            maker.begin(name);
        }
    }
    for _ in 0..maker.rng.usize(4..12) {
        maker.step();
    }
    maker.steps
}

struct Maker {
    rng: Rng,
    steps: Vec<Step>,
    /// Whether an object with a name of chance was made: two of them would be listed in the order of chance.
    generated: bool,
    /// One in so many values is a wrong one.
    mistakes: u32,
}

impl Maker {
    /// Makes an object without mistakes, for others to meet.
    fn begin(&mut self, name: &str) {
        let object = format!(
            r#"{{"metadata":{{"name":"{name}","labels":{{"l":"{}","n":"{}"}}}},"spec":{{"reference":"x"}}}}"#,
            self.one(&["x", "y"]),
            self.rng.u8(..5)
        );
        let collection = self.collection();
        let mut request = asked("POST", collection);
        request.body = object
            .replace(r#""reference""#, if collection == ALPHA { r#""reference""# } else { r#""flunderReference""# });
        request.keeps.push(("rv".to_owned(), "metadata.resourceVersion".to_owned()));
        request.keeps.push(("uid".to_owned(), "metadata.uid".to_owned()));
        self.push(Action::Ask(request));
    }

    fn step(&mut self) {
        match self.rng.u8(..32) {
            0..=6 => self.create(),
            7..=9 => self.update(),
            10..=16 => self.patch(),
            17..=19 => self.delete(),
            20 => self.delete_collection(),
            21 | 22 => self.get(),
            23..=27 => self.list(),
            28 | 29 => self.watch(),
            _ => self.oddity(),
        }
    }

    fn create(&mut self) {
        let collection = self.collection();
        let query = self.write_query();
        let mut request = asked("POST", &format!("{collection}{query}"));
        let (form, body) = self.body(collection);
        typed(&mut request, form);
        self.accept(&mut request);
        request.body = body;
        self.push(Action::Ask(request));
    }

    fn update(&mut self) {
        let collection = self.collection();
        let name = self.name();
        if self.rng.bool() {
            self.read(collection, name);
        }
        let query = self.write_query();
        let mut request = asked("PUT", &format!("{collection}/{name}{query}"));
        let mut object = self.object(collection, name);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            match self.rng.u8(..6) {
                0 => {}
                1 => drop(
                    metadata.insert("resourceVersion".to_owned(), Value::from(self.one(&["1", "0", "x", "-1", ""]))),
                ),
                2 => {
                    metadata.insert("resourceVersion".to_owned(), Value::from("{rv}"));
                    metadata.insert("uid".to_owned(), Value::from("{uid}"));
                }
                _ => drop(metadata.insert("resourceVersion".to_owned(), Value::from("{rv}"))),
            }
        }
        request.body = object.to_string();
        self.push(Action::Ask(request));
    }

    fn patch(&mut self) {
        let collection = self.collection();
        let name = self.name();
        let (form, body) = self.any_patch(collection, name);
        let mut query = self.write_query();
        if form == patches::APPLY && self.rng.u8(..6) > 0 {
            self.one(&["?fieldManager=m", "?fieldManager=n", "?fieldManager=m&force=true"]).clone_into(&mut query);
        }
        let mut request = asked("PATCH", &format!("{collection}/{name}{query}"));
        typed(&mut request, form);
        self.accept(&mut request);
        request.body = body;
        self.push(Action::Ask(request));
    }

    fn delete(&mut self) {
        let collection = self.collection();
        let name = self.name();
        let (query, body) = self.delete_options();
        let mut request = asked("DELETE", &format!("{collection}/{name}{query}"));
        self.accept(&mut request);
        request.body = body;
        self.push(Action::Ask(request));
        if self.rng.bool() {
            self.read(collection, name);
        }
    }

    fn delete_collection(&mut self) {
        let collection = self.collection();
        let (options, body) = self.delete_options();
        // Whose state a collection is deleted in is a matter of chance where an old one does.
        let selection = self.list_query().replace("resourceVersion=", "unknown=");
        let options = options.replace("resourceVersion=", "unknown=");
        let query =
            if options.is_empty() { selection } else { format!("{options}&{}", selection.trim_start_matches('?')) };
        let mut request = asked("DELETE", &format!("{collection}{query}"));
        request.body = body;
        self.push(Action::Ask(request));
        self.push(Action::Ask(asked("GET", collection)));
    }

    fn get(&mut self) {
        let collection = self.collection();
        let name = self.name();
        let query = self.one(&[
            "",
            "",
            "?resourceVersion=0",
            "?resourceVersion={rv}",
            "?resourceVersion=x",
            "?pretty=true",
            "?pretty=1",
            "?export=true",
            "?resourceVersion=-1",
        ]);
        let mut request = asked("GET", &format!("{collection}/{name}{query}"));
        self.accept(&mut request);
        self.push(Action::Ask(request));
    }

    fn list(&mut self) {
        let collection = self.any_collection();
        let query = self.list_query();
        let mut request = asked("GET", &format!("{collection}{query}"));
        self.accept(&mut request);
        request.keeps.push(("next".to_owned(), "metadata.continue".to_owned()));
        request.keeps.push(("list".to_owned(), "metadata.resourceVersion".to_owned()));
        self.push(Action::Ask(request));
    }

    fn watch(&mut self) {
        let collection = self.any_collection();
        let query = self.watch_query();
        let mut request = asked("GET", &format!("{collection}{query}"));
        self.accept(&mut request);
        self.push(Action::First(0, request));
    }

    /// What a client seldom asks.
    fn oddity(&mut self) {
        let name = self.name();
        let collection = self.collection();
        let path = self.one(&[
            "",
            "/",
            "/a",
            "/a/",
            "/a/status",
            "/a/scale",
            "/a/nothing",
            "/%41",
            "/a%2fb",
            "/%ff",
            "//a",
            "/..",
        ]);
        let method = self.one(&["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"]);
        let query = self.one(&[
            "",
            "?a=%zz",
            "?limit=1%",
            "?limit=1;limit=2",
            "?pretty=maybe",
            "?timeout=5s",
            "?timeout=x",
            "?%",
        ]);
        let path = if path == "/a" { format!("/{name}") } else { path.to_owned() };
        let mut request = asked(method, &format!("{collection}{path}{query}"));
        let form = self.one(&[
            "application/json",
            "",
            "text/plain",
            "application/json; charset=utf-8",
            "application/merge-patch+json",
        ]);
        typed(&mut request, form);
        self.accept(&mut request);
        if !matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE") {
            self.one(&["", "{}", "null", "[]", "x", r#"{"metadata":{"name":"a"}}"#]).clone_into(&mut request.body);
        }
        self.push(Action::Ask(request));
    }

    fn read(&mut self, collection: &str, name: &str) {
        let mut request = asked("GET", &format!("{collection}/{name}"));
        request.keeps.push(("rv".to_owned(), "metadata.resourceVersion".to_owned()));
        request.keeps.push(("uid".to_owned(), "metadata.uid".to_owned()));
        self.push(Action::Ask(request));
    }

    fn push(&mut self, action: Action) {
        let name = format!("step {}", self.steps.len() + 1);
        self.steps.push(Step { name, action, direct_only: false });
    }

    fn collection(&mut self) -> &'static str {
        self.one(&[BETA, BETA, BETA, ALPHA, FISCHERS])
    }

    fn any_collection(&mut self) -> &'static str {
        self.one(&[
            BETA,
            BETA,
            ALPHA,
            FISCHERS,
            "/apis/wardle.example.com/v1beta1/flunders",
            "/apis/wardle.example.com/v1beta1/namespaces/none/flunders",
        ])
    }

    fn name(&mut self) -> &'static str {
        self.one(&["a", "a", "a", "b", "b", "c", "d"])
    }

    /// Whether the next value is to be a wrong one.
    fn errs(&mut self) -> bool {
        self.rng.u32(..self.mistakes) == 0
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        self.rng.choice(of).copied().unwrap_or_default()
    }
}

fn asked(method: &str, target: &str) -> Request {
    Request { method: method.to_owned(), target: target.to_owned(), ..Request::default() }
}

fn typed(request: &mut Request, form: &str) {
    if !form.is_empty() {
        request.headers.push(("content-type".to_owned(), form.to_owned()));
    }
}

const BETA: &str = "/apis/wardle.example.com/v1beta1/namespaces/one/flunders";
const ALPHA: &str = "/apis/wardle.example.com/v1alpha1/namespaces/one/flunders";
const FISCHERS: &str = "/apis/wardle.example.com/v1alpha1/fischers";
