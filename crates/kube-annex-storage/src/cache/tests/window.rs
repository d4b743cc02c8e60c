//! What a window keeps and what it says is lost.

use super::super::entry::CachedEvent;
use super::super::window::{Capacity, Window};
use crate::error::Error;
use crate::key::Key;
use crate::storage::{Event, EventKind, Revision};
use bytes::Bytes;
use std::sync::Arc;

fn event(namespace: &str, revision: u64, size: usize) -> Arc<CachedEvent> {
    let revision = Revision(revision);
    let (key, value) = (Key::new(format!("g/r/{namespace}/a")), Bytes::from(vec![b'x'; size]));
    let kind = EventKind::Created;
    Arc::new(CachedEvent::of(Event { kind, key, value, previous: None, revision, created: revision }))
}

fn window(events: usize, bytes: usize) -> Window {
    Window::new(Capacity { events, bytes }, Revision(1))
}

fn after(window: &Window, lane: Option<&Arc<str>>, mut cursor: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(event) = window.next(lane, Revision(cursor)).expect("it is kept") {
        cursor = event.entry.revision.0;
        seen.push(cursor);
    }
    seen
}

#[test]
fn a_lane_holds_the_commits_of_its_namespace_in_order() {
    let mut window = window(100, 1 << 20);
    let (one, two, none) = (Arc::<str>::from("one"), Arc::<str>::from("two"), Arc::<str>::from("none"));
    for (revision, namespace) in (2..).zip(["one", "two", "one", "one", "two"]) {
        window.push(event(namespace, revision, 1), Some(namespace));
    }
    assert_eq!(after(&window, None, 1), [2, 3, 4, 5, 6]);
    assert_eq!(after(&window, None, 5), [6]);
    assert_eq!(after(&window, Some(&one), 1), [2, 4, 5]);
    assert_eq!(after(&window, Some(&two), 3), [6]);
    assert_eq!(after(&window, Some(&none), 1), [] as [u64; 0]);
}

#[test]
fn the_number_and_the_size_of_commits_are_bounded_and_the_newest_stays() {
    let mut window = window(3, 1000);
    for revision in 2..7 {
        window.push(event("one", revision, 1), Some("one"));
    }
    assert_eq!((window.oldest(), after(&window, None, 3)), (Revision(3), vec![4, 5, 6]));
    window.push(event("one", 7, 990), Some("one"));
    assert_eq!((window.oldest(), after(&window, None, 6)), (Revision(6), vec![7]));
    window.push(event("one", 8, 5000), Some("one"));
    assert_eq!(after(&window, None, 7), [8]);
    let lost = window.next(None, Revision(6)).unwrap_err();
    assert!(matches!(lost, Error::Expired { requested: Revision(6), oldest: Revision(7) }), "{lost:?}");
}

#[test]
fn a_watched_lane_outlives_its_commits_and_knows_which_it_lost() {
    let mut window = window(2, 1 << 20);
    let one = Arc::<str>::from("one");
    window.join(Some(&one));
    window.push(event("one", 2, 1), Some("one"));
    for revision in 3..6 {
        window.push(event("two", revision, 1), Some("two"));
    }
    assert!(window.next(Some(&one), Revision(1)).is_err(), "its only commit is forgotten");
    assert!(window.next(Some(&one), Revision(2)).unwrap().is_none(), "who has seen it missed nothing");
    window.part(Some(&one));
    assert!(window.next(Some(&one), Revision(1)).unwrap().is_none(), "nobody watches: the lane is gone");
    assert!(!window.is_watched());
}

#[test]
fn a_restart_loses_what_nobody_told() {
    let mut window = window(10, 1 << 20);
    let one = Arc::<str>::from("one");
    window.join(Some(&one));
    window.push(event("one", 2, 1), Some("one"));
    window.restart(Revision(9));
    assert!(window.next(Some(&one), Revision(2)).is_err());
    assert!(window.next(None, Revision(8)).is_err());
    assert!(window.next(None, Revision(9)).unwrap().is_none());
    window.push(event("one", 10, 1), Some("one"));
    assert_eq!(after(&window, Some(&one), 9), [10]);
}
