//! One schema of a type, and its projections.

/// The schema of a type with every definition it refers to.
pub fn schema_of<R: schemars::JsonSchema>() -> schemars::Schema {
    schemars::generate::SchemaSettings::openapi3().into_generator().into_root_schema_for::<R>()
}
