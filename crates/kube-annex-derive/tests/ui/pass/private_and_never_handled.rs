#![deny(warnings)]

use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
struct Gizmo {
    metadata: ObjectMeta,
}

fn main() {
    let gizmo = Gizmo { metadata: ObjectMeta::default() };
    assert!(AggregatedResource::metadata(&gizmo).name.is_none());
}
