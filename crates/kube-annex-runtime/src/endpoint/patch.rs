//! `PATCH` of one object or its status.

use crate::endpoint::mutation::{self, Authorship};
use crate::endpoint::refusal::refusal;
use crate::endpoint::{Endpoint, apply, check_name, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use kube_annex::decode::DecodeError;
use kube_annex::options::{FieldValidation, PatchOptions};
use kube_annex::patch::{self, Patch};
use kube_annex::status::Details;
use kube_annex::{Object, Reason, Status, decode};
use serde_json::Value;

/// How a patch is written.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Kind {
    Json,
    Merge,
    Strategic,
    Apply,
}

/// Refuses a patch none of whose media types is served, before anything else is looked at.
///
/// * Errors: 415 in the words of upstream's router, which takes the header for a list of media types.
pub(super) fn check_content_type(endpoint: &Endpoint, exchange: &Exchange) -> Result<(), Status> {
    let served = |part: &str| {
        let media_type = part.split(';').next().unwrap_or_default().trim_matches(' ');
        kind_of(endpoint, media_type).is_some()
    };
    if mutation::content_type(exchange).split(',').any(served) {
        return Ok(());
    }
    let unsupported = Status::failure(415, Reason::UnsupportedMediaType, "415: Unsupported Media Type");
    Err(unsupported.with_details(Details::default()))
}

/// How the patch of a request is written.
///
/// * Errors: 415 in the words of upstream's handler, which takes the header for one media type, and blanks for a part of it.
pub(super) fn kind(endpoint: &Endpoint, exchange: &Exchange) -> Result<Kind, Status> {
    let header = mutation::content_type(exchange);
    let media_type = header.split(';').next().unwrap_or_default();
    kind_of(endpoint, media_type).ok_or_else(|| {
        let served = KINDS.iter().map(|(media_type, _)| *media_type);
        Status::unsupported_media_type(&served.filter(|known| kind_of(endpoint, known).is_some()).collect::<Vec<_>>())
    })
}

fn kind_of(endpoint: &Endpoint, media_type: &str) -> Option<Kind> {
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == media_type)?;
    Some(*kind).filter(|kind| *kind != Kind::Strategic || endpoint.resource.registration.rules.strategic_merge())
}

/// In upstream's order.
const KINDS: [(&str, Kind); 4] = [
    ("application/json-patch+json", Kind::Json),
    ("application/merge-patch+json", Kind::Merge),
    ("application/strategic-merge-patch+json", Kind::Strategic),
    ("application/apply-patch+yaml", Kind::Apply),
];

pub(super) async fn patch(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let kind = kind(endpoint, exchange)?;
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let bytes = body::read(body).await?;
    let options = PatchOptions::parse(&exchange.query, kind == Kind::Apply)?;
    check_name(exchange)?;
    let (code, written) = if kind == Kind::Apply {
        apply::apply(endpoint, exchange, &bytes, &options).await?
    } else {
        check_json(&bytes)?;
        let write = endpoint.write(exchange, options.dry_run);
        let mut patching = Patching::new(endpoint, exchange, kind, &bytes, &options);
        let name = &exchange.call.info.name;
        (StatusCode::OK, endpoint.resource.update(&write, name, |live| patching.patched(live)).await?)
    };
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, code, &item)
}

/// 400 for what is not even JSON, whatever the object.
pub(super) fn check_json(patch: &[u8]) -> Result<(), Status> {
    serde_json::from_slice::<serde::de::IgnoredAny>(patch)
        .map(drop)
        .map_err(|_| Status::bad_request("invalid JSON patch"))
}

/// Reads a patch of that kind, and answers it with what a lenient reader would overlook.
pub(super) fn read(kind: Kind, bytes: &[u8], validation: FieldValidation) -> Result<(Patch, Vec<String>), Status> {
    Ok(match kind {
        Kind::Merge => {
            let (patch, findings) = patch::merge::Patch::decode(bytes, validation)?;
            (Patch::Merge(patch), findings)
        }
        Kind::Strategic => {
            let (patch, findings) = patch::strategic::Patch::decode(bytes, validation)?;
            (Patch::Strategic(patch), findings)
        }
        Kind::Json | Kind::Apply => {
            let (patch, findings) = patch::json::Patch::decode(bytes, validation)?;
            (Patch::Json(patch), findings)
        }
    })
}

/// Tells the findings of a patched object as the client asked: not at all, as warnings, or with a refusal.
pub(super) fn tell(exchange: &Exchange, findings: Vec<String>, validation: FieldValidation) -> Result<(), Status> {
    match validation {
        FieldValidation::Strict if !findings.is_empty() => {
            Err(patch::invalid(decode::strict_error(&findings).to_string()))
        }
        FieldValidation::Warn => {
            for finding in findings {
                exchange.warnings.add(finding);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// One patch, applied as often as other writers are faster.
struct Patching<'a> {
    endpoint: &'a Endpoint,
    exchange: &'a Exchange,
    kind: Kind,
    bytes: &'a Bytes,
    options: &'a PatchOptions,
    author: Authorship,
    /// Read when there is an object to patch: a missing one is told first.
    read: Option<(Patch, Vec<String>)>,
}

impl<'a> Patching<'a> {
    fn new(
        endpoint: &'a Endpoint,
        exchange: &'a Exchange,
        kind: Kind,
        bytes: &'a Bytes,
        options: &'a PatchOptions,
    ) -> Self {
        let author = Authorship::of(endpoint, exchange, &options.field_manager);
        Self { endpoint, exchange, kind, bytes, options, author, read: None }
    }

    fn patched(&mut self, live: &Object) -> Result<Object, Status> {
        let Self { endpoint, exchange, options, .. } = *self;
        let validation = options.field_validation;
        let (patch, findings) = match self.read.take() {
            Some(read) => self.read.insert(read),
            None => self.read.insert(read(self.kind, self.bytes, validation)?),
        };
        let served = endpoint.resource.served(endpoint.version);
        let live_tree = mutation::tree_of(endpoint, live)?;
        let tree = patch.apply(live_tree.clone(), &served.schema)?;
        let mut findings = findings.clone();
        let decoded = self.decode(tree, &live_tree, &mut findings)?;
        if served.codec.declares() {
            findings = decode::in_declared_order(findings);
        }
        tell(exchange, findings, validation)?;
        let mut object = decoded.map_err(|violated| refusal(endpoint, exchange, violated, Some(live)))?;
        self.author.track(endpoint, Some(&live_tree), &mut object)?;
        mutation::check_namespace(endpoint, exchange, &mut object)?;
        mutation::check_name(object.name(), live.name())?;
        Ok(object)
    }

    /// Reads the patched tree as the version that it says it is. A strategic merge is of the version asked for, whatever
    /// the patch says of it. What the object violates is the inner error.
    fn decode(
        &self,
        mut tree: Value,
        live: &Value,
        findings: &mut Vec<String>,
    ) -> Result<Result<Object, DecodeError>, Status> {
        let endpoint = self.endpoint;
        if self.kind == Kind::Strategic
            && let Some(members) = tree.as_object_mut()
        {
            for name in ["kind", "apiVersion"] {
                if let Some(other) = members.remove(name).filter(|value| !value.is_string() && !value.is_null()) {
                    return Err(patch::invalid(format!(
                        "{name}: expected a string, found {}",
                        decode::describe(&other)
                    )));
                }
            }
        }
        if self.kind != Kind::Strategic && says_no_version(&tree) {
            // Upstream reads it as its own form of the object, which has no version and whose fields have other names.
            let members = tree.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
            let unknown = members.map(|(name, _)| name).filter(|name| *name != "kind" && *name != "apiVersion");
            findings.extend(unknown.map(|name| format!("unknown field {}", kube_annex::field::quote(name))));
            tree = Value::Object(tree.get("kind").map(|kind| ("kind".to_owned(), kind.clone())).into_iter().collect());
        }
        let says = tree.get("apiVersion").and_then(Value::as_str);
        let mut served = endpoint.resource.registration.versions.iter();
        let version = served
            .find(|served| says.is_some_and(|says| says == served.descriptor.api_version()))
            .unwrap_or_else(|| endpoint.resource.served(endpoint.version));
        let versions = endpoint.resource.registration.version_names();
        decode::check_type(&mut tree, &version.descriptor.gvk(), &versions)
            .map_err(|other| patch::invalid(other.to_string()))?;
        match mutation::decode_patched(endpoint, self.exchange, version, tree, Some(live), findings) {
            decoded @ (Ok(_) | Err(DecodeError::Invalid { .. })) => Ok(decoded),
            Err(error) => Err(patch::invalid(error.to_string())),
        }
    }
}

/// Whether a patch took away the version of the object.
fn says_no_version(tree: &Value) -> bool {
    tree.as_object().is_some_and(|members| {
        members.get("apiVersion").is_none_or(|version| {
            version.is_null() || version.as_str().is_some_and(|version| version.is_empty() || version.ends_with('/'))
        })
    })
}
