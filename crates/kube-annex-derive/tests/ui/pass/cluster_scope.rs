use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", scope = Cluster)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.scope, kube_annex::Scope::Cluster);
}
