use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};

/// Something that turns.
///
/// It turns and turns.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "x.example.com",
    version = "v1beta2",
    kind = "Gizmo",
    plural = "gizmos",
    singular = "gizmo",
    short_names("gz"),
    categories("all"),
    scope = Cluster,
    verbs(create, delete, deletecollection, get, list, patch, update, watch),
    status = true,
    columns((name = "Size", path = ".spec.size", type = integer, priority = 1, description = "How large it is")),
    strategy = GizmoRules,
    deprecated = "use x.example.com/v1 Gizmo",
    crate = ::kube_annex
)]
pub struct Contraption {
    pub metadata: ObjectMeta,
    pub spec: Spec,
    pub status: Option<String>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct Spec {
    pub size: i64,
}

pub struct GizmoRules;

impl Strategy<Contraption> for GizmoRules {}

fn main() {
    assert_eq!(Contraption::DESCRIPTOR.kind, "Gizmo");
    assert_eq!(Contraption::DESCRIPTOR.description, "Something that turns.");
}
