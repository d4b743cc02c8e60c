//! The folder of a store: one process at a time has it.

use super::OpenError;
use super::file::failed;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// The file that is locked, and holds the id of who did.
const NAME: &str = "lock";

/// Takes a folder for this process as long as the answer lives.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let io = |source| failed(folder, source);
    let path = folder.join(NAME);
    let mut lock = File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(io)?;
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
