//! From what schemars writes to the model.
//!
//! Lowering is total: a shape that Kubernetes' schemas cannot say becomes a wider one that they can, so that no
//! valid object is ever refused because of it. Depth is that of the Rust type, and bounded all the same.

use super::model::{
    ArraySchema, IntegerFormat, IntegerSchema, ListType, MapSchema, MapType, NumberFormat, NumberSchema, ObjectSchema,
    Schema, Shape, StringSchema,
};
use super::upstream;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How deep inline schemas nest. Types that recur do so through definitions, which are lowered one by one.
const MAX_DEPTH: usize = 64;

/// The root schema and its definitions by their final names. `prefix` is what the names of the user's own begin with,
/// `root_name` what a type that contains itself is called.
pub(super) fn lower(schema: &schemars::Schema, prefix: &str, root_name: &str) -> (Schema, BTreeMap<String, Schema>) {
    let Some(root) = schema.as_object() else { return (Schema::default(), BTreeMap::new()) };
    let lowering = Lowering { prefix, root_name, root };
    let mut definitions = BTreeMap::new();
    for key in ["$defs", "definitions"] {
        for (name, definition) in root.get(key).and_then(Value::as_object).into_iter().flatten() {
            let name = lowering.definition_name(name);
            let mut definition = lowering.schema(definition, 0);
            upstream::correct(&name, &mut definition);
            definitions.insert(name, definition);
        }
    }
    let mut root = lowering.object(root, 0);
    inline_scalars(&mut root, &mut definitions);
    (root, definitions)
}

/// Writes enums and newtypes of the user's own where they are used: upstream names objects only, and kubectl shows
/// the allowed values of a field, not of what it refers to.
fn inline_scalars(root: &mut Schema, definitions: &mut BTreeMap<String, Schema>) {
    for _ in 0..MAX_NEWTYPES {
        let is_scalar = |name: &str, schema: &Schema| !name.starts_with("io.k8s.") && is_scalar(&schema.shape);
        let (scalars, others): (BTreeMap<_, _>, _) =
            std::mem::take(definitions).into_iter().partition(|(name, it)| is_scalar(name, it));
        *definitions = others;
        if scalars.is_empty() {
            return;
        }
        inline(root, &scalars);
        for definition in definitions.values_mut() {
            inline(definition, &scalars);
        }
    }
}

fn inline(schema: &mut Schema, scalars: &BTreeMap<String, Schema>) {
    match &mut schema.shape {
        Shape::Reference(name) => {
            if let Some(scalar) = scalars.get(name) {
                let mut use_of_it = std::mem::take(schema);
                use_of_it.shape = Shape::Any;
                *schema = both(use_of_it, scalar.clone());
            }
        }
        Shape::Array(array) => inline(&mut array.items, scalars),
        Shape::Map(map) => inline(&mut map.values, scalars),
        Shape::Object(object) => object.properties.values_mut().for_each(|property| inline(property, scalars)),
        _ => {}
    }
}

/// How many newtypes deep a scalar may lie to be written where it is used.
const MAX_NEWTYPES: usize = 8;

const MAP_TYPE: &str = "x-kubernetes-map-type";

/// One branch of what may be absent, with the way of merging that is said beside it.
fn merged_as<'b>(map: &Map<String, Value>, branch: &'b Value) -> Cow<'b, Value> {
    match (map.get(MAP_TYPE), branch.as_object()) {
        (Some(map_type), Some(branch)) if branch.contains_key("$ref") => {
            let mut branch = branch.clone();
            branch.insert(MAP_TYPE.to_owned(), map_type.clone());
            Cow::Owned(Value::Object(branch))
        }
        _ => Cow::Borrowed(branch),
    }
}

struct Lowering<'a> {
    prefix: &'a str,
    root_name: &'a str,
    /// The whole document, to look references up in.
    root: &'a Map<String, Value>,
}

impl Lowering<'_> {
    /// Upstream's names have dots and stay; Rust's have none and get the prefix.
    fn definition_name(&self, name: &str) -> String {
        if name.contains('.') {
            return name.to_owned();
        }
        let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("{}.{name}", self.prefix)
    }

    fn schema(&self, value: &Value, depth: usize) -> Schema {
        match value {
            Value::Object(map) if depth < MAX_DEPTH => self.object(map, depth),
            _ => Schema::default(),
        }
    }

    fn object(&self, map: &Map<String, Value>, depth: usize) -> Schema {
        let mut schema = self.shaped(map, depth);
        if let Some(description) = text(map, "description") {
            description.clone_into(&mut schema.description);
        }
        if let Some(default) = map.get("default").filter(|default| !default.is_null()) {
            schema.default = Some(default.clone());
        }
        if let Some(Value::Array(values)) = map.get("enum") {
            schema.allowed = values.iter().filter(|value| !value.is_null()).cloned().collect();
        }
        if let Some(value) = map.get("const").filter(|value| !value.is_null()) {
            schema.allowed = vec![value.clone()];
        }
        schema.nullable |= allows_null(map);
        for (name, value) in map {
            if name.starts_with("x-") && !HAS_A_FIELD.contains(&name.as_str()) {
                schema.extensions.insert(name.clone(), value.clone());
            }
        }
        schema
    }

    fn shaped(&self, map: &Map<String, Value>, depth: usize) -> Schema {
        if flag(map, "x-kubernetes-int-or-string") {
            return Schema::new(Shape::IntOrString);
        }
        if let Some(reference) = text(map, "$ref") {
            if reference == "#" {
                return Schema::reference(self.root_name);
            }
            let name = reference.rsplit('/').next().unwrap_or(reference).replace("~1", "/").replace("~0", "~");
            if let Some(written_out) = self.merged_otherwise(map, &name).filter(|_| depth < MAX_DEPTH) {
                return self.shaped(&written_out, depth + 1);
            }
            return Schema::reference(self.definition_name(&name));
        }
        let branches: Vec<&Value> = ["oneOf", "anyOf"]
            .into_iter()
            .filter_map(|key| map.get(key)?.as_array())
            .flatten()
            .filter(|branch| !is_null(branch))
            .collect();
        let base = self.typed(map, depth);
        let parts = map.get("allOf").and_then(Value::as_array).into_iter().flatten();
        let mut schema = parts.fold(base, |whole, part| both(whole, self.schema(part, depth + 1)));
        if !branches.is_empty() {
            let lowered = branches.iter().map(|branch| self.schema(&merged_as(map, branch), depth + 1));
            let choice = lowered.reduce(either).unwrap_or_default();
            schema = both(schema, choice);
        }
        schema
    }

    /// A use of a definition that is merged in another way than the definition says: then it is written out.
    fn merged_otherwise(&self, map: &Map<String, Value>, name: &str) -> Option<Map<String, Value>> {
        let map_type = map.get(MAP_TYPE)?;
        let mut definitions = ["$defs", "definitions"].into_iter().filter_map(|key| self.root.get(key));
        let mut definition = definitions.find_map(|all| all.get(name)?.as_object())?.clone();
        definition.insert(MAP_TYPE.to_owned(), map_type.clone());
        Some(definition)
    }

    fn typed(&self, map: &Map<String, Value>, depth: usize) -> Schema {
        let shape = match type_of(map) {
            Some("boolean") => Shape::Boolean,
            Some("integer") => Shape::Integer(integer(map)),
            Some("number") => Shape::Number(number(map)),
            Some("string") => Shape::String(string(map)),
            Some("array") => Shape::Array(self.array(map, depth)),
            Some("object") => self.fields(map, depth),
            None if map.contains_key("properties") => self.fields(map, depth),
            _ => Shape::Any,
        };
        Schema::new(shape)
    }

    fn array(&self, map: &Map<String, Value>, depth: usize) -> ArraySchema {
        let items = match (map.get("items"), map.get("prefixItems").and_then(Value::as_array)) {
            (None, Some(tuple)) => {
                tuple.iter().map(|item| self.schema(item, depth + 1)).reduce(either).unwrap_or_default()
            }
            (Some(items), _) => self.schema(items, depth + 1),
            (None, None) => Schema::default(),
        };
        let keys = || strings(map.get("x-kubernetes-list-map-keys"));
        let list_type = match text(map, "x-kubernetes-list-type") {
            Some("atomic") => Some(ListType::Atomic),
            Some("set") => Some(ListType::Set),
            Some("map") => Some(ListType::Map(keys())),
            // Rust's sets know their items apart, which is what upstream means by a set; only scalars may be told so.
            _ if flag(map, "uniqueItems") && is_scalar(&items.shape) => Some(ListType::Set),
            _ => None,
        };
        ArraySchema {
            items: Box::new(items),
            min_items: count(map, "minItems"),
            max_items: count(map, "maxItems"),
            list_type,
        }
    }

    fn fields(&self, map: &Map<String, Value>, depth: usize) -> Shape {
        let properties = map.get("properties").and_then(Value::as_object);
        let map_type = match text(map, "x-kubernetes-map-type") {
            Some("atomic") => Some(MapType::Atomic),
            Some("granular") => Some(MapType::Granular),
            _ => None,
        };
        let keeps_unknown = flag(map, "x-kubernetes-preserve-unknown-fields");
        let embedded_resource = flag(map, "x-kubernetes-embedded-resource");
        let others = map.get("additionalProperties").filter(|others| **others != Value::Bool(false));
        if let (None, Some(others), false, false) = (properties, others, keeps_unknown, embedded_resource) {
            return Shape::Map(MapSchema {
                values: Box::new(self.schema(others, depth + 1)),
                min_properties: count(map, "minProperties"),
                max_properties: count(map, "maxProperties"),
                map_type,
            });
        }
        let property = |(name, value): (&String, &Value)| {
            let mut schema = self.schema(value, depth + 1);
            // `Option` of a field is the field's absence. Whoever means null as a value says `nullable`.
            schema.nullable = value.as_object().is_some_and(|map| flag(map, "nullable"));
            (name.clone(), schema)
        };
        Shape::Object(ObjectSchema {
            properties: properties.into_iter().flatten().map(property).collect(),
            required: strings(map.get("required")),
            map_type,
            preserve_unknown_fields: keeps_unknown || others.is_some(),
            embedded_resource,
        })
    }
}

/// Extensions that the model has a field for.
const HAS_A_FIELD: &[&str] = &[
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
];

/// A value that is both: a flattened struct beside the fields of its owner, a described reference, a choice
/// beside what its branches share.
fn both(left: Schema, right: Schema) -> Schema {
    let description = if left.description.is_empty() { right.description } else { left.description };
    let extensions = left.extensions.into_iter().chain(right.extensions).collect();
    let shape = match (left.shape, right.shape) {
        (Shape::Object(left), Shape::Object(right)) => Shape::Object(all_fields(left, right)),
        (Shape::Object(mut object), Shape::Map(_) | Shape::Reference(_))
        | (Shape::Map(_) | Shape::Reference(_), Shape::Object(mut object)) => {
            object.preserve_unknown_fields = true;
            Shape::Object(object)
        }
        (Shape::Any, shape) | (shape, _) => shape,
    };
    Schema {
        shape,
        description,
        default: left.default.or(right.default),
        nullable: left.nullable || right.nullable,
        allowed: if left.allowed.is_empty() { right.allowed } else { left.allowed },
        extensions,
    }
}

fn all_fields(mut left: ObjectSchema, right: ObjectSchema) -> ObjectSchema {
    for (name, property) in right.properties {
        left.properties.entry(name).or_insert(property);
    }
    left.required.extend(right.required);
    left.map_type = left.map_type.or(right.map_type);
    left.preserve_unknown_fields |= right.preserve_unknown_fields;
    left.embedded_resource |= right.embedded_resource;
    left
}

/// A value that is one or the other. What both say stays said; the rest is widened until it holds for both.
fn either(left: Schema, right: Schema) -> Schema {
    let enumerated = !left.allowed.is_empty() && !right.allowed.is_empty();
    let (left_allowed, right_allowed) = (left.allowed, right.allowed);
    let mut allowed = Vec::new();
    for value in left_allowed.into_iter().chain(right_allowed).filter(|_| enumerated) {
        if !allowed.contains(&value) {
            allowed.push(value);
        }
    }
    let shape = match (left.shape, right.shape) {
        (left, right) if left == right => left,
        (Shape::Object(left), Shape::Object(right)) => Shape::Object(some_fields(left, right)),
        (Shape::Integer(_), Shape::String(_)) | (Shape::String(_), Shape::Integer(_)) => Shape::IntOrString,
        (Shape::Integer(_), Shape::Integer(_)) => Shape::Integer(IntegerSchema::default()),
        (Shape::Number(_) | Shape::Integer(_), Shape::Number(_) | Shape::Integer(_)) => {
            Shape::Number(NumberSchema::default())
        }
        (Shape::String(_), Shape::String(_)) => Shape::String(StringSchema::default()),
        _ => Shape::Any,
    };
    Schema { shape, nullable: left.nullable || right.nullable, allowed, ..Schema::default() }
}

fn some_fields(left: ObjectSchema, right: ObjectSchema) -> ObjectSchema {
    let required = left.required.into_iter().filter(|name| right.required.contains(name)).collect();
    let mut properties = left.properties;
    for (name, other) in right.properties {
        let merged = match properties.remove(&name) {
            None => other,
            Some(schema) => {
                let description = schema.description.clone();
                either(schema, other).described(description)
            }
        };
        properties.insert(name, merged);
    }
    ObjectSchema {
        properties,
        required,
        map_type: left.map_type.filter(|map_type| right.map_type == Some(*map_type)),
        preserve_unknown_fields: left.preserve_unknown_fields || right.preserve_unknown_fields,
        embedded_resource: left.embedded_resource && right.embedded_resource,
    }
}

/// The type without `null`, when there is exactly one.
fn type_of(map: &Map<String, Value>) -> Option<&str> {
    match map.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.next().filter(|_| names.next().is_none())
        }
        _ => None,
    }
}

fn allows_null(map: &Map<String, Value>) -> bool {
    let in_type = map.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(|t| t == "null"));
    let in_branch = ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| map.get(key)?.as_array())
        .any(|branches| branches.iter().any(is_null));
    flag(map, "nullable") || in_type || in_branch
}

fn is_null(branch: &Value) -> bool {
    branch.get("type").is_some_and(|name| name == "null")
}

fn is_scalar(shape: &Shape) -> bool {
    matches!(shape, Shape::Boolean | Shape::Integer(_) | Shape::Number(_) | Shape::String(_) | Shape::IntOrString)
}

/// OpenAPI knows two widths of integers; Rust's others are the next wider one with bounds.
fn integer(map: &Map<String, Value>) -> IntegerSchema {
    let format = match text(map, "format") {
        Some("int8" | "int16" | "int32" | "uint8" | "uint16") => Some(IntegerFormat::Int32),
        Some(_) => Some(IntegerFormat::Int64),
        None => None,
    };
    let bound = |key| map.get(key).and_then(whole);
    let (minimum, exclusive_minimum) = either_bound(bound("minimum"), bound("exclusiveMinimum"));
    let (maximum, exclusive_maximum) = either_bound(bound("maximum"), bound("exclusiveMaximum"));
    IntegerSchema { format, minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of: bound("multipleOf") }
}

/// A bound, and whether values must lie strictly within it. JSON Schema has two keywords for what OpenAPI has a flag for.
fn either_bound<N>(inclusive: Option<N>, exclusive: Option<N>) -> (Option<N>, bool) {
    match exclusive {
        Some(bound) => (Some(bound), true),
        None => (inclusive, false),
    }
}

/// A bound beyond 64 bits binds nothing that could be stored, and is left out.
fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64()?.to_string().parse().ok())
}

fn number(map: &Map<String, Value>) -> NumberSchema {
    let format = match text(map, "format") {
        Some("float") => Some(NumberFormat::Float),
        Some("double") => Some(NumberFormat::Double),
        _ => None,
    };
    let bound = |key| map.get(key).and_then(Value::as_f64);
    let (minimum, exclusive_minimum) = either_bound(bound("minimum"), bound("exclusiveMinimum"));
    let (maximum, exclusive_maximum) = either_bound(bound("maximum"), bound("exclusiveMaximum"));
    NumberSchema { format, minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of: bound("multipleOf") }
}

fn string(map: &Map<String, Value>) -> StringSchema {
    StringSchema {
        format: text(map, "format").map(str::to_owned),
        min_length: count(map, "minLength"),
        max_length: count(map, "maxLength"),
        pattern: text(map, "pattern").map(str::to_owned),
    }
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    map.get(key)?.as_str()
}

fn flag(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key).and_then(Value::as_bool).unwrap_or_default()
}

fn count(map: &Map<String, Value>, key: &str) -> Option<u64> {
    map.get(key)?.as_u64()
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
