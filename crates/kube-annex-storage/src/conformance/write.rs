//! When a write happens, when it does not, and what it answers.

use super::Subject;
use super::probe::{ANY, key, large, only_at, text};
use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Precondition, Revision};

/// The answer, the entry and the store agree.
pub async fn a_creation_answers_the_revision_it_wrote(store: Subject) {
    let before = store.newest().await;
    let revision = store.put("a", "1").await;
    assert!(revision > before);
    assert_eq!(store.entry("a").await, Some(Entry { key: key("a"), value: text("1"), revision, created: revision }));
}

/// The error names the key and the revision of what is there, and what is there stays.
pub async fn a_creation_never_overwrites(store: Subject) {
    let first = store.put("a", "1").await;
    let error = store.create(&key("a"), text("2")).await.expect_err("the key is taken");
    let Error::AlreadyExists { key: named, revision } = error else { unreachable!("{error:?}") };
    assert_eq!((named, revision), (key("a"), first));
    assert_eq!(
        store.entry("a").await,
        Some(Entry { key: key("a"), value: text("1"), revision: first, created: first })
    );
}

/// The last update is what is read.
pub async fn an_update_replaces_value_and_revision(store: Subject) {
    let created = store.put("a", "0").await;
    let mut last = created;
    for round in 1..5 {
        let revision = store.set("a", round.to_string()).await;
        assert!(revision > last);
        last = revision;
        let value = text(round.to_string());
        assert_eq!(store.entry("a").await, Some(Entry { key: key("a"), value, revision, created }));
    }
}

/// Creating by update is the caller's decision, above the store.
pub async fn an_update_of_nothing_is_not_found_and_creates_nothing(store: Subject) {
    let error = store.update(&key("a"), text("1"), ANY).await.expect_err("there is nothing");
    assert_not_found(&error, &key("a"));
    assert_eq!(store.entry("a").await, None);
    assert!(store.all().await.entries.is_empty());
}

/// A chain of writers, each of whom read the one before.
pub async fn an_update_at_the_current_revision_happens(store: Subject) {
    let created = store.put("a", "0").await;
    let mut revision = created;
    for round in 1..5 {
        let value = text(round.to_string());
        revision = store.update(&key("a"), value.clone(), only_at(revision)).await.expect("nobody was faster");
        assert_eq!(store.entry("a").await, Some(Entry { key: key("a"), value, revision, created }));
    }
}

/// Older or newer than what is there: the error names both revisions, and what is there stays.
pub async fn an_update_at_another_revision_is_a_conflict(store: Subject) {
    let stale = store.put("a", "1").await;
    let current = store.set("a", "2").await;
    store.put("b", "1").await;
    for expected in [stale, store.newest().await, Revision(current.0 + 100), Revision(u64::MAX), Revision(0)] {
        let error = store.update(&key("a"), text("3"), only_at(expected)).await.expect_err("it moved on");
        assert_conflict(&error, &key("a"), expected, current);
    }
    assert_eq!(
        store.entry("a").await,
        Some(Entry { key: key("a"), value: text("2"), revision: current, created: stale })
    );
}

/// Whether a write changes anything is decided above the store.
pub async fn an_update_with_the_same_bytes_is_a_commit(store: Subject) {
    let created = store.put("a", "1").await;
    let updated = store.set("a", "1").await;
    assert!(updated > created);
    assert_eq!(store.entry("a").await.expect("it exists").revision, updated);
}

/// The entry that was there, as it was last read.
pub async fn a_deletion_answers_what_was_there(store: Subject) {
    let created = store.put("a", "1").await;
    let revision = store.set("a", "2").await;
    let (entry, _) = store.delete(&key("a"), ANY).await.expect("it exists");
    assert_eq!(entry, Entry { key: key("a"), value: text("2"), revision, created });
    assert_eq!(store.entry("a").await, None);
}

/// It is newer than everything before it, so that watchers can be told when it happened.
pub async fn a_deletion_has_a_revision_of_its_own(store: Subject) {
    store.put("a", "1").await;
    let before = store.put("b", "1").await;
    let deleted = store.remove("a").await;
    assert!(deleted > before);
    assert!(store.newest().await >= deleted);
    assert!(store.put("c", "1").await > deleted);
}

/// Never there, or no longer there.
pub async fn a_deletion_of_nothing_is_not_found(store: Subject) {
    assert_not_found(&store.delete(&key("a"), ANY).await.expect_err("there is nothing"), &key("a"));
    store.put("a", "1").await;
    store.remove("a").await;
    assert_not_found(&store.delete(&key("a"), ANY).await.expect_err("it is gone"), &key("a"));
}

/// By single reads, by lists and by what a deletion answers, however often it was updated.
pub async fn an_entry_tells_the_commit_that_created_it(store: Subject) {
    let created = store.put("a", "1").await;
    store.put("b", "1").await;
    for round in 0..3 {
        store.set("a", round.to_string()).await;
        assert_eq!(store.entry("a").await.expect("it exists").created, created);
        assert_eq!(store.all().await.entries[0].created, created);
    }
    let (entry, _) = store.delete(&key("a"), ANY).await.expect("it exists");
    assert_eq!(entry.created, created);
    let again = store.put("a", "2").await;
    let revision = store.set("a", "3").await;
    assert!(again > created);
    assert_eq!(store.entry("a").await, Some(Entry { key: key("a"), value: text("3"), revision, created: again }));
}

/// However often it was updated since: that is what the precondition leaves open.
pub async fn a_write_to_the_known_creation_happens(store: Subject) {
    let created = store.put("a", "1").await;
    store.set("a", "2").await;
    let precondition = Precondition { created: Some(created), revision: None };
    let updated = store.update(&key("a"), text("3"), precondition).await.expect("it is the same");
    let both = Precondition { created: Some(created), revision: Some(updated) };
    let updated = store.update(&key("a"), text("4"), both).await.expect("it is the same, and nobody was faster");
    let error = store.update(&key("a"), text("5"), both).await.expect_err("it moved on");
    assert_conflict(&error, &key("a"), both.revision.unwrap_or_default(), updated);
    assert_eq!(store.delete(&key("a"), precondition).await.expect("it is the same").0.value, text("4"));
}

/// The error names both creations; the revision does not matter any more; and what is there stays.
pub async fn a_write_to_an_earlier_creation_is_refused(store: Subject) {
    let first = store.put("a", "1").await;
    store.remove("a").await;
    let second = store.put("a", "2").await;
    let current = store.set("a", "3").await;
    for (expected, revision) in
        [(first, None), (first, Some(current)), (first, Some(first)), (current, None), (Revision(0), None)]
    {
        let precondition = Precondition { created: Some(expected), revision };
        let update = store.update(&key("a"), text("4"), precondition).await.expect_err("it is another");
        let delete = store.delete(&key("a"), precondition).await.expect_err("it is another");
        for error in [update, delete] {
            let Error::Recreated { key: named, expected: sent, current: there } = error else {
                unreachable!("{error:?}")
            };
            assert_eq!((named, sent, there), (key("a"), expected, second));
        }
    }
    assert_eq!(store.entry("a").await.expect("it stays").revision, current);
    store.remove("a").await;
    let precondition = Precondition { created: Some(second), revision: None };
    assert_not_found(&store.delete(&key("a"), precondition).await.expect_err("it is gone"), &key("a"));
}

/// The reader of the last write may delete it.
pub async fn a_deletion_at_the_current_revision_happens(store: Subject) {
    let revision = store.put("a", "1").await;
    let (entry, _) = store.delete(&key("a"), only_at(revision)).await.expect("nobody was faster");
    assert_eq!(entry.revision, revision);
    assert_eq!(store.entry("a").await, None);
}

/// Nothing is deleted that the caller has not seen.
pub async fn a_deletion_at_another_revision_is_a_conflict(store: Subject) {
    let stale = store.put("a", "1").await;
    let current = store.set("a", "2").await;
    for expected in [stale, Revision(current.0 + 100), Revision(0)] {
        let error = store.delete(&key("a"), only_at(expected)).await.expect_err("it moved on");
        assert_conflict(&error, &key("a"), expected, current);
    }
    assert_eq!(
        store.entry("a").await,
        Some(Entry { key: key("a"), value: text("2"), revision: current, created: stale })
    );
}

/// What is not there has no revision to conflict with.
pub async fn a_missing_key_is_not_found_whatever_the_precondition(store: Subject) {
    let created = store.put("a", "1").await;
    store.remove("a").await;
    for expected in [created, store.newest().await] {
        let error = store.update(&key("a"), text("2"), only_at(expected)).await.expect_err("it is gone");
        assert_not_found(&error, &key("a"));
        let error = store.delete(&key("a"), only_at(expected)).await.expect_err("it is gone");
        assert_not_found(&error, &key("a"));
    }
}

/// Nothing of the former life is left.
pub async fn a_deleted_key_can_be_created_again(store: Subject) {
    for round in 0..3 {
        let before = store.newest().await;
        let revision = store.put("a", round.to_string()).await;
        assert!(revision > before);
        assert_eq!(store.entry("a").await.expect("it exists").value, text(round.to_string()));
        store.remove("a").await;
        assert_eq!(store.entry("a").await, None);
    }
}

/// A revision names one life of a key and never another.
pub async fn a_revision_from_before_a_re_creation_is_a_conflict(store: Subject) {
    let former = store.put("a", "1").await;
    store.remove("a").await;
    let current = store.put("a", "1").await;
    let error = store.update(&key("a"), text("2"), only_at(former)).await.expect_err("another life");
    assert_conflict(&error, &key("a"), former, current);
    let error = store.delete(&key("a"), only_at(former)).await.expect_err("another life");
    assert_conflict(&error, &key("a"), former, current);
}

/// Whatever the reason of the failure.
pub async fn a_failed_write_consumes_no_revision(store: Subject) {
    store.put("a", "1").await;
    let before = store.newest().await;
    let stale = only_at(Revision(before.0 + 100));
    assert!(store.create(&key("a"), text("2")).await.is_err());
    assert!(store.update(&key("a"), text("2"), stale).await.is_err());
    assert!(store.update(&key("b"), text("2"), ANY).await.is_err());
    assert!(store.delete(&key("a"), stale).await.is_err());
    assert!(store.delete(&key("b"), ANY).await.is_err());
    assert_eq!(store.newest().await, before);
}

/// One sequence for the whole store, whatever the resource and the namespace.
pub async fn revisions_increase_across_all_keys(store: Subject) {
    let mut last = store.newest().await;
    for (group, resource, namespace) in [("a", "x", ""), ("b", "x", "one"), ("a", "y", "two"), ("b", "x", "one")] {
        let prefix = Prefix::of_resource(group, resource).in_namespace(namespace);
        for name in ["m", "k"] {
            let key = prefix.key(&format!("{name}{last}"));
            let created = store.create(&key, text("1")).await.expect("the key is free");
            let updated = store.update(&key, text("2"), ANY).await.expect("it exists");
            let (_, deleted) = store.delete(&key, ANY).await.expect("it exists");
            assert!(last < created && created < updated && updated < deleted);
            last = deleted;
        }
    }
}

/// Neighbours keep their values and their revisions.
pub async fn a_write_touches_one_key_alone(store: Subject) {
    for name in ["a", "aa", "b"] {
        store.put(name, name).await;
    }
    let before = (store.entry("a").await, store.entry("b").await);
    store.set("aa", "2").await;
    store.remove("aa").await;
    assert_eq!((store.entry("a").await, store.entry("b").await), before);
}

/// In both directions between small and large.
pub async fn a_large_value_can_be_replaced_and_deleted(store: Subject) {
    store.put("a", "small").await;
    store.update(&key("a"), large(1), ANY).await.expect("the value is not too large");
    store.set("a", "small again").await;
    assert_eq!(store.entry("a").await.expect("it exists").value, text("small again"));
    store.update(&key("a"), large(2), ANY).await.expect("the value is not too large");
    let (entry, _) = store.delete(&key("a"), ANY).await.expect("it exists");
    assert!(entry.value == large(2), "a deletion answers the whole value");
}

fn assert_not_found(error: &Error, expected: &Key) {
    assert!(matches!(error, Error::NotFound { key } if key == expected), "{error:?}");
}

fn assert_conflict(error: &Error, at: &Key, knew: Revision, is: Revision) {
    let Error::Conflict { key, expected, current } = error else { unreachable!("{error:?}") };
    assert_eq!((key, *expected, *current), (at, knew, is));
}
