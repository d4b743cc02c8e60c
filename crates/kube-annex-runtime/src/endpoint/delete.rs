//! `DELETE` of one object.

use crate::endpoint::{Endpoint, check_name, mutation, respond, unreadable};
use crate::registry::store::Deletion;
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use kube_annex::Status;
use kube_annex::decode::MediaType;
use kube_annex::options::DeleteOptions;

pub(super) async fn delete(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let options = options(exchange, body).await?;
    check_name(exchange)?;
    let name = &exchange.call.info.name;
    let write = endpoint.write(exchange, !options.dry_run.is_empty());
    if options.ignores_read_error() {
        let status = unreadable::delete(endpoint, exchange, &write).await?;
        let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Known)?;
        return Ok(respond::status(exchange, negotiated, &status));
    }
    match endpoint.resource.delete(&write, name, &options).await? {
        Deletion::Removed(written) => {
            let resource = endpoint.descriptor().group_resource();
            let status = Status::deleted(&resource, name, written.object.uid());
            // Every form can say this, though it cannot say the object.
            let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Known)?;
            Ok(respond::status(exchange, negotiated, &status))
        }
        Deletion::Marked(written) => {
            let code = if options.orphan_dependents == Some(false) { StatusCode::ACCEPTED } else { StatusCode::OK };
            let item = endpoint.resource.render(written.item, endpoint.version)?;
            respond::object(exchange, endpoint, negotiated, code, &item)
        }
    }
}

/// The options in the body, or in the query when there is no body.
pub(super) async fn options(exchange: &Exchange, body: Body) -> Result<DeleteOptions, Status> {
    let bytes = body::read(body).await?;
    if bytes.is_empty() {
        return DeleteOptions::parse_query(&exchange.query);
    }
    let media = match mutation::content_type(exchange) {
        "" => MediaType::Json,
        _ => mutation::media_type(exchange)?,
    };
    DeleteOptions::parse_body(&bytes, media)
}
