use kube_annex::resource::ScaleDescriptor;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "x.example.com",
    version = "v1",
    status = true,
    scale(spec_replicas = ".spec.replicas", status_replicas = ".status.replicas", label_selector = ".status.selector"),
    selectable_fields(".spec.color", ".spec.replicas"),
)]
struct Gizmo {
    metadata: ObjectMeta,
    spec: GizmoSpec,
    status: Option<GizmoStatus>,
}

/// Scaled, without telling how its replicas are found.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "x.example.com",
    version = "v1",
    scale(spec_replicas = ".spec.replicas", status_replicas = ".status.replicas"),
)]
struct Plain {
    metadata: ObjectMeta,
    spec: GizmoSpec,
    status: Option<GizmoStatus>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    color: String,
    replicas: i32,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct GizmoStatus {
    replicas: i32,
    selector: Option<String>,
}

fn main() {
    let names: Vec<&str> = Gizmo::DESCRIPTOR.subresources.iter().map(|subresource| subresource.name).collect();
    assert_eq!(names, ["scale", "status"]);
    let scale = ScaleDescriptor {
        spec_replicas: ".spec.replicas",
        status_replicas: ".status.replicas",
        label_selector: Some(".status.selector"),
    };
    assert_eq!(Gizmo::DESCRIPTOR.scale, Some(scale));
    assert_eq!(Gizmo::DESCRIPTOR.selectable_fields, [".spec.color", ".spec.replicas"]);
    assert_eq!(Plain::DESCRIPTOR.scale, Some(ScaleDescriptor { label_selector: None, ..scale }));
}
