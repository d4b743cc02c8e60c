//! A resource in service: its registration, and where its objects come from.

use crate::registry::item::{Item, unreadable};
use crate::registry::list::{Listed, Predicate};
use crate::registry::registration::{Registration, ServedVersion};
use crate::registry::scale::Scaling;
use crate::registry::store::{Deletion, Store, Write, Written};
use crate::seams::Seams;
use crate::source::ComputedStore;
use kube_annex::fieldmanager::{self, FieldManager};
use kube_annex::options::{DeleteOptions, ListOptions};
use kube_annex::{Object, Scope, Status};
use kube_annex_storage::Revision;
use kube_annex_storage::cache::Freshness;
use std::sync::Arc;

/// A resource in service.
pub(crate) struct ServedResource {
    pub(crate) registration: Arc<Registration>,
    pub(crate) origin: Origin,
    /// Who manages which field.
    pub(crate) fields: FieldManager,
    /// The scale subresource, where it is served.
    pub(crate) scale: Option<Scaling>,
}

/// Where objects come from.
pub(crate) enum Origin {
    /// A storage.
    Stored(Store),
    /// A user's handlers.
    Computed(ComputedStore),
}

impl ServedResource {
    /// One object, the newest or not older than `at_least`.
    pub(crate) async fn get(&self, write: &Write<'_>, name: &str, at_least: Option<u64>) -> Result<Item, Status> {
        match &self.origin {
            Origin::Stored(store) => {
                let freshness = at_least.map_or(Freshness::Newest, |least| Freshness::NotOlderThan(Revision(least)));
                Ok(Item::stored(&*store.get(write.namespace(), name, freshness).await?))
            }
            Origin::Computed(computed) => computed.get(write, name, at_least).await,
        }
    }

    pub(crate) fn new(registration: &Arc<Registration>, origin: Origin) -> Self {
        let registration = Arc::clone(registration);
        let versions: Arc<dyn fieldmanager::Versions> = Arc::<Registration>::clone(&registration);
        let fields = FieldManager::new(versions, registration.resets());
        let scale = Scaling::of(&registration);
        Self { registration, origin, fields, scale }
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.registration.descriptor().scope == Scope::Namespaced
    }

    /// The present moment, on the clock that objects are made by.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.seams().clock.now()
    }

    pub(crate) fn seams(&self) -> &Seams {
        match &self.origin {
            Origin::Stored(store) => &store.seams,
            Origin::Computed(computed) => &computed.seams,
        }
    }

    pub(crate) fn served(&self, version: usize) -> &ServedVersion {
        &self.registration.versions[version]
    }

    pub(crate) async fn list(
        &self,
        write: &Write<'_>,
        options: &ListOptions,
        predicate: &Predicate,
    ) -> Result<Listed, Status> {
        match &self.origin {
            Origin::Stored(store) => store.list(write.namespace(), options, predicate).await,
            Origin::Computed(computed) => computed.list(write, options, predicate).await,
        }
    }

    pub(crate) async fn create(&self, write: &Write<'_>, object: Object) -> Result<Written, Status> {
        match &self.origin {
            Origin::Stored(store) => store.create(write, object).await,
            Origin::Computed(computed) => computed.create(write, object).await,
        }
    }

    pub(crate) async fn update(
        &self,
        write: &Write<'_>,
        name: &str,
        change: impl FnMut(&Object) -> Result<Object, Status>,
    ) -> Result<Written, Status> {
        match &self.origin {
            Origin::Stored(store) => store.update(write, name, change).await,
            Origin::Computed(computed) => computed.update(write, name, change).await,
        }
    }

    /// Whether an update that names a version means the live object.
    pub(crate) fn check_version(&self, sent: &str, live: &Object) -> Result<(), Status> {
        match &self.origin {
            Origin::Stored(store) => {
                let version = live.metadata().resource_version.as_deref().and_then(|version| version.parse().ok());
                store.check_resource_version(sent, version.unwrap_or_default(), live.name())
            }
            Origin::Computed(_) => Ok(()),
        }
    }

    pub(crate) async fn delete(
        &self,
        write: &Write<'_>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, Status> {
        match &self.origin {
            Origin::Stored(store) => store.delete(write, name, options).await,
            Origin::Computed(computed) => computed.delete(write, name, options).await,
        }
    }

    /// Removes an object that cannot be read.
    pub(crate) async fn delete_unreadable(&self, write: &Write<'_>, name: &str) -> Result<(), Status> {
        match &self.origin {
            Origin::Stored(store) => store.delete_unreadable(write, name).await,
            // Upstream's words.
            Origin::Computed(_) => Err(Status::internal(
                "no unsafe deleter provided, can not honor ignoreStoreReadErrorWithClusterBreakingPotential",
            )),
        }
    }

    /// An item as the origin keeps it, in the version asked for. The same bytes when that is the stored version.
    pub(crate) fn render(&self, item: Item, version: usize) -> Result<Item, Status> {
        let written = self.registration.version_of(&item.bytes);
        if version == written {
            return Ok(item);
        }
        let hub = self.served(written).codec.read(&item.bytes).map_err(unreadable)?;
        let converted = self.served(version).codec.convert(hub);
        if item.revision == 0 { Item::as_sent(&converted) } else { Item::of(converted, item.revision) }
    }
}
