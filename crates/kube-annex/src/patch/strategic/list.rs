//! Lists that are merged item by item.

use super::order::{self, Positions};
use super::strategy::Strategies;
use super::{DELETE, DIRECTIVE, Error, MERGE, REPLACE, merge, text};
use serde_json::Value;
use std::collections::HashSet;

/// A list with a patch of it. `deletes`: the patch are values to take out.
pub(super) fn merged(
    live: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    deletes: bool,
    items: Strategies<'_>,
) -> Result<Vec<Value>, Error> {
    if live.is_empty() && patch.is_empty() {
        return Ok(live);
    }
    if !of_objects(&live, &patch)? {
        let gone: HashSet<String> = patch.iter().map(Value::to_string).collect();
        if deletes {
            return Ok(live.into_iter().filter(|item| !gone.contains(&item.to_string())).collect());
        }
        let both = each_once(live.iter().chain(&patch));
        let (patched, others) = partition(both, &patch, key)?;
        return order::interleaved(patched, others, &patch, &live, key);
    }
    if key.is_empty() {
        return Err(Error::Other(format!("cannot merge lists without merge key for {}", items.name())));
    }
    let (live, patch) = without_special(live, patch, key)?;
    let both = with_items(live.clone(), &patch, key, items)?;
    let (patched, others) = partition(both, &patch, key)?;
    order::interleaved(patched, others, &patch, &live, key)
}

/// Whether lists are of objects; they are all of one type, and not of lists.
pub(super) fn of_objects(live: &[Value], patch: &[Value]) -> Result<bool, Error> {
    let mut all = live.iter().chain(patch);
    let Some(first) = all.next() else {
        return Err(Error::Other("no elements in any of the given slices".to_owned()));
    };
    if first.is_array() {
        return Err(Error::ListOfLists);
    }
    if first.is_null() {
        return Err(Error::expected("a value in each place of a list that is merged", first));
    }
    if all.any(|item| kind(item) != kind(first)) {
        let lists: Vec<String> = [live, patch].into_iter().map(|list| text::of(&Value::from(list.to_vec()))).collect();
        return Err(Error::Other(format!("list element types are not identical: [{}]", lists.join(" "))));
    }
    Ok(first.is_object())
}

/// Whole numbers and fractions are different kinds, as in Go.
fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(number) if number.is_f64() => 2,
        Value::Number(_) => 3,
        Value::String(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    }
}

/// Items that are in the order list, and the others, each in their order.
pub(super) fn partition(all: Vec<Value>, order: &[Value], key: &str) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let positions = if key.is_empty() { Positions::of_scalars(order) } else { Positions::of_items(order, key)? };
    let (mut patched, mut others) = (Vec::new(), Vec::new());
    for item in all {
        if !key.is_empty() && item.get(key).is_none() {
            return Err(match item {
                Value::Object(_) => Error::no_merge_key(&item, key),
                other => Error::expected("an object", &other),
            });
        }
        let list = if positions.get(&item).is_some() { &mut patched } else { &mut others };
        list.push(item);
    }
    Ok((patched, others))
}

fn each_once<'v>(items: impl Iterator<Item = &'v Value>) -> Vec<Value> {
    let mut met = HashSet::new();
    items.filter(|item| met.insert(item.to_string())).cloned().collect()
}

/// Items that say how to be merged: they delete items, or replace the whole list.
fn without_special(mut live: Vec<Value>, patch: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut gone = HashSet::new();
    let mut replaced = false;
    for item in patch {
        let Some(directive) = item.get(DIRECTIVE) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some(DELETE) => {
                let value = item.get(key).ok_or_else(|| Error::no_merge_key(&item, key))?;
                gone.insert(value.to_string());
            }
            Some(REPLACE) => replaced = true,
            Some(MERGE) => {
                return Err(Error::Other("merging lists cannot yet be specified in the patch".to_owned()));
            }
            _ => {
                let directive = directive.clone();
                return Err(Error::unknown_directive(&directive, item.as_object().cloned().unwrap_or_default()));
            }
        }
    }
    if replaced {
        return Ok((Vec::new(), plain));
    }
    live.retain(|item| item.get(key).is_none_or(|value| !gone.contains(&value.to_string())));
    Ok((live, plain))
}

/// Merges each item into the one of its key, or puts it behind the last.
fn with_items(live: Vec<Value>, patch: &[Value], key: &str, items: Strategies<'_>) -> Result<Vec<Value>, Error> {
    let mut positions = Positions::of_items(&live, key)?;
    let mut all = live;
    for item in patch {
        if item.get(key).is_none() {
            return Err(Error::no_merge_key(item, key));
        }
        let place = positions.get(item).and_then(|index| all.get_mut(index));
        if let (Some(Value::Object(there)), Value::Object(item)) = (place, item) {
            *there = merge::objects(std::mem::take(there), item.clone(), items)?;
        } else {
            positions.add(item, all.len());
            all.push(item.clone());
        }
    }
    Ok(all)
}
