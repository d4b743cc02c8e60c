//! gnostic's `OpenAPIv2.proto`.

use super::Shape::{Any, Flag, Inside, Map, Members, Others, Real, Strings, Text, Whole};
use super::{Shape, extensions, items, member, rest};
use serde_json::Value;

pub(super) static DOCUMENT: Shape = Members(&[
    member(1, "swagger", &Text),
    member(2, "info", &INFO),
    items(6, "consumes", &Text),
    items(7, "produces", &Text),
    member(8, "paths", &PATHS),
    member(9, "definitions", &Map(&SCHEMA)),
    member(10, "parameters", &Map(&PARAMETER)),
    items(12, "security", &Map(&Strings)),
    member(13, "securityDefinitions", &Map(&SECURITY)),
    extensions(16),
]);

static INFO: Shape =
    Members(&[member(1, "title", &Text), member(2, "version", &Text), member(3, "description", &Text)]);

// Extensions have a lower number than what there is of paths.
static PATHS: Shape = Members(&[extensions(1), rest(2, &PATH_ITEM)]);

static PATH_ITEM: Shape = Members(&[
    member(2, "get", &OPERATION),
    member(3, "put", &OPERATION),
    member(4, "post", &OPERATION),
    member(5, "delete", &OPERATION),
    member(6, "options", &OPERATION),
    member(7, "head", &OPERATION),
    member(8, "patch", &OPERATION),
    items(9, "parameters", &PARAMETER_OR_REFERENCE),
    extensions(10),
]);

static OPERATION: Shape = Members(&[
    items(1, "tags", &Text),
    member(2, "summary", &Text),
    member(3, "description", &Text),
    member(5, "operationId", &Text),
    items(6, "produces", &Text),
    items(7, "consumes", &Text),
    items(8, "parameters", &PARAMETER_OR_REFERENCE),
    member(9, "responses", &RESPONSES),
    items(10, "schemes", &Text),
    member(11, "deprecated", &Flag),
    items(12, "security", &Map(&Strings)),
    extensions(13),
]);

static PARAMETER_OR_REFERENCE: Shape =
    Inside(|value| if value.get("$ref").is_some() { (2, &REFERENCE) } else { (1, &PARAMETER) });

static REFERENCE: Shape = Members(&[member(1, "$ref", &Text), member(2, "description", &Text)]);

static PARAMETER: Shape = Inside(|value| if place(value) == "body" { (1, &BODY) } else { (2, &NOT_IN_BODY) });

static BODY: Shape = Members(&[
    member(1, "description", &Text),
    member(2, "name", &Text),
    member(3, "in", &Text),
    member(4, "required", &Flag),
    member(5, "schema", &SCHEMA),
    extensions(6),
]);

static NOT_IN_BODY: Shape = Inside(|value| match place(value) {
    "header" => (1, &IN_PATH),
    "path" => (4, &IN_PATH),
    _ => (3, &IN_QUERY),
});

fn place(parameter: &Value) -> &str {
    parameter.get("in").and_then(Value::as_str).unwrap_or_default()
}

/// A parameter in a path, or in a header.
static IN_PATH: Shape = Members(&[
    member(1, "required", &Flag),
    member(2, "in", &Text),
    member(3, "description", &Text),
    member(4, "name", &Text),
    member(5, "type", &Text),
    member(6, "format", &Text),
    member(9, "default", &Any),
    member(19, "uniqueItems", &Flag),
    extensions(22),
]);

static IN_QUERY: Shape = Members(&[
    member(1, "required", &Flag),
    member(2, "in", &Text),
    member(3, "description", &Text),
    member(4, "name", &Text),
    member(6, "type", &Text),
    member(7, "format", &Text),
    member(10, "default", &Any),
    member(20, "uniqueItems", &Flag),
    extensions(23),
]);

static RESPONSES: Shape = Members(&[rest(1, &RESPONSE_OR_REFERENCE), extensions(2)]);

static RESPONSE_OR_REFERENCE: Shape =
    Inside(|value| if value.get("$ref").is_some() { (2, &REFERENCE) } else { (1, &RESPONSE) });

static RESPONSE: Shape =
    Members(&[member(1, "description", &Text), member(2, "schema", &Inside(|_| (1, &SCHEMA))), extensions(5)]);

static SECURITY: Shape = Inside(|_| (2, &API_KEY));

static API_KEY: Shape = Members(&[
    member(1, "type", &Text),
    member(2, "name", &Text),
    member(3, "in", &Text),
    member(4, "description", &Text),
    extensions(5),
]);

static SCHEMA: Shape = Members(&[
    member(1, "$ref", &Text),
    member(2, "format", &Text),
    member(3, "title", &Text),
    member(4, "description", &Text),
    member(5, "default", &Any),
    member(6, "multipleOf", &Real),
    member(7, "maximum", &Real),
    member(8, "exclusiveMaximum", &Flag),
    member(9, "minimum", &Real),
    member(10, "exclusiveMinimum", &Flag),
    member(11, "maxLength", &Whole),
    member(12, "minLength", &Whole),
    member(13, "pattern", &Text),
    member(14, "maxItems", &Whole),
    member(15, "minItems", &Whole),
    member(16, "uniqueItems", &Flag),
    member(17, "maxProperties", &Whole),
    member(18, "minProperties", &Whole),
    items(19, "required", &Text),
    items(20, "enum", &Any),
    member(21, "additionalProperties", &Others(&SCHEMA)),
    member(22, "type", &Strings),
    member(23, "items", &Inside(|_| (1, &SCHEMA))),
    items(24, "allOf", &SCHEMA),
    member(25, "properties", &Map(&SCHEMA)),
    member(27, "readOnly", &Flag),
    member(30, "example", &Any),
    extensions(31),
]);
