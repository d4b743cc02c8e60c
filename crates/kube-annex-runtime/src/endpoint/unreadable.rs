//! `DELETE` of what is stored and cannot be read: a right of its own, and no look at what is removed.

use crate::authz::Decision;
use crate::endpoint::Endpoint;
use crate::registry::store::Write;
use crate::request::exchange::Exchange;
use kube_annex::Status;
use kube_annex::request::RequestInfo;
use kube_annex::status::Details;

/// Removes the object that a request names, if its sender may and it cannot be read.
///
/// * Errors: 403 without the right; 409 for what can be read; 404.
/// * Source: `ignoreStoreReadErrorWithClusterBreakingPotential` of k8s.io/apiserver.
pub(super) async fn delete(endpoint: &Endpoint, exchange: &Exchange, write: &Write<'_>) -> Result<Status, Status> {
    let name = &exchange.call.info.name;
    authorize(endpoint, exchange).await?;
    endpoint.resource.delete_unreadable(write, name).await?;
    let descriptor = endpoint.descriptor();
    let details = Details { name: name.clone(), kind: descriptor.kind.to_owned(), ..Details::default() };
    let mut status = Status::deleted(&descriptor.group_resource(), name, "").with_details(details);
    status.code = 200;
    Ok(status)
}

async fn authorize(endpoint: &Endpoint, exchange: &Exchange) -> Result<(), Status> {
    let user = &exchange.call.user;
    let info = RequestInfo { verb: VERB.to_owned(), ..exchange.call.info.clone() };
    let why = match endpoint.authorizer.authorize(user, &info).await {
        Ok(Decision::Allow) => return Ok(()),
        Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => {
            format!("not permitted to do \"{VERB}\", reason: {reason}")
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, user = user.name, "not authorized");
            format!("error while checking permission for \"{VERB}\", {error}")
        }
    };
    Err(Status::forbidden(&endpoint.descriptor().group_resource(), &info.name, why))
}

const VERB: &str = "unsafe-delete-ignore-read-errors";
