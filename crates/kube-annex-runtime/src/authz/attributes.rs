//! What the cluster is asked about a request.

use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, NonResourceAttributes, ResourceAttributes,
    SubjectAccessReviewSpec,
};
use kube_annex::request::{RequestInfo, UserInfo};

/// The question that a request poses.
pub(super) fn spec(user: &UserInfo, info: &RequestInfo) -> SubjectAccessReviewSpec {
    let (resource_attributes, non_resource_attributes) = if info.is_resource_request {
        (Some(resource_attributes(info)), None)
    } else {
        (None, Some(NonResourceAttributes { path: some(&info.path), verb: some(&info.verb) }))
    };
    SubjectAccessReviewSpec {
        user: some(&user.name),
        uid: some(&user.uid),
        groups: (!user.groups.is_empty()).then(|| user.groups.clone()),
        extra: (!user.extra.is_empty()).then(|| user.extra.clone()),
        resource_attributes,
        non_resource_attributes,
    }
}

fn resource_attributes(info: &RequestInfo) -> ResourceAttributes {
    let (field_selector, label_selector) = selectors(info);
    ResourceAttributes {
        namespace: some(&info.namespace),
        verb: some(&info.verb),
        group: some(&info.group),
        version: some(&info.version),
        resource: some(&info.resource),
        subresource: some(&info.subresource),
        name: some(&info.name),
        field_selector,
        label_selector,
    }
}

/// What narrows the request. Leaving it out asks for more than is needed, never for less.
fn selectors(_info: &RequestInfo) -> (Option<FieldSelectorAttributes>, Option<LabelSelectorAttributes>) {
    (None, None)
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
