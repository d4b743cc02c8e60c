//! A schema in one of the two dialects.

use kube_annex::gvk::GroupVersionKind;
use kube_annex::schema::{
    ArraySchema, IntegerFormat, IntegerSchema, ListType, MapSchema, MapType, NumberFormat, NumberSchema, ObjectSchema,
    Schema, Shape, embedded,
};
use serde_json::{Map, Value, json};

/// The versions of `OpenAPI` that Kubernetes speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Dialect {
    /// Swagger. Upstream leaves defaults out of it, and it has no word for null.
    V2,
    /// `OpenAPI` 3.0.
    V3,
}

impl Dialect {
    /// A reference to a definition.
    pub(super) fn reference(self, name: &str) -> Value {
        let prefix = match self {
            Self::V2 => "#/definitions/",
            Self::V3 => "#/components/schemas/",
        };
        json!({ "$ref": format!("{prefix}{name}") })
    }
}

/// A definition: its schema and, as a list, the kinds that look like it.
pub(super) fn definition(schema: &Schema, kinds: &[&GroupVersionKind], dialect: Dialect) -> Value {
    let mut out = render(schema, dialect);
    if !kinds.is_empty() {
        set(&mut out, "x-kubernetes-group-version-kind", kinds.iter().map(|kind| kind_of(kind)).collect::<Value>());
    }
    Value::Object(out)
}

/// A kind as the extension names it.
pub(super) fn kind_of(kind: &GroupVersionKind) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

fn render(schema: &Schema, dialect: Dialect) -> Map<String, Value> {
    // A null would be refused by those who read a type: where it is a value, version 2 names no type at all.
    let untyped = dialect == Dialect::V2 && schema.nullable;
    let mut out = if untyped { Map::new() } else { shape(&schema.shape, dialect) };
    if !schema.description.is_empty() {
        set(&mut out, "description", schema.description.as_str());
    }
    if !schema.allowed.is_empty() && !untyped {
        set(&mut out, "enum", schema.allowed.clone());
    }
    if dialect == Dialect::V3 {
        if let Some(default) = &schema.default {
            set(&mut out, "default", default.clone());
        }
        if schema.nullable {
            set(&mut out, "nullable", true);
        }
    }
    out.extend(schema.extensions.iter().map(|(name, value)| (name.clone(), value.clone())));
    if !untyped {
        patch_strategy(schema, &mut out);
    }
    // Version 3 has nothing beside a reference; version 2 as Kubernetes writes it does.
    if dialect == Dialect::V3
        && out.len() > 1
        && let Some(reference) = out.remove("$ref")
    {
        set(&mut out, "allOf", json!([{ "$ref": reference }]));
    }
    out
}

fn shape(shape: &Shape, dialect: Dialect) -> Map<String, Value> {
    let mut out = Map::new();
    match shape {
        Shape::Boolean => set(&mut out, "type", "boolean"),
        Shape::Integer(integer) => self::integer(integer, &mut out),
        Shape::Number(number) => self::number(number, &mut out),
        Shape::String(string) => {
            set(&mut out, "type", "string");
            set_some(&mut out, "format", string.format.as_deref());
            set_some(&mut out, "minLength", string.min_length);
            set_some(&mut out, "maxLength", string.max_length);
            set_some(&mut out, "pattern", string.pattern.as_deref());
        }
        Shape::IntOrString => {
            one_of(&mut out, dialect, "string", &["integer", "string"]);
            set(&mut out, "format", "int-or-string");
        }
        Shape::Quantity => one_of(&mut out, dialect, "string", &["string", "number"]),
        Shape::Array(array) => self::array(array, dialect, &mut out),
        Shape::Map(map) => self::map(map, dialect, &mut out),
        Shape::Object(object) => self::object(object, dialect, &mut out),
        Shape::Reference(name) => {
            if let Value::Object(reference) = dialect.reference(name) {
                out = reference;
            }
        }
        _ => set(&mut out, "x-kubernetes-preserve-unknown-fields", true),
    }
    out
}

/// Version 2 cannot say "one of", and names the type that upstream names.
fn one_of(out: &mut Map<String, Value>, dialect: Dialect, v2: &str, types: &[&str]) {
    match dialect {
        Dialect::V2 => set(out, "type", v2),
        Dialect::V3 => set(out, "oneOf", types.iter().map(|name| json!({ "type": name })).collect::<Value>()),
    }
}

fn integer(integer: &IntegerSchema, out: &mut Map<String, Value>) {
    set(out, "type", "integer");
    set_some(out, "format", integer.format.map(IntegerFormat::as_str));
    set_some(out, "minimum", integer.minimum);
    set_some(out, "maximum", integer.maximum);
    set_some(out, "multipleOf", integer.multiple_of);
    exclusive(integer.exclusive_minimum, integer.exclusive_maximum, out);
}

fn number(number: &NumberSchema, out: &mut Map<String, Value>) {
    set(out, "type", "number");
    set_some(out, "format", number.format.map(NumberFormat::as_str));
    set_some(out, "minimum", number.minimum);
    set_some(out, "maximum", number.maximum);
    set_some(out, "multipleOf", number.multiple_of);
    exclusive(number.exclusive_minimum, number.exclusive_maximum, out);
}

/// Both dialects have flags beside the bounds.
fn exclusive(minimum: bool, maximum: bool, out: &mut Map<String, Value>) {
    set_some(out, "exclusiveMinimum", Some(true).filter(|_| minimum));
    set_some(out, "exclusiveMaximum", Some(true).filter(|_| maximum));
}

fn array(array: &ArraySchema, dialect: Dialect, out: &mut Map<String, Value>) {
    set(out, "type", "array");
    set(out, "items", render(&array.items, dialect));
    set_some(out, "minItems", array.min_items);
    set_some(out, "maxItems", array.max_items);
    set_some(out, "x-kubernetes-list-type", array.list_type.as_ref().map(ListType::as_str));
    if let Some(ListType::Map(keys)) = &array.list_type {
        set(out, "x-kubernetes-list-map-keys", keys.clone());
    }
}

/// How a strategic merge patch merges a list, where that follows from its type: kubectl computes patches by what is said
/// here, and they are merged by the type.
fn patch_strategy(schema: &Schema, out: &mut Map<String, Value>) {
    let Shape::Array(array) = &schema.shape else { return };
    if schema.extensions.contains_key("x-kubernetes-patch-strategy") {
        return;
    }
    if let Some(key) = array.list_type.as_ref().and_then(ListType::patch_merge_key) {
        set(out, "x-kubernetes-patch-strategy", "merge");
        set_some(out, "x-kubernetes-patch-merge-key", Some(key).filter(|key| !key.is_empty()));
    }
}

fn map(map: &MapSchema, dialect: Dialect, out: &mut Map<String, Value>) {
    set(out, "type", "object");
    set(out, "additionalProperties", render(&map.values, dialect));
    set_some(out, "minProperties", map.min_properties);
    set_some(out, "maxProperties", map.max_properties);
    set_some(out, "x-kubernetes-map-type", map.map_type.map(MapType::as_str));
}

fn object(object: &ObjectSchema, dialect: Dialect, out: &mut Map<String, Value>) {
    set(out, "type", "object");
    set_some(out, "x-kubernetes-map-type", object.map_type.map(MapType::as_str));
    if object.embedded_resource {
        set(out, "x-kubernetes-embedded-resource", true);
    }
    if object.preserve_unknown_fields {
        set(out, "x-kubernetes-preserve-unknown-fields", true);
        // Version 2's readers refuse fields beside those told: of an object that keeps all, none is told.
        if dialect == Dialect::V2 {
            return;
        }
    }
    let whole = object.embedded_resource.then(|| embedded(object));
    let object = whole.as_ref().unwrap_or(object);
    if !object.properties.is_empty() {
        let property = |(name, schema): (&String, &Schema)| (name.clone(), Value::Object(render(schema, dialect)));
        set(out, "properties", object.properties.iter().map(property).collect::<Map<_, _>>());
    }
    if !object.required.is_empty() {
        set(out, "required", object.required.clone());
    }
}

fn set(out: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    out.insert(key.to_owned(), value.into());
}

fn set_some(out: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        set(out, key, value);
    }
}
