use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[derive(Deserialize, JsonSchema, Serialize)]
#[aggregated_type]
struct GizmoSpec {
    #[field(minimum = 0)]
    value: i32,
}

fn main() {}
