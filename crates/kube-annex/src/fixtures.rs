//! A resource to test with.

use crate::resource::{AggregatedResource, ColumnDescriptor, ColumnType, ResourceDescriptor, Scope};
use crate::strategy::DefaultStrategy;
use crate::verb::Verb;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Something with a bit of everything.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
pub(crate) struct Gizmo {
    pub(crate) metadata: ObjectMeta,
    #[serde(default)]
    pub(crate) spec: GizmoSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) about: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GizmoSpec {
    pub(crate) zoo: String,
    pub(crate) animals: i32,
    pub(crate) parts: Vec<GizmoPart>,
    pub(crate) notes: BTreeMap<String, String>,
    pub(crate) named: BTreeMap<String, GizmoPart>,
    pub(crate) maybe: Option<GizmoPart>,
    pub(crate) anything: Value,
    pub(crate) choice: GizmoChoice,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GizmoPart {
    pub(crate) weight: f64,
    pub(crate) label: String,
    pub(crate) inner: Vec<Self>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum GizmoChoice {
    #[default]
    Nothing,
    Round {
        radius: i64,
    },
    Square(GizmoPart),
}

impl AggregatedResource for Gizmo {
    const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor {
        group: "toys.example.com",
        version: "v1",
        kind: "Gizmo",
        plural: "gizmos",
        singular: "gizmo",
        short_names: &[],
        categories: &[],
        scope: Scope::Namespaced,
        verbs: &Verb::ALL,
        subresources: &[],
        scale: None,
        selectable_fields: &[],
        columns: &[ColumnDescriptor {
            name: "Zoo",
            path: ".spec.zoo",
            r#type: ColumnType::String,
            description: "Where it lives.",
            priority: 0,
        }],
        deprecated: None,
        description: "Something with a bit of everything.",
    };

    type Strategy = DefaultStrategy;

    fn schema() -> schemars::Schema {
        crate::schema::schema_of::<Self>()
    }

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
