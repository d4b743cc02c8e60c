//! The one thread that writes: it takes what waits, writes it in one transaction, publishes, then answers.

use super::file::{Commit, File};
use super::{Health, backend};
use crate::error::Error;
use crate::history::{Journal, allowed};
use crate::key::Key;
use crate::storage::{Entry, EventKind, Precondition, Revision};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;
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
    pub(super) file: File,
    pub(super) journal: Arc<Journal>,
    pub(super) health: Arc<Health>,
    pub(super) requests: mpsc::Receiver<Request>,
    /// Rows that no read meets any more; they go with the next transaction.
    pub(super) dropped: Vec<Revision>,
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

impl Committer {
    /// Works until nobody can ask any more.
    pub(super) fn run(mut self) {
        while let Some(first) = self.requests.blocking_recv() {
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
        let dropped = self.journal.write(|history| history.compact(revision))?;
        self.dropped.extend(dropped);
        self.write(&[]).map_err(|()| self.health.refusal("the compaction"))
    }

    /// After a failure nothing is written any more: what the disk holds is no longer known.
    fn write(&mut self, commits: &[Commit]) -> Result<(), ()> {
        if self.health.check().is_err() {
            return Err(());
        }
        let oldest = self.journal.read().oldest();
        match self.file.write(commits, &self.dropped, oldest) {
            Ok(()) => {
                self.dropped.clear();
                Ok(())
            }
            Err(error) => {
                self.health.fail(&backend("a transaction", error));
                Err(())
            }
        }
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
            let entry = Entry { key: key.clone(), value: value.clone(), revision };
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
