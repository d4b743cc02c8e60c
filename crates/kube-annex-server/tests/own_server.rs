//! A server of one's own, from a crate outside this workspace: few lines, and everything that comes with them.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{Process, Standalone, ask, ask_for, run};

const SOURCE: &str = include_str!("../../../tests/fixtures/own-server/src/main.rs");
const GUIDE: &str = include_str!("../../../docs/guide/first-server.md");
const BACKUPS: &str = "/apis/backups.example.com/v1/namespaces/default/backups";

/// Dependencies may have to be built that the rest of the workspace builds with other features.
const BUILD_PATIENCE: Duration = Duration::from_mins(15);

#[test]
fn it_is_one_file_of_less_than_40_lines() {
    assert!(SOURCE.lines().count() < 40, "{}", SOURCE.lines().count());
    let folder = manifest().parent().unwrap().join("src");
    assert_eq!(folder.read_dir().unwrap().count(), 1, "one file");
}

#[test]
fn the_guide_shows_it_as_it_is() {
    assert!(GUIDE.contains(SOURCE), "docs/guide/first-server.md and tests/fixtures/own-server/src/main.rs differ");
}

#[tokio::test]
async fn it_builds_describes_itself_and_serves() {
    let binary = tokio::task::spawn_blocking(build).await.unwrap();
    let described = run(&binary, &["describe"]);
    let description: Value = serde_json::from_str(&described.stdout).unwrap();
    assert_eq!((described.code, &description["name"]), (Some(0), &json!("own-server")));
    assert_eq!(description["resources"][0]["subresources"][0]["name"], "status", "{description}");

    let folder = tempfile::tempdir().unwrap();
    let server = Standalone::start_with(&binary, folder.path(), &[]);
    let admin = server.admin().await;
    let backup = json!({
        "apiVersion": "backups.example.com/v1", "kind": "Backup", "metadata": { "name": "nightly" },
        "spec": { "database": "orders" }, "status": { "last": "2026-01-31T12:00:00Z" },
    });
    let (status, created) = ask(&admin, Method::POST, BACKUPS, Some(backup.clone())).await;
    assert_eq!((status, created.get("status")), (StatusCode::CREATED, None), "status is not the creator's: {created}");

    let mut observed = created.clone();
    observed["status"] = backup["status"].clone();
    let (status, observed) = ask(&admin, Method::PUT, &format!("{BACKUPS}/nightly/status"), Some(observed)).await;
    assert_eq!((status, &observed["status"]), (StatusCode::OK, &backup["status"]), "{observed}");
    let (status, got) = ask(&admin, Method::GET, &format!("{BACKUPS}/nightly"), None).await;
    assert_eq!((status, &got), (StatusCode::OK, &observed));

    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let (_, table) = ask_for(accept, &admin, Method::GET, BACKUPS, None).await;
    assert_eq!(table["columnDefinitions"][1]["name"], "Database", "{table}");
    assert_eq!(table["rows"][0]["cells"][1], "orders", "{table}");
    let (status, refused) = ask(&admin, Method::POST, BACKUPS, Some(json!({ "spec": {} }))).await;
    assert!(status.is_client_error(), "{refused}");
}

fn manifest() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/own-server/Cargo.toml")
}

/// The binary. It is built beside the workspace's own, so that what they have in common is built once. A dependency that
/// was added to one of our crates is added to the lock file, as it is to the workspace's.
fn build() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let manifest = manifest();
    let arguments = ["build", "--manifest-path", manifest.to_str().unwrap(), "--target-dir", target.to_str().unwrap()];
    let ended = Process::start(Path::new(env!("CARGO")), arguments).ended_within(BUILD_PATIENCE);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    target.join("debug/own-server")
}
