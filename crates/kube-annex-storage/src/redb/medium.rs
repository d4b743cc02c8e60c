//! Where the bytes of a store lie, and what is known of its failures.

use crate::error::BoxError;
use ::redb::backends::FileBackend;
use ::redb::{Database, StorageBackend};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Where the bytes of a store lie: it can be opened, and opened again.
pub(super) trait Medium: Send + 'static {
    /// The bytes that are there.
    fn open(&self) -> Result<Box<dyn StorageBackend>, BoxError>;

    /// Whether something can be written at all.
    fn probe(&self) -> io::Result<()>;

    /// Puts another database in its place and keeps what was there aside; answers where.
    fn replace(&self, fill: &mut dyn FnMut(&Database) -> Result<(), BoxError>) -> Result<PathBuf, BoxError>;
}

/// A file in a folder of its own.
pub(super) struct FileMedium(pub(super) PathBuf);

impl Medium for FileMedium {
    fn open(&self) -> Result<Box<dyn StorageBackend>, BoxError> {
        let file = OpenOptions::new().read(true).write(true).open(&self.0)?;
        if file.metadata()?.len() == 0 {
            return Err("the file has lost its content".into());
        }
        Ok(Box::new(FileBackend::new(file)?))
    }

    fn probe(&self) -> io::Result<()> {
        let path = self.0.with_extension("probe");
        let written = fs::File::create(&path).and_then(|mut file| {
            io::Write::write_all(&mut file, &[1; 4096])?;
            file.sync_all()
        });
        let _ = fs::remove_file(&path);
        written
    }

    fn replace(&self, fill: &mut dyn FnMut(&Database) -> Result<(), BoxError>) -> Result<PathBuf, BoxError> {
        let draft = draft(&self.0, fill)?;
        let aside = unused(&self.0);
        fs::rename(&self.0, &aside)?;
        fs::rename(&draft, &self.0)?;
        sync_folder(&self.0)?;
        Ok(aside)
    }
}

/// Makes a whole database and puts it at a path where there is none: whoever ends meanwhile leaves nothing half made,
/// and a file that is there is never taken for a new one.
pub(super) fn create(path: &Path, fill: &mut dyn FnMut(&Database) -> Result<(), BoxError>) -> Result<(), BoxError> {
    let draft = draft(path, fill)?;
    // Unlike a rename, a link never takes the place of what is there.
    fs::hard_link(&draft, path)?;
    fs::remove_file(&draft)?;
    sync_folder(path)?;
    Ok(())
}

fn draft(path: &Path, fill: &mut dyn FnMut(&Database) -> Result<(), BoxError>) -> Result<PathBuf, BoxError> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let database = super::file::builder().create(&draft)?;
    fill(&database)?;
    database.close()?;
    fs::File::open(&draft)?.sync_all()?;
    Ok(draft)
}

/// A name beside the path that is not taken.
fn unused(path: &Path) -> PathBuf {
    let names = (1..).map(|number: u32| path.with_extension(format!("damaged-{number}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| path.with_extension("damaged"))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

/// The bytes of a medium, watched for the one failure after which nobody knows what they are.
pub(super) struct Watched {
    below: Box<dyn StorageBackend>,
    sync_failed: Arc<AtomicBool>,
}

impl Watched {
    pub(super) fn new(below: Box<dyn StorageBackend>, sync_failed: Arc<AtomicBool>) -> Self {
        Self { below, sync_failed }
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.below.fmt(f)
    }
}

impl StorageBackend for Watched {
    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.below.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.below.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.below.sync_data().inspect_err(|_| self.sync_failed.store(true, Ordering::Relaxed))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.below.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }
}
