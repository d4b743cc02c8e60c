//! Instructions that the server executes for a request, counted by valgrind: steady on a machine that is busy otherwise.
//!
//! `cargo bench -p kube-annex-load` counts each case with few and with more repetitions; the difference has no start-up
//! in it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that fails has nothing to report")]

use axum::body::Body;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube_annex::encode::write_json;
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};
use kube_annex_runtime::authn::{Authenticators, Connection, Trust, TrustStore};
use kube_annex_runtime::authz::{self, Authorizer, Decision};
use kube_annex_runtime::{Registration, Server};
use kube_annex_server::resources::wardle::{v1alpha1, v1beta1};
use kube_annex_storage::memory::Memory;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

/// Name, operations in one repetition, repetitions that are compared.
const CASES: [(&str, u64, [u64; 2]); 6] = [
    ("encode", 1, [100, 1100]),
    ("get", 1, [100, 1100]),
    ("list", 1, [2, 12]),
    ("create", 1, [100, 600]),
    ("fan-out", WATCHERS, [2, 12]),
    ("apply", 1, [30, 330]),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--case", case, repetitions, ..] => run(case, repetitions.parse().unwrap()),
        words if words.contains(&"--bench") => count_all(words),
        _ => {} // `cargo test --all-targets` is not what this is for
    }
}

fn count_all(words: &[&str]) {
    let mut table = String::from("| Case | Instructions per operation |\n|---|--:|\n");
    let named = |case: &str| words.iter().any(|word| word.contains(case) || case.contains(word));
    let all = words.iter().all(|word| word.starts_with("--"));
    for (case, operations, [few, more]) in CASES.into_iter().filter(|(case, ..)| all || named(case)) {
        let difference = count(case, more) - count(case, few);
        let _ = writeln!(table, "| {case} | {} |", difference / ((more - few) * operations));
    }
    let _ = write!(std::io::stdout(), "{table}");
}

fn count(case: &str, repetitions: u64) -> u64 {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe().unwrap());
    let output = valgrind.args(["--case", case, &repetitions.to_string()]).output();
    let output = output.unwrap_or_else(|error| panic!("cannot run valgrind: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{said}"));
    collected.1.trim().parse().unwrap()
}

fn run(case: &str, repetitions: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match case {
            "encode" => encode(repetitions),
            "get" => get(repetitions).await,
            "list" => list(repetitions).await,
            "create" => create(repetitions).await,
            "fan-out" => fan_out(repetitions).await,
            "apply" => apply(repetitions).await,
            unknown => panic!("there is no case {unknown}"),
        }
    });
}

fn encode(repetitions: u64) {
    let flunder: v1alpha1::Flunder = serde_json::from_slice(&flunder("encoded")).unwrap();
    for _ in 0..repetitions {
        let mut out = Vec::with_capacity(1024);
        write_json(black_box(&flunder), &mut out).unwrap();
        black_box(out);
    }
}

async fn get(repetitions: u64) {
    let asked = Asked::new(1).await;
    for _ in 0..repetitions {
        asked.ask(Method::GET, &format!("{FLUNDERS}/object-0"), "", Bytes::new()).await;
    }
}

async fn list(repetitions: u64) {
    let asked = Asked::new(OBJECTS).await;
    for _ in 0..repetitions {
        asked.ask(Method::GET, FLUNDERS, "", Bytes::new()).await;
    }
}

async fn create(repetitions: u64) {
    Asked::new(repetitions).await;
}

async fn fan_out(repetitions: u64) {
    let asked = Asked::new(1).await;
    let mut watches = Vec::new();
    for _ in 0..WATCHERS {
        let path = format!("{FLUNDERS}?watch=true&resourceVersion={}", asked.revision().await);
        watches.push(asked.answer(Method::GET, &path, "", Bytes::new()).await);
    }
    for repetition in 0..repetitions {
        let patch = format!(r#"{{"metadata":{{"labels":{{"round":"{repetition}"}}}}}}"#);
        let object = format!("{FLUNDERS}/object-0");
        asked.ask(Method::PATCH, &object, "application/merge-patch+json", patch.into()).await;
        for watch in &mut watches {
            black_box(watch.frame().await.unwrap().unwrap());
        }
    }
}

async fn apply(repetitions: u64) {
    let asked = Asked::new(0).await;
    for repetition in 0..repetitions {
        let manager = repetition % 3;
        let mut annotations = format!(r#""manager-{manager}.example.com/round":"{repetition}""#);
        for index in 0..32 {
            let _ = write!(annotations, r#","manager-{manager}.example.com/key-{index:02}":"{}""#, "v".repeat(64));
        }
        let body = format!(
            r#"{{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{{"name":"applied","annotations":{{{annotations}}}}}}}"#
        );
        let object = format!("{FLUNDERS}/applied?fieldManager=manager-{manager}");
        asked.ask(Method::PATCH, &object, "application/apply-patch+yaml", body.into()).await;
    }
}

/// A server without a socket, with so many objects.
struct Asked {
    server: Server,
    connection: Connection,
}

impl Asked {
    async fn new(objects: u64) -> Self {
        let server = Server::builder()
            .storage(Arc::new(Memory::new()))
            .register(Registration::stored::<v1beta1::Flunder>().store_as::<v1alpha1::Flunder>())
            .build(Authenticators::new(TrustStore::new(Trust::default())), Arc::new(Everyone))
            .unwrap();
        let connection = Connection::new(SocketAddr::from(([127, 0, 0, 1], 1)), Vec::new(), true);
        let asked = Self { server, connection };
        for number in 0..objects {
            let body = flunder(&format!("object-{number}"));
            asked.ask(Method::POST, FLUNDERS, "application/json", body).await;
        }
        asked
    }

    /// The whole answer; an answer that is no success ends the bench.
    async fn ask(&self, method: Method, path: &str, media_type: &'static str, body: Bytes) -> Bytes {
        black_box(self.answer(method, path, media_type, body).await.collect().await.unwrap().to_bytes())
    }

    async fn answer(&self, method: Method, path: &str, media_type: &'static str, body: Bytes) -> Body {
        let mut request = Request::builder().method(method).uri(path).header("accept", "application/json");
        if !media_type.is_empty() {
            request = request.header("content-type", media_type);
        }
        let request = request.body(Body::from(body)).unwrap();
        let response = self.server.answer(request, &self.connection).await;
        let status = response.status();
        if !status.is_success() {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            panic!("{path} was answered with {status}: {}", String::from_utf8_lossy(&body));
        }
        assert!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{status}");
        response.into_body()
    }

    async fn revision(&self) -> String {
        let list = self.ask(Method::GET, &format!("{FLUNDERS}?limit=1"), "", Bytes::new()).await;
        let list: serde_json::Value = serde_json::from_slice(&list).unwrap();
        list["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
    }
}

/// Everyone may do everything.
struct Everyone;

impl Authorizer for Everyone {
    fn authorize<'a>(&'a self, _: &'a UserInfo, _: &'a RequestInfo) -> BoxFuture<'a, Result<Decision, authz::Error>> {
        Box::pin(std::future::ready(Ok(Decision::Allow)))
    }
}

fn flunder(name: &str) -> Bytes {
    let note = "x".repeat(120);
    let text = format!(
        r#"{{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{{"name":"{name}","labels":{{"app":"load","tier":"measured"}},"annotations":{{"load.example.com/purpose":"{note}"}}}},"spec":{{"reference":"another-flunder","referenceType":"Flunder"}}}}"#
    );
    Bytes::from(text)
}

const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
const OBJECTS: u64 = 10_000;
const WATCHERS: u64 = 1000;
