//! A disk that fails at any of its operations, and what is there when the store is opened on it again.

use super::file::File;
use super::medium::Medium;
use super::{OpenError, Redb, Retention};
use crate::error::{BoxError, Error};
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Event, ListRequest, Precondition, Revision, Storage};
use ::redb::{Database, StorageBackend};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A disk in memory. It counts what it is asked to change, and at some operation it fails.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Debug)]
struct Platter {
    /// What reads see.
    now: Vec<u8>,
    /// What was there when a sync was last answered.
    synced: Vec<u8>,
    /// What was written since.
    pending: Vec<Pending>,
    /// How many more operations succeed.
    left: usize,
    done: usize,
    fault: Fault,
    /// How often it failed.
    failures: usize,
}

#[derive(Clone, Debug)]
enum Pending {
    Length(u64),
    Write(u64, Vec<u8>),
}

/// How a disk fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It is gone from then on.
    Gone,
    /// One write fails and leaves nothing.
    Write,
    /// One write fails and leaves half of what was to be written.
    Short,
    /// It does not grow, for a while.
    Full,
    /// One sync fails.
    Sync,
}

/// For how many attempts a full disk stays full.
const FULL_FOR: usize = 4;

impl Disk {
    fn new(image: Vec<u8>, left: usize) -> Self {
        Self::failing(image, left, Fault::Gone)
    }

    fn failing(image: Vec<u8>, left: usize, fault: Fault) -> Self {
        let (synced, pending) = (image.clone(), Vec::new());
        let platter = Platter { now: image, synced, pending, left, done: 0, fault, failures: 0 };
        Self(Arc::new(Mutex::new(platter)))
    }

    fn operations(&self) -> usize {
        self.0.lock().unwrap().done
    }

    fn has_failed(&self) -> bool {
        self.0.lock().unwrap().failures > 0
    }

    /// What a machine finds after the power is back: all that was synced, and of the rest what `keeps` says.
    fn after_power_cut(&self, mut keeps: impl FnMut(&Pending) -> Option<Pending>) -> Vec<u8> {
        let platter = self.0.lock().unwrap();
        let mut image = platter.synced.clone();
        platter.pending.iter().filter_map(&mut keeps).for_each(|pending| pending.apply(&mut image));
        image
    }
}

impl Platter {
    fn change(&mut self, pending: Pending) -> io::Result<()> {
        let grows = pending.end() > self.now.len() as u64;
        let affected = match self.fault {
            Fault::Gone => true,
            Fault::Write => matches!(pending, Pending::Write(..)),
            Fault::Short => matches!(&pending, Pending::Write(_, bytes) if bytes.len() > 1),
            Fault::Full => grows,
            Fault::Sync => false,
        };
        let result = self.step(affected);
        let half = match (&pending, result.is_err() && self.fault == Fault::Short) {
            (Pending::Write(offset, bytes), true) => Pending::Write(*offset, bytes[..bytes.len() / 2].to_vec()),
            _ => pending,
        };
        if result.is_ok() || self.fault == Fault::Short {
            half.apply(&mut self.now);
            self.pending.push(half);
        }
        result
    }

    fn step(&mut self, affected: bool) -> io::Result<()> {
        self.done += 1;
        if self.left > 0 {
            self.left -= 1;
            return Ok(());
        }
        if !affected {
            return Ok(());
        }
        self.failures += 1;
        match self.fault {
            Fault::Gone => {}
            // It is well again after one failure.
            Fault::Write | Fault::Short | Fault::Sync => self.left = usize::MAX,
            Fault::Full => {
                self.left = if self.failures == FULL_FOR { usize::MAX } else { 0 };
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        Err(io::Error::other("the disk is gone"))
    }
}

impl Pending {
    fn end(&self) -> u64 {
        match self {
            Self::Length(length) => *length,
            Self::Write(offset, bytes) => offset + bytes.len() as u64,
        }
    }

    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(usize::try_from(*length).unwrap(), 0),
            Self::Write(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap();
                if image.len() < start + bytes.len() {
                    image.resize(start + bytes.len(), 0);
                }
                image[start..start + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

impl Medium for Disk {
    fn open(&self) -> Result<Box<dyn StorageBackend>, BoxError> {
        Ok(Box::new(self.clone()))
    }

    fn probe(&self) -> io::Result<()> {
        Ok(())
    }

    fn replace(&self, _: &mut dyn FnMut(&Database) -> Result<(), BoxError>) -> Result<PathBuf, BoxError> {
        Err("there is one place on this disk".into())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let platter = self.0.lock().unwrap();
        let bytes = platter.now.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap().change(Pending::Length(length))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        let affected = matches!(platter.fault, Fault::Gone | Fault::Sync);
        platter.step(affected)?;
        platter.synced = platter.now.clone();
        platter.pending.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().change(Pending::Write(offset, data.to_vec()))
    }
}

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

/// History is so short that the workload makes the store forget.
const RETENTION: Retention = Retention { commits: 5, bytes: usize::MAX, age: None };

fn open(disk: Disk) -> Result<Redb, OpenError> {
    let folder = Path::new("disk");
    Redb::serve(File::on_disk(Box::new(disk), folder, RETENTION.limits())?, RETENTION, folder)
}

/// A disk with an empty store. Nothing is answered before there is one.
fn begun() -> Vec<u8> {
    let disk = Disk::new(Vec::new(), usize::MAX);
    drop(open(disk.clone()).unwrap());
    disk.after_power_cut(|_| None)
}

/// One write of the workload.
#[derive(Clone, Copy, Debug)]
enum Step {
    Create(&'static str),
    Update(&'static str, usize),
    Delete(&'static str),
    Compact,
}

const WORKLOAD: [Step; 12] = [
    Step::Create("a"),
    Step::Create("b"),
    Step::Update("a", 10),
    Step::Update("b", 20_000),
    Step::Delete("a"),
    Step::Create("c"),
    Step::Create("a"),
    Step::Update("c", 100),
    Step::Compact,
    Step::Delete("b"),
    Step::Update("a", 300),
    Step::Create("b"),
];

async fn take(store: &Redb, step: Step) -> Result<(), Error> {
    match step {
        Step::Create(name) => store.create(&widgets().key(name), Bytes::from_static(b"new")).await.map(drop),
        Step::Update(name, size) => {
            let value = Bytes::from(vec![7; size]);
            store.update(&widgets().key(name), value, Precondition::default()).await.map(drop)
        }
        Step::Delete(name) => store.delete(&widgets().key(name), Precondition::default()).await.map(drop),
        Step::Compact => store.compact(store.current_revision().await?).await,
    }
}

/// What a store answers to a reader.
#[derive(Clone, Debug, PartialEq)]
struct Answers {
    newest: Revision,
    entries: Vec<Entry>,
    events: Vec<Event>,
}

async fn answers(store: &Redb) -> Answers {
    let newest = store.current_revision().await.unwrap();
    let entries = store.list(&widgets(), ListRequest::default()).await.unwrap().entries;
    let Err(Error::Expired { oldest, .. }) = store.watch(&widgets(), Revision(0)).await else {
        unreachable!("revision 0 is none")
    };
    let mut stream = store.watch(&widgets(), oldest).await.unwrap();
    let mut events = Vec::new();
    while let Some(Some(item)) = stream.next().now_or_never() {
        events.push(item.unwrap().event().unwrap());
    }
    Answers { newest, entries, events }
}

/// What a store answers after each number of steps, on a disk that never fails; and how many operations that takes.
async fn course() -> (Vec<Answers>, usize) {
    let disk = Disk::new(begun(), usize::MAX);
    let store = open(disk.clone()).unwrap();
    let mut course = vec![answers(&store).await];
    for step in WORKLOAD {
        take(&store, step).await.unwrap();
        course.push(answers(&store).await);
    }
    drop(store);
    (course, disk.operations())
}

/// Whether a store that was opened again holds what it held then. It may have kept more of the past: what is forgotten
/// is gone from the disk a little later.
fn holds(found: &Answers, then: &Answers) -> bool {
    found.newest == then.newest && found.entries == then.entries && found.events.ends_with(&then.events)
}

#[tokio::test]
async fn whichever_operation_of_the_disk_fails_no_answered_write_is_lost() {
    let (course, operations) = course().await;
    assert!(operations > 40, "{operations} operations are a workload");
    for failing in 0..operations {
        let disk = Disk::new(begun(), failing);
        let store = match open(disk.clone()) {
            Ok(store) => store,
            Err(error) => {
                assert!(matches!(error, OpenError::Failed { .. }), "operation {failing}: {error:?}");
                continue;
            }
        };
        let mut answered = 0;
        for step in WORKLOAD {
            if take(&store, step).await.is_err() {
                break;
            }
            answered += 1;
        }
        if answered < WORKLOAD.len() {
            refuses_writes_and_serves_reads(&store, &course[answered]).await;
        }
        drop(store);
        for (name, image) in images(&disk, failing) {
            let store = open(Disk::new(image, usize::MAX));
            let store = store.unwrap_or_else(|error| panic!("operation {failing}, {name}: {error:?}"));
            let found = answers(&store).await;
            let unanswered = course.get(answered + 1);
            let known = holds(&found, &course[answered]) || unanswered.is_some_and(|then| holds(&found, then));
            assert!(known, "operation {failing}, {name}: {answered} writes were answered, found {found:?}");
            store.create(&widgets().key("after"), Bytes::new()).await.unwrap();
        }
    }
}

async fn refuses_writes_and_serves_reads(store: &Redb, then: &Answers) {
    let found = answers(store).await;
    assert_eq!((found.newest, &found.entries), (then.newest, &then.entries), "reads go on");
    // A compaction that the disk refused may have taken place in memory.
    assert!(then.events.ends_with(&found.events) || found.events.ends_with(&then.events), "watches go on: {found:?}");
    let health = store.health().await.unwrap_err();
    let refusal = store.create(&Key::new("example.com/widgets/z"), Bytes::new()).await.unwrap_err();
    for error in [health, refusal] {
        let Error::Backend { backend: "redb", source, .. } = error else { panic!("{error:?}") };
        assert!(source.to_string().contains("the disk is gone"), "{source}");
    }
    assert_eq!(store.get(&widgets().key("z")).await.unwrap(), None);
}

/// What the next process may find: the power stayed on; it did not, and nothing, some or a torn part of what was not
/// synced is there.
fn images(disk: &Disk, seed: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut random = seed as u64 * 2 + 1;
    let mut toss = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 63 == 1
    };
    let torn = |pending: &Pending| match pending {
        Pending::Write(offset, bytes) => Some(Pending::Write(*offset, bytes[..bytes.len() / 2].to_vec())),
        Pending::Length(_) => Some(pending.clone()),
    };
    vec![
        ("all of it", disk.after_power_cut(|pending| Some(pending.clone()))),
        ("nothing unsynced", disk.after_power_cut(|_| None)),
        if seed.is_multiple_of(2) {
            ("some of it", disk.after_power_cut(|pending| toss().then(|| pending.clone())))
        } else {
            ("torn", disk.after_power_cut(torn))
        },
    ]
}

/// Waits until a store writes again; `false` when it does not in a time in which it tries often.
async fn heals(store: &Redb, patience: Duration) -> bool {
    let well = async {
        while store.health().await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(patience, well).await.is_ok()
}

/// Plays the workload on a disk that fails once and is well again; answers how many steps were taken.
async fn play(store: &Redb, course: &[Answers], context: &str) {
    let mut done = 0;
    while done < WORKLOAD.len() {
        if take(store, WORKLOAD[done]).await.is_ok() {
            done += 1;
            continue;
        }
        assert!(heals(store, Duration::from_secs(20)).await, "{context}: {:?}", store.health().await);
        let found = answers(store).await;
        let now = |then: &Answers| (found.newest, &found.entries) == (then.newest, &then.entries);
        // A step that was not answered may have been taken; a compaction changes nothing that is compared here.
        let taken = now(&course[done + 1]) && WORKLOAD[done].writes();
        assert!(taken || now(&course[done]), "{context}: {done} steps were answered, found {found:?}");
        done += usize::from(taken);
    }
}

impl Step {
    fn writes(self) -> bool {
        !matches!(self, Self::Compact)
    }
}

#[tokio::test]
async fn a_disk_that_is_well_again_is_written_to_again_and_has_every_answered_write() {
    let (course, operations) = course().await;
    for fault in [Fault::Write, Fault::Short, Fault::Full] {
        let mut failures = 0;
        for failing in 0..operations {
            let context = format!("operation {failing}, {fault:?}");
            let disk = Disk::failing(begun(), failing, fault);
            let Ok(store) = open(disk.clone()) else { continue };
            play(&store, &course, &context).await;
            failures += usize::from(disk.has_failed());
            let last = &course[WORKLOAD.len()];
            assert!(holds(&answers(&store).await, last), "{context}");
            drop(store);
            for image in [disk.after_power_cut(|pending| Some(pending.clone())), disk.after_power_cut(|_| None)] {
                let store = open(Disk::new(image, usize::MAX)).unwrap();
                let found = answers(&store).await;
                assert!(holds(&found, last), "{context}: {found:?}");
            }
        }
        assert!(failures > 0, "{fault:?} was met");
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_before_a_restart() {
    let (course, operations) = course().await;
    let mut failures = 0;
    for failing in 0..operations {
        let disk = Disk::failing(begun(), failing, Fault::Sync);
        let Ok(store) = open(disk.clone()) else { continue };
        let mut answered = 0;
        for step in WORKLOAD {
            if take(&store, step).await.is_err() {
                break;
            }
            answered += 1;
        }
        if answered < WORKLOAD.len() {
            failures += 1;
            assert!(!heals(&store, Duration::from_millis(30)).await);
            assert_eq!(answers(&store).await.entries, course[answered].entries, "reads go on");
        }
        drop(store);
        for (name, image) in images(&disk, failing) {
            let store = open(Disk::new(image, usize::MAX)).unwrap();
            let found = answers(&store).await;
            let known = course.iter().skip(answered).take(2).any(|then| holds(&found, then));
            assert!(known, "operation {failing}, {name}: {answered} writes were answered, found {found:?}");
        }
    }
    assert!(failures > 0);
}
