//! The database: how it is opened, also when it is damaged or its disk was, and what a commit writes.

use super::guard::guarded;
use super::load::{self, Contents};
use super::mark::Mark;
use super::medium::{FileMedium, Medium, Watched};
use super::{OpenError, folder, medium, row};
use crate::error::{BoxError, Unreadable};
use crate::history::{History, Limits};
use crate::key::Key;
use crate::storage::{Entry, EventKind, Revision};
use ::redb::{
    Builder, Database, DatabaseError, ReadOnlyDatabase, ReadableDatabase, StorageError, TableDefinition,
    WriteTransaction,
};
use bytes::Bytes;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The database's file in its folder.
pub(super) const NAME: &str = "store.redb";

/// Every kept commit by its revision.
pub(super) const LOG: TableDefinition<u64, &[u8]> = TableDefinition::new("log");
/// The revision of what each key holds.
pub(super) const CURRENT: TableDefinition<&str, u64> = TableDefinition::new("current");
/// [`FORMAT`] and [`COMPACTED`].
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The name of the layout's version in the table of facts.
const FORMAT: &str = "format";
/// The oldest revision whose state can be read: rows below are what it still held.
pub(super) const COMPACTED: &str = "compacted";
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

/// An open store. The lock is released after the database is closed.
pub(super) struct File {
    database: Option<Database>,
    medium: Box<dyn Medium>,
    sync_failed: Arc<AtomicBool>,
    mark: Option<Mark>,
    _lock: Option<fs::File>,
}

/// What a folder holds.
pub(super) struct Loaded {
    pub(super) file: File,
    pub(super) history: History,
    /// Rows that no read meets any more, oldest first.
    pub(super) dropped: Vec<Revision>,
    /// What is wrong with the file, unless it was put aside and its content written anew.
    pub(super) fault: Option<String>,
    /// The damaged file that was put aside.
    pub(super) aside: Option<PathBuf>,
}

impl File {
    /// Opens or begins a store, and reads all of it. A damaged file is put aside once all that can be read of it is in
    /// another.
    pub(super) fn open(folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        let loaded = Self::examine(folder, limits, true)?;
        loaded.renewed(folder)
    }

    /// Opens a store as it is, and begins none unless that is wanted.
    pub(super) fn examine(folder: &Path, limits: Limits, begin: bool) -> Result<Loaded, OpenError> {
        let lock = folder::lock(folder)?;
        let path = folder.join(NAME);
        if begin && !path.try_exists().map_err(|source| failed(folder, source))? {
            medium::create(&path, &mut begin_tables).map_err(|source| failed(folder, source))?;
        }
        let (mark, answered) = Mark::open(folder).map_err(|source| failed(folder, source))?;
        let file = Self::on(Box::new(FileMedium(path)), Some(mark), Some(lock));
        let loaded = file.load(folder, limits)?;
        let newest = loaded.history.newest();
        match answered.filter(|answered| *answered > newest) {
            Some(answered) => Err(OpenError::Lost { folder: folder.into(), answered, newest }),
            None => Ok(loaded),
        }
    }

    fn on(medium: Box<dyn Medium>, mark: Option<Mark>, lock: Option<fs::File>) -> Self {
        Self { database: None, medium, sync_failed: Arc::default(), mark, _lock: lock }
    }

    /// Opens or begins a store on a disk of the caller's, who calls it a folder.
    #[cfg(test)]
    pub(super) fn on_disk(medium: Box<dyn Medium>, folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        let mut file = Self::on(medium, None, None);
        let database = file.connect_sound().map_err(|source| failed(folder, source))?;
        let format = format(&database);
        if format.is_err() {
            begin_tables(&database).map_err(|source| failed(folder, source))?;
        }
        drop(database);
        file.sync_failed = Arc::default();
        file.load(folder, limits)
    }

    /// Writes commits, forgets others, and returns when both are on the disk, or nothing is.
    pub(super) fn write(&self, commits: &[Commit], dropped: &[Revision], oldest: Revision) -> Result<(), BoxError> {
        let transaction = self.begin()?;
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

    /// Notes that everything up to a revision is about to be answered.
    pub(super) fn note(&self, revision: Revision) {
        if let Some(mark) = &self.mark {
            mark.note(revision);
        }
    }

    /// Leaves the file so that whoever opens it next need not repair it, even after a kill.
    pub(super) fn settle(&self) -> Result<(), BoxError> {
        let mut transaction = self.begin()?;
        transaction.set_quick_repair(true);
        transaction.commit()?;
        Ok(())
    }

    fn begin(&self) -> Result<WriteTransaction, BoxError> {
        let database = self.database.as_ref().ok_or("the database is closed")?;
        Ok(database.begin_write()?)
    }

    /// Opens the database again after its disk had failed, and reads what is there.
    ///
    /// * Errors: it still fails, or what is there cannot be trusted.
    pub(super) fn reopen(&mut self, limits: Limits) -> Result<Contents, BoxError> {
        if self.sync_failed.load(Ordering::Relaxed) {
            return Err("after a failed sync only a restart can tell what the disk holds".into());
        }
        self.medium.probe()?;
        self.database = None;
        let database = self.connect_sound()?;
        let contents = load::read(&database, limits)?;
        self.database = Some(database);
        Ok(contents)
    }

    fn connect(&self) -> Result<Opened, BoxError> {
        let bytes = || Ok::<_, BoxError>(Watched::new(self.medium.open()?, self.sync_failed.clone()));
        match builder().set_check_integrity_on_open(true).create_with_backend(bytes()?) {
            Ok(database) => Ok(Opened::Sound(database)),
            Err(DatabaseError::Storage(StorageError::Corrupted(fault))) => {
                let bytes = bytes()?;
                let opened = guarded(|| Ok(builder().open_read_only_with_backend(bytes)?));
                // Why it cannot be read either says less than what is wrong with it.
                Ok(Opened::Damaged(opened.map_err(|_| fault.clone())?, fault))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn connect_sound(&self) -> Result<Database, BoxError> {
        match self.connect()? {
            Opened::Sound(database) => Ok(database),
            Opened::Damaged(_, fault) => Err(fault.into()),
        }
    }

    fn load(mut self, folder: &Path, limits: Limits) -> Result<Loaded, OpenError> {
        let opened = self.connect().map_err(|source| failed(folder, source))?;
        let (contents, fault) = match opened {
            Opened::Sound(database) => {
                let contents = read(&database, folder, limits)?;
                self.database = Some(database);
                (contents, None)
            }
            Opened::Damaged(database, fault) => (read(&database, folder, limits)?, Some(fault)),
        };
        let Contents { history, dropped, salvaged } = contents;
        let fault = fault.or(salvaged.map(ToOwned::to_owned));
        Ok(Loaded { file: self, history, dropped, fault, aside: None })
    }
}

/// A database as its file allows.
enum Opened {
    Sound(Database),
    /// It is not what was written, and may only be read; what is wrong with it.
    Damaged(ReadOnlyDatabase, String),
}

fn read(database: &impl ReadableDatabase, folder: &Path, limits: Limits) -> Result<Contents, OpenError> {
    let found = guarded(|| format(database)).map_err(|source| failed(folder, source))?;
    if found != VERSION {
        return Err(OpenError::Format { folder: folder.into(), found, supported: VERSION });
    }
    guarded(|| load::read(database, limits)).map_err(|source| failed(folder, source))
}

impl Loaded {
    /// With its content in another file if something is wrong with this one.
    fn renewed(mut self, folder: &Path) -> Result<Self, OpenError> {
        if self.fault.is_none() {
            return Ok(self);
        }
        self.file.database = None;
        let history = &self.history;
        let replaced = self.file.medium.replace(&mut |database| write_all(database, history));
        self.aside = Some(replaced.map_err(|source| failed(folder, source))?);
        self.dropped.clear();
        self.file.database = Some(self.file.connect_sound().map_err(|source| failed(folder, source))?);
        self.fault = None;
        Ok(self)
    }

    /// What cannot be read of the newest state.
    pub(super) fn damaged(&self) -> Vec<Unreadable> {
        self.history.damaged()
    }
}

/// How many rows go into one transaction of a file that nobody reads yet.
const CHUNK: usize = 4096;

/// Writes a whole history into an empty database.
pub(super) fn write_all(database: &Database, history: &History) -> Result<(), BoxError> {
    begin_tables(database)?;
    let mut rows = history.rows();
    loop {
        let chunk: Vec<_> = rows.by_ref().take(CHUNK).collect();
        let transaction = database.begin_write()?;
        {
            let mut log = transaction.open_table(LOG)?;
            for (revision, kind, created, key, value) in &chunk {
                log.insert(revision.0, row::encode(*revision, *kind, *created, key, value).as_slice())?;
            }
            if chunk.is_empty() {
                let mut current = transaction.open_table(CURRENT)?;
                for (key, revision) in history.keys() {
                    current.insert(key.as_str(), revision.0)?;
                }
                transaction.open_table(META)?.insert(COMPACTED, history.oldest().0)?;
            }
        }
        transaction.commit()?;
        if chunk.is_empty() {
            return Ok(());
        }
    }
}

fn format(database: &impl ReadableDatabase) -> Result<u64, BoxError> {
    let transaction = database.begin_read()?;
    let format = transaction.open_table(META)?.get(FORMAT)?;
    Ok(format.ok_or("its format is not told")?.value())
}

/// What a file holds that is not of this program's making, such as a backup.
pub(super) fn read_only(path: &Path, limits: Limits) -> Result<Contents, OpenError> {
    let opened = guarded(|| Ok(builder().open_read_only(path)?));
    let database = opened.map_err(|source| failed(path, source))?;
    read(&database, path, limits)
}

fn begin_tables(database: &Database) -> Result<(), BoxError> {
    let transaction = database.begin_write()?;
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT, VERSION)?;
        meta.insert(COMPACTED, 1)?;
        transaction.open_table(LOG)?;
        transaction.open_table(CURRENT)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Reads are served from memory: the database needs little more than the pages it changes.
const CACHE: usize = 16 << 20;

pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE);
    builder
}

pub(super) fn failed(folder: &Path, source: impl Into<BoxError>) -> OpenError {
    OpenError::Failed { folder: folder.into(), source: source.into() }
}
