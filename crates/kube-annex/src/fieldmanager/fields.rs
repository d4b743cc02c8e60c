//! Sets of paths as `fieldsV1` has them.

use super::path::{KeyError, PathElement};
use super::set::Set;
use serde_json::{Map, Value};

/// A set as it was read.
#[derive(Debug)]
pub(super) struct Parsed<'a> {
    pub(super) set: Set<'a>,
    /// Whether writing the set gives what was read.
    pub(super) canonical: bool,
}

/// Reads `fieldsV1`.
///
/// * Errors: what is wrong, in words; also for what nests deeper than any object can.
pub(super) fn parse(fields: &Value) -> Result<Parsed<'_>, String> {
    let mut canonical = true;
    let (set, member) = read(fields, 0, &mut canonical)?;
    Ok(Parsed { canonical: canonical && (!member || set.is_empty()), set })
}

/// The set of one level, and whether what contains it is a member itself.
fn read<'a>(fields: &'a Value, depth: usize, canonical: &mut bool) -> Result<(Set<'a>, bool), String> {
    let mut set = Set::default();
    let mut member = false;
    let fields = match fields {
        Value::Object(fields) => fields,
        Value::Null => {
            *canonical = false;
            return Ok((set, true));
        }
        _ => return Err("fieldsV1 is made of objects only".to_owned()),
    };
    if depth > MAX_DEPTH {
        return Err("fieldsV1 nests too deep".to_owned());
    }
    for (key, below) in fields {
        if key == "." {
            member = true;
            *canonical &= below.as_object().is_some_and(Map::is_empty);
            continue;
        }
        let element = match PathElement::from_key(key) {
            Ok(element) => element,
            Err(KeyError::Unknown) => {
                *canonical = false;
                continue;
            }
            Err(KeyError::Malformed(what)) => return Err(what),
        };
        *canonical &= matches!(element, PathElement::Field(_)) || element.to_key() == *key;
        let (below, member) = read(below, depth + 1, canonical)?;
        set.push(element, member, below);
    }
    set.sort();
    if set.is_empty() {
        *canonical &= !member;
        member = true;
    }
    Ok((set, member))
}

/// Writes `fieldsV1`.
pub(super) fn write(set: &Set<'_>) -> Value {
    let fields = set.nodes().iter().map(|node| {
        let mut below = write(&node.below);
        if let (true, Value::Object(fields)) = (node.member && !node.below.is_empty(), &mut below) {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        (node.element.to_key(), below)
    });
    Value::Object(fields.collect())
}

/// How deep `fieldsV1` may nest; objects cannot be deeper.
const MAX_DEPTH: usize = 256;
