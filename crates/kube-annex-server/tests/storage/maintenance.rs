//! `storage`: what is kept, looked after while no server has it.

use super::support::{PATIENCE, Standalone, ask, run_server};
use super::{FLUNDERS, create, refusal, stop};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What a command says when it succeeds.
fn said(arguments: &[&str]) -> String {
    let ended = run_server(arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_and_verify_speak_to_people_and_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    create(&admin, "first").await;
    create(&admin, "second").await;
    stop(server);
    let told = said(&["storage", "stats", "--data-dir", data]);
    assert!(told.starts_with("objects: 2\n  flunders.wardle.example.com: 2 objects, "), "{told}");
    assert!(told.contains("\nhistory: revision 1 to 3, 2 commits, "), "{told}");
    let stats: Value = serde_json::from_str(&said(&["storage", "stats", "--data-dir", data, "-o", "json"])).unwrap();
    assert_eq!(stats["resources"]["flunders.wardle.example.com"]["keys"], 2);
    assert_eq!(stats["history"]["newest"], 3);
    assert_eq!(stats["fileBytes"], fs::metadata(folder.path().join("storage/store.redb")).unwrap().len());
    assert_eq!(stats["damaged"], json!({}));
    let verified: Value =
        serde_json::from_str(&said(&["storage", "verify", "--data-dir", data, "--output=json"])).unwrap();
    assert_eq!((&verified["keys"], &verified["newest"]), (&json!(2), &json!(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_restored_into_an_empty_folder_only_and_a_watch_goes_on_there() {
    let folder = tempfile::tempdir().unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let copy = folder.path().join("copy");
    let server = Standalone::start(&data);
    let admin = server.admin().await;
    let first = create(&admin, "first").await;
    let second = create(&admin, "second").await;
    let backup = ["storage", "backup", "--data-dir", text(&data), "--to", text(&copy)];
    let in_use = format!("is in use by process {}; stop it", server.process.id());
    assert!(refusal(&backup).contains(&in_use));
    stop(server);
    assert!(said(&backup).starts_with("intact: 2 objects, history from revision 1 to 3, "));
    assert!(refusal(&backup).contains("File exists"), "what is there is not overwritten");

    let restore = ["storage", "restore", "--data-dir", text(&other), "--from", text(&copy)];
    assert!(said(&restore).starts_with("intact: 2 objects"));
    assert!(refusal(&restore).contains("is not empty; choose another folder"));
    let server = Standalone::start(&other);
    let admin = server.admin().await;
    assert_eq!(ask(&admin, Method::GET, &format!("{FLUNDERS}/second"), None).await, (StatusCode::OK, second));
    let seen = super::events(&admin, &first["metadata"]["resourceVersion"], 1).await;
    assert_eq!((&seen[0]["type"], &seen[0]["object"]["metadata"]["name"]), (&json!("ADDED"), &json!("second")));
    stop(server);

    let whole = fs::read(&copy).unwrap();
    fs::write(&copy, &whole[..whole.len() - 1000]).unwrap();
    let third = folder.path().join("third");
    refusal(&["storage", "restore", "--data-dir", text(&third), "--from", text(&copy)]);
    assert!(!third.join("storage").exists(), "nothing is half restored");
}

/// A byte of an object that changed on the disk: the object is refused by name, the others are served.
#[tokio::test(flavor = "multi_thread")]
async fn sr_16_a_damaged_object_is_named_the_rest_is_served_and_readyz_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    let mut object = super::flunder("first");
    object["metadata"]["annotations"] = json!({ "note": "a-text-that-is-there-once" });
    let (status, _) = ask(&admin, Method::POST, FLUNDERS, Some(object)).await;
    assert_eq!(status, StatusCode::CREATED);
    let second = create(&admin, "second").await;
    stop(server);
    let file = folder.path().join("storage/store.redb");
    let mut bytes = fs::read(&file).unwrap();
    let note = b"a-text-that-is-there-once";
    // The file may hold what it was before in pages that are free.
    let places: Vec<usize> = (0..bytes.len() - note.len()).filter(|at| bytes[*at..].starts_with(note)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(&file, bytes).unwrap();
    let told = refusal(&["storage", "verify", "--data-dir", data]);
    assert!(told.contains("wardle.example.com/flunders/default/first at revision 2 cannot be read"), "{told}");

    // At first the damaged file is put aside; from then on there is no row for what it could not tell.
    for why in ["its row does not fit its checksum", "its row is missing"] {
        let server = Standalone::start(folder.path());
        let admin = server.admin().await;
        let (status, body) = ask(&admin, Method::GET, &format!("{FLUNDERS}/first"), None).await;
        assert_eq!((status.as_u16(), &body["reason"]), (500, &json!("InternalError")), "{body}");
        assert!(body["message"].as_str().unwrap().contains(why), "{body}");
        let path = format!("{FLUNDERS}/second");
        assert_eq!(ask(&admin, Method::GET, &path, None).await, (StatusCode::OK, second.clone()));
        assert_eq!(ask(&admin, Method::GET, "/readyz", None).await.0, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(server.process.log().contains("an object cannot be read"), "{}", server.process.log());
        stop(server);
    }
    assert!(folder.path().join("storage/store.damaged-1").exists(), "what was found is kept");
    let told: Value = serde_json::from_str(&said(&["storage", "stats", "--data-dir", data, "-o", "json"])).unwrap();
    let why = &told["damaged"]["wardle.example.com/flunders/default/first"];
    assert!(why.is_string(), "{told}");

    // Who has the right removes it, and all is well again.
    let server = Standalone::start(folder.path());
    let admin = server.admin().await;
    let path = format!("{FLUNDERS}/first?ignoreStoreReadErrorWithClusterBreakingPotential=true");
    let (status, body) = ask(&admin, Method::DELETE, &path, None).await;
    assert_eq!(status, StatusCode::OK, "del_14: {body}");
    let (status, listed) = ask(&admin, Method::GET, FLUNDERS, None).await;
    assert_eq!((status, listed["items"].as_array().unwrap().len()), (StatusCode::OK, 1), "{listed}");
    assert_eq!(listed["items"][0]["metadata"], second["metadata"]);
    let well = async {
        // The cache had failed to be filled for a while, and is tried again every few seconds.
        while ask(&admin, Method::GET, "/readyz", None).await.0 != StatusCode::OK {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, well).await.expect("nothing is wrong any more");
    create(&admin, "first").await;
    stop(server);
    assert!(said(&["storage", "verify", "--data-dir", data]).starts_with("intact: 2 objects"));
}

/// Whatever the database comes upon in such a file, one sentence says what is wrong, and no trace stands before it.
#[tokio::test(flavor = "multi_thread")]
async fn sr_16_a_file_of_which_nothing_is_left_but_its_head_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let data = text(folder.path());
    let server = Standalone::start(folder.path());
    create(&server.admin().await, "first").await;
    stop(server);
    let file = folder.path().join("storage/store.redb");
    let whole = fs::read(&file).unwrap();
    for (kept, byte) in [(4096, 255), (4096, 0), (8192, 255), (4096, 1), (512, 7), (0, 0)] {
        let mut bytes = whole.clone();
        bytes[kept..].fill(byte);
        fs::write(&file, &bytes).unwrap();
        let serve = ["serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=0", "--data-dir", data];
        for arguments in [&["storage", "verify", "--data-dir", data][..], &serve] {
            let told = refusal(arguments);
            assert!(told.contains("storage cannot be opened as a store: "), "{told}");
        }
        assert_eq!(fs::read(&file).unwrap(), bytes, "what was found is left as it is");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_may_not_be_written_is_a_named_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let told = refusal(&["storage", "restore", "--data-dir", text(&file), "--from", text(&file)]);
    assert!(told.contains(text(&file)), "{told}");
    let told = refusal(&["storage", "stats", "--data-dir", text(&file)]);
    assert!(told.contains("cannot be opened as a store"), "{told}");
}
