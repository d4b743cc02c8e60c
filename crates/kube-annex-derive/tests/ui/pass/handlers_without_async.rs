use kube_annex::handlers::Call;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};
use std::future::{Future, ready};

#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "simple.aa.io", version = "v1beta1", verbs(get))]
struct Hello {
    metadata: ObjectMeta,
}

struct Greeter;

impl HelloHandlers for Greeter {
    fn get(&self, _: &Call, _: &str) -> impl Future<Output = Result<Hello, Status>> + Send {
        ready(Ok(Hello { metadata: ObjectMeta::default() }))
    }
}

fn main() {
    let _ = Greeter.get(&Call::default(), "world");
}
