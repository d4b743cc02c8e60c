use kube_annex::{AggregatedResource, JsonSchema};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "Sample",
    verison = "v1",
    plural = "Gizmos",
    short_names("gz", "gz"),
    verbs(get, lst),
    scope = "Cluster",
    status = true,
    columns((name = "Size", path = "spec.size", type = int), (name = "Age")),
    deprecated(since = "three")
)]
pub struct Gizmo {
    pub metadata: String,
}

fn main() {}
