//! `GET` of one object.

use crate::endpoint::{Endpoint, respond};
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::response::Response;
use http::StatusCode;
use kube_annex::options::GetOptions;
use kube_annex::{Status, version};

pub(super) async fn get(endpoint: &Endpoint, exchange: &Exchange) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let options = GetOptions::parse(&exchange.query)?;
    let at_least = version::parse_get(&options.resource_version)?;
    let write = endpoint.write(exchange, false);
    let item = endpoint.resource.get(&write, &exchange.call.info.name, at_least).await?;
    let item = endpoint.resource.render(item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &item)
}
