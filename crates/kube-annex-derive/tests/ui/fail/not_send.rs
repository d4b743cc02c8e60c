use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
    #[serde(skip)]
    pub cache: Rc<String>,
}

fn main() {}
