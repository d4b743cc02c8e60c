use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[aggregated_type]
#[derive(Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    #[field(list = map(keys("name", "name")))]
    value: Vec<String>,
}

fn main() {}
