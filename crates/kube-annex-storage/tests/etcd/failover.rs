//! Three members, of which the leader is killed while many write.

use crate::{Process, key, store, widgets};
use bytes::Bytes;
use futures_util::StreamExt as _;
use kube_annex_storage::etcd::Etcd;
use kube_annex_storage::{Error, Event, EventKind, Key, ListRequest, Precondition, Revision, Storage, WatchItem};
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    crate::tests! { "failover", program,
        what_was_answered_is_there_when_members_were_killed_and_watches_are_complete
    }
}

const WRITERS: usize = 32;

/// What a writer was answered: of each of its keys, the last value and the revision that wrote it.
type Answered = BTreeMap<Key, (Bytes, Revision)>;

/// Writes until it is told to stop. A write without an answer is read back: it happened or it did not.
async fn write(store: Etcd, writer: usize, stop: Arc<AtomicBool>) -> (Answered, usize) {
    let mut answered = Answered::new();
    let mut doubtful = 0;
    for round in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let at = key(&format!("{writer:02}-{}", round % 5));
        let value = Bytes::from(format!("{writer} {round}"));
        let result = match answered.get(&at) {
            None => store.create(&at, value.clone()).await,
            Some((_, revision)) => store.update(&at, value.clone(), Precondition::at(*revision)).await,
        };
        match result {
            Ok(revision) => drop(answered.insert(at, (value, revision))),
            Err(Error::Backend { .. }) => {
                doubtful += 1;
                let there = read(&store, &at).await;
                let known = answered.get(&at).cloned();
                assert!(there == known || there.as_ref().is_some_and(|(there, _)| *there == value), "{at}");
                there.map(|there| answered.insert(at, there));
            }
            // It happened after all, after it was read back.
            Err(Error::AlreadyExists { .. } | Error::Conflict { .. }) => {
                let there = read(&store, &at).await.expect("nobody deletes");
                assert!(there.0.starts_with(format!("{writer} ").as_bytes()), "{at}");
                answered.insert(at, there);
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    (answered, doubtful)
}

async fn read(store: &Etcd, at: &Key) -> Option<(Bytes, Revision)> {
    loop {
        match store.get(at).await {
            Ok(there) => return there.map(|entry| (entry.value, entry.revision)),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// What a watcher was told, until the last key is seen.
async fn follow(store: Etcd, from: Revision) -> Vec<Event> {
    let mut items = store.watch(&widgets(), from).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let item = items.next().await.expect("the stream goes on").expect("nobody compacts");
        let WatchItem::Event(event) = item else { continue };
        let last = event.key == key("~end");
        seen.push(event);
        if last {
            return seen;
        }
    }
}

async fn what_was_answered_is_there_when_members_were_killed_and_watches_are_complete(program: PathBuf) {
    let mut etcd = Process::cluster(&program, 3, &[]);
    let first = store(&etcd, "/r");
    let from = first.current_revision().await.unwrap();
    let mut watchers = JoinSet::new();
    let mut writers = JoinSet::new();
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..3 {
        watchers.spawn(follow(store(&etcd, "/r"), from));
    }
    // Some share a client, as the requests of a server do.
    let shared = [store(&etcd, "/r"), store(&etcd, "/r")];
    for writer in 0..WRITERS {
        writers.spawn(write(shared[writer % 2].clone(), writer, stop.clone()));
    }
    // Whoever is killed, the leader is among them: each in turn, and each comes back.
    for member in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        etcd.kill(member);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        etcd.start_again(member);
        let well = async {
            while first.health().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), well).await.expect("two of three are enough");
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let (mut answered, mut doubtful) = (Answered::new(), 0);
    while let Some(writer) = writers.join_next().await {
        let (its, doubts) = writer.unwrap();
        answered.extend(its);
        doubtful += doubts;
    }
    // What nobody was answered for may still be on its way: what is there now is there for good.
    tokio::time::sleep(Duration::from_secs(2)).await;
    first.create(&key("~end"), Bytes::new()).await.unwrap();
    let page = first.list(&widgets(), ListRequest::default()).await.unwrap();
    let there: BTreeMap<Key, (Bytes, Revision)> =
        page.entries.into_iter().map(|entry| (entry.key, (entry.value, entry.revision))).collect();
    for (at, (value, revision)) in &answered {
        let (found, found_revision) = there.get(at).expect("what was answered is there");
        let later = found_revision > revision && doubtful > 0;
        assert!((found, found_revision) == (value, revision) || later, "{at}: {found:?} instead of {value:?}");
    }
    let commits = there.values().map(|(_, revision)| *revision).max().unwrap();
    while let Some(watcher) = watchers.join_next().await {
        let seen = watcher.unwrap();
        assert!(seen.windows(2).all(|pair| pair[0].revision < pair[1].revision));
        assert_eq!(seen.last().map(|event| event.revision), Some(commits));
        let mut model = BTreeMap::new();
        for event in seen {
            let before = model.insert(event.key.clone(), (event.value.clone(), event.revision));
            assert_eq!((event.kind == EventKind::Created, &event.previous), (before.is_none(), &before), "{event:?}");
        }
        assert_eq!(model, there, "a watch makes the list");
    }
}
