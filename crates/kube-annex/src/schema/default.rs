//! What a tree becomes before it is judged: nulls that are no values go, and what is absent gets its default.

mod embedded;

use super::model::{Schema, Shape, TypeSchema};
use super::{is_upstream, own_properties, upstream};
use crate::quantity;
use serde_json::{Number, Value};

/// What becomes of a null where the schema has none and no default either.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Nulls {
    /// It is absence.
    Dropped,
    /// It stays, to be told.
    Kept,
}

/// Brings a tree into the form that is judged.
///
/// * Shape: a `null` where the schema has none is absent, in objects and maps; list items stay, there being no absence.
///   Absent fields of objects that are there get their default, nested defaults included. Quantities get their canonical
///   form, floats that are whole that of integers where those are wanted, and the metadata of embedded objects that of
///   any object. Metadata and other definitions of upstream's own are left alone: their zeros are those of their Rust
///   types.
/// * Source: structural schemas of custom resources, "Defaulting and nullable".
pub(super) fn complete(schema: &TypeSchema, tree: &mut Value, nulls: Nulls) {
    if let Some(root) = schema.object() {
        walk(&Completion { schema, nulls }, root, tree, true);
    }
}

struct Completion<'s> {
    schema: &'s TypeSchema,
    nulls: Nulls,
}

/// Recursion is bounded by the depth of the tree, which decoding bounds, and of the defaults, which are the program's.
fn walk(all: &Completion<'_>, schema: &Schema, value: &mut Value, is_root: bool) {
    if is_quantity(schema) {
        if let Some(canonical) = quantity::canonical_json(value) {
            *value = Value::String(canonical);
        }
        return;
    }
    if is_int_or_string(schema) {
        settle_number(value);
        return;
    }
    let Some(schema) = resolve_own(all.schema, schema) else { return };
    match (&schema.shape, value) {
        (Shape::Integer(_), value) => settle_number(value),
        (Shape::Object(object), Value::Object(fields)) => {
            if object.embedded_resource
                && let Some(metadata) = fields.get_mut("metadata")
            {
                embedded::settle(metadata);
            }
            for (name, property) in own_properties(object, is_root) {
                if fields.get(name).is_some_and(|value| value.is_null() && !property.nullable)
                    && (all.nulls == Nulls::Dropped || property.default.is_some())
                {
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
                    let Some(default) = &map.values.default else { return all.nulls == Nulls::Kept };
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

fn settle_number(value: &mut Value) {
    if let Value::Number(number) = value
        && let Some(whole) = whole(number)
    {
        *number = whole;
    }
}

/// Whether the schema is that of a number or a text, which may be upstream's.
pub(super) fn is_int_or_string(schema: &Schema) -> bool {
    match &schema.shape {
        Shape::IntOrString => true,
        Shape::Reference(name) => name == upstream::INT_OR_STRING,
        _ => false,
    }
}

/// A float without a fraction as an integer, as far as floats tell integers apart.
fn whole(number: &Number) -> Option<Number> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < MOST_WHOLE)?;
    #[expect(clippy::cast_possible_truncation, reason = "it is within the bounds and has no fraction")]
    Some(Number::from(float as i64))
}

/// 2^53: from there on not every integer is a float.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

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
