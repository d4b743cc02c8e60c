use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[aggregated_type]
#[derive(Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    #[field(list = set(keys("name")))]
    value: Vec<String>,
}

fn main() {}
