use kube_annex::{AggregatedResource, Spoke};

mod v1 {
    use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
    use serde::{Deserialize, Serialize};

    #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
    #[aggregated_resource(group = "sample.example.com", version = "v1")]
    pub struct Gizmo {
        pub metadata: ObjectMeta,
        pub size: i64,
    }
}

mod v1alpha1 {
    use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
    use serde::{Deserialize, Serialize};

    #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
    #[aggregated_resource(group = "sample.example.com", version = "v1alpha1", deprecated(replacement = "sample.example.com/v1 Gizmo"))]
    pub struct Gizmo {
        pub metadata: ObjectMeta,
        pub length: i64,
    }
}

impl Spoke<v1::Gizmo> for v1alpha1::Gizmo {
    fn to_hub(self) -> v1::Gizmo {
        v1::Gizmo { metadata: self.metadata, size: self.length }
    }

    fn from_hub(hub: v1::Gizmo) -> Self {
        Self { metadata: hub.metadata, length: hub.size }
    }
}

fn main() {
    assert_eq!(kube_annex::resources![v1::Gizmo, v1alpha1::Gizmo].len(), 2);
    assert_eq!(v1::Gizmo::DESCRIPTOR.group_resource(), v1alpha1::Gizmo::DESCRIPTOR.group_resource());
}
