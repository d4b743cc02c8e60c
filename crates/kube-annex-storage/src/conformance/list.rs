//! What a page holds, in which order, and how pages join.

use super::Subject;
use super::probe::{key, model, names, take, text, widgets};
use crate::key::{Key, Prefix};
use crate::storage::{ListRequest, Page, Revision};

async fn letters(store: &Subject) -> [&'static str; 7] {
    let letters = ["a", "b", "c", "d", "e", "f", "g"];
    for letter in letters {
        store.put(letter, letter).await;
    }
    letters
}

fn from(start: Key) -> ListRequest {
    ListRequest { start: Some(start), ..ListRequest::default() }
}

fn at_most(limit: usize) -> ListRequest {
    ListRequest { limit, ..ListRequest::default() }
}

/// Nothing is an answer too, and can be watched from.
pub async fn an_empty_prefix_is_an_empty_page_with_a_revision(store: Subject) {
    let page = store.all().await;
    assert_eq!(page, Page { revision: page.revision, ..Page::default() });
    assert!(page.revision > Revision(0));
    store.put("a", "1").await;
    let nothing = store.page(&Prefix::of_resource("laws.example.com", "nothing"), at_most(5)).await;
    assert_eq!(nothing, Page { revision: nothing.revision, ..Page::default() });
}

/// Whatever the order in which they were written.
pub async fn entries_come_in_byte_order_of_their_keys(store: Subject) {
    let mut written = ["b", "a/z", "a-z", "a.z", "B", "a", "\u{e9}", "z", "a0", "aa", "10", "9", "~"];
    for name in written {
        store.put(name, name).await;
    }
    written.sort_unstable_by_key(|name| name.as_bytes());
    let page = store.all().await;
    let listed: Vec<_> = page.entries.iter().map(|entry| entry.key.clone()).collect();
    assert_eq!(listed, written.map(key));
}

/// `a/` has nothing to do with `ab/`, `a0` or `a` itself.
pub async fn a_prefix_never_covers_its_neighbours(store: Subject) {
    let outside = ["g/a", "g/a.", "g/a0/x", "g/ab/x", "g/A/x", "g/", "g/a!/x", "g/\u{e4}/x", "h/a/x"];
    for text_of_key in outside.into_iter().chain(["g/a/x", "g/a/\u{10ffff}"]) {
        store.create(&Key::new(text_of_key), text("1")).await.expect("the key is free");
    }
    let page = store.page(&Prefix::of_resource("g", "a"), ListRequest::default()).await;
    assert_eq!(names(&page.entries), ["x", "\u{10ffff}"]);
}

/// The same objects are seen from both.
pub async fn a_namespace_is_part_of_its_resource(store: Subject) {
    for (namespace, name) in [("one", "b"), ("two", "a"), ("one", "a"), ("on", "c"), ("one-more", "d")] {
        let at = widgets().in_namespace(namespace).key(name);
        store.create(&at, text(name)).await.expect("the key is free");
    }
    let one = store.page(&widgets().in_namespace("one"), ListRequest::default()).await;
    assert_eq!(names(&one.entries), ["a", "b"]);
    let all = store.all().await;
    assert_eq!(names(&all.entries), ["c", "d", "a", "b", "a"]);
    assert!(one.entries.iter().all(|entry| all.entries.contains(entry)));
}

/// Key, value and revision.
pub async fn a_page_holds_what_single_reads_return(store: Subject) {
    for letter in letters(&store).await.into_iter().step_by(2) {
        store.set(letter, "changed").await;
    }
    let entries = store.all().await.entries;
    assert_eq!(entries.len(), 7);
    for entry in entries {
        assert_eq!(store.get(&entry.key).await.expect("a read is answered"), Some(entry));
    }
}

/// Not as an empty value, not in the counts.
pub async fn a_deleted_key_is_not_listed(store: Subject) {
    letters(&store).await;
    store.remove("b").await;
    store.remove("g").await;
    let page = store.page(&widgets(), at_most(2)).await;
    assert_eq!((names(&page.entries), page.remaining), (vec!["a", "c"], 3));
    assert_eq!(names(&store.all().await.entries), ["a", "c", "d", "e", "f"]);
}

/// Neither `next` nor anything that remains.
pub async fn no_limit_is_everything(store: Subject) {
    store.put_many(1_200).await;
    let page = store.all().await;
    assert_eq!((page.entries.len(), page.remaining, page.next), (1_200, 0, None));
}

/// A full page is not a sign of another.
pub async fn a_limit_of_exactly_all_has_no_next_page(store: Subject) {
    letters(&store).await;
    for limit in [7, 8, usize::MAX] {
        let page = store.page(&widgets(), at_most(limit)).await;
        assert_eq!((page.entries.len(), page.remaining, page.next), (7, 0, None));
    }
}

/// Each entry once, in order.
pub async fn pages_of_any_size_join_to_the_whole(store: Subject) {
    letters(&store).await;
    let whole = store.all().await.entries;
    for limit in 1..=8 {
        assert_eq!(store.paged(&widgets(), limit).await, whole, "pages of {limit}");
    }
}

/// On every page, to the last.
pub async fn remaining_counts_what_follows_the_page(store: Subject) {
    letters(&store).await;
    let (mut request, mut counts) = (at_most(3), Vec::new());
    loop {
        let page = store.page(&widgets(), request).await;
        counts.push((page.entries.len(), page.remaining, page.next.is_some()));
        let Some(next) = page.next else { break };
        request = ListRequest { start: Some(next), limit: 3, revision: Some(page.revision) };
    }
    assert_eq!(counts, [(3, 4, true), (3, 1, true), (1, 0, false)]);
}

/// So that a page taken later, at a newer revision, leaves out nothing that was written in between behind it.
pub async fn next_lies_after_the_page_and_not_after_what_remains(store: Subject) {
    store.put("a", "1").await;
    store.put("c", "1").await;
    let next = store.page(&widgets(), at_most(1)).await.next.expect("c remains");
    assert!(key("a") < next && next <= key("c"), "{next}");
    assert!(widgets().covers(&next), "{next}");
}

/// A page begins with the key it is asked to begin with.
pub async fn a_start_is_included(store: Subject) {
    letters(&store).await;
    let page = store.page(&widgets(), from(key("e"))).await;
    assert_eq!(names(&page.entries), ["e", "f", "g"]);
    let first = store.page(&widgets(), from(key("a"))).await;
    assert_eq!(first.entries, store.all().await.entries);
}

/// The start need not exist, nor ever have existed.
pub async fn a_start_between_keys_begins_with_the_next_key(store: Subject) {
    letters(&store).await;
    store.remove("e").await;
    for start in ["d0", "d\0", "e", "e0"] {
        let page = store.page(&widgets(), from(key(start))).await;
        assert_eq!(names(&page.entries), ["f", "g"], "from {start:?}");
    }
}

/// A start can only narrow a prefix.
pub async fn a_start_before_the_prefix_begins_with_the_prefix(store: Subject) {
    store.create(&Key::new("laws.example.com/gadgets/a"), text("1")).await.expect("the key is free");
    letters(&store).await;
    for start in ["", "laws.example.com/gadgets/a", "laws.example.com/widgets"] {
        let page = store.page(&widgets(), ListRequest { limit: 2, ..from(Key::new(start)) }).await;
        assert_eq!((names(&page.entries), page.remaining), (vec!["a", "b"], 5), "from {start:?}");
    }
}

/// And never reaches what lies there.
pub async fn a_start_after_the_prefix_is_an_empty_page(store: Subject) {
    letters(&store).await;
    let beyond = Key::new("laws.example.com/wings/a");
    store.create(&beyond, text("1")).await.expect("the key is free");
    for start in [beyond, key("h"), Key::new("laws.example.com/widgets0"), Key::new("\u{10ffff}")] {
        let page = store.page(&widgets(), from(start)).await;
        assert_eq!((page.entries, page.remaining, page.next), (vec![], 0, None));
    }
}

/// Its revision too: who watches from there misses nothing and sees nothing twice.
pub async fn a_page_is_as_new_as_every_answered_write(store: Subject) {
    for round in 0..20 {
        let revision = store.put(&format!("{round:02}"), "1").await;
        let page = store.page(&widgets(), at_most(3)).await;
        assert!(page.revision >= revision);
        assert_eq!(page.entries.len() + page.remaining, round + 1);
    }
}

/// Of an old page its own, not the newest; and no entry is newer.
pub async fn a_page_of_the_past_says_its_revision(store: Subject) {
    letters(&store).await;
    let past = store.newest().await;
    store.set("a", "2").await;
    store.put("h", "1").await;
    let request = ListRequest { limit: 2, revision: Some(past), start: None };
    let page = store.page(&widgets(), request).await;
    assert_eq!(page.revision, past);
    assert!(page.entries.iter().all(|entry| entry.revision <= past));
    assert_eq!((names(&page.entries), page.remaining), (vec!["a", "b"], 5));
}

/// Created, changed and deleted between two pages: the list is as it was at the first.
pub async fn pages_of_one_revision_ignore_later_writes(store: Subject) {
    letters(&store).await;
    let whole = store.all().await;
    let mut events = store.events(&widgets(), whole.revision).await;
    let mut page = store.page(&widgets(), at_most(2)).await;
    let mut entries = page.entries;
    for (name, step) in ["d", "e", "f", "g"].into_iter().zip(0..) {
        store.set(name, format!("changed {step}")).await;
        store.remove(name).await;
        store.put(&format!("{name}-more"), "1").await;
        let Some(start) = page.next else { break };
        page =
            store.page(&widgets(), ListRequest { start: Some(start), limit: 2, revision: Some(page.revision) }).await;
        entries.append(&mut page.entries);
    }
    assert_eq!(model(entries), model(whole.entries));
    assert_eq!(take(&mut events, 12).await.len(), 12);
}
