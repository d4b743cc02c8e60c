//! What is done with a store that nobody serves from: looking, copying it away, and bringing a copy back.

use super::file::{self, File, Loaded, failed, write_all};
use super::{OpenError, medium};
use crate::error::{BoxError, Unreadable};
use crate::history::Limits;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

/// What a folder holds, as [`verify`] found it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// How many keys there are.
    pub keys: usize,
    /// The oldest revision that can be read and watched from.
    pub oldest: u64,
    /// The newest revision.
    pub newest: u64,
    /// The size of the file in bytes.
    pub bytes: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, oldest, newest, bytes } = self;
        write!(f, "intact: {keys} objects, history from revision {oldest} to {newest}, {bytes} bytes")
    }
}

/// What a folder holds and how much of its space that takes, as [`stats`] found it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stats {
    /// How many keys there are, those that cannot be read included.
    pub keys: usize,
    /// What each resource takes, by `<resource>.<group>`.
    pub resources: BTreeMap<String, ResourceStats>,
    /// The history that watches can read.
    pub history: HistoryStats,
    /// The size of the file in bytes.
    pub file_bytes: u64,
    /// The keys whose value cannot be read, and why.
    pub damaged: BTreeMap<String, String>,
}

/// What a resource takes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub struct ResourceStats {
    /// How many keys it has.
    pub keys: usize,
    /// The size of its keys and their newest values.
    pub bytes: usize,
}

/// The history that watches can read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct HistoryStats {
    /// The oldest revision that can be read and watched from.
    pub oldest: u64,
    /// The newest revision.
    pub newest: u64,
    /// How many commits are kept.
    pub commits: usize,
    /// The size of their keys and values.
    pub bytes: usize,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HistoryStats { oldest, newest, commits, bytes } = self.history;
        writeln!(f, "objects: {}", self.keys)?;
        for (name, ResourceStats { keys, bytes }) in &self.resources {
            writeln!(f, "  {name}: {keys} objects, {bytes} bytes")?;
        }
        writeln!(f, "history: revision {oldest} to {newest}, {commits} commits, {bytes} bytes")?;
        write!(f, "file: {} bytes", self.file_bytes)?;
        for (key, why) in &self.damaged {
            write!(f, "\ndamaged: {key}: {why}")?;
        }
        Ok(())
    }
}

/// Reads and checks all of a folder, which nobody may be using, and begins none.
///
/// * Errors: [`OpenError::Damaged`] names every key that cannot be read.
pub fn verify(folder: impl AsRef<Path>) -> Result<Summary, OpenError> {
    let folder = folder.as_ref();
    let (loaded, bytes) = examine(folder)?;
    refuse_damage(folder, &loaded)?;
    let (oldest, newest) = (loaded.history.oldest().0, loaded.history.newest().0);
    Ok(Summary { keys: loaded.history.count_all(), oldest, newest, bytes })
}

/// Says what a folder holds, which nobody may be using, also when some of it is damaged.
pub fn stats(folder: impl AsRef<Path>) -> Result<Stats, OpenError> {
    let (loaded, file_bytes) = examine(folder.as_ref())?;
    let history = &loaded.history;
    let mut resources: BTreeMap<String, ResourceStats> = BTreeMap::new();
    for (key, bytes) in history.sizes() {
        let mut segments = key.as_str().split('/');
        let (group, resource) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let of = resources.entry(format!("{resource}.{group}")).or_default();
        of.keys += 1;
        of.bytes += bytes;
    }
    let damaged = loaded.damaged().into_iter().map(|Unreadable { key, why, .. }| (key.to_string(), why));
    let (commits, bytes) = history.log_size();
    let (oldest, newest) = (history.oldest().0, history.newest().0);
    Ok(Stats {
        keys: history.count_all(),
        resources,
        history: HistoryStats { oldest, newest, commits, bytes },
        file_bytes,
        damaged: damaged.collect(),
    })
}

/// Copies a store, which nobody may be using, into one new file: objects, history and revisions.
///
/// * Errors: the store is damaged, or the file exists or cannot be written; there is no half file then.
pub fn backup(folder: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Summary, OpenError> {
    let (folder, to) = (folder.as_ref(), to.as_ref());
    let (loaded, _) = examine(folder)?;
    refuse_damage(folder, &loaded)?;
    let written = medium::create(to, &mut |database| write_all(database, &loaded.history));
    written.map_err(|source| failed(to, source))?;
    let bytes = size(to)?;
    let (oldest, newest) = (loaded.history.oldest().0, loaded.history.newest().0);
    Ok(Summary { keys: loaded.history.count_all(), oldest, newest, bytes })
}

/// Makes a store of what [`backup`] wrote, in a folder that is empty or does not exist.
///
/// * Errors: the folder holds something, or the file is no intact backup; the folder is as before then.
pub fn restore(folder: impl AsRef<Path>, from: impl AsRef<Path>) -> Result<Summary, OpenError> {
    let (folder, from) = (folder.as_ref(), from.as_ref());
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(OpenError::NotEmpty { folder: folder.into() });
    }
    let contents = file::read_only(from, EVERYTHING)?;
    let objects = contents.history.damaged();
    if contents.salvaged.is_some() || !objects.is_empty() {
        let why = contents.salvaged.unwrap_or("values are not what was written").to_owned();
        return Err(OpenError::Damaged { folder: from.into(), objects, why });
    }
    fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
    let path = folder.join(file::NAME);
    let written = medium::create(&path, &mut |database| write_all(database, &contents.history));
    written.map_err(|source| failed(folder, source))?;
    let (oldest, newest) = (contents.history.oldest().0, contents.history.newest().0);
    Ok(Summary { keys: contents.history.count_all(), oldest, newest, bytes: size(&path)? })
}

const EVERYTHING: Limits = Limits { commits: usize::MAX, bytes: usize::MAX };

fn examine(folder: &Path) -> Result<(Loaded, u64), OpenError> {
    let path = folder.join(file::NAME);
    size(&path).map_err(|error| match error {
        OpenError::Failed { source, .. } => failed(folder, source),
        other => other,
    })?;
    let loaded = File::examine(folder, EVERYTHING, false)?;
    Ok((loaded, size(&path)?))
}

fn size(path: &Path) -> Result<u64, OpenError> {
    let metadata = fs::metadata(path).map_err(|source| failed(path, BoxError::from(source)))?;
    Ok(metadata.len())
}

fn refuse_damage(folder: &Path, loaded: &Loaded) -> Result<(), OpenError> {
    let objects = loaded.damaged();
    if loaded.fault.is_none() && objects.is_empty() {
        return Ok(());
    }
    let why = loaded.fault.clone().unwrap_or_else(|| "values are not what was written".to_owned());
    Err(OpenError::Damaged { folder: folder.into(), objects, why })
}
