//! `POST` to a collection.

use crate::endpoint::mutation::{self, Authorship};
use crate::endpoint::{Endpoint, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use kube_annex::options::CreateOptions;
use kube_annex::{Status, metadata};

pub(super) async fn create(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let media = mutation::media_type(exchange)?;
    let bytes = body::read(body).await?;
    let options = CreateOptions::parse_create(&exchange.query)?;
    let mut object = mutation::created_object(endpoint, exchange, &bytes, media, options.field_validation)?;
    metadata::clear_system_fields(object.metadata_mut());
    Authorship::of(endpoint, exchange, &options.field_manager).track(endpoint, None, &mut object)?;
    let written = endpoint.resource.create(&endpoint.write(exchange, options.dry_run), object).await?;
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::CREATED, &item)
}
