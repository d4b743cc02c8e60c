//! An etcd that goes away and comes back.

use crate::{Process, key, options, store, widgets};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kube_annex_storage::etcd::Etcd;
use kube_annex_storage::{Error, Precondition, Revision, Storage, WatchItem, WatchStream};
use libtest_mimic::Trial;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    crate::tests! { "healing", program,
        a_lost_etcd_is_used_again_as_soon_as_it_is_back
        a_watch_goes_on_where_it_was
        a_watch_whose_next_commits_were_forgotten_meanwhile_says_so
        progress_is_told_after_the_connection_was_lost
        health_is_told_in_time_and_heals
    }
}

fn impatient(etcd: &Process) -> Etcd {
    let mut options = options(etcd, "/r");
    (options.patience, options.health_patience) = (Duration::from_secs(1), Duration::from_millis(500));
    Etcd::new(options)
}

async fn next(events: &mut WatchStream) -> Result<WatchItem, Error> {
    tokio::time::timeout(Duration::from_secs(30), events.next()).await.expect("it comes").expect("the stream goes on")
}

async fn a_lost_etcd_is_used_again_as_soon_as_it_is_back(program: PathBuf) {
    let mut etcd = Process::start(&program);
    let store = impatient(&etcd);
    let created = store.create(&key("a"), Bytes::from_static(b"1")).await.unwrap();
    for round in 0..2 {
        etcd.kill(0);
        assert!(matches!(store.get(&key("a")).await, Err(Error::Backend { .. })));
        assert!(matches!(store.create(&key("b"), Bytes::new()).await, Err(Error::Backend { .. })));
        etcd.start_again(0);
        let found = store.get(&key("a")).await.unwrap().expect("it was answered");
        assert_eq!(found.revision, created);
        store.create(&key(&format!("round-{round}")), Bytes::new()).await.unwrap();
    }
    // What could not be sent while nobody was there was never written.
    assert_eq!(store.get(&key("b")).await.unwrap(), None);
}

async fn a_watch_goes_on_where_it_was(program: PathBuf) {
    let mut etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let from = store.current_revision().await.unwrap();
    let mut events = store.watch(&widgets(), from).await.unwrap();
    for round in 0..3 {
        let one = store.create(&key(&format!("{round}-one")), Bytes::new()).await.unwrap();
        assert_eq!(next(&mut events).await.unwrap().event().unwrap().revision, one);
        // Not yet read when the connection is lost.
        let two = store.create(&key(&format!("{round}-two")), Bytes::new()).await.unwrap();
        etcd.kill(0);
        etcd.start_again(0);
        let three = store.delete(&key(&format!("{round}-one")), Precondition::default()).await.unwrap().1;
        for expected in [two, three] {
            assert_eq!(next(&mut events).await.unwrap().event().unwrap().revision, expected);
        }
    }
}

async fn a_watch_whose_next_commits_were_forgotten_meanwhile_says_so(program: PathBuf) {
    let mut etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let from = store.create(&key("a"), Bytes::new()).await.unwrap();
    let mut events = store.watch(&widgets(), from).await.unwrap();
    etcd.kill(0);
    etcd.start_again(0);
    let mut newest = Revision(0);
    for _ in 0..5 {
        newest = store.update(&key("a"), Bytes::new(), Precondition::default()).await.unwrap();
    }
    store.compact(newest).await.unwrap();
    // The events came with the connection before it was lost, or they are gone and that is told.
    match next(&mut events).await {
        Err(Error::Expired { requested, oldest }) => assert_eq!((requested, oldest), (from, newest)),
        other => panic!("{other:?}"),
    }
    assert!(events.next().await.is_none(), "an error is the last item");
}

async fn progress_is_told_after_the_connection_was_lost(program: PathBuf) {
    let mut etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let from = store.current_revision().await.unwrap();
    let mut events = store.watch(&widgets(), from).await.unwrap();
    etcd.kill(0);
    etcd.start_again(0);
    // The watch has not noticed yet: nobody reads it.
    store.request_progress().await.unwrap();
    let WatchItem::Progress(revision) = next(&mut events).await.unwrap() else { panic!("nothing was written") };
    assert!(revision >= from);
    let created = store.create(&key("a"), Bytes::new()).await.unwrap();
    assert_eq!(next(&mut events).await.unwrap().event().unwrap().revision, created);
    store.request_progress().await.unwrap();
    assert_eq!(next(&mut events).await.unwrap(), WatchItem::Progress(created));
}

async fn health_is_told_in_time_and_heals(program: PathBuf) {
    let mut etcd = Process::start(&program);
    let store = impatient(&etcd);
    // A busy machine may take longer than this store waits once.
    until_healthy(&store).await;
    etcd.kill(0);
    let told = tokio::time::timeout(Duration::from_secs(5), store.health()).await.expect("it is bounded");
    let error = told.unwrap_err();
    assert_eq!(error.to_string(), "etcd did not finish a health check");
    etcd.start_again(0);
    until_healthy(&store).await;
}

async fn until_healthy(store: &Etcd) {
    let healed = async {
        while store.health().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), healed).await.expect("it heals");
}
