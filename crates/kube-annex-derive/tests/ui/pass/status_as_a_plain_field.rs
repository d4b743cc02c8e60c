use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", status = false)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
    pub status: String,
}

fn main() {
    assert!(Gizmo::DESCRIPTOR.subresources.is_empty());
}
