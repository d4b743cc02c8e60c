use kube_annex::handlers::HandledBy;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "simple.aa.io", version = "v1beta1", verbs(get, list))]
pub struct Hello {
    pub metadata: ObjectMeta,
}

struct Greeter;

fn serve<R: HandledBy<H>, H>(_: H) {}

fn main() {
    serve::<Hello, _>(Greeter);
}
