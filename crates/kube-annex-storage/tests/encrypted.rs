//! A store above encryption keeps every law of a store, and below it nobody sees a value.

#![allow(clippy::unwrap_used, reason = "these helpers are part of tests, where unwrap is free")]

use bytes::Bytes;
use futures_util::StreamExt as _;
use kube_annex_storage::cache::{CacheOptions, Cached, Freshness, Spawn};
use kube_annex_storage::encryption::{AesGcm, Encrypted, EncryptionConfiguration, Rewritten, Transformers, rewrite};
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Error, Key, ListRequest, Precondition, Prefix, Revision, Storage};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn all_with(key: u8) -> Transformers {
    let mut transformers = Transformers::default();
    transformers.set("*", "*", AesGcm::new(&[key; 32]).unwrap());
    transformers
}

kube_annex_storage::conformance!(laws, || async { Encrypted::new(Arc::new(Memory::new()), all_with(1)) });

kube_annex_storage::conformance!(cached, || async { cached(Encrypted::new(Arc::new(Memory::new()), all_with(1))) });

fn cached(below: Encrypted) -> Cached {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Cached::new(Arc::new(below), CacheOptions::default(), spawn)
}

/// Transformers whose first key writes, and of which each reads.
fn keys(names: &[&str]) -> Transformers {
    let keys: Vec<_> = names
        .iter()
        .map(|name| json!({ "name": name, "secret": if *name == "new" { "bmV3bmV3bmV3bmV3bmV3MQ==" } else { "b2xkb2xkb2xkb2xkb2xkMQ==" } }))
        .collect();
    let document = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{ "resources": ["widgets.example.com"], "providers": [{ "aesgcm": { "keys": keys } }] }],
    });
    serde_json::from_value::<EncryptionConfiguration>(document).unwrap().transformers().unwrap()
}

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

fn key(name: &str) -> Key {
    widgets().key(name)
}

async fn list(store: &dyn Storage) -> Result<usize, Error> {
    Ok(store.list(&widgets(), ListRequest::default()).await?.entries.len())
}

#[tokio::test]
async fn sr_21_below_there_is_no_value_in_the_state_or_in_the_history() {
    let below = Arc::new(Memory::new());
    let above = Encrypted::new(below.clone(), keys(&["new"]));
    above.create(&key("a"), Bytes::from_static(b"a secret thing")).await.unwrap();
    above.update(&key("a"), Bytes::from_static(b"another secret"), Precondition::default()).await.unwrap();
    let kept = below.get(&key("a")).await.unwrap().unwrap().value;
    assert!(kept.starts_with(b"k8s:enc:aesgcm:v1:new:"));
    let mut events = below.watch(&widgets(), Revision(1)).await.unwrap();
    for _ in 0..2 {
        let event = events.next().await.unwrap().unwrap().event().unwrap();
        assert!(!event.value.windows(6).any(|window| window == b"secret"));
    }
}

#[tokio::test]
async fn sr_21_a_value_is_bound_to_its_key() {
    let below = Arc::new(Memory::new());
    let above = Encrypted::new(below.clone(), keys(&["new"]));
    above.create(&key("a"), Bytes::from_static(b"of a")).await.unwrap();
    let kept = below.get(&key("a")).await.unwrap().unwrap().value;
    below.create(&key("b"), kept).await.unwrap();
    assert!(matches!(above.get(&key("b")).await, Err(Error::Unreadable(_))));
    assert!(above.get(&key("a")).await.unwrap().is_some());
}

#[tokio::test]
async fn sr_21_a_missing_key_concerns_its_objects_alone_and_a_list_names_them() {
    let below = Arc::new(Memory::new());
    let old = Encrypted::new(below.clone(), keys(&["old"]));
    let new = Encrypted::new(below.clone(), keys(&["new"]));
    old.create(&key("a"), Bytes::from_static(b"1")).await.unwrap();
    new.create(&key("b"), Bytes::from_static(b"2")).await.unwrap();
    old.create(&key("c"), Bytes::from_static(b"3")).await.unwrap();
    assert_eq!(new.get(&key("b")).await.unwrap().unwrap().value, Bytes::from_static(b"2"));
    let Err(Error::Unreadable(objects)) = new.get(&key("a")).await else { unreachable!("its key is missing") };
    assert!(objects[0].why.contains("no matching key"), "{objects:?}");
    let Err(Error::Unreadable(objects)) = list(&new).await else { unreachable!("two are") };
    let named: Vec<&str> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(named, ["example.com/widgets/a", "example.com/widgets/c"]);
    assert!(matches!(new.delete(&key("a"), Precondition::default()).await, Err(Error::Unreadable(_))));
    assert!(below.get(&key("a")).await.unwrap().is_some(), "it is still there");
    let mut events = new.watch(&widgets(), Revision(1)).await.unwrap();
    assert!(matches!(events.next().await, Some(Err(Error::Unreadable(_)))));
    assert!(events.next().await.is_none(), "a watch that misses something ends");
}

#[tokio::test]
async fn del_14_what_no_key_reads_is_removed_at_the_revision_that_is_named() {
    let below = Arc::new(Memory::new());
    let old = Encrypted::new(below.clone(), keys(&["old"]));
    let new = cached(Encrypted::new(below.clone(), keys(&["new"])));
    let first = old.create(&key("a"), Bytes::from_static(b"1")).await.unwrap();
    let second = old.update(&key("a"), Bytes::from_static(b"2"), Precondition::default()).await.unwrap();
    assert!(matches!(new.delete_unreadable(&key("a"), first).await, Err(Error::Conflict { .. })));
    let removed = new.delete_unreadable(&key("a"), second).await.unwrap();
    assert!(removed > second && below.get(&key("a")).await.unwrap().is_none());
    assert!(matches!(new.delete_unreadable(&key("a"), second).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn sr_21_rotation_rewrites_what_an_older_key_wrote() {
    let below = Arc::new(Memory::new());
    let old = Encrypted::new(below.clone(), keys(&["old"]));
    for index in 0..1200 {
        old.create(&key(&format!("{index:04}")), Bytes::from(format!("value {index}"))).await.unwrap();
    }
    let both = Encrypted::new(below.clone(), keys(&["new", "old"]));
    both.update(&key("0007"), Bytes::from_static(b"value 7"), Precondition::default()).await.unwrap();
    assert!(both.is_stale(&key("0006")).await.unwrap());
    assert!(!both.is_stale(&key("0007")).await.unwrap());
    assert!(!both.is_stale(&key("none")).await.unwrap());
    let new = Encrypted::new(below.clone(), keys(&["new"]));
    assert!(list(&new).await.is_err(), "the old key is still needed");
    assert_eq!(rewrite(&both, &widgets()).await.unwrap(), Rewritten { seen: 1200, written: 1199 });
    assert_eq!(rewrite(&both, &widgets()).await.unwrap(), Rewritten { seen: 1200, written: 0 });
    assert_eq!(list(&new).await.unwrap(), 1200, "the old key is not needed any more");
    assert_eq!(new.get(&key("0042")).await.unwrap().unwrap().value, Bytes::from_static(b"value 42"));
}

#[tokio::test]
async fn sr_21_the_place_of_a_value_can_have_a_longer_name_than_its_key() {
    let below = Arc::new(Memory::new());
    let short = Encrypted::new(below.clone(), keys(&["new"]));
    let long = short.clone().with_place("/registry/");
    long.create(&key("a"), Bytes::from_static(b"value")).await.unwrap();
    assert!(long.get(&key("a")).await.unwrap().is_some());
    assert!(short.get(&key("a")).await.is_err());
}

/// Another server writes with a key that is missing here, while clients read and watch through the cache.
#[tokio::test(start_paused = true)]
async fn sr_16_through_a_cache_the_rest_is_read_on_and_watchers_are_told_where_it_ends() {
    let below = Arc::new(Memory::new());
    let (other, own) = (Encrypted::new(below.clone(), keys(&["old"])), Encrypted::new(below.clone(), keys(&["new"])));
    let cache = cached(own);
    let first = cache.create(&key("a"), Bytes::from_static(b"1")).await.unwrap();
    let mut events = cache.events(&widgets(), Revision(first.0 - 1)).await.unwrap();
    other.create(&key("b"), Bytes::from_static(b"2")).await.unwrap();
    cache.create(&key("c"), Bytes::from_static(b"3")).await.unwrap();
    assert!(events.next().await.unwrap().is_ok(), "what comes before it is told");
    assert!(matches!(events.next().await, Some(Err(Error::Unreadable(_)))));
    assert!(events.next().await.is_none());

    let started = tokio::time::Instant::now();
    for round in 0..5 {
        for (name, value) in [("a", "1"), ("c", "3")] {
            assert_eq!(cache.get(&key(name)).await.unwrap().unwrap().value, value, "round {round}");
        }
        assert!(matches!(cache.get(&key("b")).await, Err(Error::Unreadable(_))));
        let Err(Error::Unreadable(objects)) = list(&cache).await else { unreachable!("one is") };
        assert_eq!(objects[0].key, key("b"));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(3), "nobody waits for what does not come");

    below.delete(&key("b"), Precondition::default()).await.unwrap();
    let newest = cache.current_revision().await.unwrap();
    let healed = async {
        while cache.snapshot(&widgets(), Freshness::NotOlderThan(newest)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), healed).await.expect("the cache goes on by itself");
    assert_eq!(list(&cache).await.unwrap(), 2);
    let mut events = cache.events(&widgets(), newest).await.unwrap();
    cache.update(&key("a"), Bytes::from_static(b"4"), Precondition::default()).await.unwrap();
    assert!(events.next().await.unwrap().is_ok());
}
