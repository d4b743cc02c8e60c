//! The redb backend keeps every law of a store, and what it kept is there when the folder is opened again.

#![allow(clippy::unwrap_used, reason = "these helpers are part of tests, where unwrap is free")]

use bytes::Bytes;
use futures_util::StreamExt;
use kube_annex_storage::conformance::Subject;
use kube_annex_storage::redb::{OpenError, Redb};
use kube_annex_storage::{Error, Event, Key, ListRequest, Page, Precondition, Prefix, Revision, Storage};
use std::path::Path;

kube_annex_storage::conformance!(laws, || async {
    let folder = tempfile::tempdir().expect("a folder");
    Subject::new(Redb::open(folder.path()).expect("a new store")).holding(folder)
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
        seen.push(stream.next().await.expect("the store lives").map_err(|error| error.to_string())?);
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
async fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Redb::open(&folder).unwrap());
    change(folder.path(), |transaction| {
        transaction.open_table(META).unwrap().insert("format", 2).unwrap();
    });
    let error = Redb::open(&folder).unwrap_err();
    assert!(matches!(error, OpenError::Format { found: 2, supported: 1, .. }), "{error:?}");
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
