//! From a request's body to an object: what create, update, patch and apply share.

use crate::endpoint::Endpoint;
use crate::endpoint::refusal::refusal;
use crate::registry::registration::ServedVersion;
use crate::registry::store::{Write, Written};
use crate::request::exchange::Exchange;
use crate::request::negotiate;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, USER_AGENT};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_annex::decode::{self, DecodeError, MediaType};
use kube_annex::fieldmanager::Writer;
use kube_annex::gvk::GroupVersionKind;
use kube_annex::options::{self, FieldValidation};
use kube_annex::{Object, Reason, Status, metadata, protobuf};
use serde_json::{Map, Value};

/// How often an object may come and go while it is written.
const MOST_RACES: usize = 8;

/// What is said of the body's media type; empty when nothing is.
pub(super) fn content_type(exchange: &Exchange) -> &str {
    exchange.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// In which serialisation the body of an object is. 415 for one that is not read here.
pub(super) fn media_type(exchange: &Exchange) -> Result<MediaType, Status> {
    let header = content_type(exchange);
    if header.is_empty() {
        return Ok(MediaType::Json);
    }
    let (media, parameters) = header.split_once(';').unwrap_or((header, ""));
    // A parameter has a value, or the whole is no media type.
    let whole = parameters.split(';').map(str::trim).all(|part| part.is_empty() || part.contains('='));
    match media.trim().to_ascii_lowercase().as_str() {
        "application/json" if whole => Ok(MediaType::Json),
        "application/yaml" if whole => Ok(MediaType::Yaml),
        protobuf::MEDIA_TYPE if whole => Ok(MediaType::Protobuf),
        _ => Err(Status::unsupported_media_type(negotiate::OBJECTS)),
    }
}

/// The object of the hub that a body says, its version's defaults filled in; findings are told as the client asked.
///
/// * Errors: 400 when it is not an object of this kind and version, or (`Strict`) has findings; 422 with all that it
///   violates of its type's declarations.
pub(super) fn created_object(
    endpoint: &Endpoint,
    exchange: &Exchange,
    bytes: &Bytes,
    media: MediaType,
    validation: FieldValidation,
) -> Result<Object, Status> {
    Sent::read(endpoint, exchange, bytes, media, validation)?.object(endpoint, exchange, None)
}

/// The body of a create or an update. What it violates is told of the object that results: a write to the status may
/// send any spec, or none, and a write to the object any status.
pub(super) struct Sent {
    /// Kept when there is something to be judged once more.
    tree: Value,
    /// What it violates is the error.
    read: Result<Object, DecodeError>,
}

impl Sent {
    /// * Errors: 400 when it is not an object of this kind, version and namespace, or (`Strict`) has findings.
    pub(super) fn read(
        endpoint: &Endpoint,
        exchange: &Exchange,
        bytes: &Bytes,
        media: MediaType,
        validation: FieldValidation,
    ) -> Result<Self, Status> {
        let expected = endpoint.descriptor().gvk();
        let versions = endpoint.resource.registration.version_names();
        let (tree, mut findings) = match sent_tree(bytes, media, &expected, &versions) {
            Ok(sent) => sent,
            Err(refusal) => {
                Self::read_as_another(endpoint, exchange, bytes, media, validation)?;
                return Err(refusal);
            }
        };
        let codec = &endpoint.resource.served(endpoint.version).codec;
        let kept = if codec.declares() { tree.clone() } else { Value::Null };
        let mut read = codec.decode(tree, &mut findings);
        if matches!(read, Err(DecodeError::Misfit(_)))
            && codec.declares()
            && endpoint.resource.registration.has_status()
        {
            // What is not written may be of any type.
            let written = overlay(kept.clone(), None, &exchange.call.info.subresource);
            read = codec.decode(written, &mut Vec::new());
        }
        let read = match read {
            // A strict client hears of what it wrote before it hears of what that violates.
            read @ (Ok(_) | Err(DecodeError::Invalid { .. })) => read,
            Err(error) => return Err(error.into_status(&expected, b"")),
        };
        tell(exchange, findings, |found| in_order(bytes, media, found, codec.declares()), validation, &expected)?;
        let mut sent = Self { tree: kept, read };
        if let Ok(object) = &mut sent.read {
            check_namespace(endpoint, exchange, object)?;
        } else if let Err(DecodeError::Invalid { metadata, .. }) = &mut sent.read {
            check_namespace_of(endpoint, exchange, metadata)?;
        }
        Ok(sent)
    }

    /// A body that says to be of another served version is read as that before it is refused: what is wrong with it is told.
    fn read_as_another(
        endpoint: &Endpoint,
        exchange: &Exchange,
        bytes: &Bytes,
        media: MediaType,
        validation: FieldValidation,
    ) -> Result<(), Status> {
        let Ok(decode::Decoded { mut value, duplicates: mut findings }) = decode::decode(bytes, media) else {
            return Ok(());
        };
        let says = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let mut served = endpoint.resource.registration.versions.iter();
        let Some(other) = served.find(|served| served.descriptor.api_version() == says) else { return Ok(()) };
        let expected = other.descriptor.gvk();
        if decode::check_type(&mut value, &expected, &[]).is_err() {
            return Ok(());
        }
        match other.codec.decode(value, &mut findings) {
            Ok(_) | Err(DecodeError::Invalid { .. }) => {}
            Err(error) => return Err(error.into_status(&expected, b"")),
        }
        tell(exchange, findings, |found| in_order(bytes, media, found, other.codec.declares()), validation, &expected)
    }

    /// The name in the body.
    pub(super) fn name(&self) -> &str {
        self.metadata().and_then(|metadata| metadata.name.as_deref()).unwrap_or_default()
    }

    /// Warns of owner references that say the same twice, before it is known whether there is an object.
    pub(super) fn warn_of_repeated_owners(&self, exchange: &Exchange) {
        let repeated = self.metadata().cloned().and_then(|mut metadata| {
            metadata.owner_references.as_ref()?;
            metadata::deduplicate_owner_references(&mut metadata, false)
        });
        if let Some(warning) = repeated {
            exchange.warnings.add(warning);
        }
    }

    /// The uid in the body.
    pub(super) fn uid(&self) -> &str {
        self.metadata().and_then(|metadata| metadata.uid.as_deref()).unwrap_or_default()
    }

    fn metadata(&self) -> Option<&ObjectMeta> {
        match &self.read {
            Ok(object) => Some(object.metadata()),
            Err(DecodeError::Invalid { metadata, .. }) => Some(metadata),
            Err(_) => None,
        }
    }

    /// The object that results. `live` is what is there, and the same as a tree of the version asked for.
    ///
    /// * Errors: 422 with all that it violates, or 409 where it does and the version it names is not the live one.
    pub(super) fn object(
        &self,
        endpoint: &Endpoint,
        exchange: &Exchange,
        live: Option<(&Object, &Value)>,
    ) -> Result<Object, Status> {
        let refused = |error: DecodeError| refusal(endpoint, exchange, error, live.map(|(object, _)| object));
        let mut object = match &self.read {
            Ok(object) => object.clone(),
            Err(error) if !endpoint.resource.registration.has_status() => return Err(refused(error.clone())),
            Err(_) => {
                let tree = overlay(self.tree.clone(), live.map(|(_, tree)| tree), &exchange.call.info.subresource);
                let codec = &endpoint.resource.served(endpoint.version).codec;
                let mut object = codec.decode(tree, &mut Vec::new()).map_err(refused)?;
                check_namespace(endpoint, exchange, &mut object)?;
                object
            }
        };
        deduplicate_owners(exchange, &mut object);
        Ok(object)
    }
}

/// Reads a patched tree as an object of the hub, what it violates being told of the object that results.
pub(super) fn decode_patched(
    endpoint: &Endpoint,
    exchange: &Exchange,
    version: &ServedVersion,
    tree: Value,
    live: Option<&Value>,
    findings: &mut Vec<String>,
) -> Result<Object, DecodeError> {
    if !version.codec.declares() || !endpoint.resource.registration.has_status() {
        return version.codec.decode(tree, findings);
    }
    match version.codec.decode(tree.clone(), findings) {
        Err(DecodeError::Invalid { .. } | DecodeError::Misfit(_)) => {
            let tree = overlay(tree, live, &exchange.call.info.subresource);
            version.codec.decode(tree, &mut Vec::new())
        }
        decoded => decoded,
    }
}

/// Reads what an apply made of an object, what it violates being told of the object that results.
pub(super) fn decode_applied(
    endpoint: &Endpoint,
    exchange: &Exchange,
    version: &ServedVersion,
    tree: Value,
    live: Option<&Value>,
) -> Result<Object, DecodeError> {
    if !version.codec.declares() || !endpoint.resource.registration.has_status() {
        return version.codec.decode_applied(tree);
    }
    let mut tree = overlay(tree, live, &exchange.call.info.subresource);
    if tree.get("status").is_some_and(Value::is_null)
        && let Some(fields) = tree.as_object_mut()
    {
        fields.remove("status");
    }
    version.codec.decode_applied(tree)
}

/// What a write to the object or to its status may change, taken from `asked`; the rest is that of `live`.
fn overlay(mut asked: Value, live: Option<&Value>, subresource: &str) -> Value {
    let Value::Object(fields) = &mut asked else { return asked };
    let nothing = Map::new();
    let live = live.and_then(Value::as_object).unwrap_or(&nothing);
    let is_of_status = |field: &str| field == "status";
    let is_of_all = |field: &str| matches!(field, "apiVersion" | "kind" | "metadata");
    let is_written = |field: &str| is_of_all(field) || is_of_status(field) == (subresource == "status");
    fields.retain(|field, _| is_written(field));
    let kept = live.iter().filter(|(field, _)| !is_written(field));
    fields.extend(kept.map(|(field, value)| (field.clone(), value.clone())));
    asked
}

/// The tree that a body says, with what is written twice in it. 400 when it is not an object of that kind and version; `versions` are all in which the kind is served.
pub(super) fn sent_tree(
    bytes: &Bytes,
    media: MediaType,
    expected: &GroupVersionKind,
    versions: &[&str],
) -> Result<(Value, Vec<String>), Status> {
    let decoded = decode::body(bytes, media, expected, versions)?;
    Ok((decoded.value, decoded.duplicates))
}

/// Findings in the order in which upstream tells them, which is another one for types that declare their fields.
fn in_order(bytes: &Bytes, media: MediaType, findings: Vec<String>, declares: bool) -> Vec<String> {
    if declares { decode::in_declared_order(findings) } else { decode::in_document_order(bytes, media, findings) }
}

/// Tells findings as the client asked: not at all, as warnings, or with a refusal. Only what is told is put in order.
pub(super) fn tell(
    exchange: &Exchange,
    findings: Vec<String>,
    order: impl FnOnce(Vec<String>) -> Vec<String>,
    validation: FieldValidation,
    expected: &GroupVersionKind,
) -> Result<(), Status> {
    if findings.is_empty() || validation == FieldValidation::Ignore {
        return Ok(());
    }
    let findings = order(findings);
    if validation == FieldValidation::Strict {
        return Err(decode::strict_error(&findings).into_status(expected, b""));
    }
    for finding in findings {
        exchange.warnings.add(finding);
    }
    Ok(())
}

/// Fills in the namespace of the URL, and refuses another one. Without one in the URL objects lose theirs.
pub(super) fn check_namespace(endpoint: &Endpoint, exchange: &Exchange, object: &mut Object) -> Result<(), Status> {
    check_namespace_of(endpoint, exchange, object.metadata_mut())
}

/// As [`check_namespace`], of the metadata alone.
pub(super) fn check_namespace_of(
    endpoint: &Endpoint,
    exchange: &Exchange,
    metadata: &mut ObjectMeta,
) -> Result<(), Status> {
    let namespace = &exchange.call.info.namespace;
    if !endpoint.resource.namespaced() || namespace.is_empty() {
        metadata.namespace = None;
        return Ok(());
    }
    match metadata.namespace.as_deref().unwrap_or_default() {
        "" => metadata.namespace = Some(namespace.clone()),
        sent if sent == namespace => {}
        _ => {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
    }
    Ok(())
}

/// An object is written under the name of its URL.
pub(super) fn check_name(sent: &str, name: &str) -> Result<(), Status> {
    if sent.is_empty() {
        return Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if sent != name {
        return Err(Status::bad_request(format!(
            "the name of the object ({sent}) does not match the name on the URL ({name})"
        )));
    }
    Ok(())
}

/// A uid in the body of an update is a precondition.
pub(super) fn check_uid(endpoint: &Endpoint, live: &Object, uid: &str) -> Result<(), Status> {
    check_uid_of(endpoint, live, uid, live.uid())
}

/// An object that is not there yet has no uid that a body could mean.
pub(super) fn check_no_uid(endpoint: &Endpoint, sent: &Object) -> Result<(), Status> {
    check_uid_of(endpoint, sent, sent.uid(), "")
}

fn check_uid_of(endpoint: &Endpoint, object: &Object, uid: &str, live: &str) -> Result<(), Status> {
    if uid.is_empty() || uid == live {
        return Ok(());
    }
    let resource = endpoint.descriptor().group_resource();
    let (group, plural) = (&resource.group, &resource.resource);
    let (namespace, name) = (object.namespace(), object.name());
    let place = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /{group}/{plural}/{place}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {live}"
    );
    Err(Status::conflict(&resource, name, why))
}

/// Drops owner references that say the same twice, before anybody else sees the object.
fn deduplicate_owners(exchange: &Exchange, object: &mut Object) {
    if let Some(warning) = metadata::deduplicate_owner_references(object.metadata_mut(), false) {
        exchange.warnings.add(warning);
    }
}

/// An object of the hub as a tree of the version asked for.
pub(super) fn tree_of(endpoint: &Endpoint, object: &Object) -> Result<Value, Status> {
    let tree = if endpoint.version == 0 {
        object.to_value()
    } else {
        endpoint.resource.served(endpoint.version).codec.convert(object.clone()).to_value()
    };
    tree.map_err(|error| Status::internal(format_args!("{object:?}: {error}")))
}

/// Who writes a request's changes, for the record in `managedFields`.
pub(super) struct Authorship {
    manager: String,
    api_version: String,
    subresource: String,
    now: jiff::Timestamp,
}

impl Authorship {
    /// The manager is the one sent, else the program that the client says it is.
    pub(super) fn of(endpoint: &Endpoint, exchange: &Exchange, manager: &str) -> Self {
        let manager = if manager.is_empty() {
            let agent = exchange.headers.get(USER_AGENT).map(http::HeaderValue::as_bytes).unwrap_or_default();
            options::manager_of_user_agent(&String::from_utf8_lossy(agent))
        } else {
            manager.to_owned()
        };
        let api_version = endpoint.descriptor().api_version();
        let subresource = exchange.call.info.subresource.clone();
        Self { manager, api_version, subresource, now: endpoint.resource.now() }
    }

    /// The same, in terms of another version: that of the kind a subresource speaks.
    pub(super) fn in_version(self, api_version: &str) -> Self {
        Self { api_version: api_version.to_owned(), ..self }
    }

    /// The same as the record takes it.
    pub(super) fn writer(&self) -> Writer<'_> {
        Writer { manager: &self.manager, api_version: &self.api_version, subresource: &self.subresource, now: self.now }
    }

    /// Brings the record of an object up to date. `live` is what it was, as a tree of the version asked for.
    pub(super) fn track(&self, endpoint: &Endpoint, live: Option<&Value>, object: &mut Object) -> Result<(), Status> {
        let mut tree = tree_of(endpoint, object)?;
        if object.metadata().managed_fields.as_ref().is_some_and(Vec::is_empty)
            && let Some(metadata) = tree.get_mut("metadata").and_then(Value::as_object_mut)
        {
            // Whoever sends no managers at all wants them forgotten; an encoder leaves an empty list out.
            metadata.insert("managedFields".to_owned(), Value::Array(Vec::new()));
        }
        let tracked = endpoint.resource.fields.update(live, tree, &self.writer());
        take_managers(object, tracked);
        Ok(())
    }
}

/// Gives an object the managers that a tree of it has.
fn take_managers(object: &mut Object, mut tree: Value) {
    let managers = tree.get_mut("metadata").and_then(|metadata| metadata.get_mut("managedFields"));
    object.metadata_mut().managed_fields = match managers.map(Value::take) {
        None => None,
        Some(managers) => serde_json::from_value(managers).unwrap_or_default(),
    };
}

/// Makes an object where there is none.
pub(super) type Make<'a> = dyn Fn() -> Result<Object, Status> + Sync + 'a;

/// Changes an object, or makes it where there is none: again when another writer made or removed it in between.
///
/// `change` is given the live object; `make` is there when the request may create one.
pub(super) async fn change_or_make(
    endpoint: &Endpoint,
    write: &Write<'_>,
    mut change: impl FnMut(&Object) -> Result<Object, Status>,
    make: Option<&Make<'_>>,
) -> Result<(StatusCode, Written), Status> {
    let name = &write.exchange.call.info.name;
    let resource = endpoint.descriptor().group_resource();
    for _ in 0..MOST_RACES {
        let refusal = match endpoint.resource.update(write, name, &mut change).await {
            Ok(written) => return Ok((StatusCode::OK, written)),
            Err(status) => status,
        };
        let Some(make) = make.filter(|_| refusal == Status::not_found(&resource, name)) else {
            return Err(refusal);
        };
        let mut object = make()?;
        object.metadata_mut().resource_version = None;
        match endpoint.resource.create(write, object).await {
            Ok(written) => return Ok((StatusCode::CREATED, written)),
            // Somebody else was first: then there is something to change.
            Err(status) if status.reason == Reason::AlreadyExists => {}
            Err(status) => return Err(status),
        }
    }
    Err(Status::modified(&resource, name))
}
