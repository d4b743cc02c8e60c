//! The forms that are shared: what is encoded once for all clients that ask for the same.

use crate::endpoint::message;
use crate::endpoint::respond::{self, ListAnswer};
use crate::registry::item::{Facts, Item, unreadable};
use crate::registry::resource::ServedResource;
use crate::request::negotiate::{Format, MetaVersion, Negotiated, Transform};
use kube_annex::encode::Stored;
use kube_annex::protobuf::Frame;
use kube_annex::{ResourceDescriptor, Status};
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
    /// Metadata in protobuf.
    Message(MetaVersion),
}

impl Form {
    /// The form of objects; `None` for what is not shared, or is no form of objects.
    pub(super) fn of_objects(version: usize, negotiated: Negotiated) -> Option<Self> {
        match negotiated.transform {
            Transform::PartialObjectMetadata(meta) => Some(Self::of_metadata(version, negotiated, meta)),
            Transform::None => Self::of_whole(version, negotiated),
            Transform::PartialObjectMetadataList(_) | Transform::Table(_) => None,
        }
    }

    /// The form of a list's items.
    pub(super) fn of_items(version: usize, negotiated: Negotiated) -> Option<Self> {
        match negotiated.transform {
            Transform::PartialObjectMetadataList(meta) => Some(Self::of_metadata(version, negotiated, meta)),
            Transform::None => Self::of_whole(version, negotiated),
            Transform::PartialObjectMetadata(_) | Transform::Table(_) => None,
        }
    }

    fn of_whole(version: usize, negotiated: Negotiated) -> Option<Self> {
        (negotiated.format != Format::Protobuf).then_some(Self { version, content: Content::Whole })
    }

    fn of_metadata(version: usize, negotiated: Negotiated, meta: MetaVersion) -> Self {
        let content = match negotiated.format {
            Format::Protobuf => Content::Message(meta),
            Format::Json | Format::Yaml => Content::Metadata(meta),
        };
        Self { version, content }
    }

    /// The number that the cache knows the form by: below 256 for as many versions as anyone serves.
    pub(super) fn number(self) -> u64 {
        let content = match self.content {
            Content::Whole => 0,
            Content::Metadata(MetaVersion::V1) => 1,
            Content::Metadata(MetaVersion::V1Beta1) => 2,
            Content::Message(MetaVersion::V1) => 3,
            Content::Message(MetaVersion::V1Beta1) => 4,
        };
        self.version as u64 * 8 + content
    }

    /// The number that the cache knows the compressed form by.
    pub(super) fn packed_number(self) -> u64 {
        self.number() | 1 << 32
    }

    /// In which serialisation its lists are.
    pub(super) fn format(self) -> Format {
        match self.content {
            Content::Whole | Content::Metadata(_) => Format::Json,
            Content::Message(_) => Format::Protobuf,
        }
    }

    /// What is around so many bytes of items in a list of this form. `head` has everything of the list but its items.
    pub(super) fn frame(self, descriptor: &ResourceDescriptor, head: &ListAnswer, items: usize) -> Frame {
        let mut out = Vec::with_capacity(256);
        match self.content {
            Content::Whole => {
                respond::write_list_head(&descriptor.list_kind(), &descriptor.api_version(), head, &mut out);
            }
            Content::Metadata(meta) => {
                respond::write_list_head("PartialObjectMetadataList", meta.api_version(), head, &mut out);
            }
            Content::Message(meta) => return message::list_frame(meta, head, items),
        }
        out.extend_from_slice(br#","items":["#);
        Frame { head: out, tail: b"]}\n".to_vec() }
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
            Content::Message(meta) => message::write_partial(places, bytes, revision, meta, out),
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
            Content::Message(meta) => message::write_item(places, bytes, revision, meta, out),
        })
    }

    /// The items one after the other; in JSON a comma before each of them.
    pub(super) fn join(self, resource: &ServedResource, entries: &[Arc<CachedEntry>]) -> Result<SegmentBody, Status> {
        let size: usize = entries.iter().map(|entry| entry.value.len() + SPLICED).sum();
        let mut out = Vec::with_capacity(size);
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries {
            if self.format() == Format::Json {
                out.push(b',');
            }
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
