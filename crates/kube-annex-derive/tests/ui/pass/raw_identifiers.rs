use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[allow(non_camel_case_types)]
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", kind = "Match", plural = "matches")]
pub struct r#match {
    pub metadata: ObjectMeta,
    pub r#type: String,
}

fn main() {
    assert_eq!(r#match::DESCRIPTOR.kind, "Match");
}
