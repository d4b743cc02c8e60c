use kube_annex::{AggregatedResource, JsonSchema};
use serde::{Deserialize, Serialize};

#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub struct ObjectMeta {
    pub name: String,
}

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {}
