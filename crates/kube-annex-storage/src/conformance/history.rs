//! The past: how it is read, and how it is forgotten.

use super::Subject;
use super::probe::{ANY, Model, as_of, assert_increasing, assert_quiet, key, model, replay, soon, take, text, widgets};
use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{ListRequest, Revision};
use futures_util::StreamExt;

/// Creations, updates, deletions and re-creations; the state after each commit.
pub(super) async fn lives(store: &Subject) -> Vec<(Revision, Model)> {
    let mut states = vec![(store.newest().await, Model::new())];
    for round in 0..12 {
        for (name, phase) in [("a", 0), ("a", 1), ("b", 1), ("c", 2)] {
            let mut state = states.last().map(|(_, state)| state.clone()).unwrap_or_default();
            let value = format!("{name}{round}");
            let revision = match (round + phase) % 3 {
                2 if state.remove(&key(name)).is_some() => store.remove(name).await,
                _ => {
                    let there = state.contains_key(&key(name));
                    let revision = if there { store.set(name, &value).await } else { store.put(name, &value).await };
                    state.insert(key(name), (text(value), revision));
                    revision
                }
            };
            states.push((revision, state));
        }
    }
    states
}

async fn some_commits(store: &Subject) -> Vec<Revision> {
    let mut revisions = vec![store.put("a", "0").await, store.put("b", "0").await];
    for round in 1..=5 {
        revisions.push(store.set("a", round.to_string()).await);
    }
    revisions
}

async fn compact(store: &Subject, revision: Revision) {
    store.compact(revision).await.expect("the past can be forgotten");
}

fn assert_expired(error: &Error, asked: Revision, kept: Revision) {
    let Error::Expired { requested, oldest } = error else { unreachable!("{error:?}") };
    assert_eq!((*requested, *oldest), (asked, kept));
}

/// Exactly as it was, values, revisions and what was absent.
pub async fn every_kept_revision_can_be_listed(store: Subject) {
    let states = lives(&store).await;
    for (revision, state) in states {
        let page = store.page(&widgets(), as_of(revision)).await;
        assert_eq!((page.revision, model(page.entries)), (revision, state));
    }
}

/// Asking for what is current is not asking for something else.
pub async fn the_newest_revision_lists_as_the_newest_state(store: Subject) {
    some_commits(&store).await;
    let newest = store.all().await;
    assert_eq!(store.page(&widgets(), as_of(newest.revision)).await, newest);
}

/// Revisions are store-wide: one that changed something else is a state of this prefix too.
pub async fn a_revision_of_another_prefix_can_be_listed(store: Subject) {
    let written = store.put("a", "1").await;
    let elsewhere = Prefix::of_resource("laws.example.com", "gadgets").key("x");
    let other = store.create(&elsewhere, text("1")).await.expect("the key is free");
    store.set("a", "2").await;
    let page = store.page(&widgets(), as_of(other)).await;
    assert_eq!((page.revision, page.entries[0].revision), (other, written));
}

/// The error says how far the store is. Waiting is `wait_for`, and the caller's decision.
pub async fn a_future_revision_cannot_be_listed(store: Subject) {
    some_commits(&store).await;
    let newest = store.newest().await;
    for future in [Revision(newest.0 + 1), Revision(newest.0 + 1_000), Revision(u64::MAX >> 1)] {
        let error = store.list(&widgets(), as_of(future)).await.expect_err("it has not happened");
        let Error::Future { requested, current } = error else { unreachable!("{error:?}") };
        assert_eq!((requested, current), (future, newest));
    }
}

/// It never was, not even in a store that has forgotten nothing.
pub async fn revision_zero_is_before_everything(store: Subject) {
    let error = store.list(&widgets(), as_of(Revision(0))).await.expect_err("nothing was ever there");
    assert!(matches!(error, Error::Expired { requested: Revision(0), .. }), "{error:?}");
    let error = store.watch_error(Revision(0)).await;
    assert!(matches!(error, Error::Expired { requested: Revision(0), .. }), "{error:?}");
}

/// The error names the oldest revision that still can be read.
pub async fn compaction_expires_older_lists(store: Subject) {
    let revisions = some_commits(&store).await;
    compact(&store, revisions[4]).await;
    for older in &revisions[..4] {
        let error = store.list(&widgets(), as_of(*older)).await.expect_err("it is forgotten");
        assert_expired(&error, *older, revisions[4]);
    }
}

/// Rather than beginning later than it was asked to.
pub async fn compaction_expires_older_watches(store: Subject) {
    let revisions = some_commits(&store).await;
    compact(&store, revisions[4]).await;
    for older in &revisions[..4] {
        assert_expired(&store.watch_error(*older).await, *older, revisions[4]);
    }
}

/// It can be read and watched from, and so can all after it.
pub async fn compaction_keeps_the_revision_it_names(store: Subject) {
    let states = lives(&store).await;
    for index in (1..states.len()).filter(|index| index % 5 != 0) {
        compact(&store, states[index].0).await;
        for (revision, state) in &states[index..] {
            let page = store.page(&widgets(), as_of(*revision)).await;
            assert_eq!(&model(page.entries), state, "at {revision}");
        }
        let (from, mut state) = states[index].clone();
        let mut events = store.events(&widgets(), from).await;
        let rest = take(&mut events, states.len() - 1 - index).await;
        replay(&mut state, &rest);
        assert_eq!(state, states[states.len() - 1].1);
    }
}

/// However long ago it was written.
pub async fn compaction_keeps_the_newest_state(store: Subject) {
    some_commits(&store).await;
    let before = store.all().await;
    compact(&store, before.revision).await;
    assert_eq!(store.all().await, before);
    assert_eq!(store.entry("b").await.as_ref(), Some(&before.entries[1]));
    assert!(store.create(&key("b"), text("2")).await.is_err());
    let changed = store.set("b", "1").await;
    assert_eq!(store.entry("b").await.expect("it exists").revision, changed);
}

/// Forgetting that something was deleted must not bring it back.
pub async fn compaction_keeps_deleted_keys_deleted(store: Subject) {
    some_commits(&store).await;
    let deleted = store.remove("a").await;
    compact(&store, deleted).await;
    assert_eq!(store.entry("a").await, None);
    assert_eq!(store.all().await.entries.len(), 1);
    let after = store.set("b", "1").await;
    compact(&store, after).await;
    assert_eq!(store.entry("a").await, None);
    assert!(store.put("a", "again").await > after);
}

/// It is not a commit.
pub async fn compaction_consumes_no_revision(store: Subject) {
    let revisions = some_commits(&store).await;
    let before = store.newest().await;
    let mut events = store.events(&widgets(), before).await;
    compact(&store, revisions[3]).await;
    compact(&store, before).await;
    assert_eq!(store.newest().await, before);
    assert_quiet(&mut events).await;
}

/// Two that compact do not disturb each other, and the horizon never goes back.
pub async fn compaction_of_what_is_forgotten_changes_nothing(store: Subject) {
    let revisions = some_commits(&store).await;
    for revision in [revisions[4], revisions[4], revisions[2], Revision(0)] {
        compact(&store, revision).await;
        let error = store.list(&widgets(), as_of(revisions[3])).await.expect_err("it is forgotten");
        assert_expired(&error, revisions[3], revisions[4]);
        store.page(&widgets(), as_of(revisions[4])).await;
    }
}

/// What has not happened cannot be forgotten.
pub async fn compaction_of_the_future_is_refused_and_forgets_nothing(store: Subject) {
    let revisions = some_commits(&store).await;
    let future = Revision(store.newest().await.0 + 1);
    let error = store.compact(future).await.expect_err("it has not happened");
    assert!(matches!(error, Error::Future { requested, .. } if requested == future), "{error:?}");
    store.page(&widgets(), as_of(revisions[0])).await;
}

/// A list is never joined from two states.
pub async fn a_page_whose_revision_is_forgotten_cannot_go_on(store: Subject) {
    some_commits(&store).await;
    let page = store.page(&widgets(), ListRequest { limit: 1, ..ListRequest::default() }).await;
    let newest = store.set("a", "last").await;
    compact(&store, newest).await;
    let request = ListRequest { start: page.next, limit: 1, revision: Some(page.revision) };
    let error = store.list(&widgets(), request).await.expect_err("the state is forgotten");
    assert_expired(&error, page.revision, newest);
}

/// It needs nothing that was forgotten.
pub async fn a_watcher_that_has_seen_all_survives_compaction(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    let revisions = some_commits(&store).await;
    take(&mut events, revisions.len()).await;
    compact(&store, store.newest().await).await;
    let later = [store.set("a", "later").await, store.remove("a").await];
    assert_eq!(take(&mut events, 2).await.into_iter().map(|event| event.revision).collect::<Vec<_>>(), later);
    assert_quiet(&mut events).await;
}

/// A hole is never passed over in silence.
pub async fn a_watcher_left_behind_by_compaction_gets_all_or_an_error(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    store.put("a", "0").await;
    let mut seen = take(&mut events, 1).await;
    let mut last = Revision(0);
    for round in 1..=600 {
        last = store.update(&key("a"), text(round.to_string()), ANY).await.expect("it exists");
    }
    compact(&store, last).await;
    while seen.last().is_none_or(|event| event.revision < last) {
        match soon(events.next()).await {
            Some(Ok(item)) => seen.extend(item.event()),
            Some(Err(Error::Expired { .. })) => {
                assert!(soon(events.next()).await.is_none(), "an error ends the stream");
                break;
            }
            other => unreachable!("a watcher that is behind gets the next event or is told: {other:?}"),
        }
    }
    assert_increasing(&seen);
    replay(&mut Model::new(), &seen);
}
