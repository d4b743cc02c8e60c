//! The forms that are shared: what is encoded once for all clients that ask for the same.

use crate::registry::item::{Facts, Item, unreadable};
use crate::registry::resource::ServedResource;
use crate::request::negotiate::{MetaVersion, Transform};
use kube_annex::Status;
use kube_annex::encode::Stored;
use kube_annex_storage::cache::{CachedEntry, SegmentBody};
use std::sync::Arc;

/// A version and what is made of it. Tables are none: they depend on the time and the request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Form {
    version: usize,
    content: Content,
}

/// What of an object is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Content {
    Whole,
    Metadata(MetaVersion),
}

impl Form {
    /// The form of objects; `None` for what is not shared, or is no form of objects.
    pub(super) fn of_objects(version: usize, transform: Transform) -> Option<Self> {
        let content = match transform {
            Transform::None => Content::Whole,
            Transform::PartialObjectMetadata(meta) => Content::Metadata(meta),
            Transform::PartialObjectMetadataList(_) | Transform::Table(_) => return None,
        };
        Some(Self { version, content })
    }

    /// The form of a list's items.
    pub(super) fn of_items(version: usize, transform: Transform) -> Option<Self> {
        let content = match transform {
            Transform::None => Content::Whole,
            Transform::PartialObjectMetadataList(meta) => Content::Metadata(meta),
            Transform::PartialObjectMetadata(_) | Transform::Table(_) => return None,
        };
        Some(Self { version, content })
    }

    /// The number that the cache knows the form by: below 256 for as many versions as anyone serves.
    pub(super) fn number(self) -> u64 {
        let content = match self.content {
            Content::Whole => 0,
            Content::Metadata(MetaVersion::V1) => 1,
            Content::Metadata(MetaVersion::V1Beta1) => 2,
        };
        self.version as u64 * 4 + content
    }

    /// The number that the cache knows the compressed form by.
    pub(super) fn packed_number(self) -> u64 {
        self.number() | 1 << 32
    }

    /// Kind and version of a list of this form, when they are not those of the resource.
    pub(super) fn list_kind(self) -> Option<(&'static str, &'static str)> {
        match self.content {
            Content::Whole => None,
            Content::Metadata(meta) => Some(("PartialObjectMetadataList", meta.api_version())),
        }
    }

    /// Writes an object as of a revision: that of a deletion is not its own.
    pub(super) fn write_object(
        self,
        resource: &ServedResource,
        entry: &CachedEntry,
        revision: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        self.with_places(resource, entry, |places, bytes| match self.content {
            Content::Whole => {
                places.write_object(bytes, revision, out);
                Ok(())
            }
            Content::Metadata(meta) => {
                places.write_partial(bytes, revision, meta.api_version(), out).map_err(unreadable)
            }
        })
    }

    /// Writes an item of a list.
    fn write_item(self, resource: &ServedResource, entry: &CachedEntry, out: &mut Vec<u8>) -> Result<(), Status> {
        let revision = entry.revision.0;
        self.with_places(resource, entry, |places, bytes| match self.content {
            Content::Whole => {
                places.write_item(bytes, revision, out);
                Ok(())
            }
            Content::Metadata(meta) => {
                places.write_partial(bytes, revision, meta.api_version(), out).map_err(unreadable)
            }
        })
    }

    /// The items one after the other, a comma before each of them.
    pub(super) fn join(self, resource: &ServedResource, entries: &[Arc<CachedEntry>]) -> Result<SegmentBody, Status> {
        let size: usize = entries.iter().map(|entry| entry.value.len() + SPLICED).sum();
        let mut out = Vec::with_capacity(size);
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries {
            out.push(b',');
            self.write_item(resource, entry, &mut out)?;
            ends.push(out.len());
        }
        Ok(SegmentBody { bytes: out.into(), ends })
    }

    fn with_places(
        self,
        resource: &ServedResource,
        entry: &CachedEntry,
        write: impl FnOnce(&Stored, &[u8]) -> Result<(), Status>,
    ) -> Result<(), Status> {
        if resource.registration.version_of(&entry.value) == self.version {
            return write(&Facts::of(entry)?.places, &entry.value);
        }
        let Item { bytes, .. } = resource.render(Item::stored(entry), self.version)?;
        write(&Stored::find(&bytes).map_err(unreadable)?, &bytes)
    }
}

/// What a resourceVersion and a comma add to an object.
const SPLICED: usize = 48;
