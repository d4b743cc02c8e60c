//! `PATCH` of one object or its status.

use crate::endpoint::mutation;
use crate::endpoint::{Endpoint, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use kube_annex::decode::MediaType;
use kube_annex::options::{FieldValidation, PatchOptions};
use kube_annex::status::Details;
use kube_annex::{Object, Reason, Status, decode, patch};
use serde_json::Value;

#[derive(Clone, Copy)]
enum Kind {
    Json,
    Merge,
}

/// Refuses a patch of a kind that is not served, before anything else is looked at.
pub(super) fn check_content_type(exchange: &Exchange) -> Result<(), Status> {
    kind(exchange).map(drop)
}

fn kind(exchange: &Exchange) -> Result<Kind, Status> {
    match mutation::content_type(exchange) {
        "application/json-patch+json" => Ok(Kind::Json),
        "application/merge-patch+json" => Ok(Kind::Merge),
        _ => Err(Status::failure(415, Reason::UnsupportedMediaType, "415: Unsupported Media Type")
            .with_details(Details::default())),
    }
}

pub(super) async fn patch(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let kind = kind(exchange)?;
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let bytes = body::read(body).await?;
    let options = PatchOptions::parse(&exchange.query, false)?;
    let name = &exchange.call.info.name;
    let duplicates = duplicates(kind, &bytes);
    let write = endpoint.write(exchange, options.dry_run);
    let written = endpoint
        .resource
        .update(&write, name, |live| patched(endpoint, exchange, kind, &bytes, &duplicates, &options, live))
        .await?;
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &item)
}

/// What the patch itself says twice. One that is no JSON has nothing to find; it is refused when it is applied.
fn duplicates(kind: Kind, patch: &Bytes) -> Vec<String> {
    let found = decode::decode(patch, MediaType::Json).map(|decoded| decoded.duplicates).unwrap_or_default();
    match kind {
        Kind::Merge => found,
        Kind::Json => found.into_iter().map(|finding| format!("json patch {finding}")).collect(),
    }
}

fn patched(
    endpoint: &Endpoint,
    exchange: &Exchange,
    kind: Kind,
    patch: &Bytes,
    duplicates: &[String],
    options: &PatchOptions,
    live: &Object,
) -> Result<Object, Status> {
    let codec = &endpoint.resource.served(endpoint.version).codec;
    let live_tree = mutation::tree_of(endpoint, live)?;
    let tree = match kind {
        Kind::Json => patch::json::apply(&live_tree, patch)?,
        Kind::Merge => patch::merge::apply(&live_tree, patch)?,
    };
    let tree = mutation::overlay(endpoint, exchange, tree, &live_tree);
    check_type(endpoint, &tree)?;
    let mut findings = duplicates.to_vec();
    let mut object = codec.decode(tree, &mut findings).map_err(|error| patch::invalid(error.to_string()))?;
    if !findings.is_empty() {
        match options.field_validation {
            FieldValidation::Ignore => {}
            FieldValidation::Warn => findings.into_iter().for_each(|finding| exchange.warnings.add(finding)),
            FieldValidation::Strict => {
                return Err(patch::invalid(decode::strict_error(&findings).to_string()));
            }
        }
    }
    mutation::check_namespace(endpoint, exchange, &mut object)?;
    if object.name() != live.name() {
        return Err(Status::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            object.name(),
            live.name()
        )));
    }
    Ok(object)
}

fn check_type(endpoint: &Endpoint, tree: &Value) -> Result<(), Status> {
    let mut tree = tree.clone();
    decode::check_type(&mut tree, &endpoint.descriptor().gvk()).map_err(|status| patch::invalid(status.message))
}
