//! What is there when the store is opened again.

use super::Subject;
use super::history::lives;
use super::probe::{
    ANY, Model, as_of, assert_increasing, key, model, only_at, replay, soon, take, take_until, text, widgets,
};
use crate::error::Error;
use crate::storage::{EventKind, ListRequest, Revision};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

/// They never begin anew, nor go back.
pub async fn revisions_go_on_after_a_restart(store: Subject) {
    let mut last = store.newest().await;
    let mut store = store;
    for round in 0..3 {
        let written = store.put(&format!("{round}"), "1").await;
        assert!(written > last);
        store = store.restarted().await;
        last = store.newest().await;
        assert!(last >= written, "{written} was answered, the store is at {last}");
    }
}

/// Values, revisions and creations, and what is not there any more.
pub async fn what_was_answered_is_there_after_a_restart(store: Subject) {
    let states = lives(&store).await;
    let before = store.all().await;
    let store = store.restarted().await;
    assert_eq!(store.all().await.entries, before.entries);
    let (_, last) = states.last().expect("there is a state");
    for name in ["a", "b", "c", "d"] {
        let there = store.entry(name).await.map(|entry| (entry.value, entry.revision));
        assert_eq!(there.as_ref(), last.get(&key(name)), "{name}");
    }
}

/// Every state, and every commit after it.
pub async fn history_is_there_after_a_restart(store: Subject) {
    let states = lives(&store).await;
    let store = store.restarted().await;
    let newest = states.last().map(|(revision, _)| *revision).expect("there is a state");
    for (revision, state) in &states {
        let page = store.page(&widgets(), as_of(*revision)).await;
        assert_eq!(&model(page.entries), state, "{revision}");
    }
    for (revision, state) in states.iter().take(states.len() - 1) {
        let mut copy = state.clone();
        let events = take_until(&mut store.events(&widgets(), *revision).await, newest).await;
        replay(&mut copy, &events);
        assert_eq!(Some(&copy), states.last().map(|(_, state)| state), "{revision}");
    }
}

/// A client that knows a revision misses nothing that happened before, meanwhile and after.
pub async fn a_watch_goes_on_after_a_restart_where_it_was(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    let first = store.put("a", "1").await;
    assert_eq!(take(&mut events, 1).await[0].revision, first);
    let second = store.set("a", "2").await;
    drop(events);
    let store = store.restarted().await;
    let mut events = store.events(&widgets(), first).await;
    let third = store.remove("a").await;
    let seen = take(&mut events, 2).await;
    assert_eq!(seen.iter().map(|event| event.revision).collect::<Vec<_>>(), [second, third]);
    assert_eq!(seen.iter().map(|event| event.kind).collect::<Vec<_>>(), [EventKind::Updated, EventKind::Deleted]);
}

/// Pages of one revision join to its state, also when the store was restarted in between.
pub async fn pages_go_on_after_a_restart(store: Subject) {
    store.put_many(25).await;
    let whole = store.all().await;
    let first = store.page(&widgets(), ListRequest { limit: 10, ..ListRequest::default() }).await;
    let mut store = store;
    let (mut entries, mut next) = (first.entries, first.next);
    while let Some(start) = next {
        store.put(&format!("after-{}", entries.len()), "1").await;
        store = store.restarted().await;
        let rest = ListRequest { start: Some(start), limit: 10, revision: Some(first.revision) };
        let page = store.page(&widgets(), rest).await;
        entries.extend(page.entries);
        next = page.next;
    }
    assert_eq!(entries, whole.entries);
}

/// What could not be read before cannot be read after, and the rest can.
pub async fn what_was_forgotten_stays_so_after_a_restart(store: Subject) {
    let early = store.put("a", "1").await;
    let kept = store.set("a", "2").await;
    let late = store.set("a", "3").await;
    store.compact(kept).await.expect("the past can be forgotten");
    let store = store.restarted().await;
    let refused = store.list(&widgets(), as_of(early)).await;
    assert!(matches!(refused, Err(Error::Expired { .. })), "{refused:?}");
    assert!(matches!(store.watch_error(early).await, Error::Expired { .. }));
    assert_eq!(store.page(&widgets(), as_of(kept)).await.entries[0].value, text("2"));
    assert_eq!(take(&mut store.events(&widgets(), kept).await, 1).await[0].revision, late);
}

/// A precondition means after a restart what it meant before.
pub async fn a_key_is_the_same_life_after_a_restart(store: Subject) {
    let created = store.put("a", "1").await;
    let updated = store.set("a", "2").await;
    let store = store.restarted().await;
    let entry = store.entry("a").await.expect("it is there");
    assert_eq!((entry.created, entry.revision), (created, updated));
    let stale = store.update(&key("a"), text("3"), only_at(created)).await;
    assert!(matches!(stale, Err(Error::Conflict { current, .. }) if current == updated), "{stale:?}");
    store.update(&key("a"), text("3"), only_at(updated)).await.expect("nobody wrote since");
}

/// Each of many writers is cut off somewhere: what it was answered is there, and of its last write nothing or all.
pub async fn writes_that_a_restart_cuts_off_are_whole_or_not_there(store: Subject) {
    let from = store.newest().await;
    let mut writers = JoinSet::new();
    let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..16 {
        let (store, answered) = (store.clone(), answered.clone());
        writers.spawn(async move {
            for round in 0.. {
                let at = key(&format!("{writer}-{}", round % 3));
                let value = text(format!("{writer}-{round}"));
                let done = match store.update(&at, value.clone(), ANY).await {
                    Err(Error::NotFound { .. }) => store.create(&at, value).await,
                    done => done,
                };
                if answered.send(done.expect("nobody else writes there")).is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }
    for _ in 0..200 {
        soon(answers.recv()).await.expect("writers write");
    }
    writers.shutdown().await;
    drop(answered);
    let store = store.restarted().await;
    let mark = store.put("mark", "1").await;
    let seen = take_until(&mut store.events(&widgets(), from).await, mark).await;
    assert_increasing(&seen);
    let told: BTreeSet<Revision> = seen.iter().map(|event| event.revision).collect();
    while let Some(revision) = answers.recv().await {
        assert!(told.contains(&revision), "{revision} was answered");
    }
    let mut copy = Model::new();
    replay(&mut copy, &seen);
    assert_eq!(copy, model(store.page(&widgets(), as_of(mark)).await.entries));
}
