//! What the cluster is asked about a request.

use k8s_openapi::api::authorization::v1::{
    FieldSelectorAttributes, LabelSelectorAttributes, NonResourceAttributes, ResourceAttributes,
    SubjectAccessReviewSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldSelectorRequirement, LabelSelectorRequirement};
use kube_annex::request::{RequestInfo, UserInfo};
use kube_annex::selector::{field, label};

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

/// What narrows the request. A selector that cannot be read, or a requirement that has no word here, is left out: that
/// asks for more than is needed, never for less.
fn selectors(info: &RequestInfo) -> (Option<FieldSelectorAttributes>, Option<LabelSelectorAttributes>) {
    if !matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
        return (None, None);
    }
    let fields = field::Selector::parse(&info.field_selector).unwrap_or_default();
    let fields: Vec<_> = fields.requirements().iter().map(field_requirement).collect();
    let labels = label::Selector::parse(&info.label_selector).unwrap_or_default();
    let labels: Vec<_> = labels.requirements().iter().filter_map(label_requirement).collect();
    (
        (!fields.is_empty()).then_some(FieldSelectorAttributes { requirements: Some(fields), raw_selector: None }),
        (!labels.is_empty()).then_some(LabelSelectorAttributes { requirements: Some(labels), raw_selector: None }),
    )
}

fn field_requirement(requirement: &field::Requirement) -> FieldSelectorRequirement {
    let operator = match requirement.operator() {
        field::Operator::Equals => "In",
        field::Operator::NotEquals => "NotIn",
    };
    FieldSelectorRequirement {
        key: requirement.field().to_owned(),
        operator: operator.to_owned(),
        values: Some(vec![requirement.value().to_owned()]),
    }
}

fn label_requirement(requirement: &label::Requirement) -> Option<LabelSelectorRequirement> {
    let operator = match requirement.operator() {
        label::Operator::In | label::Operator::Equals | label::Operator::DoubleEquals => "In",
        label::Operator::NotIn | label::Operator::NotEquals => "NotIn",
        label::Operator::Exists => "Exists",
        label::Operator::DoesNotExist => "DoesNotExist",
        label::Operator::GreaterThan | label::Operator::LessThan => return None,
    };
    let values = requirement.values();
    Some(LabelSelectorRequirement {
        key: requirement.key().to_owned(),
        operator: operator.to_owned(),
        values: (!values.is_empty()).then(|| values.to_vec()),
    })
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
