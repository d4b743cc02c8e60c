//! `PUT` of one object or its status.

use crate::authz::{self, Decision};
use crate::endpoint::mutation::{self, Body as ObjectBody};
use crate::endpoint::{Endpoint, respond};
use crate::registry::store::Written;
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, Negotiated, negotiate};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use kube_annex::options::UpdateOptions;
use kube_annex::request::RequestInfo;
use kube_annex::{Object, Reason, Status, Verb};
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

    for _ in 0..MOST_RACES {
        let status = match change(endpoint, exchange, &body, &options).await {
            Ok(written) => return answer(endpoint, exchange, negotiated, StatusCode::OK, written),
            Err(status) => status,
        };
        if !makes_missing(endpoint, exchange, &status) {
            return Err(status);
        }
        match create(endpoint, exchange, &body, &options).await {
            Ok(written) => return answer(endpoint, exchange, negotiated, StatusCode::CREATED, written),
            // Somebody else was first: then there is something to change.
            Err(status) if status.reason == Reason::AlreadyExists => {}
            Err(status) => return Err(status),
        }
    }
    Err(Status::modified(&endpoint.descriptor().group_resource(), name))
}

/// How often an object may come and go while it is written.
const MOST_RACES: usize = 8;

fn answer(
    endpoint: &Endpoint,
    exchange: &Exchange,
    negotiated: Negotiated,
    code: StatusCode,
    written: Written,
) -> Result<Response, Status> {
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, code, &item)
}

async fn change(
    endpoint: &Endpoint,
    exchange: &Exchange,
    body: &ObjectBody,
    options: &UpdateOptions,
) -> Result<Written, Status> {
    let write = endpoint.write(exchange, options.dry_run);
    let changed = |live: &Object| {
        let live_tree = mutation::tree_of(endpoint, live)?;
        let tree = mutation::overlay(endpoint, exchange, body.tree.clone(), &live_tree);
        let mut object = body.object(endpoint, exchange, tree, options.field_validation)?;
        mutation::check_namespace(endpoint, exchange, &mut object)?;
        check_uid(endpoint, &object, live.namespace(), live.name(), live.uid())?;
        Ok(object)
    };
    endpoint.resource.update(&write, &exchange.call.info.name, changed).await
}

/// Whether a `PUT` that was refused so makes the object instead.
fn makes_missing(endpoint: &Endpoint, exchange: &Exchange, refusal: &Status) -> bool {
    let info = &exchange.call.info;
    let missing = *refusal == Status::not_found(&endpoint.descriptor().group_resource(), &info.name);
    missing && info.subresource.is_empty() && endpoint.resource.registration.rules.allow_create_on_update()
}

/// Makes an object at the place of the URL. The user needs the right to create it.
async fn create(
    endpoint: &Endpoint,
    exchange: &Exchange,
    body: &ObjectBody,
    options: &UpdateOptions,
) -> Result<Written, Status> {
    let mut tree = body.tree.clone();
    if mutation::has_status(endpoint)
        && let Value::Object(fields) = &mut tree
    {
        fields.remove("status");
    }
    let mut object = body.object(endpoint, exchange, tree, options.field_validation)?;
    mutation::check_namespace(endpoint, exchange, &mut object)?;
    check_uid(endpoint, &object, object.namespace(), object.name(), "")?;
    authorize_create(endpoint, exchange).await?;
    object.metadata_mut().resource_version = None;
    endpoint.resource.create(&endpoint.write(exchange, options.dry_run), object).await
}

async fn authorize_create(endpoint: &Endpoint, exchange: &Exchange) -> Result<(), Status> {
    let user = &exchange.call.user;
    let info = RequestInfo { verb: Verb::Create.as_str().to_owned(), ..exchange.call.info.clone() };
    match endpoint.authorizer.authorize(user, &info).await {
        Ok(Decision::Allow) => Ok(()),
        Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => Err(authz::forbidden(user, &info, &reason)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, user = user.name, "not authorized");
            Err(Status::internal(error))
        }
    }
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

/// A uid in the body is a precondition; `live` is empty where no object is.
fn check_uid(endpoint: &Endpoint, object: &Object, namespace: &str, name: &str, live: &str) -> Result<(), Status> {
    let sent = object.uid();
    if sent.is_empty() || sent == live {
        return Ok(());
    }
    let descriptor = endpoint.descriptor();
    let (group, plural) = (descriptor.group, descriptor.plural);
    let place = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}/{name}") };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /{group}/{plural}/{place}, ResourceVersion: 0, \
         AdditionalErrorMsg: Precondition failed: UID in precondition: {sent}, UID in object meta: {live}"
    );
    Err(Status::conflict(&descriptor.group_resource(), name, why))
}
