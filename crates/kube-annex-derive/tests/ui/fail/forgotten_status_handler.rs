use kube_annex::handlers::Call;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "sample.example.com", version = "v1", verbs(get), status = true)]
pub struct Gizmo {
    pub metadata: ObjectMeta,
    pub status: Option<String>,
}

struct Workshop;

impl GizmoHandlers for Workshop {
    async fn get(&self, _: &Call, _: &str) -> Result<Gizmo, Status> {
        Ok(Gizmo { metadata: ObjectMeta::default(), status: None })
    }
}

fn main() {}
