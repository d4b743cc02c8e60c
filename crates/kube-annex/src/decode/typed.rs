//! From a tree to the type, telling of every field that the type does not know.

use super::{DecodeError, KnownFields};
use crate::field::quote;
use crate::resource::AggregatedResource;
use crate::schema::Validator;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads a tree as an object of `R`; answers it with what `R` does not know, as upstream says it: `unknown field
/// "spec.foo"`, `unknown field "spec.list[0].foo"`.
///
/// * Shape: unknown fields are dropped, and so is a `null` where the type has no null: it is the default, as in Go.
///   Missing `metadata` is empty metadata.
/// * Errors: [`DecodeError`] when a field has another type: `spec.reference: expected a string, found a number`.
pub fn typed<R: AggregatedResource>(mut value: Value, fields: &KnownFields) -> Result<(R, Vec<String>), DecodeError> {
    let unknown = pruned(&mut value, fields, false)?;
    Ok((fitted(value)?, unknown))
}

/// As [`typed`], for a type that is no resource of its own, such as the kind that a subresource speaks.
pub fn other<T: DeserializeOwned>(mut value: Value, fields: &KnownFields) -> Result<(T, Vec<String>), DecodeError> {
    let unknown = pruned(&mut value, fields, false)?;
    Ok((serde_path_to_error::deserialize(value).map_err(misfit)?, unknown))
}

/// As [`typed`], of a tree that is held to what the type declares: it is completed by defaults and then judged, before
/// it is read. What `R` does not know is added to `unknown`, whatever becomes of the rest.
///
/// * Errors: also [`DecodeError::Invalid`] with every violation.
pub fn declared<R: AggregatedResource>(
    mut value: Value,
    fields: &KnownFields,
    validator: &Validator,
    unknown: &mut Vec<String>,
) -> Result<R, DecodeError> {
    unknown.extend(pruned(&mut value, fields, validator.declares())?);
    validator.complete(&mut value);
    let errors = validator.check(&value).map_err(|misfit| DecodeError::Misfit(misfit.to_string()))?;
    if !errors.is_empty() {
        return Err(DecodeError::Invalid { metadata: metadata_of(value)?, errors });
    }
    fitted(value)
}

/// As [`declared`], of what an apply made of an object: a null where there is none is a violation, and so is a value of
/// another JSON type.
pub fn applied<R: AggregatedResource>(
    value: Value,
    fields: &KnownFields,
    validator: &Validator,
) -> Result<R, DecodeError> {
    if !validator.declares() {
        return declared(value, fields, validator, &mut Vec::new());
    }
    let tree = value.clone();
    let has_null = value
        .as_object()
        .is_some_and(|fields| fields.iter().any(|(name, value)| name != "metadata" && has_null(value)));
    let read = declared(value, fields, validator, &mut Vec::new());
    if read.is_ok() && !has_null {
        return read;
    }
    let metadata = tree.get("metadata").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    let mut head = Value::Object(Map::from_iter([("metadata".to_owned(), metadata)]));
    pruned(&mut head, fields, true)?;
    let metadata = metadata_of(head)?;
    let errors = validator.check_applied(tree);
    if errors.is_empty() { read } else { Err(DecodeError::Invalid { metadata, errors }) }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

fn pruned(value: &mut Value, fields: &KnownFields, declares: bool) -> Result<Vec<String>, DecodeError> {
    let unknown = fields.prune_checked(value, declares)?;
    Ok(unknown.into_iter().map(|path| format!("unknown field {}", quote(&path))).collect())
}

fn fitted<R: AggregatedResource>(mut value: Value) -> Result<R, DecodeError> {
    if let Value::Object(map) = &mut value {
        map.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    }
    serde_path_to_error::deserialize(value).map_err(misfit)
}

/// The metadata of an object that is not read as a whole.
fn metadata_of(mut value: Value) -> Result<Box<ObjectMeta>, DecodeError> {
    let metadata = value.get_mut("metadata").map_or_else(|| Value::Object(Map::new()), Value::take);
    serde_path_to_error::deserialize(metadata).map(Box::new).map_err(|error| below("metadata", error))
}

/// Reads bytes that this server stored itself: no other check than that they fit `R`.
pub fn stored<R: AggregatedResource>(bytes: &[u8]) -> Result<R, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let object = serde_path_to_error::deserialize(&mut deserializer).map_err(misfit)?;
    deserializer.end().map_err(|error| DecodeError::Misfit(error.to_string()))?;
    Ok(object)
}

/// What does not fit, by its path and in the words of JSON.
pub(crate) fn misfit(error: serde_path_to_error::Error<serde_json::Error>) -> DecodeError {
    below("", error)
}

/// What does not fit in the member at a path.
fn below(place: &str, error: serde_path_to_error::Error<serde_json::Error>) -> DecodeError {
    let path = error.path().to_string();
    let why = sentence(&error.into_inner().to_string());
    let path = match (place, path.as_str()) {
        ("", ".") => return DecodeError::Misfit(why),
        (place, ".") => place.to_owned(),
        ("", path) => path.to_owned(),
        (place, path) => format!("{place}.{path}"),
    };
    DecodeError::Misfit(format!("{path}: {why}"))
}

/// serde's words in those of JSON.
fn sentence(error: &str) -> String {
    let split = |kind: &str| error.strip_prefix(kind).and_then(|rest| rest.rsplit_once(", expected "));
    if let Some((found, expected)) = split("invalid type: ") {
        return format!("expected {}, found {}", expected_words(expected), found_words(found));
    }
    match split("invalid value: integer ") {
        Some((found, bits @ ("i32" | "i64" | "u32" | "u64"))) => {
            let (bits, found) = (bits.trim_start_matches(char::is_alphabetic), found.trim_matches('`'));
            format!("expected a whole number of {bits} bits, found {found}")
        }
        _ => error.to_owned(),
    }
}

fn expected_words(expected: &str) -> &str {
    match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "u8" | "u16" | "u32" | "u64" | "u128" | "isize" | "usize" => {
            "a whole number"
        }
        "f32" | "f64" => "a number",
        "a map" | "ObjectMeta" => "an object",
        "a sequence" => "a list",
        // A type by its name.
        _ if expected.starts_with("struct ") || expected.starts_with(|first: char| first.is_ascii_uppercase()) => {
            "an object"
        }
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
