//! JSON merge patch, RFC 7386: objects are merged, `null` deletes, all else replaces.

use super::{not_json, type_name, undecodable};
use crate::status::Status;
use serde_json::Value;

/// The live object with the patch applied.
///
/// * Shape: `patch` is a JSON object; of a key that is written twice the last one counts.
/// * Errors: 400 when the patch is not JSON, is nested deeper than the parser reads, or is not an object.
pub fn apply(live: &Value, patch: &[u8]) -> Result<Value, Status> {
    let patch: Value = serde_json::from_slice(patch).map_err(|_| not_json())?;
    if patch.is_null() {
        return Err(Status::bad_request("Invalid JSON Patch"));
    }
    if !patch.is_object() {
        return Err(undecodable(format_args!("a merge patch is an object, this is {}", type_name(&patch))));
    }
    let mut patched = live.clone();
    // Recurses as deep as the patch, which the parser bounds.
    json_patch::merge(&mut patched, &patch);
    Ok(patched)
}
