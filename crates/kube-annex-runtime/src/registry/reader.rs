//! Typed reads for plug-ins: what an admission rule needs to know of other objects.

use crate::registry::resource::Origin;
use crate::registry::resource::ServedResource;
use kube_annex::options::ListOptions;
use kube_annex::{AggregatedResource, Object, Status};
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

/// Reads the objects that this server stores. Empty until the server is built, and after it is gone: the plug-in that
/// reads is part of the server, and must not keep it alive.
#[derive(Clone, Default)]
pub struct Reader(Arc<OnceLock<Vec<Weak<ServedResource>>>>);

impl Reader {
    pub(crate) fn fill(&self, resources: &[Arc<ServedResource>]) {
        let _ = self.0.set(resources.iter().map(Arc::downgrade).collect());
    }

    /// Every object of a stored resource, in the hub version `R`, all namespaces.
    ///
    /// * Shape: what was written through this server is in it; what others write is a moment later, as in the informers
    ///   that upstream's plug-ins read. A write costs no question to the storage.
    /// * Errors: 503 before the server is built and after it is gone; 404 when `R` is not the hub of a stored resource.
    pub async fn list<R: AggregatedResource>(&self) -> Result<Vec<R>, Status> {
        let resources: Option<Vec<_>> = self.0.get().and_then(|all| all.iter().map(Weak::upgrade).collect());
        let resources = resources.ok_or_else(|| Status::unavailable("not yet ready to handle request"))?;
        let wanted = R::DESCRIPTOR.gvr();
        let store = resources
            .iter()
            .filter_map(|resource| match &resource.origin {
                Origin::Stored(store) => Some(store),
                Origin::Computed(_) => None,
            })
            .find(|store| store.registration.descriptor().gvr() == wanted)
            .ok_or_else(Status::no_such_path)?;
        let written = store.written.load(Ordering::Acquire);
        let options = ListOptions { resource_version: written.to_string(), ..ListOptions::default() };
        let listed = store.list("", &options, &super::list::Predicate::default()).await?;
        listed
            .items
            .iter()
            .map(|item| store.read(&item.bytes, item.revision)?.downcast().map_err(|other: Object| mistyped(&other)))
            .collect()
    }
}

fn mistyped(object: &Object) -> Status {
    Status::internal(format_args!("{object:?} is not of the type it was read as"))
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reader").field(&self.0.get().map(Vec::len)).finish()
    }
}
