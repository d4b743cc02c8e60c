use kube_annex::{AggregatedResource, JsonSchema};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", scope = Cluster)]
pub struct Gizmo {
    pub size: i64,
}

fn main() {}
