//! Everything that a history holds, for those who write it down or measure it.

use super::{Held, History, Version};
use crate::key::Key;
use crate::storage::{EventKind, Revision};

/// A commit: its revision, what it did, when the key was created, the key, and the value; a deletion has none.
pub(crate) type Row<'a> = (Revision, EventKind, Revision, &'a Key, &'a [u8]);

impl History {
    /// Every commit that is kept, oldest first: of those below the oldest readable state what that still holds.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let versions = self.versions.iter().flat_map(|(key, versions)| versions.iter().map(move |one| (key, one)));
        let mut base: Vec<Row<'_>> = versions.filter_map(|(key, version)| self.base(key, version)).collect();
        base.sort_unstable_by_key(|row| row.0);
        let log = self.log.iter().map(|event| {
            let value = if event.kind == EventKind::Deleted { &[] } else { &event.value[..] };
            (event.revision, event.kind, event.created, &event.key, value)
        });
        base.into_iter().chain(log)
    }

    fn base<'a>(&self, key: &'a Key, version: &'a Version) -> Option<Row<'a>> {
        let Version { revision, created, held } = version;
        let Held::Value(value) = held else { return None };
        let kind = if revision == created { EventKind::Created } else { EventKind::Updated };
        (*revision <= self.oldest).then_some((*revision, kind, *created, key, &value[..]))
    }

    /// Every key that exists, and the commit that wrote what it holds.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Key, Revision)> {
        self.existing().map(|(key, version)| (key, version.revision))
    }

    /// Every key that exists, and the size of it and of what it holds.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&Key, usize)> {
        self.existing().map(|(key, version)| (key, version.size(key)))
    }

    fn existing(&self) -> impl Iterator<Item = (&Key, &Version)> {
        let newest = self.versions.iter().filter_map(|(key, versions)| Some((key, versions.back()?)));
        newest.filter(|(_, version)| !version.is_nothing())
    }

    /// How many commits the log holds, and the size of their keys and values.
    pub(crate) fn log_size(&self) -> (usize, usize) {
        (self.log.len(), self.bytes)
    }
}
