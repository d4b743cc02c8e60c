//! `PUT` of one object or its status.

use crate::endpoint::mutation::{self, Authorship, Make, Sent};
use crate::endpoint::{Endpoint, respond};
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use kube_annex::options::UpdateOptions;
use kube_annex::{Object, Status, metadata};

pub(super) async fn update(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let bytes = body::read(body).await?;
    let options = UpdateOptions::parse_update(&exchange.query)?;
    let media = mutation::media_type(exchange)?;
    let sent = Sent::read(endpoint, exchange, &bytes, media, options.field_validation)?;
    mutation::check_name(sent.name(), &exchange.call.info.name)?;
    sent.warn_of_repeated_owners(exchange);
    let author = Authorship::of(endpoint, exchange, &options.field_manager);

    let change = |live: &Object| {
        mutation::check_uid(endpoint, live, sent.uid())?;
        let live_tree = mutation::tree_of(endpoint, live)?;
        let mut object = sent.object(endpoint, exchange, Some((live, &live_tree)))?;
        author.track(endpoint, Some(&live_tree), &mut object)?;
        Ok(object)
    };
    let make = || {
        let mut object = sent.object(endpoint, exchange, None)?;
        mutation::check_no_uid(endpoint, &object)?;
        metadata::clear_system_fields(object.metadata_mut());
        author.track(endpoint, None, &mut object)?;
        Ok(object)
    };
    let makes =
        exchange.call.info.subresource.is_empty() && endpoint.resource.registration.rules.allow_create_on_update();
    let make: Option<&Make<'_>> = if makes { Some(&make) } else { None };
    let write = endpoint.write(exchange, options.dry_run).that_may_create(&*endpoint.authorizer);
    let (code, written) = mutation::change_or_make(endpoint, &write, change, make).await?;
    let item = endpoint.resource.render(written.item, endpoint.version)?;
    respond::object(exchange, endpoint, negotiated, code, &item)
}
