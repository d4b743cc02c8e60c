use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};

#[aggregated_type(granularity = atomic)]
#[derive(Deserialize, JsonSchema, Serialize)]
struct Origin {
    vendor: String,
}

fn main() {}
