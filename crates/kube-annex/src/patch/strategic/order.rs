//! The order of lists: what the patch says of it, then the patch's own order, then that of the live list.

use super::directives::{list_name, without_directives};
use super::strategy::Strategies;
use super::{DELETE, DIRECTIVE, Error, SET_ELEMENT_ORDER, list};
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Merges every list that the patch orders, and takes it and the order out of the patch.
pub(super) fn lists(
    live: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    at: Strategies<'_>,
) -> Result<(), Error> {
    let ordered: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ELEMENT_ORDER)).cloned().collect();
    for key in ordered {
        let Some(order) = patch.remove(&key) else { continue };
        let Value::Array(order) = order else { return Err(Error::expected("an array", &order)) };
        let name = list_name(&key, SET_ELEMENT_ORDER).ok_or(Error::BadElementOrder)?;
        let there = live.get(name).map(array).transpose()?;
        let patched = patch.get(name).map(array).transpose()?;
        let (items, strategy) = at.list(name)?;
        check(patched.as_deref().unwrap_or_default(), &order, strategy.key)?;
        let merged = match (&there, &patched) {
            (None, None) => continue,
            (Some(there), None) => there.clone(),
            (None, Some(patched)) => patched.iter().cloned().filter_map(without_directives).collect(),
            (Some(there), Some(patched)) if strategy.merges => {
                list::merged(there.clone(), patched.clone(), strategy.key, false, items)?
            }
            (Some(_), Some(patched)) => patched.clone(),
        };
        let (first, others) = list::partition(merged, &order, strategy.key)?;
        let there = there.unwrap_or_default();
        list::of_objects(&there, patched.as_deref().unwrap_or_default())?;
        let result = interleaved(first, others, &order, &there, strategy.key)?;
        live.insert(name.to_owned(), Value::Array(result));
        patch.remove(name);
    }
    Ok(())
}

fn array(value: &Value) -> Result<Vec<Value>, Error> {
    value.as_array().cloned().ok_or_else(|| Error::expected("an array", value))
}

/// The items of a patch come in the order that it sets, and all of them are in it. Those to be deleted do not count.
fn check(patch: &[Value], order: &[Value], key: &str) -> Result<(), Error> {
    if patch.is_empty() || order.is_empty() {
        return Ok(());
    }
    let mut remaining = order.iter();
    for item in patch {
        if !key.is_empty() && !item.is_object() {
            return Err(Error::expected("an object", item));
        }
        if item.get(DIRECTIVE).is_some() {
            continue;
        }
        loop {
            let Some(next) = remaining.next() else {
                let [patch, order] = [patch, order].map(|list| super::text::of(&Value::from(list.to_vec())));
                return Err(Error::Other(format!(
                    "The order in patch list:\n{patch}\n doesn't match {SET_ELEMENT_ORDER} list:\n{order}\n"
                )));
            };
            if identity(item, key)? == identity(next, key)? {
                break;
            }
        }
    }
    Ok(())
}

/// What tells an item apart.
fn identity<'v>(item: &'v Value, key: &str) -> Result<&'v Value, Error> {
    match item {
        _ if key.is_empty() => Ok(item),
        Value::Object(members) => members.get(key).ok_or_else(|| Error::no_merge_key(item, key)),
        _ => Err(Error::expected("an object", item)),
    }
}

/// Two parts of a list as one: the patched items in the order set, the others in that of the live list, and between
/// them the live list's order as far as it knows both.
pub(super) fn interleaved(
    patched: Vec<Value>,
    others: Vec<Value>,
    order: &[Value],
    live: &[Value],
    key: &str,
) -> Result<Vec<Value>, Error> {
    let (order, live) = (Positions::checked(order, key)?, Positions::checked(live, key)?);
    let patched = sorted(patched, &order);
    let others = sorted(others, &live);
    let mut result = Vec::with_capacity(patched.len() + others.len());
    let (mut patched, mut others) = (patched.into_iter().peekable(), others.into_iter().peekable());
    loop {
        let other_first = match (others.peek(), patched.peek()) {
            (None, None) => return Ok(result),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(other), Some(patched)) => {
                live.get(other).zip(live.get(patched)).is_some_and(|(other, patched)| other < patched)
            }
        };
        result.extend(if other_first { others.next() } else { patched.next() });
    }
}

/// Items in an order; one that is not in it goes before all that were met so far, as upstream's sorting has it.
fn sorted(items: Vec<Value>, order: &Positions<'_>) -> Vec<Value> {
    let deleted = |item: &Value| item.get(DIRECTIVE).is_some_and(|directive| directive == DELETE);
    let (deleted, items): (Vec<Value>, Vec<Value>) = items.into_iter().partition(deleted);
    let mut placed: Vec<(Option<usize>, Value)> = items.into_iter().map(|item| (order.get(&item), item)).collect();
    if placed.iter().any(|(position, _)| position.is_none()) {
        placed.reverse();
    }
    placed.sort_by(|(left, _), (right, _)| match (left, right) {
        (Some(left), Some(right)) => left.cmp(right),
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
    });
    placed.into_iter().map(|(_, item)| item).chain(deleted).collect()
}

/// Where in a list items are, found by what tells them apart.
pub(super) struct Positions<'k> {
    key: &'k str,
    by_identity: HashMap<String, usize>,
}

impl<'k> Positions<'k> {
    pub(super) fn of_scalars(list: &[Value]) -> Self {
        let mut positions = Self { key: "", by_identity: HashMap::with_capacity(list.len()) };
        for (index, item) in list.iter().enumerate() {
            positions.add(item, index);
        }
        positions
    }

    /// Items without the key are nowhere; what is no object is refused.
    pub(super) fn of_items(list: &[Value], key: &'k str) -> Result<Self, Error> {
        let mut positions = Self { key, by_identity: HashMap::with_capacity(list.len()) };
        for (index, item) in list.iter().enumerate() {
            if !item.is_object() {
                return Err(Error::Other(format!("value for key {index} is not a map")));
            }
            positions.add(item, index);
        }
        Ok(positions)
    }

    /// As the others, and every item has the key.
    fn checked(list: &[Value], key: &'k str) -> Result<Self, Error> {
        if key.is_empty() {
            return Ok(Self::of_scalars(list));
        }
        for item in list {
            identity(item, key)?;
        }
        Self::of_items(list, key)
    }

    /// Remembers an item, unless one like it came before.
    pub(super) fn add(&mut self, item: &Value, index: usize) {
        if let Some(identity) = self.identity(item) {
            self.by_identity.entry(identity).or_insert(index);
        }
    }

    /// Where an item like this is.
    pub(super) fn get(&self, item: &Value) -> Option<usize> {
        self.by_identity.get(&self.identity(item)?).copied()
    }

    fn identity(&self, item: &Value) -> Option<String> {
        if self.key.is_empty() { Some(item.to_string()) } else { item.get(self.key).map(Value::to_string) }
    }
}
