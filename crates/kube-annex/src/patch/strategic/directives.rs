//! What a patch says besides values.

use super::{DELETE, DELETE_FROM_PRIMITIVE_LIST, DIRECTIVE, Error, REPLACE, RETAIN_KEYS, SET_ELEMENT_ORDER};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// `$patch` in an object: the object is what the patch says, or empty.
pub(super) fn replace_or_delete(directive: &Value, patch: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    match directive.as_str() {
        Some(REPLACE) => {
            let mut patch = patch;
            patch.remove(DIRECTIVE);
            Ok(patch)
        }
        Some(DELETE) => Ok(Map::new()),
        _ => Err(Error::unknown_directive(directive, patch)),
    }
}

/// `$retainKeys` in an object: only the members that it names stay, and the patch may set no others.
pub(super) fn retain_keys(live: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    let Some(names) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(names) = names else { return Err(Error::BadRetainKeys) };
    let names: BTreeSet<&str> = names.iter().filter_map(Value::as_str).collect();
    let sets_another = patch.iter().any(|(key, value)| {
        let parallel = key.starts_with(DELETE_FROM_PRIMITIVE_LIST) || key.starts_with(SET_ELEMENT_ORDER);
        !value.is_null() && !parallel && !names.contains(key.as_str())
    });
    if sets_another {
        return Err(Error::BadRetainKeys);
    }
    live.retain(|key, _| names.contains(key.as_str()));
    Ok(())
}

/// The name of the list that a directive is about; `None` when it is about none.
pub(super) fn list_name<'k>(key: &'k str, directive: &str) -> Option<&'k str> {
    key.strip_prefix(directive)?.strip_prefix('/')
}

/// The value that a patch puts where there is none to merge with; `None` when it is a directive itself.
///
/// Nulls of members go, and objects that say how to be merged.
pub(super) fn plain(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(DIRECTIVE) => None,
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, member)| !member.is_null());
            Some(kept.filter_map(|(key, member)| Some((key, plain(member)?))).collect())
        }
        Value::Array(items) => Some(items.into_iter().filter_map(plain).collect()),
        other => Some(other),
    }
}

/// The items of a new list without those that say how to be merged. Nulls stay.
pub(super) fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(DIRECTIVE) => None,
        Value::Object(members) => {
            Some(members.into_iter().filter_map(|(key, member)| Some((key, without_directives(member)?))).collect())
        }
        Value::Array(items) => Some(items.into_iter().filter_map(without_directives).collect()),
        other => Some(other),
    }
}
