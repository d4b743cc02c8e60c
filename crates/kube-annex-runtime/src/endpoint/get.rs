//! `GET` of one object.

use crate::endpoint::form::Form;
use crate::endpoint::{Endpoint, check_name, respond};
use crate::registry::item::Item;
use crate::registry::resource::Origin;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::response::Response;
use http::StatusCode;
use kube_annex::options::GetOptions;
use kube_annex::{Status, version};
use kube_annex_storage::Revision;
use kube_annex_storage::cache::Freshness;

pub(super) async fn get(endpoint: &Endpoint, exchange: &Exchange) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let options = GetOptions::parse(&exchange.query)?;
    check_name(exchange)?;
    let at_least = version::parse_get(&options.resource_version)?;
    let name = &exchange.call.info.name;
    let item = match &endpoint.resource.origin {
        Origin::Stored(store) => {
            let freshness = match at_least {
                Some(revision) => Freshness::NotOlderThan(Revision(revision)),
                None if options.resource_version.is_empty() => Freshness::Newest,
                None => Freshness::Any,
            };
            let entry = store.get(&exchange.call.info.namespace, name, freshness).await?;
            if let Some(form) = Form::of_objects(endpoint.version, negotiated) {
                return respond::entry(exchange, endpoint, negotiated, form, &entry);
            }
            Item::stored(&entry)
        }
        Origin::Computed(computed) => computed.get(&endpoint.write(exchange, false), name, at_least).await?,
    };
    let item = endpoint.resource.render(item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &item)
}
