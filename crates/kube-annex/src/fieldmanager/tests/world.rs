//! A resource whose schemas are written as those of custom resources, and histories of writes to one object of it.

use super::super::{ApplyError, ConvertError, FieldManager, ResetFields, Versions, Writer};
use crate::fixtures::Gizmo;
use crate::options::FieldValidation;
use crate::patch::merge;
use crate::schema::{
    ArraySchema, IntegerSchema, ListType, MapSchema, MapType, NumberSchema, ObjectSchema, Schema, Shape, StringSchema,
    TypeSchema,
};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The group of every object here.
pub(crate) const GROUP: &str = "t.example.com";

/// Versions by name; their objects differ in the name of one field, [`renamed`].
pub(crate) struct World {
    schemas: BTreeMap<String, TypeSchema>,
}

impl World {
    /// From the `openAPIV3Schema` of each version.
    pub(crate) fn new(schemas: &Map<String, Value>) -> Self {
        let versions = schemas.iter().map(|(version, schema)| (format!("{GROUP}/{version}"), type_schema(schema)));
        Self { schemas: versions.collect() }
    }

    pub(crate) fn manager(self) -> FieldManager {
        let resets = ResetFields::default().with("", &[&["status"]]).with("status", &[&["metadata"], &["spec"]]);
        FieldManager::new(Arc::new(self), resets)
    }
}

impl Versions for World {
    fn schema(&self, api_version: &str) -> Option<&TypeSchema> {
        self.schemas.get(api_version)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConvertError> {
        if !self.schemas.contains_key(api_version) {
            return Err(ConvertError::NotServed { api_version: api_version.to_owned() });
        }
        Ok(converted(object, api_version))
    }

    fn hub(&self) -> &'static str {
        "t.example.com/v1"
    }

    fn empty(&self, api_version: &str) -> Value {
        json!({ "apiVersion": api_version, "kind": "Thing" })
    }
}

fn renamed(api_version: &str) -> &'static str {
    if api_version.ends_with("/v2") { "count" } else { "size" }
}

fn converted(object: &Value, api_version: &str) -> Value {
    let mut object = object.clone();
    let from = object["apiVersion"].as_str().unwrap_or_default().to_owned();
    if from == api_version {
        return object;
    }
    let (old, new) = (renamed(&from), renamed(api_version));
    let spec = object.get_mut("spec").and_then(Value::as_object_mut).filter(|_| old != new);
    if let Some(spec) = spec
        && let Some(value) = spec.remove(old)
    {
        spec.insert(new.to_owned(), value);
    }
    object["apiVersion"] = api_version.into();
    object
}

/// What one write made.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Object(Value),
    Error { code: Option<u16>, message: String, causes: Value },
    Nothing,
}

/// Plays a history as a server would: each write starts from what the last one left.
pub(crate) fn play(case: &Value) -> Vec<Outcome> {
    let schemas = |value: &Value| World::new(value["schemas"].as_object().expect("schemas")).manager();
    let mut manager = schemas(case);
    let mut live: Option<Value> = None;
    let mut outcomes = Vec::new();
    for (step, op) in case["ops"].as_array().expect("ops").iter().enumerate() {
        let text = |name: &str| op[name].as_str().unwrap_or_default();
        if text("op") == "schema" {
            manager = schemas(op);
            outcomes.push(Outcome::Nothing);
            continue;
        }
        let api_version = format!("{GROUP}/{}", text("version"));
        let seconds = 946_684_800 + i64::try_from(step).expect("few steps");
        let writer = Writer {
            manager: text("manager"),
            api_version: &api_version,
            subresource: text("subresource"),
            now: Timestamp::from_second(seconds).expect("a time"),
        };
        let base = live.as_ref().map(|live| converted(live, &api_version));
        let object = op["object"].clone();
        let result = match text("op") {
            "apply" => manager.apply(base.as_ref(), object, &writer, op["force"] == true),
            "merge" => {
                let new = base.clone().unwrap_or_else(|| json!({ "apiVersion": api_version, "kind": "Thing" }));
                let patch = merge::Patch::decode(object.to_string().as_bytes(), FieldValidation::Ignore);
                let new = patch.expect("a merge patch").0.apply(new);
                Ok(manager.update(base.as_ref(), new, &writer))
            }
            _ => {
                let mut new = object;
                if op["keep"] == true && live.is_some() {
                    new["metadata"]["uid"] = "u-1".into();
                }
                Ok(manager.update(base.as_ref(), new, &writer))
            }
        };
        outcomes.push(match result {
            Ok(object) => {
                live = Some(object.clone());
                let live = live.as_mut().expect("just written");
                if live["metadata"].get("uid").is_none() {
                    live["metadata"]["uid"] = "u-1".into();
                }
                Outcome::Object(object)
            }
            Err(error) => outcome_of(error),
        });
    }
    outcomes
}

fn outcome_of(error: ApplyError) -> Outcome {
    let typed = !matches!(error, ApplyError::Failed(_));
    let status: crate::Status = error.into();
    let causes = status.details.map(|details| serde_json::to_value(&details.causes).expect("causes"));
    Outcome::Error { code: typed.then_some(status.code), message: status.message, causes: causes.unwrap_or_default() }
}

/// A schema as custom resources have it, with what every object has.
fn type_schema(schema: &Value) -> TypeSchema {
    let mut types = Schema::of::<Gizmo>();
    let mut object = structural(schema);
    if let Shape::Object(fields) = &mut object.shape {
        let text = || Schema::new(Shape::String(StringSchema::default()));
        fields.properties.insert("apiVersion".to_owned(), text());
        fields.properties.insert("kind".to_owned(), text());
        let metadata = Schema::reference("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
        fields.properties.insert("metadata".to_owned(), metadata);
    }
    types.definitions.insert(types.root.clone(), object);
    types
}

fn structural(schema: &Value) -> Schema {
    let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let map_type = match schema["x-kubernetes-map-type"].as_str() {
        Some("atomic") => Some(MapType::Atomic),
        Some("granular") => Some(MapType::Granular),
        _ => None,
    };
    let shape = match schema["type"].as_str() {
        _ if flag("x-kubernetes-int-or-string") => Shape::IntOrString,
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer(IntegerSchema::default()),
        Some("number") => Shape::Number(NumberSchema::default()),
        Some("string") => Shape::String(StringSchema {
            format: schema["format"].as_str().map(str::to_owned),
            ..StringSchema::default()
        }),
        Some("array") => Shape::Array(ArraySchema {
            items: Box::new(structural(&schema["items"])),
            min_items: None,
            max_items: None,
            list_type: match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => Some(ListType::Set),
                Some("map") => Some(ListType::Map(
                    schema["x-kubernetes-list-map-keys"]
                        .as_array()
                        .expect("keys")
                        .iter()
                        .map(|key| key.as_str().expect("a name").to_owned())
                        .collect(),
                )),
                Some(_) => Some(ListType::Atomic),
                None => None,
            },
        }),
        Some("object") if schema["additionalProperties"].is_object() => Shape::Map(MapSchema {
            values: Box::new(structural(&schema["additionalProperties"])),
            min_properties: None,
            max_properties: None,
            map_type,
        }),
        Some("object") => Shape::Object(ObjectSchema {
            properties: schema["properties"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), structural(schema)))
                .collect(),
            required: Vec::new(),
            map_type,
            preserve_unknown_fields: flag("x-kubernetes-preserve-unknown-fields"),
            embedded_resource: flag("x-kubernetes-embedded-resource"),
        }),
        _ => Shape::Any,
    };
    Schema { default: schema.get("default").cloned(), ..Schema::new(shape) }
}
