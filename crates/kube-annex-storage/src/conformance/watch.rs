//! What a watcher is told, and in which order.

use super::Subject;
use super::probe::{
    ANY, Model, assert_increasing, assert_quiet, key, large, model, only_at, poll_once, progress, replay, soon, take,
    text, waits, widgets,
};
use crate::key::{Key, Prefix};
use crate::storage::{Event, EventKind, Revision};
use futures_util::StreamExt;
use std::task::Poll;
use tokio::task::JoinSet;

fn told(events: &[Event]) -> Vec<(EventKind, &str, Revision)> {
    events
        .iter()
        .map(|event| (event.kind, event.key.as_str().rsplit('/').next().unwrap_or(""), event.revision))
        .collect()
}

/// Kind, key, value, the value before with its revision, and the revision that the writer was answered.
pub async fn a_watch_tells_what_happened_and_what_was_there_before(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let first = store.put("a", "1").await;
    let second = store.set("a", "2").await;
    let third = store.set("a", "3").await;
    let event = |kind, value, previous, revision| Event {
        kind,
        key: key("a"),
        value: text(value),
        previous,
        revision,
        created: first,
    };
    let expected = [
        event(EventKind::Created, "1", None, first),
        event(EventKind::Updated, "2", Some((text("1"), first)), second),
        event(EventKind::Updated, "3", Some((text("2"), second)), third),
    ];
    assert_eq!(take(&mut events, 3).await, expected);
}

/// So that a selector can say whether the watcher knew the object.
pub async fn a_deletion_carries_the_last_value(store: Subject) {
    let from = store.newest().await;
    let created = store.put("a", "1").await;
    let last = store.set("a", "2").await;
    let revision = store.remove("a").await;
    let mut events = store.events(&widgets(), from).await;
    let previous = Some((text("2"), last));
    let expected = Event { kind: EventKind::Deleted, key: key("a"), value: text("2"), previous, revision, created };
    assert_eq!(take(&mut events, 3).await[2], expected);
}

/// Nothing was there before.
pub async fn a_re_creation_is_a_creation(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let revisions = [store.put("a", "1").await, store.remove("a").await, store.put("a", "2").await];
    let seen = take(&mut events, 3).await;
    let kinds = [EventKind::Created, EventKind::Deleted, EventKind::Created];
    assert_eq!(
        seen.iter().map(|event| (event.kind, event.revision)).collect::<Vec<_>>(),
        kinds.into_iter().zip(revisions).collect::<Vec<_>>()
    );
    assert_eq!(seen[2].previous, None);
}

/// What the revision itself wrote is known to who asks.
pub async fn a_watch_begins_after_its_revision(store: Subject) {
    store.put("a", "1").await;
    let from = store.put("b", "1").await;
    let mut events = store.events(&widgets(), from).await;
    assert_quiet(&mut events).await;
    let next = store.set("a", "2").await;
    assert_eq!(told(&take(&mut events, 1).await), [(EventKind::Updated, "a", next)]);
    assert_quiet(&mut events).await;
}

/// From each, exactly what came after it.
pub async fn any_kept_revision_can_be_watched_from(store: Subject) {
    let first = store.newest().await;
    let mut whole = store.events(&widgets(), first).await;
    for round in 0..10 {
        store.put(&round.to_string(), "1").await;
        store.set(&round.to_string(), "2").await;
        if round % 2 == 0 {
            store.remove(&round.to_string()).await;
        }
    }
    let history = take(&mut whole, 25).await;
    for seen in 0..=history.len() {
        let from = if seen == 0 { first } else { history[seen - 1].revision };
        let mut events = store.events(&widgets(), from).await;
        assert_eq!(take(&mut events, history.len() - seen).await, history[seen..]);
        assert_quiet_if_last(&mut events, seen == history.len()).await;
    }
}

/// Silence takes time: it is listened to once.
async fn assert_quiet_if_last(events: &mut crate::storage::WatchStream, last: bool) {
    if last {
        assert_quiet(events).await;
    }
}

/// With no seam: the reader cannot tell where the past ended.
pub async fn the_past_comes_first_and_goes_over_into_the_present(store: Subject) {
    let from = store.newest().await;
    let mut written = Vec::new();
    for index in 0..300 {
        written.push(store.put(&index.to_string(), "1").await);
    }
    let mut events = store.events(&widgets(), from).await;
    let mut seen = take(&mut events, 10).await;
    for index in 300..600 {
        written.push(store.put(&index.to_string(), "1").await);
        seen.append(&mut take(&mut events, 1).await);
    }
    seen.append(&mut take(&mut events, 290).await);
    assert_eq!(seen.iter().map(|event| event.revision).collect::<Vec<_>>(), written);
    assert_quiet(&mut events).await;
}

/// Nothing up to it is told, and everything after it is.
pub async fn a_future_revision_is_waited_for(store: Subject) {
    let future = Revision(store.newest().await.0 + 5);
    let mut events = store.events(&widgets(), future).await;
    let mut written = Vec::new();
    for index in 0..10 {
        written.push(store.put(&index.to_string(), "1").await);
    }
    written.retain(|revision| *revision > future);
    let seen = take(&mut events, written.len()).await;
    assert_eq!(seen.iter().map(|event| event.revision).collect::<Vec<_>>(), written);
}

/// The way every client keeps a copy.
pub async fn a_list_and_a_watch_from_its_revision_make_a_whole(store: Subject) {
    for name in ["a", "b", "c"] {
        store.put(name, "1").await;
    }
    let page = store.all().await;
    let mut copy = model(page.entries);
    let mut events = store.events(&widgets(), page.revision).await;
    store.set("a", "2").await;
    store.remove("b").await;
    store.put("d", "1").await;
    replay(&mut copy, &take(&mut events, 3).await);
    assert_eq!(copy, model(store.all().await.entries));
    assert_quiet(&mut events).await;
}

/// `a/` is not told of `ab/`, `a0` or `a` itself, neither of their past nor of their present.
pub async fn a_watch_never_sees_its_neighbours(store: Subject) {
    let from = store.newest().await;
    let prefix = Prefix::of_resource("g", "a");
    let mut live = store.events(&prefix, from).await;
    for name in ["g/a", "g/a0/x", "g/ab/x", "g/A/x", "h/a/x", "g/a/x", "g/"] {
        store.create(&Key::new(name), text("1")).await.expect("the key is free");
        store.update(&Key::new(name), text("2"), ANY).await.expect("it exists");
        store.delete(&Key::new(name), ANY).await.expect("it exists");
    }
    let mut past = store.events(&prefix, from).await;
    for events in [&mut live, &mut past] {
        let seen = take(events, 3).await;
        assert!(seen.iter().all(|event| event.key.as_str() == "g/a/x"), "{seen:?}");
        assert_quiet(events).await;
    }
}

/// While a watch of the resource sees all namespaces, in the order of commits.
pub async fn a_watch_of_a_namespace_sees_that_namespace_alone(store: Subject) {
    let from = store.newest().await;
    let mut one = store.events(&widgets().in_namespace("one"), from).await;
    let mut all = store.events(&widgets(), from).await;
    for (namespace, name) in [("two", "a"), ("one", "b"), ("one-more", "c"), ("one", "d"), ("on", "e")] {
        let at = widgets().in_namespace(namespace).key(name);
        store.create(&at, text("1")).await.expect("the key is free");
    }
    let names = |events: Vec<Event>| told(&events).into_iter().map(|(_, name, _)| name.to_owned()).collect::<String>();
    assert_eq!(names(take(&mut one, 2).await), "bd");
    assert_eq!(names(take(&mut all, 5).await), "abcde");
    assert_quiet(&mut one).await;
}

/// What did not happen is not told.
pub async fn a_failed_write_is_not_seen(store: Subject) {
    let from = store.put("a", "1").await;
    let mut events = store.events(&widgets(), from).await;
    assert!(store.create(&key("a"), text("2")).await.is_err());
    assert!(store.update(&key("b"), text("2"), ANY).await.is_err());
    assert!(store.update(&key("a"), text("2"), only_at(Revision(from.0 + 9))).await.is_err());
    assert!(store.delete(&key("b"), ANY).await.is_err());
    let next = store.set("a", "3").await;
    assert_eq!(told(&take(&mut events, 1).await), [(EventKind::Updated, "a", next)]);
    assert_quiet(&mut events).await;
}

/// The last commit of a burst is not kept back until another comes.
pub async fn an_event_needs_no_other_to_arrive(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    for burst in 1..20 {
        for index in 0..burst {
            store.put(&format!("{burst}-{index}"), "1").await;
        }
        take(&mut events, burst).await;
    }
}

/// It was waiting before anything happened.
pub async fn a_sleeping_watcher_wakes_up(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    for round in 0..5 {
        let mut next = events.next();
        assert!(waits(&mut next).await, "nothing happened yet");
        let revision = store.put(&round.to_string(), "1").await;
        let item = soon(next).await.expect("the stream goes on").expect("history is kept");
        assert_eq!(item.event().map(|event| event.revision), Some(revision));
    }
}

/// Early or late, on one prefix or on another that covers the same keys.
pub async fn all_watchers_see_the_same(store: Subject) {
    let from = store.newest().await;
    let mut watchers = JoinSet::new();
    let mut expected = Vec::new();
    for index in 0..60 {
        if index % 3 == 0 {
            let mut events = store.events(&widgets(), from).await;
            watchers.spawn(async move { take(&mut events, 60).await });
        }
        expected.push((key(&index.to_string()), store.put(&index.to_string(), "1").await));
    }
    while let Some(seen) = soon(watchers.join_next()).await {
        let seen = seen.expect("the watcher ends");
        assert_eq!(seen.into_iter().map(|event| (event.key, event.revision)).collect::<Vec<_>>(), expected);
    }
}

/// Neither writers nor other watchers.
pub async fn a_dropped_watcher_disturbs_nobody(store: Subject) {
    let from = store.newest().await;
    let mut kept = store.events(&widgets(), from).await;
    for round in 0..50 {
        let mut dropped = store.events(&widgets(), from).await;
        if round % 2 == 0 {
            assert!(poll_once(&mut dropped.next()).await.is_pending() || round > 0);
        }
        store.put(&round.to_string(), "1").await;
    }
    let seen = take(&mut kept, 50).await;
    assert_increasing(&seen);
    assert_quiet(&mut kept).await;
}

/// A reader that waits for several things at once drops the one that was not ready, again and again.
pub async fn a_dropped_wait_for_an_event_loses_nothing(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let (mut written, mut seen) = (Vec::new(), Vec::new());
    for round in 0..200 {
        if let Poll::Ready(Some(item)) = poll_once(&mut events.next()).await {
            seen.extend(item.expect("history is kept").event().map(|event| event.revision));
        }
        written.push(store.put(&round.to_string(), "1").await);
    }
    seen.extend(take(&mut events, written.len() - seen.len()).await.into_iter().map(|event| event.revision));
    assert_eq!(seen, written);
}

/// The value, and the value before.
pub async fn large_values_arrive_whole(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    store.create(&key("a"), large(1)).await.expect("the value is not too large");
    store.update(&key("a"), large(2), ANY).await.expect("the value is not too large");
    store.delete(&key("a"), ANY).await.expect("it exists");
    let seen = take(&mut events, 3).await;
    let values: Vec<_> = seen.iter().map(|event| event.value.clone()).collect();
    assert!(values == [large(1), large(2), large(2)], "a value differs from what was written");
    let before = seen[1].previous.as_ref().expect("there was a value before");
    assert!(before.0 == large(1), "the value before differs from what was written");
}

/// However many commits it leaves unread.
pub async fn a_watcher_that_does_not_read_delays_no_writer(store: Subject) {
    let from = store.newest().await;
    let mut lazy = Vec::new();
    for _ in 0..20 {
        lazy.push(store.events(&widgets(), from).await);
    }
    let mut first = store.events(&widgets(), from).await;
    assert!(poll_once(&mut first.next()).await.is_pending());
    store.put_many(2_000).await;
    soon(store.all()).await;
}

/// As long as history is kept, being late costs nothing.
pub async fn a_watcher_that_does_not_read_misses_nothing_when_it_does(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    store.put("a", "0").await;
    let mut seen = take(&mut events, 1).await;
    for round in 1..=600 {
        store.set("a", round.to_string()).await;
    }
    seen.append(&mut take(&mut events, 600).await);
    let mut copy = Model::new();
    replay(&mut copy, &seen);
    assert_eq!(copy, model(store.all().await.entries));
    assert_quiet(&mut events).await;
}

/// Of an update the one that is still there, of a deletion the one that ended, of a re-creation its own.
pub async fn an_event_tells_the_commit_that_created_its_key(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let first = store.put("a", "1").await;
    store.put("b", "1").await;
    store.set("a", "2").await;
    store.remove("a").await;
    let second = store.put("a", "3").await;
    store.set("a", "4").await;
    let seen = take(&mut events, 6).await;
    let created: Vec<_> = seen.iter().filter(|event| event.key == key("a")).map(|event| event.created).collect();
    assert_eq!(created, [first, first, first, second, second]);
}

/// Nothing but commits comes to who did not ask, whatever happens elsewhere.
pub async fn progress_is_not_told_unasked(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let elsewhere = Prefix::of_resource("laws.example.com", "gadgets").key("x");
    store.create(&elsewhere, text("1")).await.expect("the key is free");
    assert_quiet(&mut events).await;
}

/// Also when nothing ever happened below the prefix, and when all that happened was elsewhere.
pub async fn progress_is_as_new_as_what_was_answered_before_it_was_asked_for(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let mut last = store.newest().await;
    for round in 0..5 {
        let (before, told) = progress(&store, &mut events).await;
        assert!(before.is_empty() && told >= last, "round {round}: {told}, {before:?}");
        let elsewhere = Prefix::of_resource("laws.example.com", "gadgets").key(&round.to_string());
        last = store.create(&elsewhere, text("1")).await.expect("the key is free");
    }
}

/// What it covers has been told: who keeps a copy knows how new it is.
pub async fn progress_comes_after_the_events_that_it_covers(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    for round in 0..20 {
        let mut written = Vec::new();
        for index in 0..=round {
            written.push(store.put(&format!("{round}-{index}"), "1").await);
        }
        let (before, told) = progress(&store, &mut events).await;
        assert_eq!(before.into_iter().map(|event| event.revision).collect::<Vec<_>>(), written);
        assert!(written.last().is_none_or(|last| told >= *last));
    }
}

/// Whatever it watches, and wherever it began.
pub async fn progress_is_told_to_every_open_watch(store: Subject) {
    let from = store.newest().await;
    let written = store.put("a", "1").await;
    let nothing = Prefix::of_resource("laws.example.com", "nothing");
    for (prefix, from, expected) in
        [(widgets(), from, 1), (widgets(), written, 0), (nothing, from, 0), (widgets().in_namespace("one"), from, 0)]
    {
        let mut events = store.events(&prefix, from).await;
        let (before, told) = progress(&store, &mut events).await;
        assert_eq!(before.len(), expected);
        assert!(told >= written);
    }
}

/// What it says it has told is what it has told: nothing of it comes later.
pub async fn progress_never_goes_back_and_nothing_it_covers_follows(store: Subject) {
    let mut events = store.events(&widgets(), store.newest().await).await;
    let writer = store.clone();
    let mut writers = JoinSet::new();
    writers.spawn(async move {
        for index in 0..200 {
            writer.put(&format!("{index:03}"), "1").await;
            if index % 10 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut covered, mut seen) = (Revision(0), 0);
    while seen < 200 {
        let (before, told) = progress(&store, &mut events).await;
        assert!(before.iter().all(|event| event.revision > covered && event.revision <= told), "after {covered}");
        assert!(told >= covered);
        (covered, seen) = (told, seen + before.len());
    }
    while soon(writers.join_next()).await.is_some() {}
}

/// It has told nothing yet, and will not tell what happens until then.
pub async fn progress_of_a_watch_of_the_future_waits_until_it_has_happened(store: Subject) {
    let first = store.put("a", "0").await;
    let future = Revision(first.0 + 3);
    let mut events = store.events(&widgets(), future).await;
    store.request_progress().await.expect("a store that serves can be asked");
    assert_quiet(&mut events).await;
    let mut last = first;
    while last <= future {
        last = store.set("a", last.0.to_string()).await;
    }
    // The first answer may be to the first question: it knows of no commit since, but of the one that was waited for.
    let (mut seen, mut told) = (Vec::new(), future);
    while told < last {
        let (before, revision) = progress(&store, &mut events).await;
        assert!(revision >= told, "{revision} after {told}");
        seen.extend(before);
        told = revision;
    }
    assert!(seen.iter().all(|event| event.revision > future));
    assert_eq!(seen.last().map(|event| event.revision), Some(last));
}
