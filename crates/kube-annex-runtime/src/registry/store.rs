//! The life of stored objects: verbs over a [`Storage`], again on each conflict.

use crate::admission::{Attributes, Chain, Operation};
use crate::authz::{self, Authorizer, Decision};
use crate::registry::item::{self, Head, Item};
use crate::registry::lifecycle;
use crate::registry::registration::Registration;
use crate::registry::selection::Selections;
use crate::registry::unreadable;
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::seams::Seams;
use bytes::Bytes;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube_annex::gvk::GroupResource;
use kube_annex::options::DeleteOptions;
use kube_annex::request::RequestInfo;
use kube_annex::{Object, ResourceDescriptor, Status, Verb, field, metadata};
use kube_annex_storage::cache::{CachedEntry, Freshness};
use kube_annex_storage::{self as storage, Cached, Entry, Key, Precondition, Prefix, Revision, Storage};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How long a read waits for a revision that has not happened yet.
pub(crate) const FRESHNESS_WAIT: Duration = Duration::from_secs(3);

/// How often a patch, or an update without a resourceVersion, is tried again when others write in between.
const MOST_CONFLICTS: usize = 64;

/// How many names `generateName` tries.
const MOST_NAMES: usize = 8;

/// One resource's objects in a storage.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) registration: Arc<Registration>,
    /// What writes go to, and what they read before.
    pub(crate) storage: Arc<dyn Storage>,
    /// What reads and watches are served from.
    pub(crate) cache: Arc<Cached>,
    /// The last write that went through this server.
    pub(crate) written: Arc<AtomicU64>,
    /// What watchers select.
    pub(crate) selections: Arc<Selections>,
    pub(crate) prefix: Prefix,
    pub(crate) seams: Seams,
    pub(crate) admission: Chain,
}

/// What a write is about, besides the object.
pub(crate) struct Write<'a> {
    pub(crate) exchange: &'a Exchange,
    /// The version that was asked for.
    pub(crate) descriptor: &'static ResourceDescriptor,
    pub(crate) subresource: &'a str,
    pub(crate) dry_run: bool,
    /// Asked for the right to create, when the request was not for a creation and turns out to be one.
    pub(crate) creates_with: Option<&'a dyn Authorizer>,
    /// Whether an object that is too large may be kept without its managed fields. An apply is nothing without them.
    pub(crate) may_forget_managers: bool,
}

impl<'a> Write<'a> {
    /// The same, and it may create an object if this authorizer allows it.
    pub(crate) fn that_may_create(mut self, authorizer: &'a dyn Authorizer) -> Self {
        self.creates_with = Some(authorizer);
        self
    }

    /// The same, and managed fields are kept in any case.
    pub(crate) fn that_applies(mut self) -> Self {
        self.may_forget_managers = false;
        self
    }
}

impl Write<'_> {
    pub(crate) fn namespace(&self) -> &str {
        &self.exchange.call.info.namespace
    }

    pub(crate) fn attributes<'a>(
        &'a self,
        operation: Operation,
        name: &'a str,
        object: Option<&'a mut Object>,
        old_object: Option<&'a Object>,
    ) -> Attributes<'a> {
        Attributes {
            operation,
            descriptor: self.descriptor,
            subresource: self.subresource,
            namespace: self.namespace(),
            name,
            object,
            old_object,
            user: &self.exchange.call.user,
            dry_run: self.dry_run,
        }
    }
}

/// An object as it is after a write, in the hub version, and as its stored bytes.
pub(crate) struct Written {
    pub(crate) object: Object,
    pub(crate) item: Item,
}

/// What became of an object that was to be deleted.
pub(crate) enum Deletion {
    /// It is gone; this is what it was.
    Removed(Written),
    /// It waits for its finalizers.
    Marked(Written),
}

impl Store {
    pub(crate) fn key(&self, namespace: &str, name: &str) -> Key {
        self.prefix.in_namespace(namespace).key(name)
    }

    fn resource(&self) -> GroupResource {
        self.registration.descriptor().group_resource()
    }

    /// Waits a little for a revision that has not happened yet.
    pub(crate) async fn wait_for(&self, revision: u64) -> Result<(), Status> {
        let waited = tokio::time::timeout(FRESHNESS_WAIT, self.storage.wait_for(Revision(revision))).await;
        if let Ok(result) = waited {
            return result.map_err(|error| self.failed(&error, "get", ""));
        }
        let current = self.storage.current_revision().await.map_err(|error| self.failed(&error, "get", ""))?;
        Err(Status::too_large_resource_version(revision, current.0))
    }

    /// One object as it lies in the cache.
    pub(crate) async fn get(
        &self,
        namespace: &str,
        name: &str,
        freshness: Freshness,
    ) -> Result<Arc<CachedEntry>, Status> {
        let key = self.key(namespace, name);
        let found = match self.bounded(freshness, self.cache.entry(&key, freshness)).await? {
            // As upstream: a cache that is not there does not keep anybody from reading one object.
            Err(storage::Error::NotReady { .. }) => {
                if let Freshness::NotOlderThan(revision) = freshness {
                    self.wait_for(revision.0).await?;
                }
                self.storage.get(&key).await.map(|entry| entry.map(|entry| Arc::new(CachedEntry::new(entry))))
            }
            found => found,
        };
        let found = found.map_err(|error| self.failed(&error, "get", name))?;
        found.ok_or_else(|| Status::not_found(&self.resource(), name))
    }

    /// Waits for a read a little, if it is one that waits for a revision.
    ///
    /// * Errors: 504 when the revision has not happened by then.
    pub(crate) async fn bounded<T>(
        &self,
        freshness: Freshness,
        read: impl Future<Output = Result<T, storage::Error>>,
    ) -> Result<Result<T, storage::Error>, Status> {
        let Freshness::NotOlderThan(revision) = freshness else { return Ok(read.await) };
        tokio::time::timeout(FRESHNESS_WAIT, read).await.map_err(|_| {
            let reached = self.cache.reached(&self.prefix).unwrap_or_default();
            Status::too_large_resource_version(revision.0, reached.0)
        })
    }

    /// Notes a write; answers its number.
    fn wrote(&self, revision: Revision) -> u64 {
        self.written.fetch_max(revision.0, Ordering::AcqRel);
        revision.0
    }

    async fn entry(&self, namespace: &str, name: &str, verb: &str) -> Result<Entry, Status> {
        let key = self.key(namespace, name);
        let found = self.storage.get(&key).await.map_err(|error| self.failed(&error, verb, name))?;
        found.ok_or_else(|| Status::not_found(&self.resource(), name))
    }

    /// Reads stored bytes as an object of the hub.
    pub(crate) fn read(&self, bytes: &[u8], revision: u64) -> Result<Object, Status> {
        let mut object = self.registration.codec_of(bytes).read(bytes).map_err(item::unreadable)?;
        object.metadata_mut().resource_version = Some(revision.to_string());
        Ok(object)
    }

    /// The object's bytes as they are stored. Managed fields are left out when it would be too large with them.
    ///
    /// * Errors: 413 for an object that patches have let grow beyond what a request may bring.
    fn encode(&self, write: &Write<'_>, object: &mut Object) -> Result<Bytes, Status> {
        match self.encode_whole(object) {
            Err(status) if status.code == 413 => self.without_managers(write, object)?.ok_or(status),
            encoded => encoded,
        }
    }

    /// The object's bytes when its managed fields are left out, if there are any and that may be.
    fn without_managers(&self, write: &Write<'_>, object: &mut Object) -> Result<Option<Bytes>, Status> {
        if !write.may_forget_managers || object.metadata_mut().managed_fields.take().is_none() {
            return Ok(None);
        }
        self.encode_whole(object).map(Some)
    }

    fn encode_whole(&self, object: &mut Object) -> Result<Bytes, Status> {
        let bytes = if self.registration.stored == 0 {
            Item::of_mut(object, 0)?.bytes
        } else {
            Item::of(self.registration.stored_codec().convert(object.clone()), 0)?.bytes
        };
        if bytes.len() > body::LIMIT {
            let size = bytes.len();
            return Err(Status::too_large(format_args!(
                "the object would have {size} bytes, limit is {}",
                body::LIMIT
            )));
        }
        Ok(bytes)
    }

    /// The changed object's bytes. A write that changes nothing but the times of managed fields changes nothing.
    fn encode_changed(
        &self,
        write: &Write<'_>,
        object: &mut Object,
        old: &Object,
        live: &Bytes,
    ) -> Result<Bytes, Status> {
        if let Some(times) = lifecycle::times_alone_differ(object.metadata(), old.metadata()) {
            let new = object.metadata_mut().managed_fields.replace(times);
            let bytes = self.encode(write, object)?;
            if bytes == *live {
                return Ok(bytes);
            }
            object.metadata_mut().managed_fields = new;
        }
        self.encode(write, object)
    }

    /// Creates an object. It comes with the client's metadata, in the hub version.
    pub(crate) async fn create(&self, write: &Write<'_>, mut object: Object) -> Result<Written, Status> {
        let asked_name = object.name().to_owned();
        lifecycle::admit(&self.admission, write, Operation::Create, &asked_name, &mut object, None).await?;
        let mut object = lifecycle::before_create(&self.registration, &self.seams, object)?;
        let generate = asked_name.is_empty() && object.name().is_empty();
        let base = object.metadata().generate_name.clone().filter(|base| generate && !base.is_empty());
        let begins = object.metadata().generate_name.as_deref().is_some_and(|base| !base.is_empty());
        for attempt in 1.. {
            if let Some(base) = &base {
                object.metadata_mut().name = Some(metadata::generated_name(base, &self.seams.ids.name_suffix()));
            }
            lifecycle::validate_create(&self.registration, &mut object, &write.exchange.warnings)?;
            let name = object.name().to_owned();
            if attempt == 1 {
                authorize_create(write).await?;
            }
            self.admission.validate(&write.attributes(Operation::Create, &name, Some(&mut object), None)).await?;
            match self.insert(write, &mut object).await {
                Err(InsertError::Taken(_)) if base.is_some() && attempt < MOST_NAMES => {}
                // Upstream looks at the prefix alone, also where the name did not come from it.
                Err(InsertError::Taken(_)) if begins => return Err(self.no_unique_name(&name)),
                Err(InsertError::Taken(existing)) => return Err(self.taken(&name, existing)),
                Err(InsertError::Failed(status)) => return Err(status),
                Ok(item) => return Ok(Written { object, item }),
            }
        }
        unreachable!("the loop ends by returning")
    }

    async fn insert(&self, write: &Write<'_>, object: &mut Object) -> Result<Item, InsertError> {
        // Upstream asks its parser, for which what is no number is no version.
        let sent_version = object.metadata().resource_version.as_deref().unwrap_or_default();
        let sent_version: u64 = sent_version.parse().unwrap_or_default();
        if !write.dry_run && sent_version != 0 {
            let text = "resourceVersion should not be set on objects to be created";
            return Err(InsertError::Failed(Status::untyped(text)));
        }
        let mut bytes = self.encode(write, object).map_err(InsertError::Failed)?;
        let key = self.key(object.namespace(), object.name());
        let name = object.name().to_owned();
        let failed = |error: &storage::Error| InsertError::Failed(self.failed(error, "create", &name));
        if write.dry_run {
            return match self.storage.get(&key).await.map_err(|error| failed(&error))? {
                Some(existing) => Err(InsertError::Taken(Some(existing.value))),
                None => self.unwritten(object, bytes).map_err(InsertError::Failed),
            };
        }
        let mut created = self.storage.create(&key, bytes.clone()).await;
        if let Err(storage::Error::TooLarge { .. }) = created
            && let Some(smaller) = self.without_managers(write, object).map_err(InsertError::Failed)?
        {
            bytes = smaller;
            created = self.storage.create(&key, bytes.clone()).await;
        }
        match created {
            Ok(revision) => Ok(Item { bytes, revision: self.wrote(revision) }),
            Err(storage::Error::AlreadyExists { .. }) => {
                let existing = self.storage.get(&key).await.map_err(|error| failed(&error))?;
                Err(InsertError::Taken(existing.map(|entry| entry.value)))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// An object that was not created. As upstream, which forgets a version only where it writes, it has the one that was
    /// sent, whatever that says.
    fn unwritten(&self, object: &Object, bytes: Bytes) -> Result<Item, Status> {
        if object.metadata().resource_version.as_deref().is_none_or(str::is_empty) {
            return Ok(Item { bytes, revision: 0 });
        }
        if self.registration.stored == 0 {
            return Item::as_sent(object);
        }
        Item::as_sent(&self.registration.stored_codec().convert(object.clone()))
    }

    fn taken(&self, name: &str, existing: Option<Bytes>) -> Status {
        let mut status = Status::already_exists(&self.resource(), name);
        let terminating =
            existing.is_some_and(|bytes| Head::of(&bytes).is_ok_and(|head| head.deletion_timestamp.is_some()));
        if terminating {
            status.message = format!("object is being deleted: {}", status.message);
        }
        status
    }

    fn no_unique_name(&self, name: &str) -> Status {
        let mut status = Status::already_exists(&self.resource(), name).with_retry_after(1);
        status.message.push_str(", the server was not able to generate a unique name for the object");
        status
    }

    /// Changes an object: `change` is given the live one and answers the new one, again when another writer was first.
    ///
    /// `missing` makes an object where there is none, for resources that allow it.
    pub(crate) async fn update(
        &self,
        write: &Write<'_>,
        name: &str,
        mut change: impl FnMut(&Object) -> Result<Object, Status>,
    ) -> Result<Written, Status> {
        let resource = self.resource();
        for _ in 0..MOST_CONFLICTS {
            let entry = self.entry(write.namespace(), name, "update").await?;
            let old = self.read(&entry.value, entry.revision.0)?;
            let mut object = change(&old)?;
            lifecycle::admit(&self.admission, write, Operation::Update, name, &mut object, Some(&old)).await?;
            let sent = object.metadata().resource_version.as_deref().unwrap_or_default();
            self.check_resource_version(sent, entry.revision.0, name)?;
            let mut object = lifecycle::before_update(&self.registration, write.subresource, object, &old)?;
            lifecycle::validate_update(&self.registration, write, &mut object, &old)?;
            let attributes = write.attributes(Operation::Update, name, Some(&mut object), Some(&old));
            self.admission.validate(&attributes).await?;
            let bytes = self.encode_changed(write, &mut object, &old, &entry.value)?;
            let mut replaced = self.replace(write, &entry, &object, bytes).await;
            if let Err(storage::Error::TooLarge { .. }) = replaced
                && let Some(smaller) = self.without_managers(write, &mut object)?
            {
                replaced = self.replace(write, &entry, &object, smaller).await;
            }
            match replaced {
                Ok(item) => return Ok(Written { object, item }),
                Err(storage::Error::Conflict { .. }) => {}
                Err(error) => return Err(self.failed(&error, "update", name)),
            }
        }
        Err(Status::modified(&resource, name))
    }

    /// Whether an update that names this version means what is live.
    pub(crate) fn check_resource_version(&self, sent: &str, live: u64, name: &str) -> Result<(), Status> {
        if sent.is_empty() || sent == "0" {
            if self.registration.rules.allow_unconditional_update() {
                return Ok(());
            }
            let path = field::Path::new("metadata").child("resourceVersion");
            let error = field::Error::invalid(&path, 0, "must be specified for an update");
            let descriptor = self.registration.descriptor();
            return Err(Status::invalid(descriptor.group, descriptor.plural, name, &[error]));
        }
        let sent: u64 = sent.parse().map_err(|_| {
            Status::untyped(format!("invalid resource version: {} is not a whole number", field::quote(sent)))
        })?;
        if sent == live { Ok(()) } else { Err(Status::modified(&self.resource(), name)) }
    }

    /// Writes the changed object, or removes it when its last finalizer went. No difference, no write.
    async fn replace(
        &self,
        write: &Write<'_>,
        entry: &Entry,
        object: &Object,
        bytes: Bytes,
    ) -> Result<Item, storage::Error> {
        let live = entry.revision;
        if write.dry_run || (bytes == entry.value.trim_ascii_end() && !self.storage.is_stale(&entry.key).await?) {
            return Ok(Item { bytes, revision: live.0 });
        }
        let precondition = Precondition::at(live);
        if lifecycle::may_be_removed(object) {
            // Somebody else may have removed the last finalizer, and the object with it, at the same time.
            return match self.storage.delete(&entry.key, precondition).await {
                Ok((_, revision)) => {
                    self.wrote(revision);
                    Ok(Item { bytes, revision: live.0 })
                }
                Err(storage::Error::NotFound { .. }) => Ok(Item { bytes, revision: live.0 }),
                Err(error) => Err(error),
            };
        }
        let revision = self.storage.update(&entry.key, bytes.clone(), precondition).await?;
        Ok(Item { bytes, revision: self.wrote(revision) })
    }

    /// Deletes an object, or marks it when finalizers remain.
    pub(crate) async fn delete(
        &self,
        write: &Write<'_>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<Deletion, Status> {
        for _ in 0..MOST_CONFLICTS {
            let entry = self.entry(write.namespace(), name, "delete").await?;
            let old = self.read(&entry.value, entry.revision.0)?;
            lifecycle::check_preconditions(&old, options)?;
            self.admission.admit(&mut write.attributes(Operation::Delete, name, None, Some(&old))).await?;
            self.admission.validate(&write.attributes(Operation::Delete, name, None, Some(&old))).await?;
            let finalizers = metadata::finalizers_for(options, old.metadata());
            let mut object = old;
            object.metadata_mut().finalizers = Some(finalizers).filter(|finalizers| !finalizers.is_empty());
            match self.remove_or_mark(write, &entry, object).await? {
                Ok(deletion) => return Ok(deletion),
                Err(storage::Error::Conflict { .. }) => {}
                Err(error) => return Err(self.failed(&error, "delete", name)),
            }
        }
        Err(Status::modified(&self.resource(), name))
    }

    async fn remove_or_mark(
        &self,
        write: &Write<'_>,
        entry: &Entry,
        mut object: Object,
    ) -> Result<Result<Deletion, storage::Error>, Status> {
        let precondition = Precondition::at(entry.revision);
        if object.metadata().finalizers.is_none() {
            let item = Item { bytes: entry.value.clone(), revision: entry.revision.0 };
            let removed = if write.dry_run {
                Ok(())
            } else {
                let removed = self.storage.delete(&entry.key, precondition).await;
                removed.map(|(_, revision)| {
                    self.wrote(revision);
                })
            };
            return Ok(removed.map(|()| Deletion::Removed(Written { object, item })));
        }
        metadata::mark_deleted(object.metadata_mut(), &Time(self.seams.clock.now()));
        let bytes = self.encode(write, &mut object)?;
        let revision = if write.dry_run || bytes == entry.value.trim_ascii_end() {
            Ok(entry.revision)
        } else {
            self.storage.update(&entry.key, bytes.clone(), precondition).await.inspect(|revision| {
                self.wrote(*revision);
            })
        };
        Ok(revision.map(|revision| Deletion::Marked(Written { object, item: Item { bytes, revision: revision.0 } })))
    }

    /// Removes an object that cannot be read, whatever its finalizers and admission would say of it: nobody can tell
    /// what they are.
    ///
    /// * Errors: 409 for an object that can be read.
    pub(crate) async fn delete_unreadable(&self, write: &Write<'_>, name: &str) -> Result<(), Status> {
        let key = self.key(write.namespace(), name);
        for _ in 0..MOST_CONFLICTS {
            let revision = match self.storage.get(&key).await {
                Ok(None) => return Err(Status::not_found(&self.resource(), name)),
                Ok(Some(entry)) if self.read(&entry.value, entry.revision.0).is_ok() => {
                    return Err(unreadable::readable(&self.resource(), name, &key));
                }
                Ok(Some(entry)) => entry.revision,
                Err(storage::Error::Unreadable(objects)) if !objects.is_empty() => objects[0].revision,
                Err(error) => return Err(self.failed(&error, "delete", name)),
            };
            if write.dry_run {
                return Ok(());
            }
            match self.storage.delete_unreadable(&key, revision).await {
                Ok(removal) => {
                    self.wrote(removal);
                    tracing::warn!(%key, %revision, user = write.exchange.call.user.name, "removed what cannot be read");
                    return Ok(());
                }
                Err(storage::Error::Conflict { .. }) => {}
                Err(error) => return Err(self.failed(&error, "delete", name)),
            }
        }
        Err(Status::modified(&self.resource(), name))
    }

    /// What a client is told when the storage failed; the log gets the whole chain.
    pub(crate) fn failed(&self, error: &storage::Error, verb: &str, name: &str) -> Status {
        let resource = self.resource();
        match error {
            storage::Error::NotFound { .. } => Status::not_found(&resource, name),
            storage::Error::AlreadyExists { .. } => Status::already_exists(&resource, name),
            storage::Error::Conflict { .. } | storage::Error::Recreated { .. } => Status::modified(&resource, name),
            storage::Error::Expired { .. } => Status::expired("The resourceVersion for the provided list is too old."),
            // Upstream's words.
            storage::Error::NotReady { .. } => Status::too_many_requests("storage is (re)initializing", 1),
            storage::Error::Future { requested, current } => Status::too_large_resource_version(requested.0, current.0),
            // Upstream passes on the words of its only backend, and has no reason for them.
            storage::Error::TooLarge { .. } => Status::untyped("etcdserver: request is too large"),
            storage::Error::Unreadable(objects) => {
                tracing::error!(%resource, verb, error = error as &dyn std::error::Error, "stored objects cannot be read");
                unreadable::status(objects, &resource, verb)
            }
            _ => {
                tracing::error!(%resource, verb, error = error as &dyn std::error::Error, "storage failed");
                Status::server_timeout(&resource, verb)
            }
        }
    }
}

/// A request that was not for a creation needs the right to create as well.
async fn authorize_create(write: &Write<'_>) -> Result<(), Status> {
    let Some(authorizer) = write.creates_with else { return Ok(()) };
    let user = &write.exchange.call.user;
    let info = RequestInfo { verb: Verb::Create.as_str().to_owned(), ..write.exchange.call.info.clone() };
    match authorizer.authorize(user, &info).await {
        Ok(Decision::Allow) => Ok(()),
        Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => Err(authz::forbidden(user, &info, &reason)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, user = user.name, "not authorized");
            Err(Status::internal(error))
        }
    }
}

enum InsertError {
    /// The name is taken, by an object with these bytes if it is still there.
    Taken(Option<Bytes>),
    Failed(Status),
}
