//! `POST` to a collection.

use crate::endpoint::mutation::{self, Body as ObjectBody};
use crate::endpoint::{Endpoint, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use kube_annex::Status;
use kube_annex::options::CreateOptions;
use serde_json::Value;

pub(super) async fn create(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let media = mutation::media_type(exchange)?;
    let bytes = body::read(body).await?;
    let options = CreateOptions::parse_create(&exchange.query)?;
    let body = ObjectBody::read(endpoint, &bytes, media)?;
    let mut tree = body.tree.clone();
    if mutation::has_status(endpoint)
        && let Value::Object(fields) = &mut tree
    {
        fields.remove("status");
    }
    let mut object = body.object(endpoint, exchange, tree, options.field_validation)?;
    mutation::check_namespace(endpoint, exchange, &mut object)?;
    let written = endpoint.resource.create(&endpoint.write(exchange, options.dry_run), object).await?;
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::CREATED, &item)
}
