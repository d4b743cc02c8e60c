//! Laying one value over another: what both say is the second's, lists and maps are merged by their items.

use super::path::PathElement;
use super::topology::{List, Map, TypeId, Types};
use super::typed::{Kind, Kinds, item_element};
use serde_json::Value;

/// The live value with everything that is applied to it. Both were validated.
///
/// Items of lists keep the live order where the applied value does not say otherwise.
pub(super) fn merge(types: &Types, live: &Value, applied: &Value) -> Value {
    Merge { types }.merge(types.root(), Some(live), Some(applied)).unwrap_or(Value::Null)
}

struct Merge<'t> {
    types: &'t Types,
}

impl Merge<'_> {
    fn merge(&self, ty: TypeId, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
        let atom = self.types.atom(ty);
        if atom.ignored {
            return None;
        }
        let kinds = if applied.is_none() { Kinds::of(atom, live) } else { Kinds::of(atom, applied) };
        match (kinds.first(), &atom.map, &atom.list) {
            (Kind::Map, Some(map), _) => self.merge_maps(map, live, applied),
            (Kind::List, _, Some(list)) => self.merge_lists(list, live, applied),
            _ => leaf(live, applied),
        }
    }

    fn merge_maps(&self, map: &Map, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
        let [old, new] =
            [live, applied].map(|value| value.and_then(Value::as_object).filter(|fields| !fields.is_empty()));
        match (old, new) {
            _ if map.atomic => leaf(live, applied),
            (None, None) => leaf(live, applied),
            (old, new) => {
                let mut merged = serde_json::Map::new();
                let mut old = old.into_iter().flatten().peekable();
                let mut new = new.into_iter().flatten().peekable();
                loop {
                    let name = match (old.peek(), new.peek()) {
                        (Some((a, _)), Some((b, _))) => (*a).min(*b),
                        (Some((name, _)), None) | (None, Some((name, _))) => *name,
                        (None, None) => break,
                    };
                    let was = old.next_if(|(next, _)| *next == name).map(|(_, value)| value);
                    let is = new.next_if(|(next, _)| *next == name).map(|(_, value)| value);
                    let Some(ty) = map.field(name).or(map.rest) else { continue };
                    if let Some(value) = self.merge(ty, was, is) {
                        merged.insert(name.clone(), value);
                    }
                }
                (!merged.is_empty()).then_some(Value::Object(merged))
            }
        }
    }

    fn merge_lists(&self, list: &List, live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
        let [old, new] = [live, applied].map(|value| value.and_then(Value::as_array).filter(|items| !items.is_empty()));
        match (old, new) {
            _ if list.atomic => leaf(live, applied),
            (None, None) => leaf(live, applied),
            (old, new) => {
                let items = self.merge_items(list, old.map_or(&[], Vec::as_slice), new.map_or(&[], Vec::as_slice));
                (!items.is_empty()).then_some(Value::Array(items))
            }
        }
    }

    /// Walks both lists at once. An item that both have is placed where the applied list has it, relative to its other
    /// items; an item that only the live list has stays after what it followed.
    fn merge_items(&self, list: &List, live: &[Value], applied: &[Value]) -> Vec<Value> {
        let pairs = Pairs::of(list, live, applied);
        let mut shared = pairs.applied.iter().enumerate().filter(|(_, old)| old.is_some()).map(|(at, _)| at);
        let mut next_shared = shared.next();
        let mut merged = vec![false; applied.len()];
        let mut out = Vec::with_capacity(live.len().max(applied.len()));
        let mut item = |old: Option<&Value>, new: Option<&Value>| out.extend(self.merge(list.items, old, new));
        let (mut l, mut r) = (0, 0);
        while l < live.len() || r < applied.len() {
            let partner = pairs.live.get(l).copied().flatten();
            if l < live.len() && r < applied.len() {
                if partner == Some(r) {
                    mark(&mut merged, r);
                    item(pairs.of_applied(r), applied.get(r));
                    (l, r) = (l + 1, r + 1);
                    next_shared = shared.next();
                    continue;
                }
                if partner.is_some() && next_shared.is_some() && next_shared != partner {
                    l += 1;
                    continue;
                }
            }
            if l < live.len() {
                match partner {
                    None => {
                        item(live.get(l), None);
                        l += 1;
                        continue;
                    }
                    Some(partner) if merged.get(partner) == Some(&true) => l += 1,
                    Some(_) => {}
                }
            }
            if r < applied.len() {
                mark(&mut merged, r);
                item(pairs.of_applied(r), applied.get(r));
                if next_shared == Some(r) {
                    next_shared = shared.next();
                }
                r += 1;
            }
        }
        out
    }
}

fn mark(merged: &mut [bool], at: usize) {
    if let Some(merged) = merged.get_mut(at) {
        *merged = true;
    }
}

/// Which items of two lists are the same.
struct Pairs<'v> {
    /// For each live item, where the applied list has it.
    live: Vec<Option<usize>>,
    /// For each applied item, the live one.
    applied: Vec<Option<&'v Value>>,
}

impl<'v> Pairs<'v> {
    fn of(list: &'v List, live: &'v [Value], applied: &'v [Value]) -> Self {
        let mut pairs = Self { live: vec![None; live.len()], applied: vec![None; applied.len()] };
        let mut elements: Vec<(PathElement<'_>, usize)> =
            applied.iter().enumerate().filter_map(|(at, item)| Some((item_element(list, item).ok()?, at))).collect();
        elements.sort();
        for (at, item) in live.iter().enumerate() {
            let Ok(element) = item_element(list, item) else { continue };
            let Ok(found) = elements.binary_search_by(|(other, _)| other.cmp(&element)) else { continue };
            let Some(&(_, partner)) = elements.get(found) else { continue };
            if let Some(place) = pairs.live.get_mut(at) {
                *place = Some(partner);
            }
            if let Some(place) = pairs.applied.get_mut(partner) {
                // An item that is live twice is not merged with.
                *place = Some(if place.is_none() { item } else { &Value::Null });
            }
        }
        pairs
    }

    fn of_applied(&self, at: usize) -> Option<&'v Value> {
        self.applied.get(at).copied().flatten()
    }
}

fn leaf(live: Option<&Value>, applied: Option<&Value>) -> Option<Value> {
    applied.or(live).cloned()
}
