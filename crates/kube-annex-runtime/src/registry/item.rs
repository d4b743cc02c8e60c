//! An object as bytes, ready to be sent: what reads are made of.

use bytes::Bytes;
use kube_annex::encode::Stored;
use kube_annex::{Object, Status};
use kube_annex_storage::cache::CachedEntry;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// An object in one version: its JSON without resourceVersion, and the revision that belongs there.
///
/// * Units: revision 0 means the object was never kept (a dry run); only then its JSON can have a resourceVersion.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) bytes: Bytes,
    pub(crate) revision: u64,
}

impl Item {
    /// Writes an object down. Its own resourceVersion is left out; `revision` takes its place.
    pub(crate) fn of(mut object: Object, revision: u64) -> Result<Self, Status> {
        Self::of_mut(&mut object, revision)
    }

    /// As [`Item::of`], of an object that is needed afterwards: its resourceVersion is as before then.
    pub(crate) fn of_mut(object: &mut Object, revision: u64) -> Result<Self, Status> {
        let own = object.metadata_mut().resource_version.take();
        let written = Self::write(object, revision);
        object.metadata_mut().resource_version = own;
        written
    }

    /// Writes an object down that is not kept: its resourceVersion is what its sender wrote.
    pub(crate) fn as_sent(object: &Object) -> Result<Self, Status> {
        Self::write(object, 0)
    }

    fn write(object: &Object, revision: u64) -> Result<Self, Status> {
        let mut bytes = Vec::with_capacity(1024);
        object.write_json(&mut bytes).map_err(|error| Status::internal(format_args!("{object:?}: {error}")))?;
        Ok(Self { bytes: bytes.into(), revision })
    }

    /// An entry's bytes; nothing is copied.
    pub(crate) fn stored(entry: &CachedEntry) -> Self {
        Self { bytes: entry.value.clone(), revision: entry.revision.0 }
    }

    /// What selectors and preconditions need to know, read without the rest of the object.
    pub(crate) fn head(&self) -> Result<Head<'_>, Status> {
        Head::of(&self.bytes)
    }
}

/// The part of an object that selectors and preconditions look at.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head<'a> {
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) namespace: Cow<'a, str>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(borrow, default)]
    pub(crate) deletion_timestamp: Option<Cow<'a, str>>,
}

impl<'a> Head<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self, Status> {
        let metadata = Stored::find(bytes).and_then(|stored| stored.metadata(bytes)).map_err(unreadable)?;
        serde_json::from_slice(metadata).map_err(unreadable)
    }

    fn into_owned(self) -> Head<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Head {
            name: owned(self.name),
            namespace: owned(self.namespace),
            labels: self.labels,
            deletion_timestamp: self.deletion_timestamp.map(owned),
        }
    }
}

/// What is known of a stored object without reading it again, kept beside its bytes.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) places: Stored,
    head: OnceLock<Box<Head<'static>>>,
}

impl Facts {
    pub(crate) fn of(entry: &CachedEntry) -> Result<&Self, Status> {
        entry.facts(|entry| {
            let places = Stored::find(&entry.value).map_err(unreadable)?;
            Ok(Self { places, head: OnceLock::new() })
        })
    }

    /// What selectors look at; read when the first of them does.
    pub(crate) fn head<'a>(&'a self, entry: &CachedEntry) -> Result<&'a Head<'static>, Status> {
        if let Some(head) = self.head.get() {
            return Ok(head);
        }
        let head = Head::of(&entry.value)?.into_owned();
        Ok(self.head.get_or_init(|| Box::new(head)))
    }
}

/// 500: stored bytes are not what this server wrote.
pub(crate) fn unreadable(error: impl std::fmt::Display) -> Status {
    Status::internal(format_args!("a stored object cannot be read: {error}"))
}
