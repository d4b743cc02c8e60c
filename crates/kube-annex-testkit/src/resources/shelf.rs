//! A cluster-scoped resource without columns and without a status subresource.

use kube_annex::strategy::NameRule;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};

/// Where things are put.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1",
    plural = "shelves",
    scope = Cluster,
    strategy = ShelfRules,
)]
pub struct Shelf {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What lies on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub things: Vec<String>,
}

/// The rules of shelves: `PUT` makes a missing one, and must say which one it changes.
#[derive(Clone, Copy, Debug)]
pub struct ShelfRules;

impl Strategy<Shelf> for ShelfRules {
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const ALLOW_CREATE_ON_UPDATE: bool = true;
    const ALLOW_UNCONDITIONAL_UPDATE: bool = false;
}
