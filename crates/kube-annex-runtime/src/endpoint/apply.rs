//! Server-side apply: `PATCH` with the fields that a manager wants, and no others.

use crate::endpoint::Endpoint;
use crate::endpoint::mutation::{self, Authorship, Make};
use crate::endpoint::refusal::refusal;
use crate::registry::store::Written;
use crate::request::exchange::Exchange;
use bytes::Bytes;
use http::StatusCode;
use kube_annex::decode::{self, DecodeError, Decoded, MediaType};
use kube_annex::gvk::GroupVersion;
use kube_annex::options::{FieldValidation, PatchOptions};
use kube_annex::{Object, Status};
use serde_json::Value;

/// Applies a body to an object, or makes it of the body where there is none.
///
/// * Errors: 400 for a body that is no object of this kind and version, 409 with a cause for each field that others
///   manage, 403 for whoever may not create what is missing.
pub(super) async fn apply(
    endpoint: &Endpoint,
    exchange: &Exchange,
    bytes: &Bytes,
    options: &PatchOptions,
) -> Result<(StatusCode, Written), Status> {
    let applied = Applied::read(bytes)?;
    let author = Authorship::of(endpoint, exchange, &options.field_manager);
    let applying = Applying { endpoint, exchange, applied, author, options };
    let write = endpoint.write(exchange, options.dry_run).that_may_create(&*endpoint.authorizer).that_applies();
    let make = || applying.applied(None);
    // A status or a scale is of an object that is there.
    let make: Option<&Make<'_>> = if exchange.call.info.subresource.is_empty() { Some(&make) } else { None };
    mutation::change_or_make(endpoint, &write, |live| applying.applied(Some(live)), make).await
}

/// The body of an apply, YAML or JSON.
pub(super) struct Applied(Decoded);

impl Applied {
    /// * Errors: 400 for what is neither.
    pub(super) fn read(bytes: &Bytes) -> Result<Self, Status> {
        decode::decode(bytes, MediaType::Yaml).map(Self).map_err(|error| unreadable(bytes, &error))
    }

    /// The object that is applied; `null` is an empty one.
    pub(super) fn body(&self) -> Result<Value, Status> {
        match &self.0.value {
            Value::Object(_) => Ok(self.0.value.clone()),
            Value::Null => Ok(Value::Object(serde_json::Map::new())),
            _ => Err(Status::bad_request(
                "error decoding patch: error unmarshaling JSON: while decoding JSON: an apply is an object with \
                 apiVersion and kind",
            )),
        }
    }

    /// Keys that are written twice: nothing, a warning of each, or a refusal, as the client asked.
    pub(super) fn tell_duplicates(&self, exchange: &Exchange, validation: FieldValidation) -> Result<(), Status> {
        let duplicates = &self.0.duplicates;
        if duplicates.is_empty() || validation == FieldValidation::Ignore {
            return Ok(());
        }
        if validation == FieldValidation::Warn {
            for found in duplicates {
                exchange.warnings.add(found.as_str());
            }
            return Ok(());
        }
        let lines: Vec<String> = duplicates.iter().map(|found| format!("\n  {found}")).collect();
        Err(Status::bad_request(format!(
            "error strict decoding patch: {YAML_TO_JSON}yaml: unmarshal errors:{}",
            lines.concat()
        )))
    }
}

/// 400, in upstream's words as far as they tell what is read: a text that begins as JSON does is met only when it is
/// decoded.
fn unreadable(bytes: &[u8], error: &DecodeError) -> Status {
    let why = error.to_string();
    if bytes.trim_ascii_start().starts_with(b"{") {
        Status::bad_request(format!("error decoding patch: {why}"))
    } else {
        Status::bad_request(format!("error encoding patch: {}", why.trim_start_matches(YAML_TO_JSON)))
    }
}

const YAML_TO_JSON: &str = "error converting YAML to JSON: ";

struct Applying<'a> {
    endpoint: &'a Endpoint,
    exchange: &'a Exchange,
    applied: Applied,
    author: Authorship,
    options: &'a PatchOptions,
}

impl Applying<'_> {
    fn applied(&self, live: Option<&Object>) -> Result<Object, Status> {
        let Self { endpoint, exchange, applied, author, options } = self;
        let body = applied.body()?;
        let told = |member| body.get(member).and_then(Value::as_str).unwrap_or_default();
        let (mut version, mut kind) = (told("apiVersion"), told("kind"));
        if GroupVersion::parse(version).is_none() {
            // A version that is none says nothing of a kind either.
            (version, kind) = ("", "");
        }
        if kind != endpoint.descriptor().kind {
            let slash = if version.contains('/') { "" } else { "/" };
            return Err(Status::bad_request(format!("invalid object type: {slash}{version}, Kind={kind}")));
        }
        let live_tree = live.map(|live| mutation::tree_of(endpoint, live)).transpose()?;
        let force = options.force.unwrap_or_default();
        let merged = endpoint.resource.fields.apply(live_tree.as_ref(), body, &author.writer(), force)?;
        let version = endpoint.resource.served(endpoint.version);
        // Fields that nobody knows were refused by the merge.
        let decoded = mutation::decode_applied(endpoint, exchange, version, merged, live_tree.as_ref());
        let mut object = decoded.map_err(|error| match error {
            DecodeError::Invalid { .. } => refusal(endpoint, exchange, error, live),
            // As upstream, which takes it for its own trouble.
            error => {
                let (info, expected) = (&exchange.call.info, version.descriptor.gvk());
                let gvk = format!("{}, Kind={}", expected.group_version(), expected.kind);
                Status::untyped(format!(
                    "failed to convert new object ({}/{}; {gvk}) to proper version: unable to convert unstructured object to \
                     {gvk}: {error}",
                    info.namespace, info.name
                ))
            }
        })?;
        applied.tell_duplicates(exchange, options.field_validation)?;
        if let Some(uid) = Some(object.uid()).filter(|uid| live.is_none() && !uid.is_empty()) {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(Status::conflict(&endpoint.descriptor().group_resource(), &exchange.call.info.name, why));
        }
        mutation::check_namespace(endpoint, exchange, &mut object)?;
        mutation::check_name(object.name(), &exchange.call.info.name)?;
        Ok(object)
    }
}
