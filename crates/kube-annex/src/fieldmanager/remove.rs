//! Taking fields and items out of a value.

use super::set::Set;
use super::topology::{TypeId, Types};
use super::typed::{Kind, Kinds, item_element};
use serde_json::Value;

/// What becomes of a container that has nothing left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Emptied {
    /// It is null, which still owns and compares as upstream has it.
    Null,
    /// It is gone.
    Gone,
}

/// What is left of a value.
pub(super) struct Left {
    pub(super) value: Value,
    /// Whether a container has nothing left.
    pub(super) emptied: bool,
}

/// The value without the members of the set.
pub(super) fn remove(types: &Types, value: &Value, set: &Set<'_>, emptied: Emptied) -> Left {
    if set.is_empty() {
        return Left { value: value.clone(), emptied: false };
    }
    let mut removal = Removal { types, emptied, found: false };
    let value = removal.remove(types.root(), value, set);
    Left { value, emptied: removal.found }
}

struct Removal<'t> {
    types: &'t Types,
    emptied: Emptied,
    found: bool,
}

impl Removal<'_> {
    /// The value without the members of the set; null when nothing is left.
    fn remove(&mut self, ty: TypeId, value: &Value, set: &Set<'_>) -> Value {
        let types = self.types;
        let atom = types.atom(ty);
        match (Kinds::of(atom, Some(value)).first(), &atom.map, &atom.list) {
            (Kind::Map, Some(map), _) => {
                let Value::Object(fields) = value else { return Value::Null };
                if map.atomic {
                    return Value::Null;
                }
                let mut left = serde_json::Map::new();
                for (name, value) in fields {
                    let value = match set.field(name) {
                        Some(node) if node.member => continue,
                        Some(node) => {
                            let ty = map.field(name).or(map.rest);
                            let left = ty.map_or(Value::Null, |ty| self.remove(ty, value, &node.below));
                            if left.is_null() && !value.is_null() {
                                self.found = true;
                                if self.emptied == Emptied::Gone {
                                    continue;
                                }
                            }
                            left
                        }
                        None => value.clone(),
                    };
                    left.insert(name.clone(), value);
                }
                if left.is_empty() { Value::Null } else { Value::Object(left) }
            }
            (Kind::List, _, Some(list)) => {
                let Value::Array(items) = value else { return Value::Null };
                if list.atomic {
                    return Value::Null;
                }
                let node = |item| set.get(&item_element(list, item).ok()?);
                let left: Vec<_> = items
                    .iter()
                    .filter_map(|item| match node(item) {
                        Some(node) if node.member => None,
                        Some(node) => Some(self.remove(list.items, item, &node.below)),
                        None => Some(item.clone()),
                    })
                    .collect();
                if left.is_empty() { Value::Null } else { Value::Array(left) }
            }
            _ => value.clone(),
        }
    }
}
