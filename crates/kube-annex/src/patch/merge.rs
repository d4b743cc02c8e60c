//! JSON merge patch, RFC 7386: objects are merged, `null` deletes, all else replaces.

use super::{findings, read, type_name, undecodable};
use crate::options::FieldValidation;
use crate::status::Status;
use serde_json::{Map, Value};

/// A merge patch that has been read.
#[derive(Clone, Debug)]
pub struct Patch(Value);

impl Patch {
    /// Reads a merge patch, and answers it with what it says twice.
    ///
    /// * Shape: a JSON object; of a key that is written twice the last one counts.
    /// * Errors: 400 when the patch is not JSON, nests deeper than the parser reads, or is not an object.
    pub fn decode(patch: &[u8], validation: FieldValidation) -> Result<(Self, Vec<String>), Status> {
        let decoded = read(patch)?;
        match decoded.value {
            Value::Object(_) => Ok((Self(decoded.value), findings(validation, decoded.duplicates))),
            // A reader that does not care for fields meets only what no merge can be made of.
            Value::Array(_) if validation == FieldValidation::Ignore => Ok((Self(decoded.value), Vec::new())),
            _ if validation == FieldValidation::Ignore => Err(no_patch()),
            Value::Null => Err(no_patch()),
            other => Err(undecodable(format_args!("a merge patch is an object, this is {}", type_name(&other)))),
        }
    }

    /// The live object with the patch applied. Recurses as deep as the patch, which the parser bounds.
    pub fn apply(&self, live: Value) -> Value {
        merged(live, &self.0)
    }
}

fn no_patch() -> Status {
    Status::bad_request("Invalid JSON Patch")
}

fn merged(live: Value, patch: &Value) -> Value {
    let Value::Object(members) = patch else { return patch.clone() };
    let Value::Object(mut live) = live else { return without_nulls(patch) };
    for (key, value) in members {
        merge_member(&mut live, key, value);
    }
    Value::Object(live)
}

fn merge_member(live: &mut Map<String, Value>, key: &str, patch: &Value) {
    if patch.is_null() {
        live.remove(key);
        return;
    }
    let value = match live.remove(key) {
        Some(Value::Object(current)) => merged(Value::Object(current), patch),
        _ => without_nulls(patch),
    };
    live.insert(key.to_owned(), value);
}

/// What a patch puts where nothing was. Upstream drops nulls below lists too, which the RFC does not.
fn without_nulls(patch: &Value) -> Value {
    match patch {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, value)| !value.is_null());
            kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
