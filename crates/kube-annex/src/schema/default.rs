//! What a tree becomes before it is judged: nulls that are no values go, and what is absent gets its default.

use super::model::{Schema, Shape, TypeSchema};
use super::{is_upstream, own_properties, upstream};
use crate::quantity;
use serde_json::Value;

/// Brings a tree into the form that is judged.
///
/// * Shape: a `null` where the schema has none is absent, in objects and maps; list items stay, there being no absence.
///   Absent fields of objects that are there get their default, nested defaults included. Quantities get their canonical
///   form. Metadata and other definitions of upstream's own are left alone: their zeros are those of their Rust types.
/// * Source: structural schemas of custom resources, "Defaulting and nullable".
pub(super) fn complete(schema: &TypeSchema, tree: &mut Value) {
    if let Some(root) = schema.object() {
        walk(schema, root, tree, true);
    }
}

/// Recursion is bounded by the depth of the tree, which decoding bounds, and of the defaults, which are the program's.
fn walk(all: &TypeSchema, schema: &Schema, value: &mut Value, is_root: bool) {
    if is_quantity(schema) {
        if let Some(canonical) = quantity::canonical_json(value) {
            *value = Value::String(canonical);
        }
        return;
    }
    let Some(schema) = resolve_own(all, schema) else { return };
    match (&schema.shape, value) {
        (Shape::Object(object), Value::Object(fields)) => {
            for (name, property) in own_properties(object, is_root) {
                if fields.get(name).is_some_and(|value| value.is_null() && !property.nullable) {
                    fields.remove(name);
                }
                if let Some(default) = property.default.as_ref().filter(|_| !fields.contains_key(name)) {
                    fields.insert(name.clone(), default.clone());
                }
                if let Some(value) = fields.get_mut(name) {
                    walk(all, property, value, false);
                }
            }
        }
        (Shape::Map(map), Value::Object(entries)) => {
            entries.retain(|_, value| {
                if value.is_null() && !map.values.nullable {
                    let Some(default) = &map.values.default else { return false };
                    *value = default.clone();
                }
                true
            });
            entries.values_mut().for_each(|value| walk(all, &map.values, value, false));
        }
        (Shape::Array(array), Value::Array(items)) => {
            for item in items {
                if let Some(default) = array.items.default.as_ref().filter(|_| item.is_null() && !array.items.nullable)
                {
                    *item = default.clone();
                }
                walk(all, &array.items, item, false);
            }
        }
        _ => {}
    }
}

/// Whether the schema is that of a quantity, which is upstream's and has one form for each of its values.
pub(super) fn is_quantity(schema: &Schema) -> bool {
    match &schema.shape {
        Shape::Quantity => true,
        Shape::Reference(name) => name == upstream::QUANTITY,
        _ => false,
    }
}

/// The schema that references end in, unless it is upstream's.
fn resolve_own<'a>(all: &'a TypeSchema, schema: &'a Schema) -> Option<&'a Schema> {
    match &schema.shape {
        Shape::Reference(name) if is_upstream(name) => None,
        _ => all.resolve(schema),
    }
}
