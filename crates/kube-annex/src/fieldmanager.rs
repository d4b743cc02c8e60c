//! Who manages which field: server-side apply, and the bookkeeping of every other write.
//!
//! A [`FieldManager`] is made once for each served resource. Objects are trees whose `metadata.managedFields` is read
//! and written here; topology comes from the [`TypeSchema`] of the version that was written. Nothing here does I/O.

#![expect(clippy::similar_names, reason = "managers and what is managed are the words for it")]

mod compare;
mod conflict;
mod fields;
mod last_applied;
mod managed;
mod merge;
mod name;
mod path;
mod remove;
mod scale;
mod set;
#[cfg(test)]
mod tests;
mod topology;
mod typed;
mod updater;

pub use conflict::{ApplyError, ConvertError};
pub use managed::validate_managed_fields;
pub use name::manager_name;
pub use scale::ScaleFields;

use crate::schema::TypeSchema;
use k8s_openapi::jiff::Timestamp;
use managed::{Detached, Managed};
use path::PathElement;
use serde_json::Value;
use set::Set;
use std::sync::Arc;
use topology::Topologies;
use typed::Duplicates;
use updater::{Applied, Kept, MANAGED_FIELDS, Refusal, Session};

/// What the registration of a resource knows about its versions.
pub trait Versions: Send + Sync {
    /// The schema of a served version, by its apiVersion (`group/version`); `None` when that version is not served.
    fn schema(&self, api_version: &str) -> Option<&TypeSchema>;

    /// An object of one served version in another. The object says in `apiVersion` which it is.
    ///
    /// * Errors: [`ConvertError::NotServed`] when either version is not served.
    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConvertError>;

    /// The version that merging is done in.
    fn hub(&self) -> &str;

    /// An object of that version to which nothing was written yet: what a creation starts from.
    ///
    /// Fields that such an object has are not owned as such by who fills them. Upstream's Go types have their structs
    /// in it, its custom resources have nothing.
    fn empty(&self, api_version: &str) -> Value {
        let _ = api_version;
        Value::Object(serde_json::Map::new())
    }
}

/// Fields that an endpoint does not let its clients write; they own none of them.
///
/// * Source: `rest.ResetFieldsStrategy` of `k8s.io/apiserver`.
#[derive(Clone, Debug, Default)]
pub struct ResetFields {
    endpoints: Vec<(String, Vec<Vec<String>>)>,
}

impl ResetFields {
    /// The same, and an endpoint (a subresource's name, empty for the object itself) resets these fields and all below
    /// them. A field is the path of names to it: `&["spec", "replicas"]`.
    #[must_use]
    pub fn with(mut self, subresource: &str, fields: &[&[&str]]) -> Self {
        let fields = fields.iter().map(|path| path.iter().map(|&name| name.to_owned()).collect()).collect();
        self.endpoints.push((subresource.to_owned(), fields));
        self
    }
}

/// Who writes, through which endpoint and when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// The manager's name; empty becomes `unknown`.
    pub manager: &'a str,
    /// The version of the endpoint, as `group/version`.
    pub api_version: &'a str,
    /// The subresource that is written through; empty for the object itself.
    pub subresource: &'a str,
    /// The time of the write; seconds are kept.
    pub now: Timestamp,
}

/// Keeps the managed fields of one resource and merges what is applied to it.
pub struct FieldManager {
    versions: Arc<dyn Versions>,
    resets: ResetFields,
    topologies: Topologies,
}

impl FieldManager {
    /// The field manager of a resource with these versions, whose endpoints reset these fields.
    pub fn new(versions: Arc<dyn Versions>, resets: ResetFields) -> Self {
        Self { versions, resets, topologies: Topologies::default() }
    }

    /// The object that a POST, PUT or any patch but apply is about to store, with managed fields brought up to date.
    ///
    /// * Shape: `live` and `new` are objects of the writer's version, or of one that converts to it; `live` is `None`
    ///   for a creation. What `new` says in `metadata.managedFields` is taken over where upstream does so.
    /// * Errors: none. Where the fields cannot be told, the object keeps the managed fields it had.
    pub fn update(&self, live: Option<&Value>, mut new: Value, writer: &Writer<'_>) -> Value {
        if !new.is_object() {
            return new;
        }
        let mut sent = take_managed_fields(&mut new);
        let before = live.and_then(managed_fields);
        let managed = match self.updated(live, &new, sent.as_ref(), writer) {
            Ok(Updated { entries: None, .. }) => None,
            Ok(Updated { entries: Some(entries), from_request }) => {
                let original = |at: usize| {
                    if from_request {
                        sent.as_mut()?.get_mut(at)?.get_mut("fieldsV1").map(Value::take)
                    } else {
                        before?.get(at)?.get("fieldsV1").cloned()
                    }
                };
                Some(managed::assemble(entries, original))
            }
            Err(_) => before.cloned(),
        };
        set_managed_fields(&mut new, managed);
        new
    }

    fn updated(
        &self,
        live: Option<&Value>,
        new: &Value,
        sent: Option<&Value>,
        writer: &Writer<'_>,
    ) -> Result<Updated, String> {
        let reset = writer.subresource.is_empty() && sent.is_some_and(managed::is_reset);
        let from_request = match sent {
            Some(sent) if writer.subresource.is_empty() && !reset => {
                // Who does not understand managed fields shall not delete them.
                Managed::read(Some(sent)).ok().filter(|managed| !managed.is_empty())
            }
            _ => None,
        };
        let is_from_request = from_request.is_some();
        let managed = match from_request {
            Some(managed) => managed,
            None if reset => Managed::default(),
            None => Managed::read(live.and_then(managed_fields)).unwrap_or_default(),
        };
        let exists = live.is_some_and(|live| metadata(live, "uid").is_some_and(|uid| !uid.is_empty()));
        if managed.is_empty() && exists {
            return Ok(Updated { entries: None, from_request: false });
        }
        let kept = Kept::default();
        let (resets, untracked) = (self.resets.of(writer.subresource), untracked());
        let session = self.session(writer, &kept, &resets, &untracked);
        let new = session.versioned(new, "new", Duplicates::Allowed)?;
        let live = session.live(live)?;
        let manager = if writer.manager.is_empty() { UNKNOWN } else { writer.manager };
        match session.update(live, new, managed, manager) {
            Ok(managed) => {
                Ok(Updated { entries: managed.write().map(managed::Written::detach), from_request: is_from_request })
            }
            Err(Refusal::Failed(what)) => Err(what),
            Err(Refusal::Conflict(_)) => Err("an update has no conflicts".to_owned()),
        }
    }

    /// What an apply makes of the live object, in the writer's version and without defaults; `live` is `None` for a
    /// creation.
    ///
    /// * Errors: [`ApplyError`], which becomes upstream's [`Status`](crate::Status).
    pub fn apply(
        &self,
        live: Option<&Value>,
        applied: Value,
        writer: &Writer<'_>,
        force: bool,
    ) -> Result<Value, ApplyError> {
        let before = live.and_then(managed_fields);
        let kept = Kept::default();
        let (resets, untracked) = (self.resets.of(writer.subresource), untracked());
        let session = self.session(writer, &kept, &resets, &untracked);
        let failed = ApplyError::Failed;
        let managed =
            Managed::read(before).map_err(|what| failed(format!("failed to decode managed fields: {what}")))?;
        if applied.get("apiVersion").and_then(Value::as_str) != Some(writer.api_version) {
            let kind = updater::kind_of(&applied);
            return Err(ApplyError::BadRequest(format!("invalid object type: {kind}")));
        }
        let live = session.live(live);
        let managed = if managed.is_empty() {
            let tracked = live.clone().and_then(|live| session.track(live));
            tracked.map_err(|what| failed(format!("failed to create manager for existing fields: {what}")))?
        } else {
            managed
        };
        match managed_fields(&applied) {
            None => {}
            Some(Value::Array(_)) => {
                return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
            }
            Some(other) => {
                let (object, kind) = (updater::describe(&applied), typed::kind_of(other));
                return Err(failed(format!(
                    "failed to create typed patch object ({object}): .metadata.managedFields: expected list, got {kind}"
                )));
            }
        }
        let config = session.typed(&applied, "patch", Duplicates::Refused).map_err(failed)?;
        let live = live.map_err(failed)?;
        let manager = if writer.manager.is_empty() { UNKNOWN } else { writer.manager };
        let Applied { managed, object } = match last_applied::apply(&session, live, config, managed, manager, force) {
            Ok(applied) => applied,
            Err(Refusal::Failed(what)) => return Err(failed(what)),
            Err(Refusal::Conflict(overlaps)) => return Err(conflict::conflict(overlaps)),
        };
        let mut object = object.unwrap_or_else(|| {
            let mut same = live.clone();
            take_managed_fields(&mut same);
            same
        });
        let entries = managed.write().map(managed::Written::detach);
        let original = |at: usize| before?.get(at)?.get("fieldsV1").cloned();
        set_managed_fields(&mut object, entries.map(|entries| managed::assemble(entries, original)));
        last_applied::keep_annotation(&mut object, applied, manager);
        Ok(object)
    }

    fn session<'a>(
        &'a self,
        writer: &Writer<'a>,
        kept: &'a Kept,
        resets: &'a Set<'a>,
        untracked: &'a Set<'a>,
    ) -> Session<'a> {
        Session { versions: &*self.versions, topologies: &self.topologies, kept, writer: *writer, resets, untracked }
    }
}

/// What an update makes of managed fields.
struct Updated {
    entries: Option<Vec<Detached>>,
    /// Whether unchanged sets are those of the request's object.
    from_request: bool,
}

impl ResetFields {
    fn of(&self, subresource: &str) -> Set<'_> {
        let mut set = Set::default();
        for (_, fields) in self.endpoints.iter().filter(|(endpoint, _)| endpoint == subresource) {
            for path in fields {
                let path: Vec<_> = path.iter().map(|name| PathElement::Field(name)).collect();
                set.insert(&path);
            }
        }
        set
    }
}

/// What nobody is ever said to manage.
fn untracked() -> Set<'static> {
    let mut set = Set::default();
    for name in ["apiVersion", "kind", "metadata"] {
        set.insert(&[PathElement::Field(name)]);
    }
    for name in UNTRACKED_METADATA {
        set.insert(&[PathElement::Field("metadata"), PathElement::Field(name)]);
    }
    set
}

fn metadata<'o>(object: &'o Value, name: &str) -> Option<&'o str> {
    object.get("metadata")?.get(name)?.as_str()
}

fn managed_fields(object: &Value) -> Option<&Value> {
    object.get("metadata")?.get(MANAGED_FIELDS).filter(|entries| !entries.is_null())
}

fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove(MANAGED_FIELDS).filter(|entries| !entries.is_null())
}

fn set_managed_fields(object: &mut Value, entries: Option<Value>) {
    let (Some(entries), Some(object)) = (entries, object.as_object_mut()) else { return };
    let metadata = object.entry("metadata").or_insert_with(|| Value::Object(serde_json::Map::new()));
    if metadata.is_null() {
        *metadata = Value::Object(serde_json::Map::new());
    }
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.insert(MANAGED_FIELDS.to_owned(), entries);
    }
}

/// The manager of a write that names none.
const UNKNOWN: &str = "unknown";

const UNTRACKED_METADATA: &[&str] = &[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
];
