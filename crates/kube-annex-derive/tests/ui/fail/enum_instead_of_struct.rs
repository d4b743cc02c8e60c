use kube_annex::{AggregatedResource, JsonSchema};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub enum Gizmo {
    Small,
    Large,
}

fn main() {}
