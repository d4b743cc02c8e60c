//! From a request's body to an object: what create, update and patch share.

use crate::endpoint::Endpoint;
use crate::request::exchange::Exchange;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use kube_annex::decode::{self, MediaType};
use kube_annex::options::FieldValidation;
use kube_annex::{Object, Status};
use serde_json::Value;

/// The media types that bodies of objects may have, in upstream's order.
const ACCEPTED: &[&str] = &["application/json", "application/yaml"];

/// The body's media type without its parameters; empty when there is none.
pub(super) fn content_type(exchange: &Exchange) -> &str {
    let value = exchange.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// In which serialisation the body of an object is. 415 for one that is not read here.
pub(super) fn media_type(exchange: &Exchange) -> Result<MediaType, Status> {
    match content_type(exchange) {
        "" | "application/json" => Ok(MediaType::Json),
        "application/yaml" => Ok(MediaType::Yaml),
        _ => Err(Status::unsupported_media_type(ACCEPTED)),
    }
}

/// An object's body as a tree of the version asked for, with what a lenient reader would overlook.
pub(super) struct Body {
    pub(super) tree: Value,
    bytes: Bytes,
    media: MediaType,
    duplicates: Vec<String>,
}

impl Body {
    /// Reads a body. 400 when it is not an object of this kind and version.
    pub(super) fn read(endpoint: &Endpoint, bytes: &Bytes, media: MediaType) -> Result<Self, Status> {
        let expected = endpoint.descriptor().gvk();
        let decoded = decode::decode(bytes, media).map_err(|error| error.into_status(&expected, bytes))?;
        let mut tree = decoded.value;
        decode::check_type(&mut tree, &expected)?;
        Ok(Self { tree, bytes: bytes.clone(), media, duplicates: decoded.duplicates })
    }

    /// The object of the hub that a tree says, findings told as the client asked.
    pub(super) fn object(
        &self,
        endpoint: &Endpoint,
        exchange: &Exchange,
        tree: Value,
        validation: FieldValidation,
    ) -> Result<Object, Status> {
        let expected = endpoint.descriptor().gvk();
        let codec = &endpoint.resource.served(endpoint.version).codec;
        let mut unknown = Vec::new();
        let object = codec.decode(tree, &mut unknown).map_err(|error| error.into_status(&expected, b""))?;
        let findings = [self.duplicates.clone(), unknown].concat();
        let findings = decode::in_document_order(&self.bytes, self.media, findings);
        match validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => findings.into_iter().for_each(|finding| exchange.warnings.add(finding)),
            FieldValidation::Strict if findings.is_empty() => {}
            FieldValidation::Strict => {
                return Err(decode::strict_error(&findings).into_status(&expected, b""));
            }
        }
        Ok(object)
    }
}

/// Fills in the namespace of the URL, and refuses another one. Cluster-scoped objects lose theirs.
pub(super) fn check_namespace(endpoint: &Endpoint, exchange: &Exchange, object: &mut Object) -> Result<(), Status> {
    let namespace = &exchange.call.info.namespace;
    if !endpoint.resource.namespaced() {
        object.metadata_mut().namespace = None;
        return Ok(());
    }
    if object.namespace().is_empty() {
        object.metadata_mut().namespace = Some(namespace.clone());
    } else if object.namespace() != namespace {
        return Err(Status::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ));
    }
    Ok(())
}

/// Whether the resource keeps its status apart from the rest.
pub(super) fn has_status(endpoint: &Endpoint) -> bool {
    endpoint.descriptor().subresource("status").is_some()
}

/// What a write to the object or to its status may change, taken from `asked`, on top of `live`.
pub(super) fn overlay(endpoint: &Endpoint, exchange: &Exchange, asked: Value, live: &Value) -> Value {
    if !has_status(endpoint) {
        return asked;
    }
    let to_status = exchange.call.info.subresource == "status";
    let (mut base, status) =
        if to_status { (live.clone(), asked.get("status")) } else { (asked.clone(), live.get("status")) };
    let Value::Object(fields) = &mut base else { return asked };
    match status {
        Some(status) => fields.insert("status".to_owned(), status.clone()),
        None => fields.remove("status"),
    };
    if to_status && let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["resourceVersion", "uid", "name", "namespace"] {
            match asked.get("metadata").and_then(|metadata| metadata.get(key)) {
                Some(value) => metadata.insert(key.to_owned(), value.clone()),
                None if key == "resourceVersion" => metadata.remove(key),
                None => continue,
            };
        }
    }
    base
}

/// An object of the hub as a tree of the version asked for.
pub(super) fn tree_of(endpoint: &Endpoint, object: &Object) -> Result<Value, Status> {
    let converted = endpoint.resource.served(endpoint.version).codec.convert(object.clone());
    converted.to_value().map_err(|error| Status::internal(format_args!("{object:?}: {error}")))
}
