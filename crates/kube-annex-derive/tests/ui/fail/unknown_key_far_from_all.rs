use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", webhook = "https://example.com")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {}
