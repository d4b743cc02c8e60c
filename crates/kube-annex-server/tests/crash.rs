//! A server is killed at a random instant while clients write over HTTPS, and what it answered is there.
//!
//! `KUBE_ANNEX_CRASH_ROUNDS` says how often; `cargo xtask crash` sets it.

#![cfg(feature = "redb")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use support::{BINARY, PATIENCE, Standalone, ask};

const FLUNDERS: &str = "/apis/wardle.example.com/v1beta1/namespaces/default/flunders";
const WRITERS: usize = 32;
const ROUNDS: &str = "KUBE_ANNEX_CRASH_ROUNDS";
/// Without being told how often: as often as this, or as fits into the time.
const USUAL_ROUNDS: u64 = 100;
const USUAL_TIME: Duration = Duration::from_secs(20);

/// One write of a client: the number decides what it does. An object is created, changed, and most are deleted.
#[derive(Clone, Debug, PartialEq)]
struct Write {
    kind: &'static str,
    name: String,
    number: u64,
}

/// The writes of a client that were answered, each with its resource version; the one after them was asked, perhaps.
#[derive(Debug)]
struct Client {
    writer: usize,
    next: u64,
    answered: Vec<(Write, Option<u64>)>,
}

impl Client {
    fn write(&self, number: u64) -> Write {
        let name = format!("w{}-{}", self.writer, number / 3);
        let kind = match number % 3 {
            0 => "ADDED",
            2 if !number.is_multiple_of(4) => "DELETED",
            _ => "MODIFIED",
        };
        Write { kind, name, number }
    }

    /// Writes until the server is gone.
    async fn go_on(mut self, client: kube::Client) -> Self {
        loop {
            let write = self.write(self.next);
            let Some(version) = send(&client, &write).await else { return self };
            self.answered.push((write, version));
            self.next += 1;
        }
    }
}

/// The answer's resource version, where it has one; none when there is no answer.
async fn send(client: &kube::Client, write: &Write) -> Option<Option<u64>> {
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

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// What the writers did after a resource version. A write of the reader's own tells where that ends.
async fn history(client: &kube::Client, from: u64, round: u64) -> Vec<Value> {
    let mark = Write { kind: "ADDED", name: format!("mark-{round}"), number: round };
    send(client, &mark).await.expect("the server lives");
    let path = format!("{FLUNDERS}?watch=true&resourceVersion={from}");
    let request = Request::get(path).body(Body::empty()).unwrap();
    let mut body = client.send(request).await.unwrap().into_body();
    let mut text = Vec::new();
    let until_mark = async {
        loop {
            text.extend_from_slice(body.frame().await.expect("the mark comes").unwrap().data_ref().unwrap());
            let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            let events = serde_json::Deserializer::from_slice(&text[..whole]).into_iter().map(Result::unwrap);
            let mut events: Vec<Value> = events.collect();
            if let Some(end) = events.iter().position(|event| name(&event["object"]) == mark.name) {
                events.truncate(end);
                return events;
            }
        }
    };
    let mut events = tokio::time::timeout(PATIENCE, until_mark).await.expect("the watch tells what happened");
    send(client, &Write { kind: "DELETED", ..mark }).await.expect("the server lives");
    events.retain(|event| !name(&event["object"]).starts_with("mark-"));
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_outlives_a_kill_at_any_instant() {
    kill_again_and_again(&[]).await;
}

#[cfg(feature = "etcd")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_in_etcd_after_a_kill_at_any_instant() {
    let Some(program) = support::etcd("what_was_answered_is_in_etcd_after_a_kill_at_any_instant") else { return };
    let etcd = tokio::task::block_in_place(|| kube_annex_testkit::etcd::Etcd::start(&program));
    kill_again_and_again(&[&format!("--etcd-servers={}", etcd.addresses().join(","))]).await;
}

/// Servers with these flags, one after the other on the same data.
async fn kill_again_and_again(flags: &[&str]) {
    let start =
        |folder: &Path| tokio::task::block_in_place(|| Standalone::start_with(Path::new(BINARY), folder, flags));
    let wanted = std::env::var(ROUNDS).ok().map(|rounds| rounds.parse().expect("a number of rounds"));
    let (most, started): (u64, _) = (wanted.unwrap_or(USUAL_ROUNDS), std::time::Instant::now());
    let folder = tempfile::tempdir().unwrap();
    let mut next = [0; WRITERS];
    let mut objects: BTreeMap<String, Value> = BTreeMap::new();
    let mut from = 1;
    let (mut rounds, mut all) = (0, 0);
    let mut random = u64::from(std::process::id());
    for round in 0..most {
        if wanted.is_none() && round > 0 && started.elapsed() > USUAL_TIME {
            break;
        }
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let server = start(folder.path());
        let mut clients = Vec::new();
        for (writer, next) in next.iter().enumerate() {
            let client = Client { writer, next: *next, answered: Vec::new() };
            clients.push(client.go_on(server.admin().await));
        }
        let kill = async {
            tokio::time::sleep(Duration::from_micros(100_000 + (random >> 33) % 600_000)).await;
            server.process.kill();
        };
        let clients = futures_util::future::join_all(clients);
        let both = async { tokio::join!(clients, kill) };
        let (clients, ()) = tokio::time::timeout(PATIENCE, both).await.expect("a killed server answers nobody");
        drop(server);

        let server = start(folder.path());
        let admin = server.admin().await;
        let (status, list) = ask(&admin, Method::GET, FLUNDERS, None).await;
        assert_eq!(status, StatusCode::OK, "{list}");
        let history = history(&admin, from, round).await;
        let found = by_writer(&history);
        for client in &clients {
            next[client.writer] += compare(client, &found[client.writer]);
        }
        let answered: usize = clients.iter().map(|client| client.answered.len()).sum();
        (rounds, all) = (rounds + 1, all + answered);
        let _ = writeln!(std::io::stdout(), "round {round}: {answered} answers, {} writes", history.len());

        replay(&mut objects, &history);
        let items = list["items"].as_array().unwrap();
        let listed: BTreeMap<String, u64> = items.iter().map(|item| (name(item), version(item))).collect();
        let replayed = objects.iter().map(|(name, object)| (name.clone(), version(object))).collect();
        assert_eq!(listed, replayed, "the list is what its history makes");
        from = version(&list);
    }
    // Now and then the kill comes before the first answer.
    assert!(all > rounds * 4, "{all} answers in {rounds} rounds are no work");
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// The events of each writer. Their resource versions increase over all of them.
fn by_writer(history: &[Value]) -> Vec<Vec<&Value>> {
    assert!(history.is_sorted_by(|one, next| version(&one["object"]) < version(&next["object"])));
    let mut found = vec![Vec::new(); WRITERS];
    for event in history {
        let name = name(&event["object"]);
        let writer = name.trim_start_matches('w').split('-').next().unwrap().parse::<usize>().unwrap();
        found[writer].push(event);
    }
    found
}

/// All that was answered is there as it was answered, and at most the write that was asked next. Answers how many.
fn compare(client: &Client, found: &[&Value]) -> u64 {
    let first = client.next - client.answered.len() as u64;
    let more = found.len().checked_sub(client.answered.len());
    assert!(matches!(more, Some(0 | 1)), "{:?} were answered, {found:?} are there", client.answered);
    for (event, number) in found.iter().zip(first..) {
        let write = client.write(number);
        assert_eq!((event["type"].as_str(), name(&event["object"])), (Some(write.kind), write.name.clone()));
        if write.kind != "DELETED" {
            assert_eq!(event["object"]["metadata"]["annotations"]["number"], write.number.to_string());
        }
    }
    for (event, (write, answered)) in found.iter().zip(&client.answered) {
        assert!(answered.is_none_or(|answered| answered == version(&event["object"])), "{write:?}: {event}");
    }
    found.len() as u64
}

fn replay(objects: &mut BTreeMap<String, Value>, history: &[Value]) {
    for event in history {
        let object = &event["object"];
        match event["type"].as_str() {
            Some("DELETED") => drop(objects.remove(&name(object))),
            _ => drop(objects.insert(name(object), object.clone())),
        }
    }
}
