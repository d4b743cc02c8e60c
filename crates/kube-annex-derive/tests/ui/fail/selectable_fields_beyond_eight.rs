use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "x.example.com", version = "v1", selectable_fields(".a", ".b", ".c", ".d", ".e", ".f", ".g", ".h", ".i"))]
struct Gizmo {
    metadata: ObjectMeta,
}

fn main() {}
