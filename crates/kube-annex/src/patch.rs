//! Patches as functions of objects: what a client sends and the live object make the patched one.
//!
//! A patch is read once and applied as often as other writers are faster. What is made here is a tree; the caller
//! decodes it into its type, and [`invalid`] is the answer when that fails.

pub mod json;
pub mod merge;
pub mod strategic;
#[cfg(test)]
mod tests;

use crate::decode::{self, Decoded, MediaType};
use crate::field;
use crate::options::FieldValidation;
use crate::schema::TypeSchema;
use crate::status::Status;
use serde_json::Value;

/// Containers within containers, counted from the root, that a patched object may have. What the JSON parser reads
/// at most, so that whatever is stored can be read again.
const MAX_DEPTH: usize = 127;

/// A patch that has been read.
#[derive(Clone, Debug)]
pub enum Patch {
    /// `application/json-patch+json`
    Json(json::Patch),
    /// `application/merge-patch+json`
    Merge(merge::Patch),
    /// `application/strategic-merge-patch+json`
    Strategic(strategic::Patch),
}

impl Patch {
    /// The live object with the patch applied; `schema` tells a strategic merge how its lists are merged.
    ///
    /// * Errors: those of the patch's kind.
    pub fn apply(&self, live: Value, schema: &TypeSchema) -> Result<Value, Status> {
        match self {
            Self::Json(patch) => patch.apply(live),
            Self::Merge(patch) => Ok(patch.apply(live)),
            Self::Strategic(patch) => patch.apply(live, schema),
        }
    }
}

/// 422: the patched object is not one of its type, or breaks strict field validation.
///
/// * Shape: group, kind and name are empty, as upstream has them; one cause on field `patch`.
/// * Source: upstream repeats the whole patched object as the bad value, twice. Here `{...}` stands for it.
pub fn invalid(detail: impl Into<String>) -> Status {
    Status::invalid("", "", "", &[field::Error::invalid(&field::Path::new("patch"), "{...}", detail)])
}

/// The JSON of a patch, with what is written twice in it.
///
/// * Errors: 400 when it is not JSON. Upstream tells no more.
fn read(patch: &[u8]) -> Result<Decoded, Status> {
    decode::decode(patch, MediaType::Json).map_err(|_| Status::bad_request("invalid JSON patch"))
}

/// What a lenient reader would overlook, unless nobody asks.
fn findings(validation: FieldValidation, found: Vec<String>) -> Vec<String> {
    if validation == FieldValidation::Ignore { Vec::new() } else { found }
}

/// 400: the patch is not one.
fn undecodable(why: impl std::fmt::Display) -> Status {
    Status::bad_request(format!("error decoding patch: {why}"))
}

/// What a JSON value is, for people.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
