//! Where objects are kept: across restarts, when something else has the folder, and when the disk refuses.

#![cfg(feature = "redb")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests")]

#[path = "storage/encryption.rs"]
mod encryption;
#[path = "storage/maintenance.rs"]
mod maintenance;
mod support;

use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::{BINARY, Ended, PATIENCE, Standalone, ask, run_server};

const FLUNDERS: &str = "/apis/wardle.example.com/v1beta1/namespaces/default/flunders";

fn flunder(name: &str) -> Value {
    json!({ "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": { "name": name }, "spec": {} })
}

async fn create(client: &kube::Client, name: &str) -> Value {
    let (status, created) = ask(client, Method::POST, FLUNDERS, Some(flunder(name))).await;
    assert_eq!(status, StatusCode::CREATED, "{created}");
    created
}

/// The events of a watch from a revision, as many as are awaited.
async fn events(client: &kube::Client, from: &Value, count: usize) -> Vec<Value> {
    let path = format!("{FLUNDERS}?watch=true&resourceVersion={}", from.as_str().unwrap());
    let watch = Request::get(path).body(Body::empty()).unwrap();
    let mut body = tokio::time::timeout(PATIENCE, client.send(watch)).await.unwrap().unwrap().into_body();
    let mut text = Vec::new();
    while text.split(|byte| *byte == b'\n').count() <= count {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("events in time");
        text.extend_from_slice(frame.expect("a watch that goes on").unwrap().data_ref().unwrap());
    }
    serde_json::Deserializer::from_slice(&text).into_iter().map(Result::unwrap).collect()
}

fn stop(server: Standalone) -> Ended {
    server.process.terminate();
    let ended = server.process.ended();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("leaving background tasks behind"), "the store is closed: {ended:?}");
    ended
}

fn refusal(arguments: &[&str]) -> String {
    let ended = run_server(arguments);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    let told: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let [line] = told[..] else { panic!("one sentence was expected: {}", ended.stderr) };
    line["error: ".len()..].to_owned()
}

#[tokio::test]
async fn a_restart_keeps_objects_and_the_history_that_watches_read() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    let first = create(&admin, "first").await;
    let second = create(&admin, "second").await;
    let (status, _) = ask(&admin, Method::DELETE, &format!("{FLUNDERS}/first"), None).await;
    assert_eq!(status, StatusCode::OK);
    let from = &first["metadata"]["resourceVersion"];
    let before = events(&admin, from, 2).await;
    let (_, listed) = ask(&admin, Method::GET, FLUNDERS, None).await;
    let ended = stop(server);
    let place = format!("serving; objects are kept in {}", folder.path().join("storage").display());
    assert!(ended.stderr.contains(&place), "{}", ended.stderr);

    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    assert_eq!(ask(&admin, Method::GET, FLUNDERS, None).await, (StatusCode::OK, listed));
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/second"), None).await, (StatusCode::OK, second));
    assert_eq!(events(&admin, from, 2).await, before);
    let third = create(&admin, "third").await;
    let seen = events(&admin, from, 3).await;
    let kinds: Vec<&str> = seen.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["ADDED", "DELETED", "ADDED"]);
    assert_eq!(seen[2]["object"], third);
}

#[tokio::test]
async fn objects_in_memory_are_gone_after_a_restart_and_the_log_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start_with(Path::new(BINARY), folder.path(), &["--storage-backend=memory"]);
    create(&server.admin().await, "first").await;
    let ended = stop(server);
    assert!(ended.stderr.contains("objects are kept in memory and are gone"), "{}", ended.stderr);
    assert!(!folder.path().join("storage").exists());
    let server = Standalone::start(folder.path());
    let (_, listed) = ask(&server.admin().await, Method::GET, FLUNDERS, None).await;
    assert_eq!(listed["items"], json!([]), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_cluster_a_file_is_chosen_and_needs_a_folder() {
    let cluster = kube_annex_testkit::FakeApiServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig()).unwrap();
    let told = tokio::task::spawn_blocking(|| refusal(&["serve", "--storage-backend=redb"])).await.unwrap();
    assert_eq!(told, "--storage-backend redb keeps objects under --data-dir; give that too");
    for (flag, place) in [("-v=0", "memory"), ("--storage-backend=redb", folder.path().to_str().unwrap())] {
        let arguments = ["serve", "--bind-address=127.0.0.1", "--secure-port=0", flag, "--kubeconfig"];
        let files = [kubeconfig.to_str().unwrap(), "--data-dir", folder.path().to_str().unwrap()];
        let server = support::Process::start(Path::new(BINARY), arguments.iter().chain(&files));
        let kept = format!("objects are kept in {place}");
        let look = || server.log().contains(&kept).then_some(());
        tokio::task::block_in_place(|| support::wait_until(&kept, look));
    }
}

#[test]
fn a_folder_that_another_process_writes_is_refused_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start(folder.path());
    let data = folder.path().to_str().unwrap();
    let expected = format!(
        "{}/storage is in use by process {}; stop it or choose another folder",
        folder.path().display(),
        server.process.id()
    );
    let flags = ["serve", "--bind-address=127.0.0.1", "--secure-port=0", "--storage-backend=redb", "--data-dir", data];
    assert_eq!(refusal(&flags), expected);
    assert_eq!(refusal(&["storage", "verify", "--data-dir", data]), expected);
}

#[tokio::test]
async fn verify_says_what_there_is_and_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let verify = ["storage", "verify", "--data-dir", data];
    assert!(refusal(&verify).ends_with("storage cannot be opened as a store: No such file or directory (os error 2)"));
    assert!(!folder.path().join("storage").exists());

    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    create(&admin, "first").await;
    create(&admin, "second").await;
    stop(server);
    let ended = run_server(&verify);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("intact: 2 objects, history from revision 1 to 3, "), "{ended:?}");

    let file = folder.path().join("storage/store.redb");
    let length = fs::metadata(&file).unwrap().len();
    for cut in [length - 1, length / 2, 5000, 100, 1] {
        fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(cut).unwrap();
        let told = refusal(&verify);
        assert!(told.contains("storage"), "{told}");
        let flags = ["serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=0", "--data-dir", data];
        assert_eq!(refusal(&flags), told);
    }
}

/// Nobody who may write everything is refused anything: then somebody else is asked.
#[test]
fn a_folder_that_may_only_be_read_is_a_named_refusal() {
    let folder = tempfile::tempdir().unwrap();
    stop(Standalone::start(folder.path()));
    let script = folder.path().join("as-nobody");
    let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let run = if is_root() { nobody } else { "exec" };
    fs::write(&script, format!("#!/bin/sh\n{run} {BINARY} \"$@\"\n")).unwrap();
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    mode(&script, 0o755);
    let kept = folder.path().join("storage");
    for file in fs::read_dir(&kept).unwrap() {
        mode(&file.unwrap().path(), 0o444);
    }
    mode(&kept, 0o555);
    mode(folder.path(), 0o755);
    let data = folder.path().to_str().unwrap();
    for arguments in [["storage", "verify", "--data-dir", data], ["storage", "stats", "--data-dir", data]] {
        let ended = support::run(&script, &arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let told = format!("error: {} cannot be opened as a store: Permission denied", kept.display());
        assert!(ended.stderr.contains(&told), "{ended:?}");
    }
    mode(&kept, 0o755);
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap()) == 0
}

/// A limit on the size of files is what a full disk is to the server: from some byte on every write fails.
#[tokio::test]
async fn a_disk_that_is_full_refuses_writes_fails_health_goes_on_reading_and_heals() {
    let folder = tempfile::tempdir().unwrap();
    stop(Standalone::start(folder.path()));
    let blocks = fs::metadata(folder.path().join("storage/store.redb")).unwrap().len() / 512 + 8192;
    let script = folder.path().join("limited");
    fs::write(&script, format!("#!/bin/sh\ntrap '' XFSZ\nulimit -S -f {blocks}\nexec {BINARY} \"$@\"\n")).unwrap();
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let server = Standalone::start_with(&script, folder.path(), &[]);
    let admin = server.admin().await;
    let mut answered = Vec::new();
    let refused = loop {
        let mut object = flunder(&format!("f{}", answered.len()));
        object["metadata"]["annotations"] = json!({ "large": "x".repeat(100_000) });
        let (status, body) = ask(&admin, Method::POST, FLUNDERS, Some(object)).await;
        if status != StatusCode::CREATED {
            break (status, body);
        }
        answered.push(body);
        assert!(answered.len() < 1000, "the limit is met");
    };
    assert_eq!(refused.0, StatusCode::INTERNAL_SERVER_ERROR, "{}", refused.1);
    assert_eq!(ask(&admin, Method::GET, "/readyz", None).await.0, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(ask(&admin, Method::POST, FLUNDERS, Some(flunder("small"))).await.0, refused.0);
    assert!(!answered.is_empty());
    for object in &answered {
        let path = format!("{FLUNDERS}/{}", object["metadata"]["name"].as_str().unwrap());
        assert_eq!(ask(&admin, Method::GET, &path, None).await, (StatusCode::OK, object.clone()));
    }
    assert!(server.process.log().contains("File too large"), "{}", server.process.log());

    // There is room again: without a restart it is written to.
    let id = server.process.id().to_string();
    let raised = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &id]).status().unwrap();
    assert!(raised.success());
    let healed = async {
        while ask(&admin, Method::GET, "/readyz", None).await.0 != StatusCode::OK {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), healed).await.expect("the store is tried again");
    let healed = create(&admin, "healed").await;
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/healed"), None).await, (StatusCode::OK, healed));
    server.process.terminate();
    let ended = tokio::task::spawn_blocking(|| server.process.ended()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    let (_, listed) = ask(&admin, Method::GET, FLUNDERS, None).await;
    let kept = listed["items"].as_array().unwrap().len();
    // Those that were answered, the one after healing, and perhaps one that was refused when it was on the disk.
    let whole = answered.len() + 1;
    assert!(kept == whole || kept == whole + 1, "{kept} of {whole} objects");
    create(&admin, "after").await;
}
