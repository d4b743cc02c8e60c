use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", deprecated)]
pub struct Bare {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", deprecated = true)]
pub struct Yes {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", deprecated = false)]
pub struct No {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", deprecated = "use Gizmo")]
pub struct Warned {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", deprecated(since = "1.3", removed = "1.10", replacement = "sample.example.com/v2 Released"))]
pub struct Released {
    pub metadata: ObjectMeta,
}

fn main() {
    assert!(Bare::DESCRIPTOR.deprecated.is_some_and(|deprecated| deprecated.since.is_empty()));
    assert_eq!(Bare::DESCRIPTOR.deprecated, Yes::DESCRIPTOR.deprecated);
    assert!(No::DESCRIPTOR.deprecated.is_none());
    assert!(Warned::DESCRIPTOR.deprecated.is_some_and(|deprecated| deprecated.warning == "use Gizmo"));
    assert!(Released::DESCRIPTOR.deprecated.is_some_and(|deprecated| deprecated.removed == "1.10"));
}
