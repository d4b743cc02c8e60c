//! Many at once: who wins, what is seen, and what is left when somebody goes away.

use super::Subject;
use super::linearizability::{Operation, Outcome, check};
use super::probe::{
    ANY, Model, as_of, assert_increasing, give_up, key, model, only_at, replay, soon, take_until, text, widgets,
};
use crate::error::Error;
use crate::key::Key;
use crate::storage::{Event, ListRequest, Revision, WatchStream};
use bytes::Bytes;
use futures_util::StreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::task::{JoinSet, yield_now};

/// How many write at once.
const WRITERS: usize = 64;

/// How many await points a write is dropped at, at most.
const MOST_POLLS: usize = 24;

/// Runs all at once and answers what each found.
async fn together<T: Send + 'static>(
    tasks: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut running: JoinSet<T> = tasks.into_iter().collect();
    let mut found = Vec::new();
    while let Some(task) = soon(running.join_next()).await {
        found.push(task.expect("the task keeps the law"));
    }
    found
}

/// Creates, updates and deletes keys, some shared with all others; answers its commits.
async fn churn(store: Subject, writer: usize, rounds: usize) -> Vec<Revision> {
    let mut commits = Vec::new();
    for round in 0..rounds {
        let own = format!("own-{writer}-{}", round % 3);
        let shared = format!("shared-{}", (writer + round) % 5);
        for name in [own, shared] {
            let value = text(format!("{writer}-{round}"));
            let result = match (writer + round) % 4 {
                0 => store.delete(&key(&name), ANY).await.map(|(_, revision)| revision),
                1 => store.create(&key(&name), value).await,
                _ => match store.update(&key(&name), value.clone(), ANY).await {
                    Err(Error::NotFound { .. }) => store.create(&key(&name), value).await,
                    other => other,
                },
            };
            match result {
                Ok(revision) => commits.push(revision),
                Err(Error::NotFound { .. } | Error::AlreadyExists { .. }) => {}
                Err(error) => unreachable!("no write needs another answer: {error:?}"),
            }
            yield_now().await;
        }
    }
    commits
}

/// [`churn`] by all writers; the commits in order.
async fn churn_by_all(store: &Subject, rounds: usize) -> Vec<Revision> {
    let writers = (0..WRITERS).map(|writer| churn(store.clone(), writer, rounds));
    let mut commits = together(writers).await.concat();
    commits.sort_unstable();
    commits
}

/// Keeps writers busy until it is told to stop.
fn busy(store: &Subject, writers: usize) -> Busy {
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let (store, stop) = (store.clone(), stop.clone());
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                churn(store.clone(), writer, 1).await;
            }
        });
    }
    Busy { stop, tasks }
}

struct Busy {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

impl Busy {
    async fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(writer) = soon(self.tasks.join_next()).await {
            writer.expect("the writer keeps the law");
        }
    }
}

/// All others learn that the key is taken, and by which revision.
pub async fn one_of_many_creators_wins(store: Subject) {
    for round in 0..10 {
        let at = key(&round.to_string());
        let results = together((0..WRITERS).map(|writer| {
            let (store, at) = (store.clone(), at.clone());
            async move { (writer, store.create(&at, text(writer.to_string())).await) }
        }))
        .await;
        let entry = store.get(&at).await.expect("a read is answered").expect("somebody won");
        let mut winners = Vec::new();
        for (writer, result) in results {
            match result {
                Ok(revision) => winners.push((text(writer.to_string()), revision)),
                Err(Error::AlreadyExists { revision, .. }) => assert_eq!(revision, entry.revision),
                Err(error) => unreachable!("{error:?}"),
            }
        }
        assert_eq!(winners, [(entry.value, entry.revision)]);
    }
}

/// All others learn that it moved on, and to which revision.
pub async fn one_of_many_updaters_of_one_revision_wins(store: Subject) {
    let mut known = store.put("a", "0").await;
    for _ in 0..10 {
        let results = together((0..WRITERS).map(|writer| {
            let store = store.clone();
            async move { (writer, store.update(&key("a"), text(writer.to_string()), only_at(known)).await) }
        }))
        .await;
        let entry = store.entry("a").await.expect("it exists");
        let mut winners = Vec::new();
        for (writer, result) in results {
            match result {
                Ok(revision) => winners.push((text(writer.to_string()), revision)),
                Err(Error::Conflict { expected, current, .. }) => {
                    assert_eq!((expected, current), (known, entry.revision));
                }
                Err(error) => unreachable!("{error:?}"),
            }
        }
        assert_eq!(winners, [(entry.value, entry.revision)]);
        known = entry.revision;
    }
}

/// All others learn that there is nothing.
pub async fn one_of_many_deleters_wins(store: Subject) {
    for round in 0..10 {
        let created = store.put("a", round.to_string()).await;
        let results = together((0..WRITERS).map(|_| {
            let store = store.clone();
            async move { store.delete(&key("a"), ANY).await }
        }))
        .await;
        let mut winners = 0;
        for result in results {
            match result {
                Ok((entry, revision)) => {
                    winners += 1;
                    assert!(entry.revision == created && revision > created);
                }
                Err(error) => assert!(matches!(error, Error::NotFound { .. }), "{error:?}"),
            }
        }
        assert_eq!(winners, 1);
        assert_eq!(store.entry("a").await, None);
    }
}

/// Read, add one, write if nobody was faster, else again.
pub async fn no_increment_is_lost(store: Subject) {
    store.put("counter", "0").await;
    together((0..8).map(|_| {
        let store = store.clone();
        async move {
            let mut added = 0;
            while added < 20 {
                let entry = store.entry("counter").await.expect("it exists");
                let count: u64 = String::from_utf8_lossy(&entry.value).parse().expect("a number was written");
                yield_now().await;
                match store.update(&key("counter"), text((count + 1).to_string()), only_at(entry.revision)).await {
                    Ok(_) => added += 1,
                    Err(error) => assert!(matches!(error, Error::Conflict { .. }), "{error:?}"),
                }
            }
        }
    }))
    .await;
    assert_eq!(store.entry("counter").await.expect("it exists").value, text("160"));
}

/// No two share one, and the newest revision covers them all.
pub async fn concurrent_writes_have_revisions_of_their_own(store: Subject) {
    let commits = churn_by_all(&store, 10).await;
    assert_eq!(commits.iter().collect::<BTreeSet<_>>().len(), commits.len());
    assert!(store.newest().await >= commits[commits.len() - 1]);
}

/// For nobody, whoever else asks and writes.
pub async fn current_revision_never_goes_back(store: Subject) {
    let writers = busy(&store, 8);
    together((0..8).map(|_| {
        let store = store.clone();
        async move {
            let mut last = Revision(0);
            for _ in 0..200 {
                let newest = store.newest().await;
                assert!(newest >= last, "{newest} after {last}");
                let page = store.page(&widgets(), ListRequest { limit: 1, ..ListRequest::default() }).await;
                assert!(page.revision >= newest, "a page of {} after {newest}", page.revision);
                last = page.revision;
                yield_now().await;
            }
        }
    }))
    .await;
    writers.end().await;
}

/// Reads, lists and writes, won and lost, on a few keys: there is one order that explains all answers.
pub async fn histories_are_linearizable(store: Subject) {
    let clock = Arc::new(AtomicU64::new(1));
    let recorded = together((0..12).map(|client| {
        let (store, clock) = (store.clone(), clock.clone());
        async move {
            let mut operations = Vec::new();
            for round in 0..60_usize {
                let at = key(["a", "b", "c"][(client * 7 + round * 5) % 3]);
                let called = clock.fetch_add(1, Ordering::SeqCst);
                let outcome = one_operation(&store, &at, (client * 31 + round * 17) % 8).await;
                let answered = clock.fetch_add(1, Ordering::SeqCst);
                operations.push(Operation { key: at, called, answered, outcome });
                if round % 3 == 0 {
                    yield_now().await;
                }
            }
            operations
        }
    }))
    .await;
    assert_eq!(check(recorded.concat()), Ok(()));
}

async fn one_operation(store: &Subject, at: &Key, choice: usize) -> Outcome {
    let failed = |error| match error {
        Error::AlreadyExists { revision, .. } => Outcome::Saw(Some(revision)),
        Error::Conflict { current, .. } => Outcome::Saw(Some(current)),
        Error::NotFound { .. } => Outcome::Saw(None),
        error => unreachable!("{error:?}"),
    };
    match choice {
        0 => store.create(at, text("1")).await.map_or_else(failed, Outcome::Wrote),
        1 => store.update(at, text("2"), ANY).await.map_or_else(failed, Outcome::Wrote),
        2 => store.delete(at, ANY).await.map_or_else(failed, |(_, revision)| Outcome::Deleted(revision)),
        3 => store.update(at, text("3"), only_at(store.newest().await)).await.map_or_else(failed, Outcome::Wrote),
        4 => {
            let page = store.all().await;
            let listed = page.entries.into_iter().map(|entry| (entry.key, entry.revision));
            Outcome::Listed(page.revision, listed.collect())
        }
        5 => Outcome::SawAll(store.newest().await),
        _ => Outcome::Saw(store.get(at).await.expect("a read is answered").map(|entry| entry.revision)),
    }
}

/// Of two keys that one writer changes in turns, no list sees the second ahead of the first, nor behind it by two.
pub async fn lists_are_snapshots(store: Subject) {
    store.put("a", "0").await;
    store.put("b", "0").await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writer = JoinSet::new();
    writer.spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            let mut count = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                count += 1;
                store.set("a", count.to_string()).await;
                store.set("b", count.to_string()).await;
                yield_now().await;
            }
        }
    });
    for _ in 0..500 {
        let page = store.all().await;
        let number = |index: usize| String::from_utf8_lossy(&page.entries[index].value).parse::<u64>();
        let (a, b) = (number(0).expect("a number was written"), number(1).expect("a number was written"));
        assert!(a == b || a == b + 1, "a is {a} while b is {b}");
        let newest = page.entries.iter().map(|entry| entry.revision).max();
        assert_eq!(newest, Some(page.revision), "nothing else was written");
        yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    soon(writer.join_next()).await.expect("a writer").expect("the writer keeps the law");
}

/// What the pages join to is what the first page's revision was.
pub async fn pages_hold_still_while_writers_run(store: Subject) {
    churn_by_all(&store, 2).await;
    let writers = busy(&store, 8);
    for limit in [1, 2, 7, 50, 1_000] {
        let mut page = store.page(&widgets(), ListRequest { limit, ..ListRequest::default() }).await;
        let revision = page.revision;
        let whole = store.page(&widgets(), as_of(revision)).await;
        let mut entries = page.entries;
        loop {
            assert_eq!(page.revision, revision);
            assert_eq!(entries.len() + page.remaining, whole.entries.len());
            let Some(start) = page.next else { break };
            yield_now().await;
            let request = ListRequest { start: Some(start), limit, revision: Some(revision) };
            page = store.page(&widgets(), request).await;
            entries.append(&mut page.entries);
        }
        assert_eq!(entries, whole.entries, "pages of {limit}");
    }
    writers.end().await;
}

/// Every watcher sees exactly the commits after its beginning, whenever it came, in order.
pub async fn watches_under_64_writers_have_no_gap_and_no_repetition(store: Subject) {
    let mut watchers = JoinSet::new();
    let (told, end) = tokio::sync::watch::channel(None);
    for late in 0..8 {
        let (store, mut end) = (store.clone(), end.clone());
        watchers.spawn(async move {
            for _ in 0..late * 40 {
                yield_now().await;
            }
            let from = store.newest().await;
            let mut events = store.events(&widgets(), from).await;
            let mut seen = Vec::new();
            loop {
                let last: Option<Revision> = *end.borrow_and_update();
                if last.is_some_and(|last| last <= seen.last().copied().unwrap_or(from)) {
                    return (from, seen);
                }
                tokio::select! {
                    item = events.next() => {
                        let item = item.expect("the stream goes on").expect("history is kept");
                        seen.extend(item.event().map(|event| event.revision));
                    }
                    _ = end.changed() => {}
                }
            }
        });
    }
    let commits = churn_by_all(&store, 20).await;
    told.send_replace(commits.last().copied());
    while let Some(watcher) = soon(watchers.join_next()).await {
        let (from, seen) = watcher.expect("the watcher ends");
        let expected: Vec<_> = commits.iter().copied().filter(|revision| *revision > from).collect();
        assert!(seen == expected, "from {from}: {} events for {} commits", seen.len(), expected.len());
    }
}

/// Each event's "before" is the event before it on that key.
pub async fn events_of_a_contended_key_follow_each_other(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    let commits = churn_by_all(&store, 10).await;
    let seen = take_until(&mut events, commits[commits.len() - 1]).await;
    let mut copy = Model::new();
    replay(&mut copy, &seen);
    assert_eq!(copy, model(store.all().await.entries));
}

/// From any moment, a copy that is kept by events is the store at every later moment.
pub async fn a_list_and_a_watch_rebuild_the_store_while_writers_run(store: Subject) {
    let writers = busy(&store, 8);
    for round in 0..10 {
        let page = store.all().await;
        let mut events = store.events(&widgets(), page.revision).await;
        let mark = store.put(&format!("mark-{round}"), "1").await;
        let mut copy = model(page.entries);
        replay(&mut copy, &take_until(&mut events, mark).await);
        assert_eq!(copy, model(store.page(&widgets(), as_of(mark)).await.entries));
    }
    writers.end().await;
}

/// A copy that lists again whenever it is told that history is gone is right in the end.
pub async fn compaction_under_load_never_makes_a_hole(store: Subject) {
    let stop = Arc::new(AtomicBool::new(false));
    let mut copies = JoinSet::new();
    for rests in [0, 1, 10, 200] {
        copies.spawn(keep_a_copy(store.clone(), rests));
    }
    let mut compactor = JoinSet::new();
    compactor.spawn({
        let (store, stop) = (store.clone(), stop.clone());
        async move {
            while !stop.load(Ordering::Relaxed) {
                let newest = store.newest().await;
                store.compact(Revision(newest.0.saturating_sub(20))).await.expect("the past can be forgotten");
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
        }
    });
    churn_by_all(&store, 15).await;
    stop.store(true, Ordering::Relaxed);
    soon(compactor.join_next()).await.expect("a compactor").expect("the compactor keeps the law");
    store.put("~end", "1").await;
    let expected = model(store.all().await.entries);
    while let Some(copy) = soon(copies.join_next()).await {
        assert_eq!(copy.expect("the copy ends"), expected);
    }
}

/// A client's copy until it sees the last key; it rests so many times before each event.
async fn keep_a_copy(store: Subject, rests: usize) -> Model {
    loop {
        let page = store.all().await;
        let mut copy = model(page.entries);
        // Between the list and the watch its revision may have been forgotten.
        let Ok(mut events) = store.watch(&widgets(), page.revision).await else { continue };
        while !copy.contains_key(&key("~end")) {
            for _ in 0..rests {
                yield_now().await;
            }
            match next(&mut events).await {
                Ok(event) => replay(&mut copy, &[event]),
                Err(Error::Expired { .. }) => break,
                Err(error) => unreachable!("{error:?}"),
            }
        }
        if copy.contains_key(&key("~end")) {
            return copy;
        }
    }
}

async fn next(events: &mut WatchStream) -> Result<Event, Error> {
    loop {
        let item = soon(events.next()).await.expect("the stream says why it ends")?;
        if let Some(event) = item.event() {
            return Ok(event);
        }
    }
}

/// At whichever of its await points a write is dropped: the value is one of the two, and watchers were told the same.
pub async fn a_dropped_write_happens_whole_or_not_at_all(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    for polls in 0..MOST_POLLS {
        let name = format!("dropped-{polls}");
        let at = key(&name);
        let created = give_up(polls, store.create(&at, text("new"))).await;
        let kept = key(&format!("kept-{polls}"));
        store.create(&kept, text("old")).await.expect("the key is free");
        let updated = give_up(polls, store.update(&kept, text("new"), ANY)).await;
        let deleted = give_up(polls, store.delete(&key(&format!("kept-{}", polls / 2)), ANY)).await;
        for entry in store.all().await.entries {
            assert!([text("old"), text("new"), text("1")].contains(&entry.value), "{entry:?}");
        }
        let mark = store.put(&format!("mark-{polls}"), "1").await;
        let mut copy = model(store.page(&widgets(), as_of(mark)).await.entries);
        copy.remove(&key(&format!("mark-{polls}")));
        assert!(copy.len() <= 3 * (polls + 1));
        if created && updated && deleted {
            // There are no more await points.
            break;
        }
    }
    let mark = store.put("mark", "1").await;
    let seen = take_until(&mut events, mark).await;
    let mut copy = Model::new();
    replay(&mut copy, &seen);
    assert_eq!(copy, model(store.page(&widgets(), as_of(mark)).await.entries));
}

/// What was answered before they were aborted is there, and list and watch tell the same.
pub async fn aborted_writers_leave_a_store_that_agrees_with_its_watch(store: Subject) {
    let from = store.newest().await;
    let mut events = store.events(&widgets(), from).await;
    let mut writers = JoinSet::new();
    let (answered, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..WRITERS {
        let (store, answered) = (store.clone(), answered.clone());
        writers.spawn(async move {
            for round in 0.. {
                let at = key(&format!("{writer}-{round}"));
                let revision = store.create(&at, Bytes::from_static(b"1")).await.expect("the key is free");
                if answered.send(revision).is_err() {
                    return;
                }
                yield_now().await;
            }
        });
    }
    for _ in 0..500 {
        soon(answers.recv()).await.expect("writers write");
    }
    writers.shutdown().await;
    let mark = store.put("mark", "1").await;
    let seen = take_until(&mut events, mark).await;
    assert_increasing(&seen);
    let told: BTreeSet<_> = seen.iter().map(|event| event.revision).collect();
    answers.close();
    while let Some(revision) = answers.recv().await {
        assert!(told.contains(&revision), "{revision} was answered");
    }
    let mut copy = Model::new();
    replay(&mut copy, &seen);
    assert_eq!(copy, model(store.page(&widgets(), as_of(mark)).await.entries));
}

/// Whoever reads, lists, waits or opens a watch may go away at any point.
pub async fn dropped_reads_disturb_nobody(store: Subject) {
    let writers = busy(&store, 4);
    for polls in 0..12 {
        let newest = store.newest().await;
        give_up(polls, store.get(&key("shared-1"))).await;
        give_up(polls, store.list(&widgets(), ListRequest::default())).await;
        give_up(polls, store.watch(&widgets(), newest)).await;
        give_up(polls, store.wait_for(Revision(newest.0 + 1_000_000))).await;
        give_up(polls, store.current_revision()).await;
        give_up(polls, store.compact(Revision(0))).await;
        give_up(polls, store.health()).await;
    }
    writers.end().await;
    let created = store.put("last", "1").await;
    assert_eq!(store.entry("last").await.map(|entry| entry.revision), Some(created));
}
