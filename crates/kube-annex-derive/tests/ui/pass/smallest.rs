use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.api_version(), "sample.example.com/v1");
    assert_eq!(Gizmo::DESCRIPTOR.plural, "gizmos");
}
