//! A server whose objects are in etcd, as its users see it. Skipped by name on a machine without an etcd.

#![cfg(feature = "etcd")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use http::{Method, StatusCode};
use kube_annex_testkit::etcd::Etcd;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use support::{BINARY, PATIENCE, Standalone, ask, run_server};

const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";

fn start(data: &Path, etcd: &Etcd, more: &[&str]) -> Standalone {
    let servers = format!("--etcd-servers={}", etcd.addresses().join(","));
    let flags: Vec<&str> = [servers.as_str()].into_iter().chain(more.iter().copied()).collect();
    tokio::task::block_in_place(|| Standalone::start_with(Path::new(BINARY), data, &flags))
}

fn flunder(name: &str, annotation: &str) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Flunder",
        "metadata": { "name": name, "annotations": { "text": annotation } },
        "spec": {},
    })
}

/// Asks until the answer has this status.
async fn becomes(client: &kube::Client, path: &str, expected: StatusCode) -> Value {
    let asking = async {
        loop {
            let (status, body) = ask(client, Method::GET, path, None).await;
            if status == expected {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it becomes so")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_and_their_history_are_in_etcd_when_the_server_starts_again() {
    let Some(program) = support::etcd("objects_and_their_history_are_in_etcd_when_the_server_starts_again") else {
        return;
    };
    let (etcd, data) = (Etcd::start(&program), tempfile::tempdir().unwrap());
    let server = start(data.path(), &etcd, &["--storage-backend=etcd3", "--storage-media-type=application/json"]);
    let admin = server.admin().await;
    let (status, created) = ask(&admin, Method::POST, FLUNDERS, Some(flunder("one", "x"))).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    drop(server);
    let server = start(data.path(), &etcd, &[]);
    let admin = server.admin().await;
    let (status, found) = ask(&admin, Method::GET, &format!("{FLUNDERS}/one"), None).await;
    assert_eq!((status, found), (StatusCode::OK, created));
    let (status, checks) = ask(&admin, Method::GET, "/readyz?verbose", None).await;
    assert_eq!(status, StatusCode::OK);
    let checks = checks.as_str().unwrap();
    assert!(checks.contains("[+]etcd ok") && checks.contains("[+]etcd-readiness ok"), "{checks}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_etcd_makes_the_server_not_ready_until_it_is_back() {
    let Some(program) = support::etcd("a_lost_etcd_makes_the_server_not_ready_until_it_is_back") else { return };
    let (mut etcd, data) = (Etcd::start(&program), tempfile::tempdir().unwrap());
    let flags = ["--etcd-healthcheck-timeout=500ms", "--etcd-readycheck-timeout=500ms"];
    let server = start(data.path(), &etcd, &flags);
    let admin = server.admin().await;
    becomes(&admin, "/readyz", StatusCode::OK).await;
    etcd.kill(0);
    becomes(&admin, "/readyz", StatusCode::INTERNAL_SERVER_ERROR).await;
    let (status, _) = ask(&admin, Method::GET, "/livez", None).await;
    assert_eq!(status, StatusCode::OK, "to start it again would bring no etcd back");
    let (status, error) = ask(&admin, Method::POST, FLUNDERS, Some(flunder("lost", "x"))).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{error}");
    etcd.start_again(0);
    becomes(&admin, "/readyz", StatusCode::OK).await;
    let (status, created) = ask(&admin, Method::POST, FLUNDERS, Some(flunder("back", "x"))).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_etcd_refuses_is_refused_in_its_words() {
    let Some(program) = support::etcd("an_object_that_etcd_refuses_is_refused_in_its_words") else { return };
    let (etcd, data) = (Etcd::start(&program), tempfile::tempdir().unwrap());
    let server = start(data.path(), &etcd, &[]);
    let admin = server.admin().await;
    // Annotations have a limit of their own, and names of references none.
    let mut large = flunder("large", "x");
    large["spec"]["reference"] = "x".repeat(2 << 20).into();
    let (status, error) = ask(&admin, Method::POST, FLUNDERS, Some(large)).await;
    assert_eq!(
        (status, &error["message"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &"etcdserver: request is too large".into())
    );
    let (_, list) = ask(&admin, Method::GET, FLUNDERS, None).await;
    assert_eq!(list["items"], json!([]));
}

#[test]
fn flags_that_lead_to_no_etcd_are_refused_in_one_sentence() {
    let data = tempfile::tempdir().unwrap();
    let data = format!("--data-dir={}", data.path().display());
    for (flags, sentence) in [
        (&["--storage-backend=etcd"][..], "keeps objects in an etcd; give --etcd-servers too"),
        (&["--etcd-servers=unix:///run/etcd"], "its scheme is neither http nor https"),
        (&["--etcd-servers=http://127.0.0.1"], "it has no port"),
        (&["--etcd-prefix=/r"], "objects would not be kept in etcd"),
        (&["--etcd-servers=127.0.0.1:1", "--storage-backend=redb"], "objects would not be kept in etcd"),
        (&["--etcd-servers=127.0.0.1:1", "--etcd-cafile=/no/such.crt"], "--etcd-cafile: /no/such.crt cannot be read"),
        (&["--etcd-servers=127.0.0.1:1", "--etcd-certfile=/no/such.crt"], "--etcd-keyfile"),
        (&["--storage-media-type=application/yaml"], "application/json"),
    ] {
        let all: Vec<&str> = ["serve", "--standalone", &data].into_iter().chain(flags.iter().copied()).collect();
        let ended = run_server(&all);
        assert_ne!(ended.code, Some(0), "{flags:?}");
        assert!(ended.stderr.contains(sentence), "{flags:?}: {}", ended.stderr);
        assert_eq!(ended.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", ended.stderr);
    }
}
