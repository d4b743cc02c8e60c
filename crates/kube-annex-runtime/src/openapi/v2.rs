//! The document of version 2: the whole server.

use super::definitions::Definitions;
use super::operations::{self, Body, Operation, Path};
use super::parameters::{Location, Parameter};
use super::render::{self, Dialect};
use super::{About, Served};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The document.
pub(super) fn document(about: About<'_>, served: &[Served], definitions: &Definitions) -> Value {
    let mut paths = operations::of_server(served);
    for (group, version) in operations::group_versions(served) {
        paths.extend(operations::of_group_version(group, version, served));
    }
    let mut shared = Shared::default();
    let written: Map<_, _> = paths.iter().map(|path| (path.template.clone(), self::path(path, &mut shared))).collect();
    let definitions = definitions.of_paths(&paths, None);
    let definitions: Map<_, _> = definitions
        .into_iter()
        .map(|(name, (schema, kinds))| (name.to_owned(), render::definition(schema, &kinds, Dialect::V2)))
        .collect();
    json!({
        "swagger": "2.0",
        "info": { "title": about.title, "version": about.version },
        "paths": written,
        "definitions": definitions,
        "parameters": shared.0,
        "security": [{ "BearerToken": [] }],
        "securityDefinitions": {
            "BearerToken": {
                "description": "Bearer Token authentication",
                "in": "header",
                "name": "authorization",
                "type": "apiKey",
            },
        },
    })
}

/// Parameters that are written once and referred to, by a name that holds a hash of their content: servers whose
/// documents are merged then mean the same by the same name.
#[derive(Default)]
struct Shared(BTreeMap<String, Value>);

impl Shared {
    fn refer(&mut self, name: &str, parameter: Value) -> Value {
        let digest = Sha256::digest(parameter.to_string());
        let name = format!("{name}-{}", URL_SAFE_NO_PAD.encode(&digest[..6]));
        let reference = json!({ "$ref": format!("#/parameters/{name}") });
        self.0.insert(name, parameter);
        reference
    }
}

fn path(path: &Path, shared: &mut Shared) -> Value {
    let mut out = Map::new();
    if !path.parameters.is_empty() {
        out.insert("parameters".to_owned(), path.parameters.iter().map(|p| parameter(p, shared)).collect());
    }
    for operation in &path.operations {
        out.insert(operation.method.to_owned(), self::operation(operation, shared));
    }
    Value::Object(out)
}

fn operation(operation: &Operation, shared: &mut Shared) -> Value {
    let mut parameters: Vec<Value> = operation.body.iter().map(|body| self::body(body, shared)).collect();
    parameters.extend(operation.parameters.iter().map(|parameter| self::parameter(parameter, shared)));
    let mut responses: Map<String, Value> = operation
        .responses
        .iter()
        .map(|(code, text, definition)| {
            (code.to_string(), json!({ "description": text, "schema": Dialect::V2.reference(definition) }))
        })
        .collect();
    responses.insert("401".to_owned(), json!({ "description": "Unauthorized" }));
    let mut out = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "description": operation.description,
        "consumes": operation.consumes,
        "produces": operation.produces,
        "schemes": ["https"],
        "responses": responses,
    });
    if !parameters.is_empty() {
        out["parameters"] = parameters.into();
    }
    if let Some((action, kind)) = &operation.action {
        out["x-kubernetes-action"] = (*action).into();
        out["x-kubernetes-group-version-kind"] = render::kind_of(kind);
    }
    out
}

fn body(body: &Body, shared: &mut Shared) -> Value {
    let mut out = json!({ "in": "body", "name": "body", "schema": Dialect::V2.reference(&body.definition) });
    if body.required {
        out["required"] = true.into();
    }
    // What all resources send is shared; what only this one sends is not.
    if body.definition.starts_with("io.k8s.") { shared.refer("body", out) } else { out }
}

fn parameter(parameter: &Parameter, shared: &mut Shared) -> Value {
    let mut out = json!({
        "name": parameter.name,
        "in": parameter.location.as_str(),
        "type": parameter.r#type,
        "description": parameter.description,
        "uniqueItems": true,
    });
    if parameter.location == Location::Path {
        out["required"] = true.into();
    }
    // The description of a name has the kind in it.
    if parameter.name == "name" { out } else { shared.refer(parameter.name, out) }
}
