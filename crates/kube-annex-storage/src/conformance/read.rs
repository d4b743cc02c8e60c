//! What a read returns, and what the store says of itself.

use super::Subject;
use super::probe::{ANY, as_of, key, large, poll_once, soon, text, waits, widgets};
use crate::key::Prefix;
use crate::storage::{Entry, ListRequest, Revision};
use bytes::Bytes;
use tokio::task::JoinSet;

/// A client that takes 0 for "any" must never get it as an answer.
pub async fn an_empty_store_has_a_revision_that_is_not_zero(store: Subject) {
    assert!(store.newest().await > Revision(0));
    assert_eq!(store.newest().await, store.newest().await);
}

/// Health checks and messages have something to say.
pub async fn a_store_that_serves_is_healthy_and_has_a_name(store: Subject) {
    assert!(store.health().await.is_ok());
    store.put("a", "1").await;
    assert!(store.health().await.is_ok());
    assert!(!store.name().is_empty());
}

/// Nothing is not an error.
pub async fn a_missing_key_reads_as_nothing(store: Subject) {
    assert_eq!(store.entry("a").await, None);
    store.put("ab", "1").await;
    assert_eq!(store.entry("a").await, None);
}

/// A store keeps bytes and never looks into them.
pub async fn a_read_returns_the_bytes_that_were_written(store: Subject) {
    let value: Bytes = (0..=u8::MAX).chain((0..=u8::MAX).rev()).collect();
    let revision = store.create(&key("a"), value.clone()).await.expect("the key is free");
    assert_eq!(store.entry("a").await, Some(Entry { key: key("a"), value, revision, created: revision }));
}

/// No bytes are not no value.
pub async fn an_empty_value_is_a_value(store: Subject) {
    let revision = store.put("a", "").await;
    let entry = Entry { key: key("a"), value: Bytes::new(), revision, created: revision };
    assert_eq!(store.entry("a").await, Some(entry.clone()));
    assert_eq!(store.all().await.entries, [entry]);
    assert!(store.create(&key("a"), text("1")).await.is_err());
}

/// A value of a mebibyte is read and listed to its last byte.
pub async fn a_large_value_comes_back_whole(store: Subject) {
    store.create(&key("a"), large(0)).await.expect("the value is not too large");
    store.create(&key("b"), large(7)).await.expect("the value is not too large");
    assert_eq!(store.entry("a").await.expect("it was written").value, large(0));
    let values: Vec<_> = store.all().await.entries.into_iter().map(|entry| entry.value).collect();
    assert!(values == [large(0), large(7)], "a listed value differs from what was written");
}

/// No pattern, no case folding, no normal form, no trimming.
pub async fn keys_are_compared_byte_by_byte(store: Subject) {
    let alike = ["a", "A", "a ", "a.", "a%", "a_", "a*", "a\0", "\u{e9}", "e\u{301}", "a\u{10ffff}"];
    for name in alike {
        store.put(name, name).await;
    }
    for name in alike {
        assert_eq!(store.entry(name).await.expect("it was written").value, text(name));
    }
    assert_eq!(store.all().await.entries.len(), alike.len());
}

/// By any path: single reads, lists, from any task.
pub async fn a_read_reflects_every_write_answered_before_it(store: Subject) {
    store.put("a", "0").await;
    for round in 1..=50 {
        let revision = store.set("a", round.to_string()).await;
        let reader = store.clone();
        let mut task = JoinSet::new();
        task.spawn(async move { reader.entry("a").await });
        let read = soon(task.join_next()).await.expect("a task").expect("it ends").expect("it was written");
        assert_eq!((read.value, read.revision), (text(round.to_string()), revision));
        assert_eq!(store.all().await.entries[0].revision, revision);
    }
}

/// What a client was told, the store knows.
pub async fn current_revision_covers_every_answered_write(store: Subject) {
    let created = store.put("a", "1").await;
    assert!(store.newest().await >= created);
    let updated = store.set("a", "2").await;
    assert!(store.newest().await >= updated);
    let deleted = store.remove("a").await;
    assert!(store.newest().await >= deleted);
}

/// Reading leaves no trace in the order of commits.
pub async fn reads_consume_no_revision(store: Subject) {
    store.put("a", "1").await;
    let before = store.newest().await;
    store.entry("a").await;
    store.entry("missing").await;
    store.all().await;
    store.page(&widgets(), as_of(before)).await;
    drop(store.events(&widgets(), before).await);
    store.page(&Prefix::of_resource("laws.example.com", "nothing"), ListRequest::default()).await;
    assert_eq!(store.newest().await, before);
}

/// The newest revision and everything before it has happened.
pub async fn waiting_for_the_past_ends_at_once(store: Subject) {
    soon(store.wait_for(Revision(0))).await.expect("it has happened");
    let revision = store.put("a", "1").await;
    soon(store.wait_for(revision)).await.expect("it has happened");
    soon(store.wait_for(store.newest().await)).await.expect("it has happened");
}

/// It waits until then and no longer.
pub async fn waiting_for_the_next_revision_ends_when_it_happens(store: Subject) {
    let next = Revision(store.newest().await.0 + 1);
    let mut wait = store.wait_for(next);
    assert!(waits(&mut wait).await, "{next} has not happened");
    store.put("a", "1").await;
    soon(wait).await.expect("it has happened");
    assert!(store.newest().await >= next);
}

/// Nobody is forgotten, whatever the order in which they came.
pub async fn many_waiters_wake_up_each_at_its_revision(store: Subject) {
    let first = store.newest().await;
    let mut waiters = JoinSet::new();
    for ahead in (1..=40).rev() {
        let (store, revision) = (store.clone(), Revision(first.0 + ahead));
        waiters.spawn(async move {
            store.wait_for(revision).await.expect("the wait goes on until then");
            assert!(store.newest().await >= revision);
        });
    }
    for index in 0..40 {
        store.put(&index.to_string(), "1").await;
    }
    while let Some(waiter) = soon(waiters.join_next()).await {
        waiter.expect("the waiter saw its revision");
    }
}

/// Who bounds the wait drops the future.
pub async fn a_dropped_wait_disturbs_nobody(store: Subject) {
    let next = Revision(store.newest().await.0 + 1);
    for _ in 0..10 {
        let mut wait = store.wait_for(next);
        assert!(poll_once(&mut wait).await.is_pending());
    }
    let wait = store.wait_for(next);
    store.put("a", "1").await;
    soon(wait).await.expect("it has happened");
    store.update(&key("a"), text("2"), ANY).await.expect("writes go on");
}

/// What exists now: not what was deleted, not what lies beside the prefix.
pub async fn a_count_is_of_what_exists_below_the_prefix(store: Subject) {
    let count = async |prefix: &Prefix| store.count(prefix).await.expect("a store that serves can count");
    assert_eq!(count(&widgets()).await, 0);
    for name in ["one/a", "one/b", "two/a", "c"] {
        store.put(name, "1").await;
    }
    store.create(&Prefix::of_resource("laws.example.com", "widgetsx").key("a"), text("1")).await.expect("it is free");
    store.set("c", "2").await;
    store.remove("one/b").await;
    assert_eq!(count(&widgets()).await, 3);
    assert_eq!(count(&widgets().in_namespace("one")).await, 1);
    assert_eq!(count(&Prefix::of_resource("laws.example.com", "gadgets")).await, 0);
}

/// Whoever watches over the store sees what it takes, at the latest a little later.
pub async fn a_size_covers_what_is_kept(store: Subject) {
    for seed in 0..3 {
        store.create(&key(&seed.to_string()), large(seed)).await.expect("the value is not too large");
    }
    let covered = async {
        while store.size().await.expect("a store that serves knows its size") < 3 << 20 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    soon(covered).await;
}
