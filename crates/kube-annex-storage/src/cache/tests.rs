//! What only the cache promises: what it shares, what it costs, and what it does while its storage fails.

mod flaky;
mod table;
mod window;

use super::*;
use crate::memory::Memory;
use flaky::Flaky;
use futures_util::FutureExt;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

fn key(name: &str) -> Key {
    widgets().key(name)
}

fn spawn() -> Spawn {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    Arc::new(|task| drop(tokio::spawn(task)))
}

fn over(storage: Arc<dyn Storage>, events: usize) -> Cached {
    Cached::new(storage, CacheOptions { events, ..CacheOptions::default() }, spawn())
}

async fn next(events: &mut Events) -> CachedItem {
    let item = tokio::time::timeout(Duration::from_secs(20), events.next()).await.expect("it comes");
    item.expect("the stream goes on").expect("history is kept")
}

async fn next_event(events: &mut Events) -> Arc<CachedEvent> {
    match next(events).await {
        CachedItem::Event(event) => event,
        CachedItem::Progress(revision) => unreachable!("nobody asked for progress, told {revision}"),
    }
}

async fn put(store: &dyn Storage, name: &str, value: &'static str) -> Revision {
    store.create(&key(name), Bytes::from_static(value.as_bytes())).await.unwrap()
}

/// Lets the feeds take over what was written.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

async fn set(store: &dyn Storage, name: &str, value: impl Into<Bytes>) -> Revision {
    store.update(&key(name), value.into(), Precondition::default()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_watch_of_the_storage_serves_any_number_of_watchers() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    let mut watchers = Vec::new();
    for _ in 0..50 {
        watchers.push(cache.events(&widgets(), Revision(1)).await.unwrap());
    }
    let revision = put(&cache, "a", "1").await;
    let mut told = Vec::new();
    for watcher in &mut watchers {
        told.push(next_event(watcher).await);
    }
    assert!(told.iter().all(|event| event.entry.revision == revision && Arc::ptr_eq(event, &told[0])));
    assert_eq!(storage.watches.load(Ordering::SeqCst), 1);
    assert_eq!(storage.lists.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_encoded_once_for_each_form_and_a_failure_is_tried_again() {
    let cache = over(Arc::new(Memory::new()), 100);
    let mut events = cache.events(&widgets(), Revision(1)).await.unwrap();
    put(&cache, "a", "1").await;
    let event = next_event(&mut events).await;
    assert_eq!(event.told(7, || Err("no")), Err("no"));
    for form in [7, 8] {
        let first = event.told::<()>(form, || Ok(Some(Bytes::from(vec![b'x'; 3])))).unwrap().unwrap();
        let again = event.told::<()>(form, || unreachable!("it is known")).unwrap().unwrap();
        assert_eq!(first.as_ptr(), again.as_ptr());
    }
    assert_eq!(event.told::<()>(9, || Ok(None)), Ok(None));
    assert_eq!(event.told::<()>(9, || unreachable!("it is known")), Ok(None));
}

#[tokio::test(start_paused = true)]
async fn what_is_found_out_about_an_entry_is_found_out_once() {
    let cache = over(Arc::new(Memory::new()), 100);
    put(&cache, "a", "12").await;
    let entry = cache.entry(&key("a"), Freshness::Newest).await.unwrap().unwrap();
    assert_eq!(entry.facts::<usize, _>(|_| Err("unreadable")), Err("unreadable"));
    assert_eq!(entry.facts(|entry| Ok::<_, ()>(entry.value.len())), Ok(&2));
    let again = cache.entry(&key("a"), Freshness::Any).await.unwrap().unwrap();
    assert_eq!(again.facts::<usize, ()>(|_| unreachable!("it is known")), Ok(&2));
}

#[tokio::test(start_paused = true)]
async fn a_write_makes_one_segment_anew_and_leaves_the_joined_bytes_of_the_others() {
    let cache = over(Arc::new(Memory::new()), 10_000);
    for index in 0..1_000 {
        put(&cache, &format!("{index:04}"), "1").await;
    }
    let joined = async |cache: &Cached| {
        let snapshot = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
        let mut encoded = 0;
        for run in snapshot.runs(&widgets(), None) {
            let join = |entries: &[Arc<CachedEntry>]| {
                encoded += 1;
                let ends = (1..=entries.len()).collect();
                Ok::<_, ()>(SegmentBody { bytes: Bytes::from(vec![b'x'; entries.len()]), ends })
            };
            run.segment.body(1, join).unwrap();
        }
        encoded
    };
    let all = joined(&cache).await;
    assert!((8..=20).contains(&all), "{all} segments");
    assert_eq!(joined(&cache).await, 0);
    set(&cache, "0500", "2").await;
    assert_eq!(joined(&cache).await, 1);
    cache.delete(&key("0001"), Precondition::default()).await.unwrap();
    assert_eq!(joined(&cache).await, 1);
}

#[tokio::test(start_paused = true)]
async fn l_21_the_newest_state_is_as_new_as_the_storage_and_any_state_asks_nobody() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    // Another server writes, and something else is written: neither comes through this cache.
    let revision = put(&*storage, "a", "1").await;
    let elsewhere = Prefix::of_resource("example.com", "gadgets").key("x");
    let other = storage.create(&elsewhere, Bytes::new()).await.unwrap();
    let newest = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    assert!(newest.revision() >= other);
    assert_eq!(newest.get(&key("a")).unwrap().revision, revision);
    let asked = storage.revisions.load(Ordering::SeqCst);
    cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    cache.snapshot(&widgets(), Freshness::NotOlderThan(other)).await.unwrap();
    cache.entry(&key("a"), Freshness::Any).await.unwrap().unwrap();
    assert_eq!(storage.revisions.load(Ordering::SeqCst), asked);
}

#[tokio::test(start_paused = true)]
async fn readers_who_come_together_ask_the_storage_together() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    let before = storage.revisions.load(Ordering::SeqCst);
    storage.slow.store(true, Ordering::SeqCst);
    let missing = key("a");
    let reads = (0..100).map(|_| cache.entry(&missing, Freshness::Newest));
    futures_util::future::join_all(reads).await;
    let asked = storage.revisions.load(Ordering::SeqCst) - before;
    assert!((1..=2).contains(&asked), "the storage was asked {asked} times");
}

#[tokio::test(start_paused = true)]
async fn l_14_a_revision_of_the_future_is_waited_for() {
    let cache = over(Arc::new(Memory::new()), 100);
    let wanted = Freshness::NotOlderThan(Revision(3));
    let prefix = widgets();
    let mut read = Box::pin(cache.snapshot(&prefix, wanted));
    assert!(tokio::time::timeout(Duration::from_secs(2), &mut read).await.is_err());
    put(&cache, "a", "1").await;
    assert!(tokio::time::timeout(Duration::from_secs(2), &mut read).await.is_err());
    put(&cache, "b", "1").await;
    assert!(read.await.unwrap().revision() >= Revision(3));
}

#[tokio::test(start_paused = true)]
async fn a_state_of_the_past_is_rebuilt_from_the_window() {
    let cache = over(Arc::new(Memory::new()), 100);
    cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    put(&cache, "a", "1").await;
    put(&cache, "b", "1").await;
    let then = set(&cache, "a", "2").await;
    let before = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    set(&cache, "a", "3").await;
    cache.delete(&key("b"), Precondition::default()).await.unwrap();
    put(&cache, "b", "again").await;
    put(&cache, "c", "1").await;
    cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    let past = cache.snapshot_at(&widgets(), then).unwrap();
    let page = |snapshot: &Snapshot| snapshot.page(&widgets(), &ListRequest::default());
    assert_eq!(page(&past), page(&before));
    assert!(cache.snapshot_at(&widgets(), Revision(0)).is_none());
    assert!(cache.snapshot_at(&widgets(), Revision(100)).is_none());
}

#[tokio::test(start_paused = true)]
async fn w_20_a_watcher_that_falls_off_the_window_is_told_so_and_delays_nobody() {
    let cache = over(Arc::new(Memory::with_history(1)), 10);
    let mut slow = cache.events(&widgets(), Revision(1)).await.unwrap();
    let mut quick = cache.events(&widgets(), Revision(1)).await.unwrap();
    put(&cache, "a", "0").await;
    let last = next_event(&mut slow).await.entry.revision;
    next_event(&mut quick).await;
    for round in 1..=11 {
        set(&cache, "a", round.to_string()).await;
        next_event(&mut quick).await;
    }
    let error = slow.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert!(matches!(error, Error::Expired { requested, .. } if requested == last), "{error}");
    assert!(slow.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_watcher_of_a_quiet_namespace_is_neither_woken_nor_left_behind_by_others() {
    let cache = over(Arc::new(Memory::new()), 10);
    let mut quiet = cache.events(&widgets().in_namespace("quiet"), Revision(1)).await.unwrap();
    let woken = Arc::new(flaky::Wakes::default());
    let waker = std::task::Waker::from(woken.clone());
    let mut context = std::task::Context::from_waker(&waker);
    assert!(quiet.poll_next_unpin(&mut context).is_pending());
    put(&cache, "loud/a", "0").await;
    for round in 0..100 {
        set(&cache, "loud/a", round.to_string()).await;
    }
    cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    assert_eq!(woken.count(), 0);
    assert!(quiet.poll_next_unpin(&mut context).is_pending());
    let revision = put(&cache, "quiet/a", "1").await;
    settle().await;
    assert_eq!(woken.count(), 1);
    assert_eq!(next_event(&mut quiet).await.entry.revision, revision);
}

#[tokio::test(start_paused = true)]
async fn what_the_window_does_not_reach_back_to_comes_from_the_storage_without_a_seam() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let mut revisions = Vec::new();
    for index in 0..20 {
        revisions.push(put(&*storage, &format!("{index:02}"), "1").await);
    }
    let cache = over(storage.clone(), 5);
    cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    for index in 20..40 {
        revisions.push(put(&cache, &format!("{index:02}"), "1").await);
    }
    settle().await;
    let mut events = cache.events(&widgets(), revisions[3]).await.unwrap();
    for revision in &revisions[4..30] {
        assert_eq!(next_event(&mut events).await.entry.revision, *revision);
    }
    for index in 40..60 {
        revisions.push(put(&cache, &format!("{index:02}"), "1").await);
    }
    settle().await;
    for revision in &revisions[30..] {
        assert_eq!(next_event(&mut events).await.entry.revision, *revision);
    }
    assert_eq!(storage.watches.load(Ordering::SeqCst), 2);
    // The watcher reads from the window now: its own watch of the storage is over.
    assert_eq!(storage.open.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_storage_heals_without_any_watcher_noticing() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    let mut events = cache.events(&widgets(), Revision(1)).await.unwrap();
    put(&cache, "a", "1").await;
    next_event(&mut events).await;
    storage.fail();
    let written = put(storage.inside(), "b", "1").await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert!(events.next().now_or_never().is_none());
    let any = cache.snapshot(&widgets(), Freshness::Any).await.unwrap();
    assert_eq!(any.count(&widgets()), 1, "what is cached is served");
    let error = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap_err();
    assert!(matches!(error, Error::Backend { .. }), "the newest is not known: {error:?}");
    storage.heal();
    assert_eq!(next_event(&mut events).await.entry.revision, written);
    assert_eq!(cache.snapshot(&widgets(), Freshness::Newest).await.unwrap().count(&widgets()), 2);
    assert_eq!(storage.lists.load(Ordering::SeqCst), 1, "nothing was lost, nothing was listed again");
}

#[tokio::test(start_paused = true)]
async fn w_14_history_that_was_really_lost_expires_the_watchers_and_fills_the_cache_anew() {
    let storage = Arc::new(Flaky::new(Memory::with_history(2)));
    let cache = over(storage.clone(), 100);
    let mut events = cache.events(&widgets(), Revision(1)).await.unwrap();
    put(&cache, "a", "1").await;
    let seen = next_event(&mut events).await.entry.revision;
    storage.fail();
    for name in ["b", "c", "d", "e"] {
        put(storage.inside(), name, "1").await;
    }
    storage.heal();
    let item = tokio::time::timeout(Duration::from_mins(1), events.next()).await.unwrap().unwrap();
    let error = item.unwrap_err();
    assert!(matches!(error, Error::Expired { requested, .. } if requested == seen), "{error:?}");
    assert_eq!(cache.snapshot(&widgets(), Freshness::Newest).await.unwrap().count(&widgets()), 5);
    let mut events = cache.events(&widgets(), cache.reached(&widgets()).unwrap()).await.unwrap();
    let revision = put(&cache, "f", "1").await;
    assert_eq!(next_event(&mut events).await.entry.revision, revision);
}

#[tokio::test(start_paused = true)]
async fn l_22_a_cache_that_cannot_be_filled_says_so_soon_and_one_object_is_still_read() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    put(&*storage, "a", "1").await;
    storage.hang();
    let cache = over(storage.clone(), 100);
    let asked = Instant::now();
    let error = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { troubled: false, .. }), "{error:?}");
    let error = cache.events(&widgets(), Revision(1)).await.unwrap_err();
    assert!(matches!(error, Error::NotReady { .. }), "{error:?}");
    assert!(asked.elapsed() <= Duration::from_secs(3));
    let entry = cache.entry(&key("a"), Freshness::Newest).await.unwrap();
    assert_eq!(entry.unwrap().value, "1");
    assert!(matches!(cache.entry(&key("a"), Freshness::Any).await, Err(Error::NotReady { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_objects_are_read_in_pages_of_one_revision() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    for index in 0..100_000 {
        put(&*storage, &format!("{index:05}"), "1").await;
    }
    let cache = over(storage.clone(), 100);
    let snapshot = cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    assert_eq!(snapshot.count(&widgets()), 100_000);
    assert_eq!(storage.lists.load(Ordering::SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn w_8_an_idle_watched_cache_goes_on_with_its_storage() {
    let storage = Arc::new(Memory::new());
    let cache = over(storage.clone(), 100);
    let events = cache.events(&widgets(), Revision(1)).await.unwrap();
    assert_eq!(events.told_up_to(), Some(Revision(1)));
    let elsewhere = Prefix::of_resource("example.com", "gadgets");
    for name in ["a", "b", "c"] {
        storage.create(&elsewhere.key(name), Bytes::new()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(events.told_up_to(), Some(Revision(4)));
    let future = cache.events(&widgets(), Revision(9)).await.unwrap();
    assert_eq!(future.told_up_to(), None, "what is yet to happen has not been told");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_cache_ends_its_watches_and_its_feeds() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    let mut events = cache.events(&widgets(), Revision(1)).await.unwrap();
    put(&cache, "a", "1").await;
    next_event(&mut events).await;
    drop(cache);
    assert!(tokio::time::timeout(Duration::from_secs(1), events.next()).await.unwrap().is_none());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(storage.open.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn reads_and_waits_that_are_dropped_at_any_await_disturb_nobody() {
    let storage = Arc::new(Flaky::new(Memory::new()));
    storage.slow.store(true, Ordering::SeqCst);
    let cache = over(storage.clone(), 100);
    for round in 0..60_u64 {
        let name = format!("{round:02}");
        // A tenth of the time of a slow answer: the read is dropped at another place each round.
        let patience = Duration::from_micros(round * 500);
        let prefix = widgets();
        let _ = tokio::time::timeout(patience, cache.snapshot(&prefix, Freshness::Newest)).await;
        let _ = tokio::time::timeout(patience, cache.events(&prefix, Revision(1))).await;
        let _ = tokio::time::timeout(patience, Storage::get(&cache, &key(&name))).await;
        put(storage.inside(), &name, "1").await;
    }
    assert_eq!(cache.snapshot(&widgets(), Freshness::Newest).await.unwrap().count(&widgets()), 60);
}

#[tokio::test(start_paused = true)]
async fn a_compaction_waits_for_the_feed_so_that_a_watch_from_what_is_kept_goes_on() {
    let cache = over(Arc::new(Memory::new()), 100);
    cache.snapshot(&widgets(), Freshness::Newest).await.unwrap();
    // Nothing here waits, so that the feed has seen none of it when the compaction begins.
    for name in ["a", "b", "c", "d"] {
        put(&cache, name, "1").await;
    }
    let newest = cache.storage().current_revision().await.unwrap();
    let kept = Revision(newest.0 - 1);
    cache.compact(kept).await.unwrap();
    let mut events = cache.events(&widgets(), kept).await.unwrap();
    assert_eq!(next_event(&mut events).await.entry.revision, newest);
    let expired = cache.watch(&widgets(), Revision(kept.0 - 1)).await.map(drop);
    assert!(matches!(expired, Err(Error::Expired { oldest, .. }) if oldest == kept), "{expired:?}");
    // One that cannot be fed is not waited for without end.
    let storage = Arc::new(Flaky::new(Memory::new()));
    let cache = over(storage.clone(), 100);
    storage.hang();
    cache.warm(&widgets());
    let revision = put(&cache, "a", "1").await;
    cache.compact(revision).await.unwrap();
}
