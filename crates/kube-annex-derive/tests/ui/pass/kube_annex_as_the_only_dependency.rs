use kube_annex::serde::{Deserialize, Serialize};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(crate = "kube_annex::serde")]
#[schemars(crate = "kube_annex::schemars")]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    assert!(Gizmo::schema().get("properties").is_some());
}
