//! `DELETE` of a collection: every object that matches, one by one.

use crate::endpoint::{Endpoint, delete, list, respond};
use crate::registry::list::Predicate;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use kube_annex::options::ListOptions;
use kube_annex::{Reason, Status};

pub(super) async fn delete_collection(
    endpoint: &Endpoint,
    exchange: &Exchange,
    body: Body,
) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let selection = ListOptions::parse_list(&exchange.query)?;
    let predicate = Predicate::of(&selection, &endpoint.resource.registration, endpoint.version)?;
    let options = delete::options(exchange, body).await?.for_collection()?;
    let write = endpoint.write(exchange, !options.dry_run.is_empty());
    let listed = endpoint.resource.list(&write, &selection, &predicate).await?;
    for item in &listed.items {
        let name = item.head()?.name.into_owned();
        match endpoint.resource.delete(&write, &name, &options).await {
            Ok(_) => {}
            Err(status) if status.reason == Reason::NotFound => {}
            Err(status) => return Err(status),
        }
    }
    // The answer is what was found, as it was found: so does upstream.
    respond::list(exchange, endpoint, negotiated, &list::answer(endpoint, listed)?)
}
