//! The same type as a custom resource: the `CustomResourceDefinition` that a kube-apiserver would serve it from.
//!
//! An aggregated resource needs none. It is for those who move a type between the two ways of serving it, and for
//! comparing how both answer.

#[cfg(test)]
mod tests;

use super::model::{
    ArraySchema, IntegerFormat, IntegerSchema, ListType, MapSchema, MapType, NumberFormat, NumberSchema, ObjectSchema,
    Schema, Shape, StringSchema, TypeSchema,
};
use super::{is_upstream, own_properties};
use crate::resource::{ColumnDescriptor, ResourceDescriptor, Scope};
use serde_json::{Map, Value, json};

/// One version of a resource, as it goes into its definition.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// What is known of the version.
    pub descriptor: &'a ResourceDescriptor,
    /// Its schema.
    pub schema: &'a TypeSchema,
    /// Whether objects are stored in it; exactly one version's are.
    pub storage: bool,
}

/// The definition of a resource, `None` without a version.
///
/// * Shape: a `CustomResourceDefinition` of `apiextensions.k8s.io/v1`, references written out where they are used. A type
///   that contains itself ends in an object that keeps unknown fields.
/// * Source: Kubernetes' reference of `CustomResourceDefinition`.
pub fn definition(versions: &[Version<'_>]) -> Option<Value> {
    let descriptor = versions.first()?.descriptor;
    let ResourceDescriptor { group, plural, singular, kind, .. } = descriptor;
    let mut names = Map::new();
    set(&mut names, "plural", *plural);
    set(&mut names, "singular", *singular);
    set(&mut names, "kind", *kind);
    set(&mut names, "listKind", descriptor.list_kind());
    set_words(&mut names, "shortNames", descriptor.short_names);
    set_words(&mut names, "categories", descriptor.categories);
    let scope = match descriptor.scope {
        Scope::Namespaced => "Namespaced",
        Scope::Cluster => "Cluster",
    };
    Some(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group,
            "scope": scope,
            "names": names,
            "versions": versions.iter().map(version).collect::<Value>(),
        },
    }))
}

fn version(version: &Version<'_>) -> Value {
    let Version { descriptor, schema, storage } = version;
    let mut out = Map::new();
    set(&mut out, "name", descriptor.version);
    set(&mut out, "served", true);
    set(&mut out, "storage", *storage);
    if let Some(deprecation) = &descriptor.deprecated {
        set(&mut out, "deprecated", true);
        if !deprecation.warning.is_empty() {
            set(&mut out, "deprecationWarning", deprecation.warning);
        }
    }
    let subresources = subresources(descriptor);
    if !subresources.is_empty() {
        set(&mut out, "subresources", subresources);
    }
    if !descriptor.selectable_fields.is_empty() {
        let fields = descriptor.selectable_fields.iter().map(|path| json!({"jsonPath": path}));
        set(&mut out, "selectableFields", fields.collect::<Value>());
    }
    if !descriptor.columns.is_empty() {
        set(&mut out, "additionalPrinterColumns", descriptor.columns.iter().map(column).collect::<Value>());
    }
    let root = schema.object().map(|root| Projection { schema, open: Vec::new() }.root(root));
    set(&mut out, "schema", json!({"openAPIV3Schema": root}));
    Value::Object(out)
}

fn subresources(descriptor: &ResourceDescriptor) -> Map<String, Value> {
    let mut out = Map::new();
    if descriptor.subresource("status").is_some() {
        set(&mut out, "status", json!({}));
    }
    if let Some(scale) = &descriptor.scale {
        let mut paths = Map::new();
        set(&mut paths, "specReplicasPath", scale.spec_replicas);
        set(&mut paths, "statusReplicasPath", scale.status_replicas);
        set_some(&mut paths, "labelSelectorPath", scale.label_selector);
        set(&mut out, "scale", paths);
    }
    out
}

fn column(column: &ColumnDescriptor) -> Value {
    let mut out = Map::new();
    set(&mut out, "name", column.name);
    set(&mut out, "type", column.r#type.as_str());
    set(&mut out, "jsonPath", column.path);
    if !column.description.is_empty() {
        set(&mut out, "description", column.description);
    }
    if column.priority != 0 {
        set(&mut out, "priority", column.priority);
    }
    Value::Object(out)
}

/// Writes schemas with their references written out.
struct Projection<'a> {
    schema: &'a TypeSchema,
    /// The definitions that are being written, the outermost first.
    open: Vec<&'a str>,
}

impl<'a> Projection<'a> {
    fn root(&mut self, root: &'a Schema) -> Value {
        let Some(object) = root.as_object() else { return Value::Null };
        let mut out = self.object(object, true);
        if !root.description.is_empty() {
            set(&mut out, "description", root.description.as_str());
        }
        let mut properties =
            json!({"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}});
        if let (Some(Value::Object(own)), Value::Object(all)) = (out.remove("properties"), &mut properties) {
            all.extend(own);
        }
        set(&mut out, "properties", properties);
        Value::Object(out)
    }

    fn schema(&mut self, schema: &'a Schema) -> Map<String, Value> {
        let mut out = self.shape(&schema.shape);
        if !schema.description.is_empty() {
            set(&mut out, "description", schema.description.as_str());
        }
        set_some(&mut out, "default", schema.default.clone());
        if schema.nullable {
            set(&mut out, "nullable", true);
        }
        if !schema.allowed.is_empty() {
            set(&mut out, "enum", schema.allowed.clone());
        }
        out.extend(schema.extensions.iter().map(|(name, value)| (name.clone(), value.clone())));
        out
    }

    fn shape(&mut self, shape: &'a Shape) -> Map<String, Value> {
        let mut out = Map::new();
        match shape {
            Shape::Boolean => set(&mut out, "type", "boolean"),
            Shape::Integer(rules) => integer(rules, &mut out),
            Shape::Number(rules) => number(rules, &mut out),
            Shape::String(rules) => string(rules, &mut out),
            Shape::IntOrString => set(&mut out, "x-kubernetes-int-or-string", true),
            Shape::Quantity => {
                set(&mut out, "anyOf", json!([{"type": "integer"}, {"type": "string"}]));
                set(&mut out, "pattern", QUANTITY);
                set(&mut out, "x-kubernetes-int-or-string", true);
            }
            Shape::Array(rules) => return self.array(rules),
            Shape::Map(rules) => return self.map(rules),
            Shape::Object(object) => return self.object(object, false),
            Shape::Reference(name) => return self.reference(name),
            Shape::Any => set(&mut out, "x-kubernetes-preserve-unknown-fields", true),
        }
        out
    }

    fn reference(&mut self, name: &'a str) -> Map<String, Value> {
        let definition = self.schema.definitions.get(name).filter(|_| !self.open.contains(&name));
        let Some(definition) = definition else {
            let mut out = Map::new();
            set(&mut out, "type", "object");
            set(&mut out, "x-kubernetes-preserve-unknown-fields", true);
            return out;
        };
        self.open.push(name);
        let mut out = self.schema(definition);
        self.open.pop();
        if is_upstream(name) {
            // What upstream's definitions say of absent values is of Go's zeros, not of the object.
            without_defaults(&mut out);
        }
        out
    }

    fn array(&mut self, rules: &'a ArraySchema) -> Map<String, Value> {
        let mut out = Map::new();
        set(&mut out, "type", "array");
        set_some(&mut out, "minItems", rules.min_items);
        set_some(&mut out, "maxItems", rules.max_items);
        set_some(&mut out, "x-kubernetes-list-type", rules.list_type.as_ref().map(ListType::as_str));
        if let Some(ListType::Map(keys)) = &rules.list_type {
            set(&mut out, "x-kubernetes-list-map-keys", keys.clone());
        }
        set(&mut out, "items", self.schema(&rules.items));
        out
    }

    fn map(&mut self, rules: &'a MapSchema) -> Map<String, Value> {
        let mut out = Map::new();
        set(&mut out, "type", "object");
        set_some(&mut out, "minProperties", rules.min_properties);
        set_some(&mut out, "maxProperties", rules.max_properties);
        set_some(&mut out, "x-kubernetes-map-type", rules.map_type.map(MapType::as_str));
        set(&mut out, "additionalProperties", self.schema(&rules.values));
        out
    }

    fn object(&mut self, object: &'a ObjectSchema, is_root: bool) -> Map<String, Value> {
        let mut out = Map::new();
        set(&mut out, "type", "object");
        set_some(&mut out, "x-kubernetes-map-type", object.map_type.map(MapType::as_str));
        if object.embedded_resource {
            set(&mut out, "x-kubernetes-embedded-resource", true);
        }
        if object.preserve_unknown_fields {
            set(&mut out, "x-kubernetes-preserve-unknown-fields", true);
        }
        if !object.required.is_empty() {
            set(&mut out, "required", object.required.clone());
        }
        let properties = own_properties(object, is_root);
        let properties: Map<String, Value> =
            properties.map(|(name, property)| (name.clone(), Value::Object(self.schema(property)))).collect();
        if !properties.is_empty() {
            set(&mut out, "properties", properties);
        }
        out
    }
}

fn integer(rules: &IntegerSchema, out: &mut Map<String, Value>) {
    set(out, "type", "integer");
    set_some(out, "format", rules.format.map(IntegerFormat::as_str));
    set_some(out, "minimum", rules.minimum);
    set_some(out, "maximum", rules.maximum);
    set_some(out, "multipleOf", rules.multiple_of);
    set_exclusive(out, rules.exclusive_minimum, rules.exclusive_maximum);
}

fn number(rules: &NumberSchema, out: &mut Map<String, Value>) {
    set(out, "type", "number");
    set_some(out, "format", rules.format.map(NumberFormat::as_str));
    set_some(out, "minimum", rules.minimum.and_then(shortest));
    set_some(out, "maximum", rules.maximum.and_then(shortest));
    set_some(out, "multipleOf", rules.multiple_of.and_then(shortest));
    set_exclusive(out, rules.exclusive_minimum, rules.exclusive_maximum);
}

/// A number as a person writes it: one is `1`, not `1.0`.
fn shortest(number: f64) -> Option<Value> {
    serde_json::from_str(&number.to_string()).ok()
}

fn set_exclusive(out: &mut Map<String, Value>, minimum: bool, maximum: bool) {
    set_some(out, "exclusiveMinimum", Some(true).filter(|_| minimum));
    set_some(out, "exclusiveMaximum", Some(true).filter(|_| maximum));
}

fn string(rules: &StringSchema, out: &mut Map<String, Value>) {
    set(out, "type", "string");
    set_some(out, "format", rules.format.as_deref());
    set_some(out, "minLength", rules.min_length);
    set_some(out, "maxLength", rules.max_length);
    set_some(out, "pattern", rules.pattern.as_deref());
}

/// Drops every default of a schema and below it. Its depth is that of the type.
fn without_defaults(schema: &mut Map<String, Value>) {
    schema.remove("default");
    for key in ["items", "additionalProperties"] {
        if let Some(Value::Object(below)) = schema.get_mut(key) {
            without_defaults(below);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().filter_map(Value::as_object_mut).for_each(without_defaults);
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

fn set_words(out: &mut Map<String, Value>, key: &str, words: &[&str]) {
    if !words.is_empty() {
        set(out, key, words.iter().copied().collect::<Value>());
    }
}

/// What a quantity looks like, as types made for custom resources tell it.
const QUANTITY: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";
