use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "x.example.com", version = "v1", selectable_fields(".metadata.name"))]
struct Gizmo {
    metadata: ObjectMeta,
}

fn main() {}
