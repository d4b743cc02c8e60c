//! The folder on the disk: its lock, its database, and how a history is read from it.

use super::{OpenError, row};
use crate::error::BoxError;
use crate::history::History;
use crate::key::Key;
use crate::storage::{Entry, EventKind, Revision};
use ::redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use bytes::Bytes;
use std::fs::{self, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// The database's file in its folder.
pub(super) const NAME: &str = "store.redb";

/// Every kept commit by its revision.
const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// The revision of what each key holds.
const CURRENT: TableDefinition<&str, u64> = TableDefinition::new("current");
/// [`FORMAT`] and [`COMPACTED`].
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The name of the layout's version in the table of facts.
const FORMAT: &str = "format";
/// The oldest revision whose state can be read: rows below are what it still held.
const COMPACTED: &str = "compacted";
/// The layout that is written, and the newest that is understood.
const VERSION: u64 = 1;

/// A commit that may happen.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) kind: EventKind,
    pub(super) key: Key,
    pub(super) value: Bytes,
    pub(super) previous: Option<Entry>,
    pub(super) revision: Revision,
}

/// An open folder. The lock is released after the database is closed.
pub(super) struct File {
    database: Database,
    _lock: fs::File,
}

impl File {
    /// Opens or begins a store, and reads all of it.
    pub(super) fn open(folder: &Path, capacity: usize) -> Result<(Self, History), OpenError> {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let lock = lock(folder)?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .set_check_integrity_on_open(true)
            .create(folder.join(NAME))
            .map_err(|source| failed(folder, source))?;
        let file = Self { database, _lock: lock };
        file.begin(folder)?;
        let history = file.load(folder, capacity)?;
        Ok((file, history))
    }

    /// Writes commits, forgets others, and returns when both are on the disk, or nothing is.
    pub(super) fn write(&self, commits: &[Commit], dropped: &[Revision], oldest: Revision) -> Result<(), BoxError> {
        let transaction = self.database.begin_write()?;
        {
            let mut log = transaction.open_table(LOG)?;
            let mut current = transaction.open_table(CURRENT)?;
            for Commit { kind, key, value, revision, .. } in commits {
                let deleted = *kind == EventKind::Deleted;
                let row = row::encode(*revision, *kind, key, if deleted { &[] } else { value });
                log.insert(revision.0, row.as_slice())?;
                if deleted {
                    current.remove(key.as_str())?;
                } else {
                    current.insert(key.as_str(), revision.0)?;
                }
            }
            for revision in dropped {
                log.remove(revision.0)?;
            }
            transaction.open_table(META)?.insert(COMPACTED, oldest.0)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Makes the tables of a new store; refuses one that a newer program wrote.
    fn begin(&self, folder: &Path) -> Result<(), OpenError> {
        let found = self.begin_tables().map_err(|source| failed(folder, source))?;
        if found == VERSION {
            return Ok(());
        }
        Err(OpenError::Format { folder: folder.into(), found, supported: VERSION })
    }

    fn begin_tables(&self) -> Result<u64, BoxError> {
        let transaction = self.database.begin_write()?;
        let found = {
            let mut meta = transaction.open_table(META)?;
            let found = meta.get(FORMAT)?.map(|format| format.value());
            if found.is_none() {
                meta.insert(FORMAT, VERSION)?;
                meta.insert(COMPACTED, 1)?;
                transaction.open_table(LOG)?;
                transaction.open_table(CURRENT)?;
            }
            found
        };
        if found.is_none() {
            transaction.commit()?;
        }
        Ok(found.unwrap_or(VERSION))
    }

    fn load(&self, folder: &Path, capacity: usize) -> Result<History, OpenError> {
        self.read_all(capacity)
            .map_err(|source| failed(folder, source))?
            .map_err(|(revision, what)| OpenError::Damaged { folder: folder.into(), revision, what })
    }

    /// The history, or the row that cannot be believed and why.
    fn read_all(&self, capacity: usize) -> Result<Result<History, (Revision, &'static str)>, BoxError> {
        let transaction = self.database.begin_read()?;
        let oldest = transaction.open_table(META)?.get(COMPACTED)?.map_or(1, |oldest| oldest.value());
        let log = transaction.open_table(LOG)?;
        let mut held = Vec::new();
        for item in log.range(..=oldest)? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            match row::decode(revision, bytes.value()) {
                Some(row) => held.push(Entry { key: row.key, value: row.value, revision }),
                None => return Ok(Err((revision, "its checksum is wrong"))),
            }
        }
        let mut history = History::restored(capacity, Revision(oldest), held);
        for item in log.range(oldest + 1..)? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            let Some(row) = row::decode(revision, bytes.value()) else {
                return Ok(Err((revision, "its checksum is wrong")));
            };
            if revision.0 != history.newest().0 + 1 {
                return Ok(Err((revision, "commits before it are missing")));
            }
            let previous = history.get(&row.key);
            let fits = (row.kind == EventKind::Created) == previous.is_none();
            if !fits {
                return Ok(Err((revision, "it does not follow from the commits before it")));
            }
            let last = previous.as_ref().filter(|_| row.kind == EventKind::Deleted);
            let value = last.map_or(row.value, |entry| entry.value.clone());
            history.commit(row.kind, &row.key, value, previous);
        }
        let current = transaction.open_table(CURRENT)?;
        for item in current.iter()? {
            let (key, revision) = item?;
            let revision = Revision(revision.value());
            if history.get(&Key::new(key.value())).map(|entry| entry.revision) != Some(revision) {
                return Ok(Err((revision, "a key names it and it does not hold the key")));
            }
        }
        if usize::try_from(current.len()?)? != history.count() {
            return Ok(Err((history.newest(), "keys are missing from the table of keys")));
        }
        Ok(Ok(history))
    }
}

/// Reads are served from memory: the database needs little more than the pages it changes.
const CACHE: usize = 16 << 20;

fn lock(folder: &Path) -> Result<fs::File, OpenError> {
    let io = |source| failed(folder, source);
    let path = folder.join("lock");
    let mut lock = fs::File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => {
            lock.set_len(0).map_err(io)?;
            lock.rewind().map_err(io)?;
            write!(lock, "{}", std::process::id()).map_err(io)?;
            Ok(lock)
        }
        Err(TryLockError::WouldBlock) => {
            let mut process = String::new();
            let read = lock.read_to_string(&mut process);
            let process = read.ok().and_then(|_| process.trim().parse().ok());
            Err(OpenError::Locked { folder: folder.into(), process })
        }
        Err(TryLockError::Error(source)) => Err(failed(folder, source)),
    }
}

fn failed(folder: &Path, source: impl Into<BoxError>) -> OpenError {
    OpenError::Failed { folder: folder.into(), source: source.into() }
}
