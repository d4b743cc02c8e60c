use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", plural = "gizmos")]
pub struct Gadget {
    pub metadata: ObjectMeta,
}

fn main() {
    let _ = kube_annex::resources![Gizmo, Gadget];
}
