//! One schema of a type, and its projections.
//!
//! `schemars` reads the shape and the documentation of a Rust type; [`Schema::of`] lowers that into the one model
//! that everything else projects: OpenAPI documents, defaults, pruning and merge rules. Definitions carry the names
//! that OpenAPI clients see: upstream's for upstream's types, `<reversed group>.<version>.<Type>` for the user's own.

pub mod crd;
mod default;
mod lower;
mod model;
mod nullable;
#[cfg(test)]
mod tests;
mod upstream;
mod validate;

pub use model::{
    ArraySchema, IntegerFormat, IntegerSchema, ListType, MapSchema, MapType, NumberFormat, NumberSchema, ObjectSchema,
    Schema, Shape, StringSchema, TypeSchema,
};
pub use nullable::{Nullable, RawObject};
pub use upstream::{common, embedded, scale};
pub use validate::{FORMATS, Misfit, Validator};

use crate::resource::{AggregatedResource, ResourceDescriptor};

impl Schema {
    /// The schema of a resource and of its list, with every definition they refer to.
    ///
    /// * Shape: the root definition has `apiVersion`, `kind` and `metadata` besides the type's own fields.
    /// * Source: the type's `JsonSchema`, and Kubernetes' API conventions for what every object has.
    pub fn of<R: AggregatedResource>() -> TypeSchema {
        Self::of_type(&R::DESCRIPTOR, &R::schema())
    }

    /// As [`Schema::of`], from the two things it needs of the type.
    pub fn of_type(descriptor: &ResourceDescriptor, schema: &schemars::Schema) -> TypeSchema {
        let namespace = definition_prefix(descriptor.group, descriptor.version);
        let root = format!("{namespace}.{}", descriptor.kind);
        let list = format!("{namespace}.{}", descriptor.list_kind());
        let (mut object, mut definitions) = lower::lower(schema, &namespace, &root);
        if object.description.is_empty() {
            descriptor.description.clone_into(&mut object.description);
        }
        upstream::complete_object(&mut object);
        definitions.extend(upstream::object_metadata());
        definitions.insert(list.clone(), upstream::list_of(descriptor.kind, &root));
        definitions.insert(root.clone(), object);
        TypeSchema { root, list, definitions }
    }
}

/// Whether a definition is one of upstream's own.
fn is_upstream(name: &str) -> bool {
    name.starts_with("io.k8s.")
}

/// The fields that a type declares itself: of the object as a whole, all but those that every object has.
fn own_properties(object: &ObjectSchema, is_root: bool) -> impl Iterator<Item = (&String, &Schema)> {
    let of_every_object = move |name: &str| is_root && matches!(name, "apiVersion" | "kind" | "metadata");
    object.properties.iter().filter(move |(name, _)| !of_every_object(name))
}

/// The schema of a type with every definition it refers to, as schemars writes it.
pub fn schema_of<R: schemars::JsonSchema>() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<R>()
}

/// What the names of a group version's own definitions begin with: the group read backwards, then the version.
pub fn definition_prefix(group: &str, version: &str) -> String {
    let mut labels: Vec<&str> = group.split('.').rev().collect();
    labels.push(version);
    labels.join(".")
}
