//! Clients that write until nobody answers, and what must be found of it afterwards.

use crate::FLUNDERS;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub(crate) const WRITERS: usize = 32;

/// One write of a client: the number decides what it does. An object is created, changed, and most are deleted.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Write {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) number: u64,
}

/// What the clients of a round share.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// Whether nobody is to write any more.
    pub(crate) ended: AtomicBool,
    /// How many writes were answered.
    pub(crate) answers: AtomicUsize,
}

/// The writes of a client that were answered, each with its resource version; the one after them was asked, perhaps.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) writer: usize,
    next: u64,
    pub(crate) answered: Vec<(Write, Option<u64>)>,
}

impl Client {
    pub(crate) fn new(writer: usize, next: u64) -> Self {
        Self { writer, next, answered: Vec::new() }
    }

    fn write(&self, number: u64) -> Write {
        let name = format!("w{}-{}", self.writer, number / 3);
        let kind = match number % 3 {
            0 => "ADDED",
            2 if !number.is_multiple_of(4) => "DELETED",
            _ => "MODIFIED",
        };
        Write { kind, name, number }
    }

    /// Writes until there is no answer, or one that says that nothing is certain, or it is told to stop.
    pub(crate) async fn go_on(mut self, client: kube::Client, work: Arc<Work>) -> Self {
        loop {
            if work.ended.load(Ordering::Relaxed) {
                return self;
            }
            let write = self.write(self.next);
            let Some(version) = send(&client, &write).await else { return self };
            self.answered.push((write, version));
            self.next += 1;
            work.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that was answered is there as it was answered, and at most the write that was asked next. Answers how many.
    pub(crate) fn compare(&self, found: &[&Value]) -> u64 {
        let first = self.next - self.answered.len() as u64;
        let more = found.len().checked_sub(self.answered.len());
        assert!(matches!(more, Some(0 | 1)), "{:?} were answered, {found:?} are there", self.answered);
        for (event, number) in found.iter().zip(first..) {
            let write = self.write(number);
            assert_eq!((event["type"].as_str(), name(&event["object"])), (Some(write.kind), write.name.clone()));
            if write.kind != "DELETED" {
                assert_eq!(event["object"]["metadata"]["annotations"]["number"], write.number.to_string());
            }
        }
        for (event, (write, answered)) in found.iter().zip(&self.answered) {
            assert!(answered.is_none_or(|answered| answered == version(&event["object"])), "{write:?}: {event}");
        }
        found.len() as u64
    }
}

/// The answer's resource version, where it has one; none when there is no answer, or one with 500 and above: then it
/// may have happened.
pub(crate) async fn send(client: &kube::Client, write: &Write) -> Option<Option<u64>> {
    let object = format!("{FLUNDERS}/{}", write.name);
    let (method, path, body) = match write.kind {
        "ADDED" => (Method::POST, FLUNDERS, Some(flunder(write))),
        "MODIFIED" => (Method::PATCH, object.as_str(), Some(flunder(write))),
        _ => (Method::DELETE, object.as_str(), None),
    };
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
    let request = Request::builder().method(method).uri(path).header("content-type", media);
    let response = client.send(request.body(Body::from(body)).unwrap()).await.ok()?;
    let status = response.status();
    let body = response.into_body().collect().await.ok()?.to_bytes();
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    assert!(status.is_success(), "{write:?}: {status} {}", String::from_utf8_lossy(&body));
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let version = (write.kind != "DELETED").then(|| version(&answer));
    Some(version)
}

fn flunder(write: &Write) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1beta1",
        "kind": "Flunder",
        "metadata": { "name": write.name, "annotations": { "number": write.number.to_string() } },
        "spec": {},
    })
}

pub(crate) fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

pub(crate) fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}
