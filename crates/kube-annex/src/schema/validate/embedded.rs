//! Whole Kubernetes objects within an object: they have a kind, and metadata that is legal.

use super::Misfit;
use crate::decode::describe;
use crate::field::{Error, ErrorList, Path};
use crate::gvk::GroupVersion;
use crate::metadata;
use crate::resource::Scope;
use crate::strategy::NameRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_annex_names::dns;
use serde_json::{Map, Value};

/// Judges an embedded object.
///
/// * Errors: [`Misfit`] when its metadata is no metadata or its type no text.
pub(super) fn check(fields: &Map<String, Value>, path: &Path) -> Result<ErrorList, Misfit> {
    for name in ["apiVersion", "kind"] {
        if let Some(other) = fields.get(name).filter(|value| !value.is_string()) {
            let field = path.child(name).to_string();
            return Err(Misfit { field, expected: "a string", found: describe(other) });
        }
    }
    let mut errors = type_errors(fields, path);
    if let Some(metadata) = fields.get("metadata") {
        errors.extend(of_metadata(metadata, &path.child("metadata"))?);
    }
    Ok(errors)
}

/// What is wrong with the type that an embedded object says it is of.
pub(super) fn type_errors(fields: &Map<String, Value>, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    type_meta(fields, "apiVersion", path, &mut errors, |text| {
        GroupVersion::parse(text).is_none().then(|| format!("unexpected GroupVersion string: {text}"))
    });
    type_meta(fields, "kind", path, &mut errors, |text| {
        let found = dns::label_1035(&text.to_lowercase());
        (!found.is_empty()).then(|| format!("may have mixed case, but should otherwise match: {}", found.join(",")))
    });
    errors
}

fn type_meta(
    fields: &Map<String, Value>,
    name: &str,
    path: &Path,
    errors: &mut ErrorList,
    judge: impl Fn(&str) -> Option<String>,
) {
    let path = path.child(name);
    let text = match fields.get(name) {
        None => return errors.push(Error::required(&path, "")),
        Some(Value::String(text)) => text,
        Some(other) => return errors.push(Error::invalid(&path, other.clone(), "must be a string")),
    };
    if text.is_empty() {
        errors.push(Error::invalid(&path, text.clone(), "must not be empty"));
    } else if let Some(why) = judge(text) {
        errors.push(Error::invalid(&path, text.clone(), why));
    }
}

/// The name need not be there, and nothing tells whether the kind has a namespace.
fn of_metadata(value: &Value, path: &Path) -> Result<ErrorList, Misfit> {
    let mut metadata: ObjectMeta = serde_path_to_error::deserialize(value).map_err(|error| {
        let below = error.path().to_string();
        let field = if below == "." { path.to_string() } else { format!("{path}.{below}") };
        let found = value.pointer(&format!("/{}", below.replace('.', "/"))).unwrap_or(value);
        Misfit { field, expected: "what metadata has there", found: describe(found) }
    })?;
    if metadata.name.as_deref().unwrap_or_default().is_empty() {
        metadata.name = Some("unnamed".to_owned());
    }
    let scope =
        if metadata.namespace.as_deref().unwrap_or_default().is_empty() { Scope::Cluster } else { Scope::Namespaced };
    let mut errors = metadata::validate(&metadata, scope, NameRule::PathSegment);
    for error in &mut errors {
        let below = error.field.strip_prefix("metadata").unwrap_or_default();
        error.field = format!("{path}{below}");
    }
    Ok(errors)
}
