//! The one thread that writes: it takes what waits, writes it in one transaction, publishes, then answers.

use super::file::{Commit, File};
use super::{Health, backend};
use crate::error::Error;
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
    Write { key: Key, change: Change, answer: Answer<Done> },
    Compact { revision: Revision, answer: Answer<()> },
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

/// How many rows a transaction removes at most.
const MOST_DROPPED: usize = 1024;
/// How often a thread that is not asked anything looks for what is to be forgotten or removed.
const IDLE: Duration = Duration::from_mins(1);

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
        Self { file, journal, health, requests, dropped: dropped.into(), age }
    }

    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        // It bounds how long the thread sleeps.
        let alarm = match Builder::new_current_thread().enable_time().build() {
            Ok(alarm) => alarm,
            Err(error) => return self.health.fail(&backend("a transaction", error.into())),
        };
        let idle = self.age.as_ref().map_or(IDLE, Age::precision);
        loop {
            let requests = &mut self.requests;
            let asked = alarm.block_on(async { tokio::time::timeout(idle, requests.recv()).await });
            // Rows are removed by the transactions that add others. What is left over goes when nobody waits.
            let enough = match asked {
                Ok(Some(first)) => {
                    self.work(first);
                    MOST_DROPPED
                }
                Ok(None) => return,
                Err(_) => 1,
            };
            self.forget_old();
            while self.dropped.len() >= enough && self.requests.is_empty() && self.write(&[]).is_ok() {}
        }
    }

    fn work(&mut self, first: Request) {
        let mut batch = Batch::default();
        let mut next = Some(first);
        let mut compaction = None;
        while let Some(request) = next {
            match request {
                Request::Write { key, change, answer } => batch.add(&self.journal, key, change, answer),
                Request::Compact { revision, answer } => {
                    compaction = Some((revision, answer));
                    break;
                }
            }
            let full = batch.answers.len() >= MOST_WRITES || batch.bytes >= MOST_BYTES;
            next = if full { None } else { self.requests.try_recv().ok() };
        }
        self.commit(batch);
        if let Some((revision, answer)) = compaction {
            let _ = answer.send(self.compact(revision));
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

    /// After a failure nothing is written any more: what the disk holds is no longer known.
    fn write(&mut self, commits: &[Commit]) -> Result<(), ()> {
        if self.health.check().is_err() {
            return Err(());
        }
        let oldest = self.journal.read().oldest();
        let dropped: Vec<Revision> = self.dropped.iter().take(MOST_DROPPED).copied().collect();
        match self.file.write(commits, &dropped, oldest) {
            Ok(()) => {
                self.dropped.drain(..dropped.len());
                Ok(())
            }
            Err(error) => {
                self.health.fail(&backend("a transaction", error));
                Err(())
            }
        }
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
            Some(entry) => entry.clone(),
            None => journal.read().get(&key),
        };
        let result = decide(there, &key, change).map(|(kind, value, previous)| {
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
