//! What only this backend promises: the numbers of its first revisions, and when its history ends.

use super::*;
use crate::storage::Event;
use futures_util::{FutureExt, StreamExt};

fn key(name: &str) -> Key {
    widgets().key(name)
}

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

async fn create(store: &Memory, count: usize) {
    for index in 0..count {
        store.create(&key(&format!("{index:04}")), Bytes::from_static(b"value")).await.unwrap();
    }
}

#[tokio::test]
async fn an_empty_store_is_at_revision_1_and_its_first_write_is_revision_2() {
    let store = Memory::new();
    assert_eq!(store.current_revision().await.unwrap(), Revision(1));
    assert_eq!(store.create(&key("a"), Bytes::new()).await.unwrap(), Revision(2));
}

#[tokio::test]
async fn history_keeps_the_last_commits_and_no_more() {
    let store = Memory::with_history(3);
    create(&store, 5).await;
    let kept = ListRequest { revision: Some(Revision(3)), ..ListRequest::default() };
    assert_eq!(store.list(&widgets(), kept).await.unwrap().entries.len(), 2);
    let gone = ListRequest { revision: Some(Revision(2)), ..ListRequest::default() };
    let error = store.list(&widgets(), gone).await.unwrap_err();
    assert!(matches!(error, Error::Expired { requested: Revision(2), oldest: Revision(3) }), "{error}");
}

/// Objects may be as large as a request: a hundred thousand of those would be more than a machine has.
#[tokio::test]
async fn history_is_bounded_by_its_size_too_and_what_keys_hold_is_kept() {
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    for store in [Memory::new(), Memory::new().starting_at(Revision(1000))] {
        let first = store.create(&key("a"), large.clone()).await.unwrap();
        let still = store.create(&key("b"), large.clone()).await.unwrap();
        for _ in 0..300 {
            store.update(&key("a"), large.clone(), Precondition::default()).await.unwrap();
        }
        let Err(Error::Expired { oldest, .. }) = store.watch(&widgets(), first).await else {
            panic!("more is kept than a machine has");
        };
        let newest = store.current_revision().await.unwrap();
        assert!((200..=256).contains(&(newest.0 - oldest.0)), "{oldest} to {newest}");
        assert_eq!(store.get(&key("b")).await.unwrap().map(|entry| entry.revision), Some(still));
        let mut events = store.watch(&widgets(), oldest).await.unwrap();
        assert!(matches!(events.next().await, Some(Ok(_))));
    }
}

#[tokio::test]
async fn a_watcher_that_falls_off_the_history_is_told_so_after_what_it_had_taken() {
    let store = Memory::with_history(BEHIND);
    let mut events = store.watch(&widgets(), Revision(1)).await.unwrap();
    create(&store, BEHIND).await;
    let first: Event = events.next().await.unwrap().unwrap().event().unwrap();
    assert_eq!(first.revision, Revision(2));
    for index in 0..2 * BEHIND {
        store.update(&key("0000"), Bytes::from(index.to_string()), Precondition::default()).await.unwrap();
    }
    let mut last = first.revision;
    let error = loop {
        match events.next().now_or_never().expect("the end is known without waiting").unwrap() {
            Ok(item) => {
                let event = item.event().unwrap();
                assert_eq!(event.revision.0, last.0 + 1);
                last = event.revision;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Expired { requested, .. } if requested == last), "{error} after {last}");
    assert!(events.next().await.is_none());
}

const BEHIND: usize = 1000;

#[tokio::test]
async fn what_no_read_can_meet_is_dropped() {
    let store = Memory::with_history(2);
    create(&store, 4).await;
    for index in 0..4 {
        store.delete(&key(&format!("{index:04}")), Precondition::default()).await.unwrap();
    }
    store.compact(store.current_revision().await.unwrap()).await.unwrap();
    let debug = format!("{:?}", store.read());
    assert!(!debug.contains("0000") && !debug.contains("0003"), "{debug}");
}

#[tokio::test]
async fn without_history_the_newest_state_is_served() {
    let store = Memory::with_history(0);
    let mut events = store.watch(&widgets(), Revision(1)).await.unwrap();
    create(&store, 2).await;
    assert_eq!(store.list(&widgets(), ListRequest::default()).await.unwrap().entries.len(), 2);
    assert!(matches!(events.next().await, Some(Err(Error::Expired { .. }))));
}

#[tokio::test]
async fn a_stream_ends_when_the_store_is_gone() {
    let store = Memory::new();
    let mut events = store.watch(&widgets(), Revision(1)).await.unwrap();
    create(&store, 1).await;
    drop(store);
    assert!(events.next().await.unwrap().is_ok());
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_watch_of_forgotten_history_is_refused_by_the_call() {
    let store = Memory::with_history(2);
    create(&store, 4).await;
    assert!(store.watch(&widgets(), Revision(3)).await.is_ok());
    let error = store.watch(&widgets(), Revision(2)).await.err();
    assert!(matches!(error, Some(Error::Expired { requested: Revision(2), oldest: Revision(3) })), "{error:?}");
}

#[tokio::test]
async fn a_store_that_starts_later_forgets_what_an_earlier_one_may_have_said() {
    let store = Memory::new().starting_at(Revision(500));
    assert_eq!(store.create(&key("a"), Bytes::new()).await.unwrap(), Revision(501));
    let refused = store.watch(&widgets(), Revision(42)).await.err();
    assert!(matches!(refused, Some(Error::Expired { .. })), "{refused:?}");
}
