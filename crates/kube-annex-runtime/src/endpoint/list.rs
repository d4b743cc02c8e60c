//! `GET` of a collection.

use crate::endpoint::Endpoint;
use crate::endpoint::form::Form;
use crate::endpoint::respond::{self, ListAnswer};
use crate::registry::list::{Listed, Predicate};
use crate::registry::resource::Origin;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::response::Response;
use kube_annex::Status;
use kube_annex::options::ListOptions;

pub(super) async fn list(endpoint: &Endpoint, exchange: &Exchange) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let options = ListOptions::parse_list(&exchange.query)?;
    let predicate = Predicate::of(&options, &endpoint.resource.registration, endpoint.version)?;
    let listed = match &endpoint.resource.origin {
        Origin::Stored(store) => {
            let found = store.find(&exchange.call.info.namespace, &options, &predicate).await?;
            let form = Form::of_items(endpoint.version, negotiated);
            if let Some(form) = form.filter(|_| negotiated.is_compact()) {
                return respond::found(exchange, endpoint, form, found).await;
            }
            found.into()
        }
        Origin::Computed(computed) => computed.list(&endpoint.write(exchange, false), &options, &predicate).await?,
    };
    let answer = answer(endpoint, listed)?;
    respond::list(exchange, endpoint, negotiated, &answer)
}

/// A page in the version asked for.
pub(super) fn answer(endpoint: &Endpoint, listed: Listed) -> Result<ListAnswer, Status> {
    let items = listed
        .items
        .into_iter()
        .map(|item| endpoint.resource.render(item, endpoint.version))
        .collect::<Result<_, _>>()?;
    Ok(ListAnswer {
        items,
        revision: listed.revision,
        continue_token: listed.continue_token,
        remaining: listed.remaining,
    })
}
