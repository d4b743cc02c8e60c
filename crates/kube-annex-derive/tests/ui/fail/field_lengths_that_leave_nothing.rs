use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[aggregated_type]
#[derive(Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    #[field(min_length = 3, max_length = 2)]
    value: String,
}

fn main() {}
