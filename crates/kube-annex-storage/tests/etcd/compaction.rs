//! History is forgotten by one of all that could, on the key that upstream's servers use.

use crate::{Process, key, options, store, widgets};
use bytes::Bytes;
use kube_annex_storage::etcd::Etcd;
use kube_annex_storage::{Error, Key, ListRequest, Precondition, Revision, Storage};
use libtest_mimic::Trial;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    crate::tests! { "compaction", program,
        one_of_several_compacts_at_each_tick
        a_compactor_that_was_late_takes_over
        a_clock_that_another_moves_is_followed
        history_is_kept_for_one_interval_and_forgotten_after_two
    }
}

async fn commit(store: &Etcd) -> Revision {
    match store.create(&key("a"), Bytes::new()).await {
        Ok(revision) => revision,
        Err(_) => store.update(&key("a"), Bytes::new(), Precondition::default()).await.unwrap(),
    }
}

async fn is_kept(store: &Etcd, revision: Revision) -> bool {
    let request = ListRequest { revision: Some(revision), ..ListRequest::default() };
    match store.list(&widgets(), request).await {
        Ok(_) => true,
        Err(Error::Expired { .. }) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn one_of_several_compacts_at_each_tick(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let mut all = [store.compactor(), store.compactor(), store.compactor()];
    for round in 0..4 {
        let before = commit(&store).await;
        let mut compacted = Vec::new();
        for compactor in &mut all {
            compacted.extend(compactor.tick().await.unwrap());
        }
        // At first there is nothing to forget; then what was the newest one tick before.
        assert_eq!(compacted.len(), usize::from(round > 0), "{compacted:?}");
        assert!(compacted.iter().all(|revision| *revision < before));
        assert!(is_kept(&store, before).await);
    }
}

async fn a_compactor_that_was_late_takes_over(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let (mut first, mut second) = (store.compactor(), store.compactor());
    first.tick().await.unwrap();
    assert_eq!(second.tick().await.unwrap(), None);
    let seen = commit(&store).await;
    // The first is gone. The second saw what was before the commit.
    let compacted = second.tick().await.unwrap().expect("it is its turn");
    assert!(compacted < seen);
    commit(&store).await;
    let compacted = second.tick().await.unwrap().expect("it goes on");
    assert!(compacted >= seen && !is_kept(&store, Revision(seen.0 - 1)).await);
}

/// Written as upstream's servers write it: a decimal revision, whose version is the time.
async fn a_clock_that_another_moves_is_followed(program: PathBuf) {
    let etcd = Process::start(&program);
    let whole = Etcd::new(options(&etcd, "/"));
    let store = store(&etcd, "/r");
    let mut compactor = store.compactor();
    compactor.tick().await.unwrap();
    // Outside of every prefix: no key of a store is there.
    let error = whole.get(&Key::new("compact_rev_key")).await.unwrap();
    assert_eq!(error, None);
    for _ in 0..2 {
        store.compactor().tick().await.unwrap();
    }
    commit(&store).await;
    assert!(compactor.tick().await.unwrap().is_some(), "nobody moved the clock");
}

async fn history_is_kept_for_one_interval_and_forgotten_after_two(program: PathBuf) {
    let etcd = Process::start(&program);
    let store = store(&etcd, "/r");
    let interval = Duration::from_secs(1);
    let old = commit(&store).await;
    let newer = commit(&store).await;
    let running = store.compactor().run(interval);
    let watching = async {
        tokio::time::sleep(interval / 2).await;
        assert!(is_kept(&store, old).await);
        let forgotten = async {
            while is_kept(&store, old).await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), forgotten).await.expect("it is forgotten");
        let newest = store.list(&widgets(), ListRequest::default()).await.unwrap();
        assert_eq!(newest.entries[0].revision, newer);
    };
    tokio::select! {
        () = running => unreachable!("it goes on until it is dropped"),
        () = watching => {}
    }
}
