use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", plural = "gizmos")]
#[allow(non_camel_case_types)]
pub struct my_gizmo {
    pub metadata: ObjectMeta,
}

fn main() {}
