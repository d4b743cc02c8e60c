//! Whether a tree is what the schema says: declared validation, in the words of custom resources.

mod embedded;
mod format;
mod list;
mod scalar;
#[cfg(test)]
mod tests;
mod types;

use super::default::{self, Nulls};
use super::model::{ArraySchema, MapSchema, ObjectSchema, Schema, Shape, TypeSchema};
use super::{is_upstream, own_properties};
use crate::field::{Error, ErrorList, Path};
use regex::Regex;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub use format::FORMATS;

/// What a type declares of its objects. Make it once per type: patterns are compiled.
#[derive(Clone, Debug)]
pub struct Validator {
    schema: TypeSchema,
    /// Every pattern with its regular expression, or why it is none.
    patterns: BTreeMap<String, Result<Regex, String>>,
    declares: bool,
}

impl Validator {
    /// Compiles a type's schema.
    pub fn of(schema: TypeSchema) -> Self {
        let mut found = Found { declares: false, patterns: BTreeMap::new() };
        for (name, definition) in schema.definitions.iter().filter(|(name, _)| !is_upstream(name)) {
            if *name != schema.list {
                found.visit(definition, *name == schema.root);
            }
        }
        Self { schema, patterns: found.patterns, declares: found.declares }
    }

    /// Whether the type declares anything that an object could violate. One that does not is judged by its Rust type
    /// alone.
    pub fn declares(&self) -> bool {
        self.declares
    }

    /// Brings a client's tree into the form that is judged and decoded: nulls that are no values go, defaults come,
    /// quantities become canonical.
    /// A type that declares nothing gets its defaults from its Rust type, and the tree stays as it is.
    pub fn complete(&self, tree: &mut Value) {
        if self.declares {
            default::complete(&self.schema, tree, Nulls::Dropped);
        }
    }

    /// Judges a completed tree.
    ///
    /// * Shape: every violation, by field; those of lists as wholes come last. Metadata is judged elsewhere.
    /// * Errors: [`Misfit`] when a value has another JSON type: then nothing else is worth telling.
    /// * Source: structural schemas of custom resources.
    pub fn check(&self, tree: &Value) -> Result<ErrorList, Misfit> {
        let Some(root) = self.schema.object().filter(|_| self.declares) else { return Ok(ErrorList::new()) };
        let mut walk = Walk::of(self, false);
        walk.value(root, tree, &Path::default(), true);
        if let Some(misfit) = walk.misfit {
            return Err(misfit);
        }
        walk.errors.append(&mut walk.of_lists);
        Ok(walk.errors)
    }

    /// Judges what an apply made of an object, which nobody has read as a type yet: a null where there is none and a value
    /// of another JSON type are violations among the others.
    ///
    /// * Source: upstream validates a custom resource that was applied as it was merged; all others it has read before.
    pub fn check_applied(&self, mut tree: Value) -> ErrorList {
        let Some(root) = self.schema.object().filter(|_| self.declares) else { return ErrorList::new() };
        default::complete(&self.schema, &mut tree, Nulls::Kept);
        let mut walk = Walk::of(self, true);
        walk.value(root, &tree, &Path::default(), true);
        walk.errors.append(&mut walk.of_lists);
        walk.errors
    }

    fn matches(&self, pattern: &str, text: &str) -> Result<bool, String> {
        match self.patterns.get(pattern) {
            Some(Ok(regex)) => Ok(regex.is_match(text)),
            Some(Err(why)) => Err(why.clone()),
            None => Ok(true),
        }
    }
}

/// A value of another JSON type than the schema says: where, and what instead of what.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field}: expected {expected}, found {found}")]
pub struct Misfit {
    /// Where.
    pub field: String,
    /// What the schema says.
    pub expected: &'static str,
    /// What is there.
    pub found: &'static str,
}

/// One walk over a tree. Recursion is bounded by the depth of the tree, which decoding bounds.
struct Walk<'v> {
    validator: &'v Validator,
    errors: ErrorList,
    /// What is wrong with lists and embedded objects as wholes; upstream tells it after everything else.
    of_lists: ErrorList,
    misfit: Option<Misfit>,
    /// Whether a value of another JSON type is a violation like others.
    applied: bool,
}

impl<'v> Walk<'v> {
    fn of(validator: &'v Validator, applied: bool) -> Self {
        Self { validator, errors: ErrorList::new(), of_lists: ErrorList::new(), misfit: None, applied }
    }
}

impl Walk<'_> {
    fn value(&mut self, schema: &Schema, value: &Value, path: &Path, is_root: bool) {
        if default::is_quantity(schema) {
            self.quantity(value, path, schema.nullable);
            return;
        }
        if default::is_int_or_string(schema) {
            let fits = value.is_string() || value.is_i64() || value.is_u64() || (schema.nullable && value.is_null());
            if !fits {
                self.misfit(&Shape::IntOrString, value, path);
            }
            return;
        }
        if let Shape::Reference(name) = &schema.shape
            && is_upstream(name)
        {
            return; // its Rust type judges it
        }
        let Some(resolved) = self.validator.schema.resolve(schema) else { return };
        if value.is_null() && (schema.nullable || resolved.nullable) {
            self.allowed(schema, resolved, value, path);
            return;
        }
        match (&resolved.shape, value) {
            (Shape::Any, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::String(rules), Value::String(text)) => scalar::string(self, rules, text, path),
            (Shape::Integer(rules), Value::Number(number)) if !number.is_f64() => {
                scalar::integer(&mut self.errors, rules, number, path);
            }
            (Shape::Number(rules), Value::Number(number)) => scalar::number(&mut self.errors, rules, number, path),
            (Shape::Array(array), Value::Array(items)) => self.array(array, items, path),
            (Shape::Map(map), Value::Object(entries)) => self.map(map, entries, path),
            (Shape::Object(object), Value::Object(fields)) => self.object(object, fields, path, is_root),
            (shape, other) => self.misfit(shape, other, path),
        }
        self.allowed(schema, resolved, value, path);
    }

    fn quantity(&mut self, value: &Value, path: &Path, nullable: bool) {
        if crate::quantity::canonical_json(value).is_none() && !(nullable && value.is_null()) {
            self.misfit(&Shape::Quantity, value, path);
        }
    }

    fn allowed(&mut self, schema: &Schema, resolved: &Schema, value: &Value, path: &Path) {
        let allowed = if schema.allowed.is_empty() { &resolved.allowed } else { &schema.allowed };
        if !allowed.is_empty() && !allowed.contains(value) {
            let words: Vec<String> = allowed.iter().map(scalar::word).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            self.errors.push(Error::not_supported(path, value.clone(), &words));
        }
    }

    fn array(&mut self, array: &ArraySchema, items: &[Value], path: &Path) {
        for (index, item) in items.iter().enumerate() {
            self.value(&array.items, item, &path.index(index), false);
        }
        scalar::few(&mut self.errors, array.min_items, items.len(), "items", path);
        scalar::many(&mut self.errors, array.max_items, items.len(), path);
        self.of_lists.extend(list::check(array, items, path));
    }

    fn map(&mut self, map: &MapSchema, entries: &Map<String, Value>, path: &Path) {
        scalar::few(&mut self.errors, map.min_properties, entries.len(), "properties", path);
        scalar::many(&mut self.errors, map.max_properties, entries.len(), path);
        for (key, value) in entries {
            self.value(&map.values, value, &path.child(key), false);
        }
    }

    fn object(&mut self, object: &ObjectSchema, fields: &Map<String, Value>, path: &Path, is_root: bool) {
        for (name, property) in own_properties(object, is_root) {
            if let Some(value) = fields.get(name) {
                self.value(property, value, &path.child(name), false);
            }
        }
        for name in object.required.iter().filter(|name| !fields.contains_key(*name)) {
            self.errors.push(Error::required(&path.child(name), ""));
        }
        if object.embedded_resource {
            match embedded::check(fields, path) {
                Ok(errors) => self.of_lists.extend(errors),
                Err(misfit) if self.applied => {
                    self.of_lists.extend(embedded::type_errors(fields, path));
                    if let Some(metadata) = fields.get("metadata").filter(|_| misfit.field.contains(".metadata")) {
                        let path = path.child("metadata");
                        self.of_lists.push(Error::invalid(&path, metadata.clone(), misfit.to_string()));
                    }
                }
                Err(misfit) => drop(self.misfit.get_or_insert(misfit)),
            }
        }
    }

    fn misfit(&mut self, shape: &Shape, value: &Value, path: &Path) {
        if self.applied {
            self.errors.extend(types::misfit(shape, value, path));
            return;
        }
        self.misfit.get_or_insert_with(|| Misfit {
            field: path.to_string(),
            expected: expected(shape),
            found: crate::decode::describe(value),
        });
    }
}

fn expected(shape: &Shape) -> &'static str {
    match shape {
        Shape::Boolean => "a boolean",
        Shape::Integer(_) => "a whole number",
        Shape::Number(_) => "a number",
        Shape::String(_) => "a string",
        Shape::IntOrString => "a whole number or a string",
        Shape::Quantity => "a quantity such as 500m or 1Gi",
        Shape::Array(_) => "a list",
        Shape::Map(_) | Shape::Object(_) => "an object",
        Shape::Any | Shape::Reference(_) => "something else",
    }
}

/// What a search for declarations found.
struct Found {
    declares: bool,
    patterns: BTreeMap<String, Result<Regex, String>>,
}

impl Found {
    /// A type's schema is the program's own, so its depth is bounded by the program.
    fn visit(&mut self, schema: &Schema, is_root: bool) {
        self.declares |= schema.nullable || !schema.allowed.is_empty() || default::is_quantity(schema);
        match &schema.shape {
            Shape::String(rules) => {
                self.declares |= *rules != super::StringSchema::default();
                if let Some(pattern) = &rules.pattern {
                    let compiled = Regex::new(pattern).map_err(|error| error.to_string());
                    self.patterns.insert(pattern.clone(), compiled);
                }
            }
            Shape::Integer(rules) => {
                self.declares |= rules.minimum.is_some() || rules.maximum.is_some() || rules.multiple_of.is_some();
            }
            Shape::Number(rules) => {
                self.declares |= rules.minimum.is_some() || rules.maximum.is_some() || rules.multiple_of.is_some();
            }
            Shape::Array(array) => {
                self.declares |= array.min_items.is_some() || array.max_items.is_some();
                self.declares |= array.list_type.as_ref().is_some_and(|kind| *kind != super::ListType::Atomic);
                self.visit(&array.items, false);
            }
            Shape::Map(map) => {
                self.declares |= map.min_properties.is_some() || map.max_properties.is_some();
                self.visit(&map.values, false);
            }
            Shape::Object(object) => {
                self.declares |= !object.required.is_empty() || object.embedded_resource;
                own_properties(object, is_root).for_each(|(_, property)| self.visit(property, false));
            }
            _ => {}
        }
    }
}
