use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Scope};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", scope = Scope::Namespaced)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.scope, Scope::Namespaced);
}
