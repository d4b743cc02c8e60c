//! The shape of a type: a tree that ends in scalars or in the names of definitions.

use serde_json::Value;
use std::collections::BTreeMap;

/// How deep references are followed. Upstream's types end far sooner; a cycle of bare references ends here.
const MAX_REFERENCES: usize = 16;

/// A resource's schema with everything it refers to.
///
/// * Shape: every name that a [`Shape::Reference`] holds is a key of `definitions`.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeSchema {
    /// The definition of one object.
    pub root: String,
    /// The definition of a list of objects.
    pub list: String,
    /// Every definition by its name.
    pub definitions: BTreeMap<String, Schema>,
}

impl TypeSchema {
    /// The schema of one object.
    pub fn object(&self) -> Option<&Schema> {
        self.definitions.get(&self.root)
    }

    /// The schema that a chain of references ends in; `None` when it does not end.
    pub fn resolve<'a>(&'a self, schema: &'a Schema) -> Option<&'a Schema> {
        let mut current = schema;
        for _ in 0..MAX_REFERENCES {
            match &current.shape {
                Shape::Reference(name) => current = self.definitions.get(name)?,
                _ => return Some(current),
            }
        }
        None
    }

    /// Gives a definition another name, wherever it is referred to.
    pub fn rename(&mut self, from: &str, to: &str) {
        let Some(definition) = self.definitions.remove(from) else { return };
        self.definitions.insert(to.to_owned(), definition);
        for definition in self.definitions.values_mut() {
            definition.rename_references(from, to);
        }
        for name in [&mut self.root, &mut self.list] {
            if name == from {
                to.clone_into(name);
            }
        }
    }
}

/// What a value may be, and what is said about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The shape of the value.
    pub shape: Shape,
    /// What the value means; may be empty.
    pub description: String,
    /// What an absent value stands for.
    pub default: Option<Value>,
    /// Whether `null` is a value of its own. An optional field is not nullable: there, `null` means absent.
    pub nullable: bool,
    /// The only values allowed; empty allows all.
    pub allowed: Vec<Value>,
    /// `x-kubernetes-*` extensions that have no field of their own, by name.
    pub extensions: BTreeMap<String, Value>,
}

impl Schema {
    /// A schema of that shape, about which nothing else is said.
    pub fn new(shape: Shape) -> Self {
        Self { shape, ..Self::default() }
    }

    /// A reference to a definition.
    pub fn reference(name: impl Into<String>) -> Self {
        Self::new(Shape::Reference(name.into()))
    }

    /// The same with a description.
    #[must_use]
    pub fn described(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The same with a default.
    #[must_use]
    pub fn defaulting_to(mut self, default: Value) -> Self {
        self.default = Some(default);
        self
    }

    /// Calls `found` with the name of each definition referred to, as often as it is.
    pub fn for_each_reference<'a>(&'a self, found: &mut impl FnMut(&'a str)) {
        match &self.shape {
            Shape::Reference(name) => found(name),
            Shape::Array(array) => array.items.for_each_reference(found),
            Shape::Map(map) => map.values.for_each_reference(found),
            Shape::Object(object) => object.properties.values().for_each(|schema| schema.for_each_reference(found)),
            _ => {}
        }
    }

    fn rename_references(&mut self, from: &str, to: &str) {
        match &mut self.shape {
            Shape::Reference(name) if name == from => to.clone_into(name),
            Shape::Array(array) => array.items.rename_references(from, to),
            Shape::Map(map) => map.values.rename_references(from, to),
            Shape::Object(object) => {
                object.properties.values_mut().for_each(|schema| schema.rename_references(from, to));
            }
            _ => {}
        }
    }

    /// The fields, when it is an object with fields.
    pub fn as_object(&self) -> Option<&ObjectSchema> {
        match &self.shape {
            Shape::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The fields to change, when it is an object with fields.
    pub fn as_object_mut(&mut self) -> Option<&mut ObjectSchema> {
        match &mut self.shape {
            Shape::Object(object) => Some(object),
            _ => None,
        }
    }
}

/// The shapes a value can have.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// Any value at all; unknown fields below it are kept.
    #[default]
    Any,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer(IntegerSchema),
    /// A number.
    Number(NumberSchema),
    /// Text.
    String(StringSchema),
    /// A whole number or text, such as a port's number or its name.
    IntOrString,
    /// A quantity such as `500m` or `1Gi`, also writable as a number.
    Quantity,
    /// A sequence.
    Array(ArraySchema),
    /// Any keys, values of one shape.
    Map(MapSchema),
    /// Known fields.
    Object(ObjectSchema),
    /// The definition of that name.
    Reference(String),
}

/// A whole number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntegerSchema {
    /// How wide it is.
    pub format: Option<IntegerFormat>,
    /// The least allowed value.
    pub minimum: Option<i64>,
    /// The greatest allowed value.
    pub maximum: Option<i64>,
    /// Whether values must be greater than the minimum.
    pub exclusive_minimum: bool,
    /// Whether values must be less than the maximum.
    pub exclusive_maximum: bool,
    /// What every value is a multiple of.
    pub multiple_of: Option<i64>,
}

/// How wide a whole number is; OpenAPI knows no others.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IntegerFormat {
    /// 32 bits.
    Int32,
    /// 64 bits.
    Int64,
}

impl IntegerFormat {
    /// The format as OpenAPI spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
        }
    }
}

/// A number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberSchema {
    /// How precise it is.
    pub format: Option<NumberFormat>,
    /// The least allowed value.
    pub minimum: Option<f64>,
    /// The greatest allowed value.
    pub maximum: Option<f64>,
    /// Whether values must be greater than the minimum.
    pub exclusive_minimum: bool,
    /// Whether values must be less than the maximum.
    pub exclusive_maximum: bool,
    /// What every value is a multiple of.
    pub multiple_of: Option<f64>,
}

/// How precise a number is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NumberFormat {
    /// 32 bits.
    Float,
    /// 64 bits.
    Double,
}

impl NumberFormat {
    /// The format as OpenAPI spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Double => "double",
        }
    }
}

/// Text.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StringSchema {
    /// What the text is, such as `date-time` or `byte`.
    pub format: Option<String>,
    /// The least number of characters.
    pub min_length: Option<u64>,
    /// The greatest number of characters.
    pub max_length: Option<u64>,
    /// The regular expression that the text matches.
    pub pattern: Option<String>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct ArraySchema {
    /// What each item is.
    pub items: Box<Schema>,
    /// The least number of items.
    pub min_items: Option<u64>,
    /// The greatest number of items.
    pub max_items: Option<u64>,
    /// How two writers' items are merged; `None` is atomic, without saying so.
    pub list_type: Option<ListType>,
}

/// How a list is merged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ListType {
    /// As a whole.
    Atomic,
    /// Item by item; each value is in it once.
    Set,
    /// Item by item; the values of these fields tell items apart.
    Map(Vec<String>),
}

impl ListType {
    /// The type as `x-kubernetes-list-type` spells it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Set => "set",
            Self::Map(_) => "map",
        }
    }

    /// The field by which a strategic merge patch tells items apart, empty where they are told apart as a whole; `None`
    /// where such a patch replaces the list.
    ///
    /// * Shape: a list whose items are told apart by several fields is replaced. The patch's language knows one merge
    ///   key, and with one of them alone it would take two items for one.
    /// * Source: who computes such a patch, as kubectl does, reads `x-kubernetes-patch-strategy` and
    ///   `x-kubernetes-patch-merge-key` in the OpenAPI documents, which must say the same.
    pub fn patch_merge_key(&self) -> Option<&str> {
        match self {
            Self::Set => Some(""),
            Self::Map(keys) => match keys.as_slice() {
                [key] => Some(key),
                _ => None,
            },
            Self::Atomic => None,
        }
    }
}

/// Any keys, values of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct MapSchema {
    /// What each value is.
    pub values: Box<Schema>,
    /// The least number of keys.
    pub min_properties: Option<u64>,
    /// The greatest number of keys.
    pub max_properties: Option<u64>,
    /// How two writers' keys are merged; `None` is granular, without saying so.
    pub map_type: Option<MapType>,
}

/// How a map or an object is merged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MapType {
    /// As a whole.
    Atomic,
    /// Key by key.
    Granular,
}

impl MapType {
    /// The type as `x-kubernetes-map-type` spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Atomic => "atomic",
            Self::Granular => "granular",
        }
    }
}

/// Known fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObjectSchema {
    /// The fields by their JSON name.
    pub properties: BTreeMap<String, Schema>,
    /// The fields without which an object is wrong, in the order the type declares them.
    pub required: Vec<String>,
    /// How two writers' fields are merged; `None` is granular, without saying so.
    pub map_type: Option<MapType>,
    /// Whether fields that are not known are kept.
    pub preserve_unknown_fields: bool,
    /// Whether the value is a whole Kubernetes object, with `apiVersion`, `kind` and `metadata`.
    pub embedded_resource: bool,
}
