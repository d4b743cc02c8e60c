//! The one thread that writes: it takes what waits, writes it in one transaction, publishes, then answers.

use super::Health;
use super::file::{Commit, File};
use super::load::Contents;
use crate::error::{BoxError, Error};
use crate::history::{Journal, allowed};
use crate::key::Key;
use crate::storage::{Entry, EventKind, Precondition, Revision};
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

/// Where an answer goes. Whoever waited may be gone: then the answer is lost, never the write.
type Answer<T> = oneshot::Sender<Result<T, Error>>;

/// What the thread is asked to do.
pub(super) enum Request {
    Write {
        key: Key,
        change: Change,
        answer: Answer<Done>,
    },
    Compact {
        revision: Revision,
        answer: Answer<()>,
    },
    /// Remove a key that holds what cannot be read since that revision.
    Remove {
        key: Key,
        revision: Revision,
        answer: Answer<Revision>,
    },
}

pub(super) enum Change {
    Create(Bytes),
    Update(Bytes, Precondition),
    Delete(Precondition),
}

/// What a write did, and what it replaced.
pub(super) struct Done {
    pub(super) revision: Revision,
    pub(super) previous: Option<Entry>,
}

pub(super) struct Committer {
    file: File,
    journal: Arc<Journal>,
    health: Arc<Health>,
    requests: mpsc::Receiver<Request>,
    /// Rows that no read meets any more, oldest first; they go with later transactions, some at a time.
    dropped: VecDeque<Revision>,
    age: Option<Age>,
    /// Whether something was written since the file was last left so that it need not be repaired.
    unsettled: bool,
    recovery: Recovery,
    /// How many writers there were last: those who were answered, and those who had come meanwhile.
    expected: usize,
}

/// When a disk that failed is tried again.
#[derive(Default)]
struct Recovery {
    tried: u32,
    next: Option<Instant>,
}

/// Which commits are older than allowed.
struct Age {
    limit: Duration,
    /// When which revision was the newest, oldest first.
    marks: VecDeque<(Instant, Revision)>,
}

/// The commits of one transaction, and what their writers will be told when they are on the disk.
#[derive(Default)]
struct Batch {
    commits: Vec<Commit>,
    state: HashMap<Key, Option<Entry>>,
    answers: Vec<(Answer<Done>, Result<Done, Error>)>,
    bytes: usize,
}

/// A transaction grows no further than this.
const MOST_WRITES: usize = 256;
const MOST_BYTES: usize = 1 << 20;

/// How long other writers are waited for at most, and how often it is looked who has come.
const GATHERING: Duration = Duration::from_millis(1);
const LOOK_AGAIN: Duration = Duration::from_micros(100);
/// How many rows a transaction removes at most.
const MOST_DROPPED: usize = 1024;
/// How often a thread that is not asked anything looks for what is to be forgotten or removed.
const IDLE: Duration = Duration::from_mins(1);
/// How long nothing is asked before the file is left so that it need not be repaired.
const PAUSE: Duration = Duration::from_secs(1);
/// How soon a disk that failed is tried again, and how late at most: each attempt reads the whole file.
const FIRST_RETRY: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 500 });
const LAST_RETRY: Duration = Duration::from_secs(30);

impl Committer {
    pub(super) fn new(
        file: File,
        journal: Arc<Journal>,
        health: Arc<Health>,
        requests: mpsc::Receiver<Request>,
        dropped: Vec<Revision>,
        age: Option<Duration>,
    ) -> Self {
        let opened = (Instant::now(), journal.read().newest());
        let age = age.map(|limit| Age { limit, marks: VecDeque::from([opened]) });
        let (dropped, recovery) = (dropped.into(), Recovery::default());
        // A check while it was opened is a commit too.
        Self { file, journal, health, requests, dropped, age, unsettled: true, recovery, expected: 0 }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        // It bounds how long the thread sleeps.
        let alarm = match Builder::new_current_thread().enable_time().build() {
            Ok(alarm) => alarm,
            Err(error) => return self.health.fail(&error.into()),
        };
        loop {
            let idle = self.patience();
            let requests = &mut self.requests;
            let asked = alarm.block_on(async { tokio::time::timeout(idle, requests.recv()).await });
            // Rows are removed by the transactions that add others. What is left over goes when nobody waits.
            let enough = match asked {
                Ok(Some(first)) => {
                    self.work(first);
                    MOST_DROPPED
                }
                Ok(None) => return,
                Err(_) => {
                    self.rest();
                    1
                }
            };
            self.forget_old();
            while self.dropped.len() >= enough && self.requests.is_empty() && self.write(&[]).is_ok() {}
        }
    }

    /// How long to wait for a request before there is something else to do.
    fn patience(&self) -> Duration {
        let idle = self.age.as_ref().map_or(IDLE, Age::precision);
        match self.recovery.next {
            Some(next) => idle.min(next.saturating_duration_since(Instant::now())),
            None if self.unsettled => idle.min(PAUSE),
            None => idle,
        }
    }

    /// What is done when nobody asks for anything.
    fn rest(&mut self) {
        if self.health.check().is_err() {
            self.recover();
        } else if std::mem::take(&mut self.unsettled)
            && let Err(error) = self.file.settle()
        {
            self.fail(&error);
        }
    }

    fn work(&mut self, first: Request) {
        if self.health.check().is_err() {
            // Before anything is decided: the disk may hold a commit that it said it had not taken.
            self.recover();
        }
        self.gather();
        let mut batch = Batch::default();
        let mut next = Some(first);
        let mut alone = None;
        while let Some(request) = next {
            match request {
                Request::Write { key, change, answer } => batch.add(&self.journal, key, change, answer),
                other => {
                    alone = Some(other);
                    break;
                }
            }
            let full = batch.answers.len() >= MOST_WRITES || batch.bytes >= MOST_BYTES;
            next = if full { None } else { self.requests.try_recv().ok() };
        }
        let answered = batch.answers.len();
        self.commit(batch);
        self.expected = answered + self.requests.len();
        match alone {
            Some(Request::Compact { revision, answer }) => drop(answer.send(self.compact(revision))),
            Some(Request::Remove { key, revision, answer }) => drop(answer.send(self.remove(key, revision))),
            Some(Request::Write { .. }) | None => {}
        }
    }

    /// Waits a moment for those who wrote last time to come again: a transaction costs much, and one more write in it
    /// little. Who writes alone is not kept waiting.
    fn gather(&self) {
        let end = Instant::now() + GATHERING;
        // One is there already.
        while self.requests.len() + 1 < self.expected.min(MOST_WRITES) && Instant::now() < end {
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    fn commit(&mut self, batch: Batch) {
        let Batch { commits, answers, .. } = batch;
        if !commits.is_empty() {
            if self.write(&commits).is_err() {
                for (answer, _) in answers {
                    let _ = answer.send(Err(self.health.refusal("the write")));
                }
                return;
            }
            if let Some(last) = commits.last() {
                self.file.note(last.revision);
            }
            let dropped = self.journal.write(|history| {
                for Commit { kind, key, value, previous, .. } in commits {
                    history.commit(kind, &key, value, previous);
                }
                history.trim()
            });
            self.dropped.extend(dropped);
        }
        for (answer, result) in answers {
            let _ = answer.send(result);
        }
    }

    fn compact(&mut self, revision: Revision) -> Result<(), Error> {
        self.forget(revision)?;
        self.write(&[]).map_err(|()| self.health.refusal("the compaction"))
    }

    /// Removes a key whose value is lost. What it was cannot be told to watchers: all of the past is forgotten with it,
    /// and they list again.
    fn remove(&mut self, key: Key, revision: Revision) -> Result<Revision, Error> {
        let (there, newest) = {
            let history = self.journal.read();
            (history.get(&key), history.newest())
        };
        let current = match there {
            Ok(None) => return Err(Error::NotFound { key }),
            Ok(Some(entry)) => entry.revision,
            Err(Error::Unreadable(objects)) => objects.first().map_or(revision, |object| object.revision),
            Err(error) => return Err(error),
        };
        if current != revision {
            return Err(Error::Conflict { key, expected: revision, current });
        }
        let removal = Revision(newest.0 + 1);
        let (kind, value) = (EventKind::Deleted, Bytes::new());
        let commit = Commit { kind, key: key.clone(), value: value.clone(), previous: None, revision: removal };
        // In one transaction: replayed by whoever opens the file next, a commit would have to follow from what is lost.
        self.write_up_to(&[commit], removal).map_err(|()| self.health.refusal("the removal"))?;
        self.file.note(removal);
        let dropped = self.journal.write(|history| {
            history.commit(kind, &key, value, None);
            history.compact(removal)
        })?;
        self.dropped.extend(dropped);
        Ok(removal)
    }

    /// Forgets what lies below a revision, some at a time: readers wait for no more than that.
    fn forget(&mut self, revision: Revision) -> Result<(), Error> {
        let (oldest, newest) = {
            let history = self.journal.read();
            (history.oldest().0, history.newest())
        };
        if revision > newest {
            return Err(Error::Future { requested: revision, current: newest });
        }
        let steps = (oldest..revision.0).step_by(MOST_DROPPED).skip(1).map(Revision);
        for step in steps.chain([revision]) {
            let dropped = self.journal.write(|history| history.compact(step))?;
            self.dropped.extend(dropped);
        }
        Ok(())
    }

    /// Forgets the commits that are older than allowed. A store that cannot write keeps what it has.
    fn forget_old(&mut self) {
        let newest = self.journal.read().newest();
        let Some(old) = self.age.as_mut().and_then(|age| age.outlived(Instant::now(), newest)) else { return };
        if self.health.check().is_ok() {
            // The revision has happened, so nothing refuses it.
            let _ = self.forget(old);
        }
    }

    fn write(&mut self, commits: &[Commit]) -> Result<(), ()> {
        let oldest = self.journal.read().oldest();
        self.write_up_to(commits, oldest)
    }

    /// After a failure nothing is written until it is known again what the disk holds.
    fn write_up_to(&mut self, commits: &[Commit], oldest: Revision) -> Result<(), ()> {
        if self.health.check().is_err() {
            return Err(());
        }
        let dropped: Vec<Revision> = self.dropped.iter().take(MOST_DROPPED).copied().collect();
        match self.file.write(commits, &dropped, oldest) {
            Ok(()) => {
                self.dropped.drain(..dropped.len());
                self.unsettled = true;
                Ok(())
            }
            Err(error) => {
                self.fail(&error);
                Err(())
            }
        }
    }

    fn fail(&mut self, error: &BoxError) {
        self.health.fail(error);
        self.recovery = Recovery { tried: 0, next: Some(Instant::now() + FIRST_RETRY) };
    }

    /// Tries to go on with a disk that had failed.
    fn recover(&mut self) {
        let now = Instant::now();
        if self.recovery.next.is_none_or(|next| now < next) {
            return;
        }
        let limits = self.journal.read().limits();
        let recovered = self.file.reopen(limits).and_then(|contents| self.catch_up(contents));
        if recovered.and_then(|()| self.file.settle()).is_ok() {
            self.recovery = Recovery::default();
            self.health.heal();
            return;
        }
        // What the first failure was is told already.
        let wait = FIRST_RETRY.saturating_mul(1 << self.recovery.tried.min(16)).min(LAST_RETRY);
        self.recovery = Recovery { tried: self.recovery.tried + 1, next: Some(now + wait) };
    }

    /// Takes over the commits that are on the disk although it had said that they are not.
    fn catch_up(&mut self, Contents { history, salvaged, .. }: Contents) -> Result<(), BoxError> {
        let known = self.journal.read().newest();
        let damaged = self.journal.read().damaged().len();
        if salvaged.is_some() || history.newest() < known || history.damaged().len() > damaged {
            return Err("the disk has lost what it had confirmed".into());
        }
        let dropped = self.journal.write(|own| {
            for event in history.after(known)? {
                let previous = own.get(&event.key)?;
                own.commit(event.kind, &event.key, event.value.clone(), previous);
            }
            Ok::<_, Error>(own.trim())
        })?;
        self.dropped.extend(dropped);
        Ok(())
    }
}

impl Age {
    fn precision(&self) -> Duration {
        (self.limit / 16).clamp(Duration::from_millis(1), IDLE)
    }

    /// Notes what is the newest now; answers what was the newest when it was as long ago as is allowed.
    fn outlived(&mut self, now: Instant, newest: Revision) -> Option<Revision> {
        if self.marks.back().is_none_or(|(noted, _)| now - *noted >= self.precision()) {
            self.marks.push_back((now, newest));
        }
        let mut outlived = None;
        while let Some((_, revision)) = self.marks.pop_front_if(|(noted, _)| now - *noted >= self.limit) {
            outlived = Some(revision);
        }
        outlived
    }
}

impl Batch {
    /// Decides a write by the state that the writes before it in this batch leave.
    fn add(&mut self, journal: &Journal, key: Key, change: Change, answer: Answer<Done>) {
        let there = match self.state.get(&key) {
            Some(entry) => Ok(entry.clone()),
            None => journal.read().get(&key),
        };
        let result = there.and_then(|there| decide(there, &key, change)).map(|(kind, value, previous)| {
            let newest = self.commits.last().map_or_else(|| journal.read().newest(), |commit| commit.revision);
            let revision = Revision(newest.0 + 1);
            let created = previous.as_ref().map_or(revision, |entry| entry.created);
            let entry = Entry { key: key.clone(), value: value.clone(), revision, created };
            self.state.insert(key.clone(), (kind != EventKind::Deleted).then_some(entry));
            self.bytes += value.len();
            self.commits.push(Commit { kind, key, value, previous: previous.clone(), revision });
            Done { revision, previous }
        });
        self.answers.push((answer, result));
    }
}

fn decide(there: Option<Entry>, key: &Key, change: Change) -> Result<(EventKind, Bytes, Option<Entry>), Error> {
    match (change, there) {
        (Change::Create(_), Some(there)) => Err(Error::AlreadyExists { key: key.clone(), revision: there.revision }),
        (Change::Create(value), None) => Ok((EventKind::Created, value, None)),
        (Change::Update(value, precondition), there) => {
            Ok((EventKind::Updated, value, Some(allowed(there, key, precondition)?)))
        }
        (Change::Delete(precondition), there) => {
            let there = allowed(there, key, precondition)?;
            Ok((EventKind::Deleted, there.value.clone(), Some(there)))
        }
    }
}
