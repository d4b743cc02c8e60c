//! `PUT` of one object or its status.

use crate::endpoint::mutation::{self, Body as ObjectBody};
use crate::endpoint::{Endpoint, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use kube_annex::options::UpdateOptions;
use kube_annex::{Object, Status};
use serde_json::Value;

pub(super) async fn update(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let media = mutation::media_type(exchange)?;
    let bytes = body::read(body).await?;
    let options = UpdateOptions::parse_update(&exchange.query)?;
    let body = ObjectBody::read(endpoint, &bytes, media)?;
    let name = &exchange.call.info.name;
    check_name(&body.tree, name)?;
    body.object(endpoint, exchange, body.tree.clone(), options.field_validation)?;

    let write = endpoint.write(exchange, options.dry_run);
    let written = endpoint
        .resource
        .update(&write, name, |live| {
            let live_tree = mutation::tree_of(endpoint, live)?;
            let tree = mutation::overlay(endpoint, exchange, body.tree.clone(), &live_tree);
            let mut object = body.object(endpoint, exchange, tree, options.field_validation)?;
            mutation::check_namespace(endpoint, exchange, &mut object)?;
            check_uid(endpoint, &object, live)?;
            Ok(object)
        })
        .await?;
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint.descriptor(), negotiated, StatusCode::OK, &item)
}

fn check_name(tree: &Value, name: &str) -> Result<(), Status> {
    let sent = tree.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
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

/// A uid in the body is a precondition.
fn check_uid(endpoint: &Endpoint, object: &Object, live: &Object) -> Result<(), Status> {
    if object.uid().is_empty() || object.uid() == live.uid() {
        return Ok(());
    }
    let descriptor = endpoint.descriptor();
    let resource = descriptor.group_resource();
    let namespace = if live.namespace().is_empty() { String::new() } else { format!("{}/", live.namespace()) };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /{}/{}/{namespace}{}, ResourceVersion: 0, AdditionalErrorMsg: \
         Precondition failed: UID in precondition: {}, UID in object meta: {}",
        descriptor.group,
        descriptor.plural,
        live.name(),
        object.uid(),
        live.uid()
    );
    Err(Status::conflict(&resource, live.name(), why))
}
