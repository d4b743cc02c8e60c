//! The redb backend keeps every law of a store, and what it kept is there when the folder is opened again.

#![allow(clippy::unwrap_used, reason = "these helpers are part of tests, where unwrap is free")]

use bytes::Bytes;
use futures_util::StreamExt;
use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::conformance::Subject;
use kube_annex_storage::redb::{OpenError, Redb, Retention, verify};
use kube_annex_storage::{Error, Event, Key, ListRequest, Page, Precondition, Prefix, Revision, Storage};
use std::path::Path;
use std::sync::Arc;

kube_annex_storage::conformance!(laws, || async {
    let folder = tempfile::tempdir().expect("a folder");
    Subject::new(Redb::open(folder.path()).expect("a new store")).holding(folder)
});

kube_annex_storage::conformance!(cached, || async {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Redb::open(folder.path()).expect("a new store");
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Subject::new(Cached::new(Arc::new(store), CacheOptions::default(), spawn)).holding(folder)
});

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

fn key(name: &str) -> Key {
    widgets().key(name)
}

/// Creations, updates, deletions and a re-creation; the newest revision.
async fn some_commits(store: &Redb) -> Revision {
    for name in ["a", "b", "c", "d"] {
        store.create(&key(name), Bytes::from(format!("{name}1"))).await.unwrap();
    }
    for name in ["a", "b"] {
        store.update(&key(name), Bytes::from(format!("{name}2")), Precondition::default()).await.unwrap();
    }
    store.delete(&key("b"), Precondition::default()).await.unwrap();
    store.delete(&key("c"), Precondition::default()).await.unwrap();
    store.create(&key("b"), Bytes::from_static(b"b3")).await.unwrap()
}

async fn page(store: &Redb, revision: Revision) -> Result<Page, String> {
    let request = ListRequest { revision: Some(revision), ..ListRequest::default() };
    store.list(&widgets(), request).await.map_err(|error| error.to_string())
}

async fn events(store: &Redb, from: Revision) -> Result<Vec<Event>, String> {
    let newest = store.current_revision().await.unwrap();
    let mut stream = store.watch(&widgets(), from).await.map_err(|error| error.to_string())?;
    let mut seen = Vec::new();
    for _ in from.0..newest.0 {
        let item = stream.next().await.expect("the store lives").map_err(|error| error.to_string())?;
        seen.extend(item.event());
    }
    Ok(seen)
}

/// Everything that can be asked, at every revision.
async fn everything(store: &Redb) -> Vec<(Result<Page, String>, Result<Vec<Event>, String>)> {
    let newest = store.current_revision().await.unwrap();
    let mut found = Vec::new();
    for revision in (0..=newest.0).map(Revision) {
        found.push((page(store, revision).await, events(store, revision).await));
    }
    found
}

#[tokio::test]
async fn a_store_that_is_opened_again_answers_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    let newest = some_commits(&store).await;
    let before = everything(&store).await;
    drop(store);
    for _ in 0..2 {
        let store = Redb::open(&folder).unwrap();
        assert_eq!(everything(&store).await, before);
    }
    let store = Redb::open(&folder).unwrap();
    let next = store.create(&key("e"), Bytes::new()).await.unwrap();
    assert_eq!(next, Revision(newest.0 + 1));
}

#[tokio::test]
async fn an_empty_store_that_is_opened_again_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let before = everything(&Redb::open(&folder).unwrap()).await;
    assert_eq!(everything(&Redb::open(&folder).unwrap()).await, before);
}

#[tokio::test]
async fn what_was_compacted_stays_so_wherever_the_horizon_lies() {
    for horizon in 1..=10 {
        let folder = tempfile::tempdir().unwrap();
        let store = Redb::open(&folder).unwrap();
        some_commits(&store).await;
        store.compact(Revision(horizon)).await.unwrap();
        let before = everything(&store).await;
        drop(store);
        let store = Redb::open(&folder).unwrap();
        assert_eq!(everything(&store).await, before, "compacted at {horizon}");
        let gone = page(&store, Revision(horizon - 1)).await;
        assert!(gone.is_err(), "compacted at {horizon}");
        store.update(&key("a"), Bytes::from_static(b"a9"), Precondition::default()).await.unwrap();
        let before = everything(&store).await;
        drop(store);
        assert_eq!(everything(&Redb::open(&folder).unwrap()).await, before, "compacted at {horizon}");
    }
}

#[tokio::test]
async fn a_bounded_history_is_bounded_after_reopening_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::with_history(&folder, 3).unwrap();
    let newest = some_commits(&store).await;
    let before = everything(&store).await;
    drop(store);
    let store = Redb::with_history(&folder, 3).unwrap();
    assert_eq!(everything(&store).await, before);
    drop(store);
    let store = Redb::with_history(&folder, 1).unwrap();
    assert!(page(&store, Revision(newest.0 - 1)).await.is_ok());
    assert!(page(&store, Revision(newest.0 - 2)).await.is_err());
}

#[tokio::test]
async fn writes_whose_callers_went_away_are_whole_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    for index in 0..50 {
        let name = index.to_string();
        let at = key(&name);
        let write = store.create(&at, Bytes::from(name.clone()));
        let _ = tokio::time::timeout(std::time::Duration::from_micros(index * 10), write).await;
    }
    drop(store);
    let store = Redb::open(&folder).unwrap();
    let newest = store.current_revision().await.unwrap();
    let page = page(&store, newest).await.unwrap();
    assert_eq!(page.entries.len() as u64, newest.0 - 1);
    assert!(page.entries.iter().all(|entry| entry.key.as_str().as_bytes().ends_with(&entry.value)));
}

#[tokio::test]
async fn a_folder_in_use_is_refused_with_the_process_that_uses_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    let error = Redb::open(&folder).unwrap_err();
    let OpenError::Locked { process, .. } = &error else { unreachable!("{error:?}") };
    assert_eq!(*process, Some(std::process::id()));
    drop(store);
    Redb::open(&folder).unwrap();
}

const LOG: redb::TableDefinition<u64, &[u8]> = redb::TableDefinition::new("log");
const META: redb::TableDefinition<&str, u64> = redb::TableDefinition::new("meta");

fn change(folder: &Path, work: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::open(folder.join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    work(&transaction);
    transaction.commit().unwrap();
}

#[tokio::test]
async fn a_newer_or_older_format_is_refused() {
    for (other, advice) in
        [(3, "; use a newer one"), (1, "; it was never released: use the program that wrote it, or another folder")]
    {
        let folder = tempfile::tempdir().unwrap();
        drop(Redb::open(&folder).unwrap());
        change(folder.path(), |transaction| {
            transaction.open_table(META).unwrap().insert("format", other).unwrap();
        });
        let error = Redb::open(&folder).unwrap_err();
        assert!(matches!(error, OpenError::Format { found, supported: 2, .. } if found == other), "{error:?}");
        assert!(error.to_string().ends_with(advice), "{error}");
    }
}

#[tokio::test]
async fn a_row_that_changed_or_is_missing_is_named() {
    for (damaged, missing) in [(4, false), (4, true), (2, true)] {
        let folder = tempfile::tempdir().unwrap();
        some_commits(&Redb::open(&folder).unwrap()).await;
        change(folder.path(), |transaction| {
            let mut log = transaction.open_table(LOG).unwrap();
            let mut row = log.remove(damaged).unwrap().unwrap().value().to_vec();
            if !missing {
                *row.last_mut().unwrap() ^= 1;
                log.insert(damaged, row.as_slice()).unwrap();
            }
        });
        let error = Redb::open(&folder).unwrap_err();
        let expected = if missing { damaged + 1 } else { damaged };
        assert!(matches!(error, OpenError::Damaged { revision, .. } if revision.0 == expected), "{error:?}");
    }
}

/// Some bytes are of no consequence, such as those of the older of two headers: then nothing is lost.
#[tokio::test]
async fn a_byte_that_changed_anywhere_in_the_file_is_told_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    some_commits(&Redb::open(&folder).unwrap()).await;
    let before = everything(&Redb::open(&folder).unwrap()).await;
    let path = folder.path().join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|place| whole[*place] != 0).collect();
    assert!(used.len() > 200, "{} bytes are used", used.len());
    let mut told = 0;
    for place in used.iter().step_by(used.len() / 200) {
        let mut changed = whole.clone();
        changed[*place] ^= 0x10;
        std::fs::write(&path, changed).unwrap();
        match Redb::open(&folder) {
            Ok(store) => assert_eq!(everything(&store).await, before, "byte {place}"),
            Err(OpenError::Failed { .. } | OpenError::Damaged { .. } | OpenError::Format { .. }) => told += 1,
            Err(error) => unreachable!("byte {place}: {error:?}"),
        }
    }
    assert!(told > 0);
}

#[tokio::test]
async fn damage_to_what_a_key_holds_names_the_key() {
    // The workload ends with a at 6, d at 5 and b at 10; what was written at 2 is of the past.
    for (damaged, name) in [(6, Some("a")), (5, Some("d")), (10, Some("b")), (2, None)] {
        let folder = tempfile::tempdir().unwrap();
        some_commits(&Redb::open(&folder).unwrap()).await;
        change(folder.path(), |transaction| {
            let mut log = transaction.open_table(LOG).unwrap();
            let mut row = log.remove(damaged).unwrap().unwrap().value().to_vec();
            *row.last_mut().unwrap() ^= 1;
            log.insert(damaged, row.as_slice()).unwrap();
        });
        for error in [Redb::open(&folder).unwrap_err(), verify(&folder).unwrap_err()] {
            let text = error.to_string();
            let of = name.map_or(String::new(), |name| format!(", the newest of example.com/widgets/{name}"));
            let expected = format!(" is damaged at revision {damaged}{of}: its checksum is wrong; restore a backup");
            assert_eq!(text, format!("{}{expected}", folder.path().display()));
            let OpenError::Damaged { key: named, .. } = error else { unreachable!("{text}") };
            assert_eq!(named, name.map(key));
        }
    }
}

#[tokio::test]
async fn a_path_that_is_no_folder_is_a_named_failure() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Redb::open(file.path()).unwrap_err();
    assert!(matches!(error, OpenError::Failed { .. }), "{error:?}");
    assert!(error.to_string().contains(&*file.path().to_string_lossy()));
}

#[tokio::test]
async fn a_conflict_is_told_as_by_any_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    some_commits(&store).await;
    drop(store);
    let store = Redb::open(&folder).unwrap();
    let error = store.create(&key("a"), Bytes::new()).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { revision: Revision(6), .. }), "{error:?}");
}

#[tokio::test]
async fn a_store_whose_first_start_ended_halfway_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.new"), "half a store").unwrap();
    some_commits(&Redb::open(&folder).unwrap()).await;
    assert!(!folder.path().join("store.new").exists());
}

#[tokio::test]
async fn a_file_that_lost_its_content_is_never_taken_for_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    some_commits(&Redb::open(&folder).unwrap()).await;
    let path = folder.path().join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    for length in [0, 1, 100, 4096, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..length]).unwrap();
        let error = Redb::open(&folder).unwrap_err();
        assert!(matches!(error, OpenError::Failed { .. }), "{length}: {error:?}");
        assert!(verify(&folder).is_err());
    }
    std::fs::write(&path, whole).unwrap();
    let summary = verify(&folder).unwrap();
    assert_eq!((summary.keys, summary.oldest, summary.newest), (3, Revision(1), Revision(10)));
}

/// How many commits the log of a folder holds.
fn rows(folder: &Path) -> u64 {
    let database = redb::Database::open(folder.join("store.redb")).unwrap();
    let transaction = redb::ReadableDatabase::begin_read(&database).unwrap();
    redb::ReadableTableMetadata::len(&transaction.open_table(LOG).unwrap()).unwrap()
}

/// Updates of a few keys by as many writers.
async fn update_often(store: &Redb, writers: usize, times: usize, size: usize) {
    let writers = (0..writers).map(async |writer| {
        let at = key(&writer.to_string());
        let _ = store.create(&at, Bytes::new()).await;
        for time in 0..times {
            let value = Bytes::from(vec![u8::try_from(time % 251).unwrap(); size]);
            store.update(&at, value, Precondition::default()).await.unwrap();
        }
    });
    futures_util::future::join_all(writers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_stops_growing_while_its_keys_are_updated() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::with_history(&folder, 300).unwrap();
    let size = || std::fs::metadata(folder.path().join("store.redb")).unwrap().len();
    update_often(&store, 32, 50, 2000).await;
    let early = size();
    let mut sizes = Vec::new();
    for _ in 0..4 {
        update_often(&store, 32, 50, 2000).await;
        sizes.push(size());
    }
    assert!(sizes.iter().all(|later| *later <= early * 2), "{early} bytes grew to {sizes:?}");
    assert_eq!(sizes[3], sizes[1], "{sizes:?}");
    drop(store);
    let rows = rows(folder.path());
    assert!((300..=300 + 32 + 2 * 256).contains(&rows), "{rows} rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_is_bounded_by_its_size_too() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { bytes: 100_000, ..Retention::default() };
    let store = Redb::with_retention(&folder, retention).unwrap();
    update_often(&store, 4, 50, 5000).await;
    let newest = store.current_revision().await.unwrap();
    // The 19 last commits are of 5000 bytes and their keys.
    assert!(page(&store, Revision(newest.0 - 19)).await.is_ok());
    assert!(page(&store, Revision(newest.0 - 20)).await.is_err());
    let before = everything(&store).await;
    drop(store);
    assert_eq!(everything(&Redb::with_retention(&folder, retention).unwrap()).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_ends_at_its_age_without_any_write_and_leaves_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let age = Some(std::time::Duration::from_millis(200));
    let store = Redb::with_retention(&folder, Retention { age, ..Retention::default() }).unwrap();
    let newest = some_commits(&store).await;
    let forgotten = async {
        while page(&store, Revision(newest.0 - 1)).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), forgotten).await.expect("old commits are forgotten");
    assert_eq!(page(&store, newest).await.unwrap().entries.len(), 3);
    let last = store.update(&key("a"), Bytes::new(), Precondition::default()).await.unwrap();
    assert!(page(&store, Revision(last.0 - 1)).await.is_ok(), "a new commit is young");
    let before = store.list(&widgets(), ListRequest::default()).await.unwrap();
    drop(store);
    let store = Redb::open(&folder).unwrap();
    assert_eq!(store.list(&widgets(), ListRequest::default()).await.unwrap(), before);
    assert!(page(&store, Revision(newest.0 - 1)).await.is_err());
    drop(store);
    assert!(rows(folder.path()) <= 5, "{} rows", rows(folder.path()));
}

#[tokio::test]
async fn a_compaction_of_many_commits_is_finished_after_the_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    update_often(&store, 64, 60, 10).await;
    for name in ["0", "1", "2"] {
        store.delete(&key(name), Precondition::default()).await.unwrap();
    }
    let newest = store.current_revision().await.unwrap();
    store.compact(newest).await.unwrap();
    let before = everything(&store).await;
    // What one transaction did not remove is left behind here.
    drop(store);
    let left = rows(folder.path());
    assert!(left > 61 + 4, "{left} rows");
    let store = Redb::open(&folder).unwrap();
    assert_eq!(everything(&store).await, before);
    for _ in 0..4 {
        store.update(&key("9"), Bytes::new(), Precondition::default()).await.unwrap();
    }
    drop(store);
    assert!(rows(folder.path()) <= 61 + 4, "{} of {left} rows", rows(folder.path()));
}
