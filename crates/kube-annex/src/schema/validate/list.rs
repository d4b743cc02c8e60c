//! Lists as wholes: sets hold each value once, list-maps each key once.

use crate::field::{Error, ErrorList, Path};
use crate::schema::model::{ArraySchema, ListType};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// What stands in a set or list-map more than once; each is told once, where it stands for the second time.
pub(super) fn check(array: &ArraySchema, items: &[Value], path: &Path) -> ErrorList {
    let names: Vec<Value> = match &array.list_type {
        Some(ListType::Set) => items.to_vec(),
        Some(ListType::Map(keys)) => items.iter().map(|item| key_of(item, keys)).collect(),
        Some(ListType::Atomic) | None => return ErrorList::new(),
    };
    let mut seen: HashMap<String, usize> = HashMap::with_capacity(names.len());
    let mut errors = ErrorList::new();
    for (index, name) in names.into_iter().enumerate() {
        let times = seen.entry(name.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            errors.push(Error::duplicate(&path.index(index), name));
        }
    }
    errors
}

/// The part of an item that tells it from the others.
fn key_of(item: &Value, keys: &[String]) -> Value {
    let field = |key: &String| Some((key.clone(), item.get(key)?.clone()));
    Value::Object(keys.iter().filter_map(field).collect::<Map<_, _>>())
}
