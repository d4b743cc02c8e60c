//! gnostic's `OpenAPIv3.proto`.

use super::Shape::{Any, Default, Flag, Inside, Map, Members, Others, Real, Text, Whole};
use super::{Shape, extensions, items, member, rest};

pub(super) static DOCUMENT: Shape = Members(&[
    member(1, "openapi", &Text),
    member(2, "info", &INFO),
    member(4, "paths", &PATHS),
    member(5, "components", &COMPONENTS),
    extensions(9),
]);

static INFO: Shape =
    Members(&[member(1, "title", &Text), member(2, "description", &Text), member(6, "version", &Text)]);

static PATHS: Shape = Members(&[rest(1, &PATH_ITEM), extensions(2)]);

static COMPONENTS: Shape = Members(&[member(1, "schemas", &Map(&SCHEMA_OR_REFERENCE)), extensions(10)]);

static PATH_ITEM: Shape = Members(&[
    member(2, "summary", &Text),
    member(3, "description", &Text),
    member(4, "get", &OPERATION),
    member(5, "put", &OPERATION),
    member(6, "post", &OPERATION),
    member(7, "delete", &OPERATION),
    member(8, "options", &OPERATION),
    member(9, "head", &OPERATION),
    member(10, "patch", &OPERATION),
    items(13, "parameters", &PARAMETER_OR_REFERENCE),
    extensions(14),
]);

static OPERATION: Shape = Members(&[
    items(1, "tags", &Text),
    member(2, "summary", &Text),
    member(3, "description", &Text),
    member(5, "operationId", &Text),
    items(6, "parameters", &PARAMETER_OR_REFERENCE),
    member(7, "requestBody", &Inside(|_| (1, &REQUEST_BODY))),
    member(8, "responses", &RESPONSES),
    member(10, "deprecated", &Flag),
    extensions(13),
]);

static PARAMETER_OR_REFERENCE: Shape =
    Inside(|value| if value.get("$ref").is_some() { (2, &REFERENCE) } else { (1, &PARAMETER) });

static REFERENCE: Shape =
    Members(&[member(1, "$ref", &Text), member(2, "summary", &Text), member(3, "description", &Text)]);

static PARAMETER: Shape = Members(&[
    member(1, "name", &Text),
    member(2, "in", &Text),
    member(3, "description", &Text),
    member(4, "required", &Flag),
    member(5, "deprecated", &Flag),
    member(10, "schema", &SCHEMA_OR_REFERENCE),
    extensions(14),
]);

static REQUEST_BODY: Shape = Members(&[
    member(1, "description", &Text),
    member(2, "content", &Map(&MEDIA_TYPE)),
    member(3, "required", &Flag),
    extensions(4),
]);

static MEDIA_TYPE: Shape = Members(&[member(1, "schema", &SCHEMA_OR_REFERENCE), extensions(5)]);

static RESPONSES: Shape = Members(&[rest(2, &Inside(|_| (1, &RESPONSE))), extensions(3)]);

static RESPONSE: Shape =
    Members(&[member(1, "description", &Text), member(3, "content", &Map(&MEDIA_TYPE)), extensions(5)]);

static SCHEMA_OR_REFERENCE: Shape =
    Inside(|value| if value.get("$ref").is_some() { (2, &REFERENCE) } else { (1, &SCHEMA) });

static SCHEMA: Shape = Members(&[
    member(1, "nullable", &Flag),
    member(3, "readOnly", &Flag),
    member(4, "writeOnly", &Flag),
    member(7, "example", &Any),
    member(8, "deprecated", &Flag),
    member(9, "title", &Text),
    member(10, "multipleOf", &Real),
    member(11, "maximum", &Real),
    member(12, "exclusiveMaximum", &Flag),
    member(13, "minimum", &Real),
    member(14, "exclusiveMinimum", &Flag),
    member(15, "maxLength", &Whole),
    member(16, "minLength", &Whole),
    member(17, "pattern", &Text),
    member(18, "maxItems", &Whole),
    member(19, "minItems", &Whole),
    member(20, "uniqueItems", &Flag),
    member(21, "maxProperties", &Whole),
    member(22, "minProperties", &Whole),
    items(23, "required", &Text),
    items(24, "enum", &Any),
    member(25, "type", &Text),
    items(26, "allOf", &SCHEMA_OR_REFERENCE),
    items(27, "oneOf", &SCHEMA_OR_REFERENCE),
    items(28, "anyOf", &SCHEMA_OR_REFERENCE),
    member(29, "not", &SCHEMA),
    member(30, "items", &Inside(|_| (1, &SCHEMA_OR_REFERENCE))),
    member(31, "properties", &Map(&SCHEMA_OR_REFERENCE)),
    member(32, "additionalProperties", &Others(&SCHEMA_OR_REFERENCE)),
    member(33, "default", &Default),
    member(34, "description", &Text),
    member(35, "format", &Text),
    extensions(36),
]);
