use kube_annex::handlers::Call;
use kube_annex::options::{DeleteOptions, ListOptions};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};

#[derive(AggregatedResource, Clone, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "simple.aa.io", version = "v1beta1", verbs(get, list))]
pub struct Hello {
    pub metadata: ObjectMeta,
}

struct Greeter;

impl HelloHandlers for Greeter {
    async fn get(&self, _: &Call, _: &str) -> Result<Hello, Status> {
        Ok(Hello { metadata: ObjectMeta::default() })
    }

    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<Hello>, Status> {
        Ok(Vec::new())
    }

    async fn delete(&self, _: &Call, _: &str, _: &DeleteOptions) -> Result<Hello, Status> {
        Ok(Hello { metadata: ObjectMeta::default() })
    }
}

fn main() {}
