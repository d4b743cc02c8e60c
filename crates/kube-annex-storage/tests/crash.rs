//! A process that writes is killed at a random instant, again and again, and what it answered is there.
//!
//! `KUBE_ANNEX_CRASH_ROUNDS` says how often; `cargo xtask crash` sets it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use bytes::Bytes;
use futures_util::StreamExt;
use kube_annex_storage::redb::Redb;
use kube_annex_storage::{Error, Event, EventKind, Key, ListRequest, Precondition, Prefix, Revision, Storage};
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const WRITERS: usize = 32;
const KEYS: u64 = 3;

const ROUNDS: &str = "KUBE_ANNEX_CRASH_ROUNDS";
/// Without being told how often: as often as this, or as fits into the time.
const USUAL_ROUNDS: u64 = 300;
const USUAL_TIME: Duration = Duration::from_secs(25);
/// The folder of the process that is killed, and how many commits it keeps.
const FOLDER: &str = "KUBE_ANNEX_CRASH_FOLDER";
const KEPT: &str = "KUBE_ANNEX_CRASH_KEPT";

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

/// What a writer does in its whole life, in all its processes: the number of a write decides all about it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Writer {
    number: usize,
    /// How many writes happened.
    done: u64,
    /// What its keys hold.
    holds: BTreeMap<Key, Bytes>,
}

/// One write of a writer.
#[derive(Clone, Debug, PartialEq)]
struct Write {
    kind: EventKind,
    key: Key,
    value: Bytes,
}

impl Writer {
    fn new(number: usize) -> Self {
        Self { number, ..Self::default() }
    }

    fn next(&self) -> Write {
        let write = self.done;
        let key = widgets().in_namespace(&self.number.to_string()).key(&(write % KEYS).to_string());
        let length = usize::try_from(write * 37 % 3000).unwrap();
        let value = Bytes::from(format!("{} {write} {}", self.number, "x".repeat(length)));
        match self.holds.get(&key) {
            None => Write { kind: EventKind::Created, key, value },
            Some(last) if write.is_multiple_of(5) => Write { kind: EventKind::Deleted, key, value: last.clone() },
            Some(_) => Write { kind: EventKind::Updated, key, value },
        }
    }

    fn did(&mut self, write: Write) {
        self.done += 1;
        match write.kind {
            EventKind::Deleted => drop(self.holds.remove(&write.key)),
            _ => drop(self.holds.insert(write.key, write.value)),
        }
    }

    async fn write(&self, store: &Redb) -> Result<Revision, Error> {
        let Write { kind, key, value } = self.next();
        match kind {
            EventKind::Created => store.create(&key, value).await,
            EventKind::Updated => store.update(&key, value, Precondition::default()).await,
            EventKind::Deleted => store.delete(&key, Precondition::default()).await.map(|(_, revision)| revision),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is the process that the other test kills"]
async fn writes_until_it_is_killed() {
    let folder = env::var_os(FOLDER).expect("the other test starts this");
    let folder = Path::new(&folder);
    let kept = env::var(KEPT).unwrap().parse().unwrap();
    let store = Arc::new(Redb::with_history(folder.join("store"), kept).unwrap());
    let from = store.current_revision().await.unwrap();
    let mut told = OpenOptions::new().append(true).create(true).open(folder.join("told")).unwrap();
    writeln!(told, "open {from}").unwrap();
    let done = fs::read_to_string(folder.join("done")).unwrap();
    let writers = done.lines().enumerate().map(|(number, done)| {
        let (store, told) = (store.clone(), told.try_clone().unwrap());
        go_on(store, number, done.parse().unwrap(), told)
    });
    let watching = watch(&store, from, told.try_clone().unwrap());
    tokio::join!(futures_util::future::join_all(writers), watching);
}

/// What is answered goes to the file in one piece; a file outlives whoever wrote it.
async fn go_on(store: Arc<Redb>, number: usize, done: u64, mut told: File) {
    let mut writer = Writer::new(number);
    // Only what its keys hold matters for what comes next, and a write long ago may matter for that.
    for _ in 0..done {
        writer.did(writer.next());
    }
    loop {
        let revision = writer.write(&store).await.unwrap();
        told.write_all(format!("wrote {number} {revision}\n").as_bytes()).unwrap();
        writer.did(writer.next());
    }
}

async fn watch(store: &Redb, from: Revision, mut told: File) {
    let mut events = store.watch(&widgets(), from).await.unwrap();
    while let Some(Ok(item)) = events.next().await {
        let event = item.event().expect("nobody asked for progress");
        told.write_all(format!("saw {}\n", event.revision).as_bytes()).unwrap();
    }
}

/// What a process told before it was killed.
#[derive(Debug, Default)]
struct Told {
    opened: Option<Revision>,
    /// The revisions that each writer was answered, in the order of the answers.
    wrote: Vec<Vec<Revision>>,
    saw: Vec<Revision>,
}

impl Told {
    fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("told")).unwrap_or_default();
        let mut told = Self { wrote: vec![Vec::new(); WRITERS], ..Self::default() };
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let words: Vec<&str> = line.split(' ').collect();
            let revision = Revision(words.last().unwrap().parse().unwrap());
            match words[..] {
                ["open", _] => told.opened = Some(revision),
                ["wrote", writer, _] => told.wrote[writer.parse::<usize>().unwrap()].push(revision),
                ["saw", _] => told.saw.push(revision),
                _ => panic!("{line}"),
            }
        }
        told
    }
}

/// Numbers without a source: a round that failed is repeated by its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[tokio::test]
async fn answered_writes_outlive_a_kill_at_any_instant() {
    let wanted = env::var(ROUNDS).ok().map(|rounds| rounds.parse().expect("a number of rounds"));
    let (most, started) = (wanted.unwrap_or(USUAL_ROUNDS), Instant::now());
    let mut rounds: u64 = 0;
    let mut random = Random(u64::from(std::process::id()));
    let mut folder = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let (mut answered, mut unanswered) = (0, 0);
    for round in 0..most {
        if wanted.is_none() && started.elapsed() > USUAL_TIME {
            break;
        }
        rounds += 1;
        // Replaying what a writer did takes longer and longer.
        if round % 50 == 0 && round > 0 {
            folder = tempfile::tempdir().unwrap();
            writers = (0..WRITERS).map(Writer::new).collect();
        }
        // A short history makes the process remove rows while it is killed.
        let kept = if round % 3 == 1 { 100 } else { 1_000_000 };
        let told = kill_once(folder.path(), &writers, kept, &mut random);
        let counts = check(folder.path(), &mut writers, &told, kept).await;
        answered += counts.0;
        unanswered += counts.1;
    }
    let told = format!("{rounds} rounds: {answered} writes were answered, {unanswered} were there without an answer");
    writeln!(std::io::stdout(), "{told}").unwrap();
    assert!(answered > rounds * 10, "{answered} answers in {rounds} rounds are no work");
}

/// Starts the process, kills it, and reads what it told. Some kills come before it is open.
fn kill_once(folder: &Path, writers: &[Writer], kept: usize, random: &mut Random) -> Told {
    let done: Vec<String> = writers.iter().map(|writer| writer.done.to_string()).collect();
    fs::write(folder.join("done"), done.join("\n")).unwrap();
    let _ = fs::remove_file(folder.join("told"));
    let mut process = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "writes_until_it_is_killed"])
        .env(FOLDER, folder)
        .env(KEPT, kept.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    if random.below(4) == 0 {
        std::thread::sleep(Duration::from_millis(random.below(60)));
    } else {
        wait_until_open(&mut process, folder);
        // Mostly soon, sometimes in the midst of long work.
        let most = if random.below(8) == 0 { 400_000 } else { 60_000 };
        std::thread::sleep(Duration::from_micros(random.below(most)));
    }
    assert_eq!(process.try_wait().unwrap(), None, "the process goes on until it is killed");
    process.kill().unwrap();
    process.wait().unwrap();
    Told::read(folder)
}

fn wait_until_open(process: &mut Child, folder: &Path) {
    let started = Instant::now();
    while !fs::read_to_string(folder.join("told")).is_ok_and(|told| told.contains('\n')) {
        assert_eq!(process.try_wait().unwrap(), None, "the process opens the store");
        if started.elapsed() > Duration::from_mins(1) {
            process.kill().unwrap();
            panic!("the store was not opened within a minute");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Opens the store, holds it against what was told, and brings the writers up to what is there. Answers how many
/// writes were answered, and how many happened without an answer.
async fn check(folder: &Path, writers: &mut [Writer], told: &Told, kept: usize) -> (u64, u64) {
    let store = Redb::with_history(folder.join("store"), kept).unwrap();
    let newest = store.current_revision().await.unwrap();
    let before: u64 = writers.iter().map(|writer| writer.done).sum();
    let first = Revision(before + 1);
    let history: Vec<Event> = match store.watch(&widgets(), first).await {
        Ok(events) => {
            let items: Vec<_> = events.take(usize::try_from(newest.0 - first.0).unwrap()).collect().await;
            items.into_iter().filter_map(|item| item.unwrap().event()).collect()
        }
        Err(_) => Vec::new(),
    };
    if history.is_empty() {
        for writer in writers.iter_mut() {
            bring_up_by_state(writer, told.wrote[writer.number].len(), &store).await;
        }
    } else {
        bring_up_by_history(writers, &history, told);
    }
    let answered: u64 = told.wrote.iter().map(|wrote| wrote.len() as u64).sum();
    let done: u64 = writers.iter().map(|writer| writer.done).sum();
    assert_eq!(newest.0, done + 1, "every commit is a write that was asked for");

    let listed = store.list(&widgets(), ListRequest::default()).await.unwrap();
    let found: BTreeMap<Key, Bytes> = listed.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    let expected: BTreeMap<Key, Bytes> = writers.iter().flat_map(|writer| writer.holds.clone()).collect();
    assert_eq!(found, expected);

    let opened = told.opened.unwrap_or(first);
    assert_eq!(opened, first, "the process found what was checked before");
    let seen: Vec<Revision> = (opened.0 + 1..).take(told.saw.len()).map(Revision).collect();
    assert_eq!(told.saw, seen, "a watch sees every commit once and in order");
    assert!(told.saw.last().is_none_or(|last| *last <= newest), "nothing was seen that is not there");
    (answered, done - before - answered)
}

/// Every event is the next write of its writer, and the answers are those of the first of them.
fn bring_up_by_history(writers: &mut [Writer], history: &[Event], told: &Told) {
    let mut found = vec![Vec::new(); WRITERS];
    for event in history {
        let number = event.key.as_str().split('/').nth(2).unwrap().parse::<usize>().unwrap();
        let next = writers[number].next();
        let event_write = Write { kind: event.kind, key: event.key.clone(), value: event.value.clone() };
        assert_eq!(event_write, next, "revision {}", event.revision);
        writers[number].did(next);
        found[number].push(event.revision);
    }
    assert!(history.is_sorted_by(|one, next| one.revision < next.revision));
    for (found, wrote) in found.iter().zip(&told.wrote) {
        assert!(found.starts_with(wrote), "{wrote:?} were answered, {found:?} are there");
        assert!(found.len() <= wrote.len() + 1, "{wrote:?} were answered, {found:?} are there");
    }
}

/// Without the history, what the keys hold tells whether the write that nobody answered has happened.
async fn bring_up_by_state(writer: &mut Writer, answered: usize, store: &Redb) {
    for _ in 0..answered {
        writer.did(writer.next());
    }
    let one_more = {
        let mut after = writer.clone();
        after.did(writer.next());
        after
    };
    let prefix = widgets().in_namespace(&writer.number.to_string());
    let listed = store.list(&prefix, ListRequest::default()).await.unwrap();
    let found: BTreeMap<Key, Bytes> = listed.entries.into_iter().map(|entry| (entry.key, entry.value)).collect();
    if found == one_more.holds {
        *writer = one_more;
    }
    assert_eq!(found, writer.holds, "writer {} was answered {answered} times", writer.number);
}
