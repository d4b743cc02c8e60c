//! A note beside the store of the newest revision that was answered.
//!
//! A commit is on the disk before it is noted. So a store that is older than its note has lost commits, which the
//! database alone cannot tell: after a kill it takes a damaged last commit for one that was never finished.

use crate::storage::Revision;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

pub(super) const NAME: &str = "answered";

pub(super) struct Mark(File);

impl Mark {
    /// The note in a folder, begun when there is none, and what it says.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Option<Revision>)> {
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).clone();
        let file = options.open(folder.join(NAME))?;
        let mut bytes = [0; 12];
        let noted = file.read_exact_at(&mut bytes, 0).ok().and_then(|()| decode(bytes));
        Ok((Self(file), noted))
    }

    /// Notes a revision. It costs no wait for the disk, and outlives the process; of a power cut the store itself knows.
    pub(super) fn note(&self, revision: Revision) {
        let revision = revision.0.to_le_bytes();
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&revision);
        bytes[8..].copy_from_slice(&crc32fast::hash(&revision).to_le_bytes());
        // Without the note the store is as safe as its database.
        let _ = self.0.write_all_at(&bytes, 0);
    }
}

fn decode(bytes: [u8; 12]) -> Option<Revision> {
    let (revision, sum) = bytes.split_first_chunk::<8>()?;
    let right = crc32fast::hash(revision).to_le_bytes() == sum;
    right.then(|| Revision(u64::from_le_bytes(*revision)))
}
