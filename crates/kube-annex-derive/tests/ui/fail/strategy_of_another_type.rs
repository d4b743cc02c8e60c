use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};

pub struct GizmoRules;

impl Strategy<Other> for GizmoRules {}

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", strategy = GizmoRules)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Other {
    pub metadata: ObjectMeta,
}

fn main() {}
