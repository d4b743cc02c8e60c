//! Where in a document a JSON pointer leads, as upstream's library walks it.

use super::Failure;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A member or an item, there or not, of a container that is there.
#[derive(Debug)]
pub(super) enum Place<'d> {
    Member(&'d mut Map<String, Value>, String),
    Item(&'d mut Vec<Value>, String),
}

/// Where a path leads; `None` when a container on the way is missing. The text before the first slash is not looked at.
pub(super) fn find<'d>(document: &'d mut Value, path: &str) -> Option<Place<'d>> {
    let (_, path) = path.split_once('/')?;
    let (parents, key) = match path.rsplit_once('/') {
        Some((parents, key)) => (Some(parents), key),
        None => (None, path),
    };
    let mut container = document;
    for part in parents.into_iter().flat_map(|parents| parents.split('/')) {
        let part = unescaped(part);
        container = match container {
            Value::Object(members) => members.get_mut(part.as_ref())?,
            Value::Array(items) => {
                let index = existing(items.len(), &part).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
    let key = unescaped(key).into_owned();
    match container {
        Value::Object(members) => Some(Place::Member(members, key)),
        Value::Array(items) => Some(Place::Item(items, key)),
        _ => None,
    }
}

/// How many containers a value at the end of a path is in.
pub(super) fn depth(path: &str) -> usize {
    path.matches('/').count()
}

impl<'d> Place<'d> {
    /// How many values an operation here may have to move.
    pub(super) fn siblings(&self) -> usize {
        match self {
            Self::Member(..) => 1,
            Self::Item(items, _) => items.len(),
        }
    }

    /// The value; `None` for a member that is not there. An item must be there.
    pub(super) fn get(self) -> Result<Option<&'d Value>, Failure> {
        match self {
            Self::Member(members, key) => Ok(members.get(&key)),
            Self::Item(items, key) => {
                let index = existing(items.len(), &key)?;
                Ok(items.get(index))
            }
        }
    }

    /// Puts a value to a member, or before an item, or, with `-`, behind the last.
    pub(super) fn add(self, value: Value) -> Result<(), Failure> {
        match self {
            Self::Member(members, key) => {
                members.insert(key, value);
            }
            Self::Item(items, key) if key == "-" => items.push(value),
            Self::Item(items, key) => {
                let index = existing(items.len().saturating_add(1), &key)?;
                items.insert(index, value);
            }
        }
        Ok(())
    }

    /// Puts a value to a member, there or not, or to an item that is there.
    pub(super) fn set(self, value: Value) -> Result<(), Failure> {
        match self {
            Self::Member(members, key) => {
                members.insert(key, value);
            }
            Self::Item(items, key) => {
                let index = existing(items.len(), &key)?;
                if let Some(item) = items.get_mut(index) {
                    *item = value;
                }
            }
        }
        Ok(())
    }

    /// Takes the value away.
    pub(super) fn remove(self) -> Result<Value, Failure> {
        match self {
            Self::Member(members, key) => {
                members.remove(&key).ok_or_else(|| Failure::new("there is nothing of that name"))
            }
            Self::Item(items, key) => {
                let index = existing(items.len(), &key)?;
                Ok(items.remove(index))
            }
        }
    }
}

/// An index below `length`. One below zero counts from the end.
fn existing(length: usize, text: &str) -> Result<usize, Failure> {
    let index: i64 = text.parse().map_err(|_| Failure::new("a list's items are found by their number"))?;
    let found = if index < 0 {
        usize::try_from(index.unsigned_abs()).ok().and_then(|back| length.checked_sub(back))
    } else {
        usize::try_from(index).ok().filter(|index| *index < length)
    };
    found.ok_or_else(|| Failure::new("the list has no item of that number"))
}

/// A part of a path: `~1` is a slash, `~0` a tilde, any other tilde itself.
fn unescaped(part: &str) -> Cow<'_, str> {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~").into() } else { part.into() }
}
