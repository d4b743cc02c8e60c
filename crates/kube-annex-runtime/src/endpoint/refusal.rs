//! The answer to an object that violates what its type declares.

use crate::endpoint::{Endpoint, mutation};
use crate::registry::lifecycle;
use crate::request::exchange::Exchange;
use kube_annex::decode::DecodeError;
use kube_annex::field::Error;
use kube_annex::{Object, Status};

/// Why an object is not read. Of one that violates what its type declares, what its metadata violates is told first; and
/// before that, as of any object, that it is of another place, or that the version it names is not the live one.
///
/// `live` is there when the object is changed.
pub(super) fn refusal(endpoint: &Endpoint, exchange: &Exchange, error: DecodeError, live: Option<&Object>) -> Status {
    let expected = endpoint.descriptor().gvk();
    let DecodeError::Invalid { mut metadata, errors: of_content } = error else {
        return error.into_status(&expected, b"");
    };
    let asked = &exchange.call.info.name;
    let mut placed = mutation::check_namespace_of(endpoint, exchange, &mut metadata);
    if !asked.is_empty() {
        placed = placed.and_then(|()| mutation::check_name(metadata.name.as_deref().unwrap_or_default(), asked));
    }
    if let Err(refusal) = placed {
        return refusal;
    }
    let resource = &endpoint.resource;
    if let Some(live) = live {
        let version = metadata.resource_version.as_deref().unwrap_or_default();
        if let Err(refusal) = resource.check_version(version, live) {
            return refusal;
        }
        if exchange.call.info.subresource == "status" {
            // A write to the status leaves the rest as it is.
            *metadata = live.metadata().clone();
        }
    }
    let of_content = of_content.into_iter().map(|error| match exchange.call.info.subresource.as_str() {
        "status" => below_status(error),
        _ => error,
    });
    // Who wrote what is for the server to say, and not for the client.
    metadata.managed_fields = None;
    let old = live.map(Object::metadata);
    let mut errors = lifecycle::judge_beside(&resource.registration, resource.seams(), &mut metadata, old);
    errors.extend(of_content);
    Status::invalid(&expected.group, &expected.kind, metadata.name.as_deref().unwrap_or_default(), &errors)
}

/// A status that is written is judged by itself: texts tell where in it something is, as upstream's do.
fn below_status(mut error: Error) -> Error {
    let place = error.field.clone();
    if let Some(below) = place.strip_prefix("status.").filter(|_| error.detail.contains(&place)) {
        error.detail = error.detail.replacen(&place, below, 1);
    }
    error
}
