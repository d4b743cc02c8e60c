#![allow(dead_code)]

mod taken {
    use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
    use serde::{Deserialize, Serialize};

    pub trait Send {}
    pub trait Sync {}
    pub trait Future {}
    pub struct Status;
    pub struct Call;
    pub struct Verb;
    pub struct Scope;

    #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
    #[aggregated_resource(group = "sample.example.com", version = "v1", deprecated, status = true)]
    pub struct Gizmo {
        pub metadata: ObjectMeta,
        pub status: i64,
    }
}

fn main() {
    assert_eq!(<taken::Gizmo as kube_annex::AggregatedResource>::DESCRIPTOR.kind, "Gizmo");
}
