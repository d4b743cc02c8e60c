//! What happened, as watches tell it: one that begins again whenever it breaks, and one of each round.

use crate::writers::{WRITERS, Write, name, send, version};
use crate::{FLUNDERS, PATIENCE};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// A watcher that goes on where it was whenever its watch ends, at whichever server there is then.
pub(crate) struct Watcher {
    server: watch::Receiver<kube::Client>,
    from: u64,
    seen: Vec<Value>,
}

impl Watcher {
    pub(crate) fn new(server: watch::Receiver<kube::Client>) -> Self {
        Self { server, from: 1, seen: Vec::new() }
    }

    /// Follows until an object of this name has been deleted; answers all that was seen of the writers, in its order.
    pub(crate) async fn until(mut self, last: &str) -> Vec<Value> {
        loop {
            let server = { self.server.borrow().clone() };
            if let Some(mut watch) = Watch::open(&server, self.from).await {
                while let Some(event) = watch.next().await {
                    assert_ne!(event["type"], "ERROR", "after {}: {event}", self.from);
                    let object = &event["object"];
                    assert!(event["type"] == "BOOKMARK" || version(object) > self.from, "again, or too late: {event}");
                    self.from = version(object);
                    if event["type"] == "DELETED" && name(object) == last {
                        return writers_alone(self.seen);
                    }
                    if event["type"] != "BOOKMARK" {
                        self.seen.push(event);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A watch, event by event.
struct Watch {
    body: Body,
    text: Vec<u8>,
}

impl Watch {
    /// None when there is no server, or one that cannot watch now.
    async fn open(client: &kube::Client, from: u64) -> Option<Self> {
        let path = format!("{FLUNDERS}?watch=true&allowWatchBookmarks=true&resourceVersion={from}");
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = client.send(request).await.ok()?;
        let status = response.status();
        assert!(status == StatusCode::OK || status.is_server_error() || status == 429, "a watch from {from}: {status}");
        (status == StatusCode::OK).then(|| Self { body: response.into_body(), text: Vec::new() })
    }

    /// None at its end. Half an event is none.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let frame = self.body.frame().await?.ok()?;
            self.text.extend_from_slice(frame.data_ref()?);
        }
    }
}

/// What the writers did after a resource version. A write of the reader's own tells where that ends.
pub(crate) async fn history(client: &kube::Client, from: u64, round: u64) -> Vec<Value> {
    let mark = Write { kind: "ADDED", name: format!("mark-{round}"), number: round };
    send(client, &mark).await.expect("the server lives");
    let until_mark = async {
        let mut watch = Watch::open(client, from).await.expect("a watch");
        let mut events = Vec::new();
        loop {
            let event = watch.next().await.expect("the mark comes");
            if event["type"] == "BOOKMARK" {
                continue;
            }
            if name(&event["object"]) == mark.name {
                return events;
            }
            events.push(event);
        }
    };
    let events = tokio::time::timeout(PATIENCE, until_mark).await.expect("the watch tells what happened");
    send(client, &Write { kind: "DELETED", ..mark }).await.expect("the server lives");
    writers_alone(events)
}

fn writers_alone(mut events: Vec<Value>) -> Vec<Value> {
    events.retain(|event| !name(&event["object"]).starts_with("mark-"));
    events
}

/// The events of each writer. Their resource versions increase over all of them.
pub(crate) fn by_writer(history: &[Value]) -> Vec<Vec<&Value>> {
    assert!(history.is_sorted_by(|one, next| version(&one["object"]) < version(&next["object"])));
    let mut found = vec![Vec::new(); WRITERS];
    for event in history {
        let name = name(&event["object"]);
        let writer = name.trim_start_matches('w').split('-').next().unwrap().parse::<usize>().unwrap();
        found[writer].push(event);
    }
    found
}

/// What the events make of the objects before them.
pub(crate) fn replay(objects: &mut BTreeMap<String, Value>, history: &[Value]) {
    for event in history {
        let object = &event["object"];
        match event["type"].as_str() {
            Some("DELETED") => drop(objects.remove(&name(object))),
            _ => drop(objects.insert(name(object), object.clone())),
        }
    }
}
