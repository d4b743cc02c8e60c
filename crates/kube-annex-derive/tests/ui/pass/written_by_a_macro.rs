use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

macro_rules! resource {
    ($name:ident, $group:literal, $metadata:ty, $rules:ty, $verb:ident) => {
        #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
        #[aggregated_resource(group = $group, version = "v1", strategy = $rules, verbs($verb))]
        pub struct $name {
            pub metadata: $metadata,
        }
    };
}

resource!(Gizmo, "sample.example.com", ObjectMeta, kube_annex::DefaultStrategy, get);

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.group, "sample.example.com");
}
