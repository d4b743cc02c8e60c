//! What differs between two values of a type.

use super::path::{PathElement, equal};
use super::set::Set;
use super::topology::{List, Map, TypeId, Types};
use super::typed::{Kind, Kinds, Misfits, item_element};
use serde_json::Value;

/// The differences, as sets of paths; no path is in two of them, unless a value became one of another kind.
#[derive(Debug, Default)]
pub(super) struct Comparison<'a> {
    /// In the first value only.
    pub(super) removed: Set<'a>,
    /// In both, but different.
    pub(super) modified: Set<'a>,
    /// In the second value only.
    pub(super) added: Set<'a>,
}

/// Compares two values of the root type.
///
/// * Errors: when items of a list cannot be told apart.
pub(super) fn compare<'a>(types: &'a Types, old: &'a Value, new: &'a Value) -> Result<Comparison<'a>, Misfits> {
    let mut walk = Walk { types, misfits: Misfits::default() };
    let change = walk.compare(types.root(), Some(old), Some(new));
    walk.misfits.result()?;
    Ok(change.below)
}

/// What happened to a value itself, and below it.
#[derive(Default)]
struct Change<'a> {
    removed: bool,
    modified: bool,
    added: bool,
    below: Comparison<'a>,
}

struct Walk<'a> {
    types: &'a Types,
    misfits: Misfits,
}

impl<'a> Walk<'a> {
    fn compare(&mut self, ty: TypeId, old: Option<&'a Value>, new: Option<&'a Value>) -> Change<'a> {
        let types = self.types;
        let atom = types.atom(ty);
        let mut change = Change::default();
        if atom.ignored {
            return change;
        }
        let (was, is) = (Kinds::of(atom, old), Kinds::of(atom, new));
        let mut leaf = false;
        // No value accepts the kind of the other. Where the kind differs, the value is looked at as both.
        let kinds = match (old, new) {
            (_, None) => [Some(was), None],
            (None, _) => [Some(is), None],
            _ if was == is => [Some(is), None],
            _ => [Some(was), Some(is)],
        };
        for kind in kinds.into_iter().flatten() {
            leaf = match (kind.first(), &atom.map, &atom.list) {
                (Kind::Map, Some(map), _) => self.compare_maps(map, old, new, &mut change),
                (Kind::List, _, Some(list)) => self.compare_lists(list, old, new, &mut change),
                _ => true,
            };
            if leaf {
                match (old, new) {
                    (None, _) => change.added = true,
                    (_, None) => change.removed = true,
                    (Some(old), Some(new)) => change.modified |= !equal(old, new),
                }
            }
        }
        if was != is {
            // What was looked at twice may be there twice.
            change.below.sort();
        }
        if !leaf {
            change.added |= old.is_none();
            change.removed |= new.is_none() && old.is_some();
        }
        change
    }

    /// Tells whether the two are compared as leaves instead.
    fn compare_maps(
        &mut self,
        map: &'a Map,
        old: Option<&'a Value>,
        new: Option<&'a Value>,
        change: &mut Change<'a>,
    ) -> bool {
        let fields = |value: Option<&'a Value>| value.and_then(Value::as_object).filter(|fields| !fields.is_empty());
        let (old, new) = (fields(old), fields(new));
        if map.atomic || (old.is_none() && new.is_none()) {
            return true;
        }
        let mut old = old.into_iter().flatten().peekable();
        let mut new = new.into_iter().flatten().peekable();
        loop {
            let name = match (old.peek(), new.peek()) {
                (Some((a, _)), Some((b, _))) => a.min(b).as_str(),
                (Some((name, _)), None) | (None, Some((name, _))) => name.as_str(),
                (None, None) => break,
            };
            let was = old.next_if(|(next, _)| *next == name).map(|(_, value)| value);
            let is = new.next_if(|(next, _)| *next == name).map(|(_, value)| value);
            let Some(ty) = map.field(name).or(map.rest) else { continue };
            let below = self.compare(ty, was, is);
            change.below.push(PathElement::Field(name), below);
        }
        false
    }

    /// Tells whether the two are compared as leaves instead.
    fn compare_lists(
        &mut self,
        list: &'a List,
        old: Option<&'a Value>,
        new: Option<&'a Value>,
        change: &mut Change<'a>,
    ) -> bool {
        let items = |value: Option<&'a Value>| value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let (old, new) = (items(old), items(new));
        if list.atomic || (old.is_empty() && new.is_empty()) {
            return true;
        }
        let mut old = self.by_element(list, old).into_iter().peekable();
        let mut new = self.by_element(list, new).into_iter().peekable();
        let below = &mut change.below;
        loop {
            let element = match (old.peek(), new.peek()) {
                (Some((a, _)), Some((b, _))) => a.min(b).clone(),
                (Some((element, _)), None) | (None, Some((element, _))) => element.clone(),
                (None, None) => break,
            };
            let mut was = Vec::new();
            while let Some((_, item)) = old.next_if(|(next, _)| *next == element) {
                was.push(item);
            }
            let mut is = Vec::new();
            while let Some((_, item)) = new.next_if(|(next, _)| *next == element) {
                is.push(item);
            }
            match (was.as_slice(), is.as_slice()) {
                ([_, _, ..], [_, _, ..]) => {
                    let same = was.len() == is.len() && was.iter().zip(&is).all(|(a, b)| equal(a, b));
                    below.modified.push(element, !same, Set::default());
                }
                // An item that was there several times is owned as one; now its fields are owned.
                ([_, _, ..], _) => {
                    let mut item = match is.first() {
                        Some(item) => self.compare(list.items, None, Some(item)),
                        None => Change::default(),
                    };
                    item.removed = true;
                    below.push(element, item);
                }
                (_, [_, _, ..]) => {
                    let mut item = match was.first() {
                        Some(item) => self.compare(list.items, Some(item), None),
                        None => Change::default(),
                    };
                    item.added = true;
                    below.push(element, item);
                }
                _ => {
                    let item = self.compare(list.items, was.first().copied(), is.first().copied());
                    below.push(element, item);
                }
            }
        }
        false
    }

    fn by_element(&mut self, list: &'a List, items: &'a [Value]) -> Vec<(PathElement<'a>, &'a Value)> {
        let mut elements = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            match item_element(list, item) {
                Ok(element) => elements.push((element, item)),
                Err(what) => self.misfits.add(Misfits::of(format!("element {at}: {what}"))),
            }
        }
        elements.sort_by(|(a, _), (b, _)| a.cmp(b));
        elements
    }
}

impl<'a> Comparison<'a> {
    fn push(&mut self, element: PathElement<'a>, change: Change<'a>) {
        self.removed.push(element.clone(), change.removed, change.below.removed);
        self.modified.push(element.clone(), change.modified, change.below.modified);
        self.added.push(element, change.added, change.below.added);
    }

    fn sort(&mut self) {
        self.removed.sort();
        self.modified.sort();
        self.added.sort();
    }

    /// Forgets changes of what an endpoint resets.
    pub(super) fn subtract_below(&mut self, reset: &Set<'_>) {
        self.removed.subtract_below(reset);
        self.modified.subtract_below(reset);
        self.added.subtract_below(reset);
    }
}
