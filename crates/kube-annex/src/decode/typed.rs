//! From a tree to the type, telling of every field that the type does not know.

use super::{DecodeError, Fields};
use crate::resource::AggregatedResource;
use serde_json::{Map, Value};

/// Reads a tree as an object of `R`; answers it with the paths of the fields that `R` does not know, such as
/// `spec.foo` or `spec.list[0].foo`.
///
/// * Shape: unknown fields are dropped, and so is a `null` where the type has no null: it is the default, as in Go.
///   Missing `metadata` is empty metadata.
/// * Errors: [`DecodeError`] when a field has another type: `spec.reference: expected a string, found a number`.
pub fn typed<R: AggregatedResource>(mut value: Value, fields: &Fields) -> Result<(R, Vec<String>), DecodeError> {
    let unknown = fields.prune_checked(&mut value)?;
    if let Value::Object(map) = &mut value {
        map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    }
    let object = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let why = sentence(&error.into_inner().to_string());
        DecodeError::new(if path == "." { why } else { format!("{path}: {why}") })
    })?;
    Ok((object, unknown))
}

/// serde's words in those of JSON.
fn sentence(error: &str) -> String {
    let Some((found, expected)) = error.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return error.to_owned();
    };
    format!("expected {}, found {}", expected_words(expected), found_words(found))
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "u8" | "u16" | "u32" | "u64" | "u128" | "isize" | "usize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a map" | "ObjectMeta" => "an object",
        "a sequence" => "a list",
        _ if expected.starts_with("struct ") => "an object",
        _ => expected,
    }
}

fn found_words(found: &str) -> &str {
    match found.split_once(' ').map_or(found, |(kind, _)| kind) {
        "string" => "a string",
        "integer" | "floating" => "a number",
        "boolean" => "a boolean",
        "map" => "an object",
        "sequence" => "a list",
        "unit" | "null" => "null",
        _ => found,
    }
}
