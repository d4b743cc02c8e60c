//! The redb backend keeps every law of a store, and what it kept is there when the folder is opened again.

#![allow(clippy::panic, clippy::unwrap_used, reason = "these helpers are part of tests, where unwrap is free")]

use bytes::Bytes;
use futures_util::StreamExt;
use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::conformance::Subject;
use kube_annex_storage::encryption::{AesGcm, Encrypted, Transformers};
use kube_annex_storage::redb::{OpenError, Redb, Retention, backup, restore, stats, verify};
use kube_annex_storage::{Error, Event, Key, ListRequest, Page, Precondition, Prefix, Revision, Storage};
use std::path::Path;
use std::sync::Arc;

kube_annex_storage::conformance!(laws, || async { subject(|store| store).await });

kube_annex_storage::conformance!(cached, || async { subject(|store| cached(Arc::new(store))).await });

kube_annex_storage::conformance!(encrypted_and_cached, || async {
    subject(|store| cached(Arc::new(Encrypted::new(Arc::new(store), all_encrypted())))).await
});

/// A store in a folder of its own, and what is around it.
async fn subject<S: Storage>(around: fn(Redb) -> S) -> Subject {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let open = move || {
        let path = path.clone();
        async move { around(opened(&path).await) }
    };
    Subject::new(open().await).holding(folder).reopened_by(open)
}

/// Whoever reads a cache for the last time lets go of its store a moment later.
async fn opened(path: &Path) -> Redb {
    for _ in 0..2000 {
        match Redb::open(path) {
            Err(OpenError::Locked { .. }) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            opened => return opened.expect("a store"),
        }
    }
    panic!("the store is closed")
}

fn cached(store: Arc<dyn Storage>) -> Cached {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Cached::new(store, CacheOptions::default(), spawn)
}

fn all_encrypted() -> Transformers {
    let mut transformers = Transformers::default();
    transformers.set("*", "*", AesGcm::new(&[7; 32]).expect("a key"));
    transformers
}

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

/// What is done to a row behind the store's back.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Changed,
    Lost,
}

fn harm(folder: &Path, revision: u64, harm: Harm) {
    change(folder, |transaction| {
        let mut log = transaction.open_table(LOG).unwrap();
        let mut row = log.remove(revision).unwrap().unwrap().value().to_vec();
        if let Harm::Changed = harm {
            *row.last_mut().unwrap() ^= 1;
            log.insert(revision, row.as_slice()).unwrap();
        }
    });
}

fn unreadable<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<String> {
    let Err(Error::Unreadable(objects)) = result else { unreachable!("{result:?}") };
    objects.into_iter().map(|object| object.key.to_string()).collect()
}

fn healthy(store: &Redb) -> bool {
    futures_util::FutureExt::now_or_never(store.health()).expect("it does not wait").is_ok()
}

#[tokio::test]
async fn a_damaged_object_is_named_and_the_rest_is_served() {
    // The workload ends with a at 6, d at 5 and b at 10.
    for how in [Harm::Changed, Harm::Lost] {
        for (revision, name) in [(6, "a"), (5, "d"), (10, "b")] {
            let folder = tempfile::tempdir().unwrap();
            let newest = some_commits(&Redb::open(&folder).unwrap()).await;
            harm(folder.path(), revision, how);
            let told = verify(&folder).unwrap_err();
            assert!(
                told.to_string().contains(&format!("example.com/widgets/{name} at revision {revision} cannot be read"))
            );
            for attempt in 0..3 {
                let store = Redb::open(&folder).unwrap();
                let context = format!("{how:?} {name}, attempt {attempt}");
                assert_eq!(unreadable(store.get(&key(name)).await), [key(name).to_string()], "{context}");
                assert_eq!(unreadable(store.list(&widgets(), ListRequest::default()).await), [key(name).to_string()]);
                let update = store.update(&key(name), Bytes::new(), Precondition::default()).await;
                assert_eq!(unreadable(update), [key(name).to_string()]);
                assert!(!healthy(&store), "{context}");
                assert_eq!(store.damaged().len(), 1);
                let others: Vec<&str> = ["a", "b", "d"].into_iter().filter(|other| *other != name).collect();
                for other in &others {
                    assert!(store.get(&key(other)).await.unwrap().is_some(), "{context}: {other}");
                }
                assert_eq!(store.get(&key("c")).await.unwrap(), None, "what was deleted stays so");
                assert_eq!(store.count(&widgets()).await.unwrap(), 3);
                assert_eq!(store.current_revision().await.unwrap().0, newest.0 + attempt);
                store.update(&key(others[0]), Bytes::from_static(b"new"), Precondition::default()).await.unwrap();
            }
            assert!(verify(&folder).is_err(), "it does not get well by itself");
            assert!(folder.path().join("store.damaged-1").exists(), "what was found is kept");
        }
    }
}

#[tokio::test]
async fn del_14_a_damaged_object_can_be_removed_and_the_store_is_well_again() {
    for how in [Harm::Changed, Harm::Lost] {
        for (revision, name) in [(6, "a"), (5, "d"), (10, "b")] {
            let folder = tempfile::tempdir().unwrap();
            let newest = some_commits(&Redb::open(&folder).unwrap()).await;
            harm(folder.path(), revision, how);
            let context = format!("{how:?} {name}");
            let store = Redb::open(&folder).unwrap();
            let other = store.delete_unreadable(&key(name), Revision(revision - 1)).await;
            assert!(matches!(other, Err(Error::Conflict { .. })), "{context}: {other:?}");
            let mut watch = store.watch(&widgets(), newest).await.unwrap();
            let removal = store.delete_unreadable(&key(name), Revision(revision)).await.unwrap();
            assert_eq!(removal.0, newest.0 + 1);
            let told = futures_util::StreamExt::next(&mut watch).await.unwrap();
            assert!(matches!(told, Err(Error::Expired { .. })), "nobody can tell what was removed: {told:?}");
            let again = store.delete_unreadable(&key(name), Revision(revision)).await;
            assert!(matches!(again, Err(Error::NotFound { .. })), "{context}: {again:?}");
            let mut store = store;
            for attempt in 0..2 {
                assert!(healthy(&store), "{context}, attempt {attempt}");
                assert_eq!(store.get(&key(name)).await.unwrap(), None);
                let page = store.list(&widgets(), ListRequest::default()).await.unwrap();
                assert_eq!((page.entries.len(), page.revision), (2, removal), "{context}, attempt {attempt}");
                drop(store);
                assert!(verify(&folder).is_ok(), "{context}");
                store = Redb::open(&folder).unwrap();
            }
            let made = store.create(&key(name), Bytes::from_static(b"new")).await.unwrap();
            assert_eq!(made.0, removal.0 + 1);
            drop(store);
            assert_eq!(Redb::open(&folder).unwrap().get(&key(name)).await.unwrap().unwrap().created, made);
        }
    }
}

#[tokio::test]
async fn damage_to_the_past_costs_the_past_and_no_object() {
    for how in [Harm::Changed, Harm::Lost] {
        for revision in [2, 3, 4, 7, 8, 9] {
            let folder = tempfile::tempdir().unwrap();
            let store = Redb::open(&folder).unwrap();
            let newest = some_commits(&store).await;
            let before = page(&store, newest).await;
            drop(store);
            harm(folder.path(), revision, how);
            assert!(verify(&folder).is_err());
            let store = Redb::open(&folder).unwrap();
            assert!(store.aside().is_some());
            assert_eq!(page(&store, newest).await, before, "{how:?} {revision}");
            assert!(page(&store, Revision(newest.0 - 1)).await.is_err(), "nobody is told a wrong past");
            assert!(healthy(&store));
            drop(store);
            verify(&folder).unwrap();
        }
    }
}

#[tokio::test]
async fn damage_below_the_horizon_costs_no_history() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    some_commits(&store).await;
    store.compact(Revision(6)).await.unwrap();
    drop(store);
    harm(folder.path(), 5, Harm::Changed);
    let store = Redb::open(&folder).unwrap();
    assert_eq!(unreadable(store.get(&key("d")).await), [key("d").to_string()]);
    assert_eq!(events(&store, Revision(6)).await.unwrap().len(), 4);
}

/// What is held against a store whose file was changed: every object is as it was or named, and none is more or less.
async fn as_before_or_named(store: &Redb, before: &Page, context: &str) -> bool {
    let mut named = false;
    for entry in &before.entries {
        match store.get(&entry.key).await {
            Ok(found) => assert_eq!(found.as_ref(), Some(entry), "{context}"),
            Err(Error::Unreadable(_)) => named = true,
            Err(error) => unreachable!("{context}: {error:?}"),
        }
    }
    assert_eq!(store.count(&widgets()).await.unwrap(), before.entries.len(), "{context}");
    assert_eq!(store.current_revision().await.unwrap(), before.revision, "{context}");
    named
}

/// Some seventy places all over the bytes that are used, and all that a value of now may be at.
fn places(file: &[u8], now: &Page) -> Vec<usize> {
    let used: Vec<usize> = (0..file.len()).filter(|place| file[*place] != 0).collect();
    assert!(used.len() > 200, "{} bytes are used", used.len());
    let values = now.entries.iter().flat_map(|entry| {
        let length = entry.value.len();
        (0..=file.len() - length).filter(move |place| entry.value == file[*place..*place + length])
    });
    used.iter().step_by(used.len() / 70).copied().chain(values).collect()
}

/// Some bytes are of no consequence, such as those of the older of two headers: then nothing is lost.
#[tokio::test]
async fn a_byte_that_changed_anywhere_in_the_file_is_told_or_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    some_commits(&Redb::open(&folder).unwrap()).await;
    let before = Redb::open(&folder).unwrap().list(&widgets(), ListRequest::default()).await.unwrap();
    let path = folder.path().join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    let (mut refused, mut named) = (0, 0);
    for place in places(&whole, &before) {
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        std::fs::write(&path, changed).unwrap();
        match Redb::open(&folder) {
            Ok(store) => named += u32::from(as_before_or_named(&store, &before, &format!("byte {place}")).await),
            Err(
                OpenError::Failed { .. }
                | OpenError::Damaged { .. }
                | OpenError::Format { .. }
                | OpenError::Lost { .. },
            ) => refused += 1,
            Err(error) => unreachable!("byte {place}: {error:?}"),
        }
    }
    assert!(refused > 0 && named > 0, "{refused} refusals, {named} objects named");
}

/// A killed process leaves a file whose last commit the database takes back when it does not fit its checksums.
#[tokio::test]
async fn a_byte_that_changed_after_a_kill_costs_no_answered_write_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    some_commits(&store).await;
    let before = store.list(&widgets(), ListRequest::default()).await.unwrap();
    // What a kill leaves is what is there while the process lives.
    let whole = std::fs::read(folder.path().join("store.redb")).unwrap();
    let answered = std::fs::read(folder.path().join("answered")).unwrap();
    drop(store);
    let mut lost = 0;
    for place in places(&whole, &before) {
        let killed = tempfile::tempdir().unwrap();
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        std::fs::write(killed.path().join("store.redb"), changed).unwrap();
        std::fs::write(killed.path().join("answered"), &answered).unwrap();
        match Redb::open(&killed) {
            Ok(store) => drop(as_before_or_named(&store, &before, &format!("byte {place}")).await),
            Err(OpenError::Lost { answered, newest, .. }) => {
                lost += 1;
                assert_eq!((answered, newest < answered), (before.revision, true));
            }
            Err(OpenError::Failed { .. } | OpenError::Format { .. }) => {}
            Err(error) => unreachable!("byte {place}: {error:?}"),
        }
    }
    assert!(lost > 0, "the last commit is among the bytes");
}

#[tokio::test]
async fn an_older_file_put_back_is_refused_until_its_note_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = Redb::open(&folder).unwrap();
    store.create(&key("a"), Bytes::new()).await.unwrap();
    drop(store);
    let older = std::fs::read(&path).unwrap();
    let store = Redb::open(&folder).unwrap();
    store.create(&key("b"), Bytes::new()).await.unwrap();
    drop(store);
    std::fs::write(&path, older).unwrap();
    let told = Redb::open(&folder).unwrap_err().to_string();
    assert!(told.contains("has lost commits: revision 3 was answered, and the newest that is there is 2"), "{told}");
    std::fs::remove_file(folder.path().join("answered")).unwrap();
    assert_eq!(Redb::open(&folder).unwrap().current_revision().await.unwrap(), Revision(2));
}

#[tokio::test]
async fn a_backup_brings_back_objects_history_and_revisions() {
    for horizon in [1, 6, 10] {
        let folder = tempfile::tempdir().unwrap();
        let store = Redb::open(&folder).unwrap();
        some_commits(&store).await;
        store.compact(Revision(horizon)).await.unwrap();
        let before = everything(&store).await;
        let to = folder.path().join("copy");
        let OpenError::Locked { .. } = backup(&folder, &to).unwrap_err() else { unreachable!("it is in use") };
        drop(store);
        let summary = backup(&folder, &to).unwrap();
        assert_eq!((summary.keys, summary.oldest, summary.newest), (3, horizon, 10));
        assert!(backup(&folder, &to).is_err(), "what is there is not overwritten");

        let other = tempfile::tempdir().unwrap();
        assert_eq!(restore(&other, &to).unwrap().keys, 3);
        let store = Redb::open(&other).unwrap();
        assert_eq!(everything(&store).await, before);
        assert_eq!(store.create(&key("e"), Bytes::new()).await.unwrap(), Revision(11));
        drop(store);
        assert!(matches!(restore(&other, &to), Err(OpenError::NotEmpty { .. })));
    }
}

#[tokio::test]
async fn a_damaged_store_or_backup_is_no_source() {
    let folder = tempfile::tempdir().unwrap();
    some_commits(&Redb::open(&folder).unwrap()).await;
    let copy = folder.path().join("copy");
    backup(&folder, &copy).unwrap();
    harm(folder.path(), 6, Harm::Changed);
    assert!(matches!(backup(&folder, folder.path().join("other")), Err(OpenError::Damaged { .. })));
    assert!(!folder.path().join("other").exists());
    let whole = std::fs::read(&copy).unwrap();
    let used: Vec<usize> = (0..whole.len()).filter(|place| whole[*place] != 0).collect();
    let mut refused = 0;
    for place in used.iter().step_by(used.len() / 50) {
        let mut changed = whole.clone();
        changed[*place] ^= 0x10;
        std::fs::write(&copy, changed).unwrap();
        let into = tempfile::tempdir().unwrap();
        if let Ok(summary) = restore(&into, &copy) {
            assert_eq!((summary.keys, summary.newest), (3, 10));
        } else {
            refused += 1;
            assert_eq!(std::fs::read_dir(&into).unwrap().count(), 0, "nothing is half restored");
        }
    }
    assert!(refused > 0);
    std::fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    assert!(restore(tempfile::tempdir().unwrap(), &copy).is_err());
}

#[tokio::test]
async fn stats_tell_what_takes_the_space() {
    let folder = tempfile::tempdir().unwrap();
    let store = Redb::open(&folder).unwrap();
    some_commits(&store).await;
    store.create(&Key::new("example.org/gadgets/x"), Bytes::from(vec![0; 1000])).await.unwrap();
    drop(store);
    let found = stats(&folder).unwrap();
    assert_eq!(found.keys, 4);
    assert_eq!(found.resources["widgets.example.com"].keys, 3);
    assert_eq!(found.resources["gadgets.example.org"].bytes, 1000 + "example.org/gadgets/x".len());
    assert_eq!((found.history.oldest, found.history.newest, found.history.commits), (1, 11, 10));
    assert_eq!(found.file_bytes, std::fs::metadata(folder.path().join("store.redb")).unwrap().len());
    assert_eq!(found.damaged.len(), 0);
    harm(folder.path(), 6, Harm::Changed);
    assert_eq!(stats(&folder).unwrap().damaged.keys().collect::<Vec<_>>(), ["example.com/widgets/a"]);
    assert!(!folder.path().join("store.damaged-1").exists(), "looking changes nothing");
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
    assert_eq!((summary.keys, summary.oldest, summary.newest), (3, 1, 10));
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
