//! A resource that can be scaled, with lists of every kind: for patches, apply and the record of who wrote what.

use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ships, and how many there shall be.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1",
    status = true,
    scale(spec_replicas = ".spec.replicas", status_replicas = ".status.replicas", label_selector = ".status.selector",)
)]
pub struct Fleet {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: FleetSpec,
    /// What is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<FleetStatus>,
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FleetSpec {
    /// How many ships.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The colour of their flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Who sails on them, by name.
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crew: Vec<Sailor>,
    /// Where they have been.
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub harbours: Vec<String>,
    /// What they carry, as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cargo: Vec<String>,
    /// What is to be remembered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

/// Somebody on a ship.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Sailor {
    /// What they are called.
    pub name: String,
    /// What they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
}

/// What is.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct FleetStatus {
    /// How many ships there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How they are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}
