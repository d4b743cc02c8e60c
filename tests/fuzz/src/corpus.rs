//! The seeds of a target: one file each, in `corpus/<target>/`.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The inputs of one target.
pub(crate) struct Corpus {
    folder: PathBuf,
    inputs: Vec<Vec<u8>>,
}

impl Corpus {
    /// Reads all seeds, by name.
    ///
    /// * Errors: the folder or a file cannot be read.
    pub(crate) fn read(target: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        paths.sort();
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
        let inputs = paths.iter().map(read).collect::<Result<_>>()?;
        Ok(Self { folder, inputs })
    }

    pub(crate) fn inputs(&self) -> &[Vec<u8>] {
        &self.inputs
    }

    /// Keeps an input that something was found with, so that the tests send it from now on.
    ///
    /// * Errors: the file cannot be written.
    pub(crate) fn keep(&self, input: &[u8]) -> Result<PathBuf> {
        let mut hasher = DefaultHasher::new();
        input.hash(&mut hasher);
        let path = self.folder.join(format!("found-{:016x}", hasher.finish()));
        fs::write(&path, input).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
