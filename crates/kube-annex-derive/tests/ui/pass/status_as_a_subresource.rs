use kube_annex::handlers::Call;
use kube_annex::options::UpdateOptions;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", status = true, verbs(get))]
pub struct Gizmo {
    pub metadata: ObjectMeta,
    pub status: Option<String>,
}

pub struct Workshop;

impl GizmoHandlers for Workshop {
    async fn get(&self, _: &Call, _: &str) -> Result<Gizmo, Status> {
        Ok(Gizmo { metadata: ObjectMeta::default(), status: None })
    }

    async fn update_status(&self, _: &Call, object: Gizmo, _: &UpdateOptions) -> Result<Gizmo, Status> {
        Ok(object)
    }
}

fn main() {
    assert_eq!(Gizmo::DESCRIPTOR.subresource("status").map(|status| status.kind), Some("Gizmo"));
}
