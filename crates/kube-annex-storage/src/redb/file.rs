//! The folder on the disk: its lock, its database, and how a history is read from it.

use super::{OpenError, row};
use crate::error::BoxError;
use crate::history::{History, Limits};
use crate::key::Key;
use crate::storage::{Entry, EventKind, Revision};
use ::redb::{Builder, Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fs::{self, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
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
/// The layout that is written, and the only one that is understood.
const VERSION: u64 = 2;

/// A commit that may happen.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) kind: EventKind,
    pub(super) key: Key,
    pub(super) value: Bytes,
    pub(super) previous: Option<Entry>,
    pub(super) revision: Revision,
}

/// A row that is not what was written, and how that is known.
type Unbelievable = (Revision, &'static str);

/// An open folder. The lock is released after the database is closed.
pub(super) struct File {
    database: Database,
    _lock: Option<fs::File>,
}

/// What a folder holds.
pub(super) struct Loaded {
    pub(super) file: File,
    pub(super) history: History,
    /// Rows that no read meets any more, oldest first: the process that was to remove them ended before it had.
    pub(super) dropped: Vec<Revision>,
}

impl File {
    /// Opens or begins a store, and reads all of it.
    pub(super) fn open(folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let lock = lock(folder)?;
        let path = folder.join(NAME);
        if !path.try_exists().map_err(|source| failed(folder, source))? {
            begin(folder, &path).map_err(|source| failed(folder, source))?;
        }
        let database = builder().open(path).map_err(|source| failed(folder, source))?;
        Self { database, _lock: Some(lock) }.load(folder, limits)
    }

    /// Opens or begins a store on a disk of the caller's, who calls it a folder.
    #[cfg(test)]
    pub(super) fn on(disk: impl ::redb::StorageBackend, folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        let database = builder().create_with_backend(disk).map_err(|source| failed(folder, source))?;
        begin_tables(&database).map_err(|source| failed(folder, source))?;
        Self { database, _lock: None }.load(folder, limits)
    }

    /// Writes commits, forgets others, and returns when both are on the disk, or nothing is.
    pub(super) fn write(&self, commits: &[Commit], dropped: &[Revision], oldest: Revision) -> Result<(), BoxError> {
        let transaction = self.database.begin_write()?;
        {
            let mut log = transaction.open_table(LOG)?;
            let mut current = transaction.open_table(CURRENT)?;
            for Commit { kind, key, value, previous, revision } in commits {
                let deleted = *kind == EventKind::Deleted;
                let created = previous.as_ref().map_or(*revision, |entry| entry.created);
                let row = row::encode(*revision, *kind, created, key, if deleted { &[] } else { value });
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

    fn load(self, folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        let found = self.format().map_err(|source| failed(folder, source))?;
        if found != VERSION {
            return Err(OpenError::Format { folder: folder.into(), found, supported: VERSION });
        }
        let read = self.read_all(limits).map_err(|source| failed(folder, source))?;
        let (history, dropped) = read.map_err(|(revision, what)| {
            // What the row itself says of its key cannot be believed.
            let key = self.key_at(revision).ok().flatten();
            OpenError::Damaged { folder: folder.into(), revision, key, what }
        })?;
        Ok(Loaded { file: self, history, dropped })
    }

    /// The key that holds what was written at a revision.
    fn key_at(&self, wanted: Revision) -> Result<Option<Key>, BoxError> {
        let transaction = self.database.begin_read()?;
        for item in transaction.open_table(CURRENT)?.iter()? {
            let (key, revision) = item?;
            if revision.value() == wanted.0 {
                return Ok(Some(Key::new(key.value())));
            }
        }
        Ok(None)
    }

    fn format(&self) -> Result<u64, BoxError> {
        let transaction = self.database.begin_read()?;
        let format = transaction.open_table(META)?.get(FORMAT)?;
        Ok(format.ok_or("its format is not told")?.value())
    }

    /// The history and the rows that are none of it, or the row that cannot be believed and why.
    fn read_all(&self, limits: Limits) -> Result<Result<(History, Vec<Revision>), Unbelievable>, BoxError> {
        let transaction = self.database.begin_read()?;
        let oldest = transaction.open_table(META)?.get(COMPACTED)?.map_or(1, |oldest| oldest.value());
        let log = transaction.open_table(LOG)?;
        let mut held = BTreeMap::new();
        let mut dropped = Vec::new();
        for item in log.range(..=oldest)? {
            let (revision, bytes) = item?;
            let revision = Revision(revision.value());
            let Some(row) = row::decode(revision, bytes.value()) else {
                return Ok(Err((revision, "its checksum is wrong")));
            };
            let entry = Entry { key: row.key, value: row.value, revision, created: row.created };
            dropped.extend(held.remove(&entry.key).map(|earlier: Entry| earlier.revision));
            if row.kind == EventKind::Deleted {
                dropped.push(revision);
            } else {
                held.insert(entry.key.clone(), entry);
            }
        }
        let mut history = History::restored(limits, Revision(oldest), held.into_values().collect());
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
            let created = previous.as_ref().map_or(revision, |entry| entry.created);
            let fits = (row.kind == EventKind::Created) == previous.is_none();
            if !fits || row.created != created {
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
        if usize::try_from(current.len()?)? != history.count_all() {
            return Ok(Err((history.newest(), "keys are missing from the table of keys")));
        }
        Ok(Ok((history, dropped)))
    }
}

/// Reads are served from memory: the database needs little more than the pages it changes.
const CACHE: usize = 16 << 20;

/// Makes a new store beside its place and then puts it there: a process that ends meanwhile leaves nothing half made,
/// and a file that is there is never taken for a new one.
fn begin(folder: &Path, path: &Path) -> Result<(), BoxError> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    begin_tables(&builder().create(&draft)?)?;
    fs::rename(&draft, path)?;
    fs::File::open(folder)?.sync_all()?;
    Ok(())
}

fn begin_tables(database: &Database) -> Result<(), BoxError> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        if meta.get(FORMAT)?.is_none() {
            meta.insert(FORMAT, VERSION)?;
            meta.insert(COMPACTED, 1)?;
            transaction.open_table(LOG)?;
            transaction.open_table(CURRENT)?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    builder
}

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
