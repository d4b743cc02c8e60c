//! Patches as functions of objects: what a client sends and the live object make the patched one.
//!
//! Nothing here knows a type. The patched tree is decoded into its type by the caller; [`invalid`] is the answer when
//! that fails.

pub mod json;
pub mod merge;
#[cfg(test)]
mod tests;

use crate::field;
use crate::status::Status;

/// Containers within containers, counted from the root, that a patched object may have. What the JSON parser reads
/// at most, so that whatever is stored can be read again.
const MAX_DEPTH: usize = 127;

/// 422: the patched object is not one of its type, or breaks strict field validation.
///
/// * Shape: group, kind and name are empty, as upstream has them; one cause on field `patch`.
/// * Source: upstream repeats the whole patched object as the bad value, twice. Here `{...}` stands for it.
pub fn invalid(detail: impl Into<String>) -> Status {
    Status::invalid("", "", "", &[field::Error::invalid(&field::Path::new("patch"), "{...}", detail)])
}

/// 400: the patch is not JSON. Upstream tells no more.
fn not_json() -> Status {
    Status::bad_request("invalid JSON patch")
}

/// 400: the patch is not one.
fn undecodable(why: impl std::fmt::Display) -> Status {
    Status::bad_request(format!("error decoding patch: {why}"))
}

/// What a JSON value is, for people.
fn type_name(value: &serde_json::Value) -> &'static str {
    match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "a boolean",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "a string",
        serde_json::Value::Array(_) => "an array",
        serde_json::Value::Object(_) => "an object",
    }
}
