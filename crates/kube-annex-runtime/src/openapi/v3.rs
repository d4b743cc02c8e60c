//! The documents of version 3: the root that lists them, and one for each group version.

use super::About;
use super::definitions::Definitions;
use super::operations::{Body, Operation, Path};
use super::parameters::{Location, Parameter};
use super::render::{self, Dialect};
use serde_json::{Map, Value, json};

/// The root: under which URL each document is found. It lists this server's group versions and nothing else, because
/// the aggregator merges the roots of all servers into one.
pub(super) fn root<'a>(etags: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let entry = |(key, etag): (&str, &str)| {
        (key.to_owned(), json!({ "serverRelativeURL": format!("/openapi/v3/{key}?hash={etag}") }))
    };
    json!({ "paths": etags.map(entry).collect::<Map<_, _>>() })
}

/// The document of some paths, those of a group version or of none, with every definition they refer to.
pub(super) fn document(
    about: About<'_>,
    paths: &[Path],
    group_version: Option<(&str, &str)>,
    definitions: &Definitions,
) -> Value {
    let schemas: Map<_, _> = definitions
        .of_paths(paths, group_version)
        .into_iter()
        .map(|(name, (schema, kinds))| (name.to_owned(), render::definition(schema, &kinds, Dialect::V3)))
        .collect();
    let written: Map<_, _> = paths.iter().map(|path| (path.template.clone(), self::path(path))).collect();
    json!({
        "openapi": "3.0.0",
        "info": { "title": about.title, "version": about.version },
        "paths": written,
        "components": { "schemas": schemas },
    })
}

fn path(path: &Path) -> Value {
    let mut out = Map::new();
    if !path.parameters.is_empty() {
        out.insert("parameters".to_owned(), path.parameters.iter().map(parameter).collect());
    }
    for operation in &path.operations {
        out.insert(operation.method.to_owned(), self::operation(operation));
    }
    Value::Object(out)
}

fn operation(operation: &Operation) -> Value {
    let responses: Map<_, _> = operation
        .responses
        .iter()
        .map(|(code, text, definition)| {
            (code.to_string(), json!({ "description": text, "content": content(operation.produces, definition) }))
        })
        .collect();
    let mut out = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "description": operation.description,
        "responses": responses,
    });
    if !operation.parameters.is_empty() {
        out["parameters"] = operation.parameters.iter().map(parameter).collect();
    }
    if let Some(body) = &operation.body {
        out["requestBody"] = self::body(body, operation.consumes);
    }
    if let Some((action, kind)) = &operation.action {
        out["x-kubernetes-action"] = (*action).into();
        out["x-kubernetes-group-version-kind"] = render::kind_of(kind);
    }
    out
}

fn body(body: &Body, media_types: &[&str]) -> Value {
    let mut out = json!({ "content": content(media_types, &body.definition) });
    if body.required {
        out["required"] = true.into();
    }
    out
}

fn content(media_types: &[&str], definition: &str) -> Value {
    let schema = json!({ "schema": Dialect::V3.reference(definition) });
    Value::Object(media_types.iter().map(|media_type| ((*media_type).to_owned(), schema.clone())).collect())
}

fn parameter(parameter: &Parameter) -> Value {
    let mut out = json!({
        "name": parameter.name,
        "in": parameter.location.as_str(),
        "description": parameter.description,
        "schema": { "type": parameter.r#type, "uniqueItems": true },
    });
    if parameter.location == Location::Path {
        out["required"] = true.into();
    }
    out
}
