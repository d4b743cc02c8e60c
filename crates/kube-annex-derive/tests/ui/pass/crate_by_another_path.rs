use platform::annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

mod platform {
    pub use ::kube_annex as annex;
}

/// Hides the crate of that name.
#[allow(dead_code)]
mod kube_annex {}

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", crate = crate::platform::annex)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.kind, "Gizmo");
}
