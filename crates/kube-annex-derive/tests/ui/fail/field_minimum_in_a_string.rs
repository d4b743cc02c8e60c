use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[aggregated_type]
#[derive(Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    #[field(minimum = "3")]
    value: i32,
}

fn main() {}
