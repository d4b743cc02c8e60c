use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "sample.example.com",
    version = "v1",
    columns(
        (name = "Size", path = ".spec.size", type = integer),
        (name = "Weight", path = ".spec['weight']", type = number, priority = 1),
        (name = "On", path = ".spec.on", type = boolean),
        (name = "Ready", path = ".status.conditions[?(@.type=='Ready')].status", type = string, description = "Is it?"),
        (name = "Age", path = ".metadata.creationTimestamp", type = date),
    ),
)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    let types: Vec<&str> = Gizmo::DESCRIPTOR.columns.iter().map(|column| column.r#type.as_str()).collect();
    assert_eq!(types, ["integer", "number", "boolean", "string", "date"]);
}
