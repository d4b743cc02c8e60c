//! Objects as JSON bytes in upstream's key order.

use crate::resource::AggregatedResource;
use serde_json::Value;

/// The object as a JSON tree with `apiVersion` and `kind`.
pub(crate) fn to_value<R: AggregatedResource>(object: &R) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or_default();
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".to_owned(), R::DESCRIPTOR.api_version().into());
        map.insert("kind".to_owned(), R::DESCRIPTOR.kind.into());
    }
    value
}

/// Writes the object as compact JSON.
pub(crate) fn write_object<R: AggregatedResource>(object: &R, out: &mut Vec<u8>) {
    out.extend_from_slice(to_value(object).to_string().as_bytes());
}
