use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};
use kube_annex::handlers::Call;
use kube_annex::options::ListOptions;
use kube_annex::Status;

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "Sample", version = "v1")]
pub struct Gizmo {
    pub metadata: ObjectMeta,
}

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "Other", version = "v1")]
pub struct Gadget {
    pub metadata: ObjectMeta,
}

struct Workshop;

// Everything below is right, and only the two groups are reported.
impl GizmoHandlers for Workshop {
    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<Gizmo>, Status> {
        Ok(Vec::new())
    }
}

fn main() {
    let _ = Gizmo::DESCRIPTOR.plural;
    let _ = kube_annex::resources![Gizmo, Gadget];
}
