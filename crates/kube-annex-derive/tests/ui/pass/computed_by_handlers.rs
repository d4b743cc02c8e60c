use kube_annex::handlers::{Call, HandledBy};
use kube_annex::options::ListOptions;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};

/// Says hello.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "simple.aa.io", version = "v1beta1", short_names("hi"), categories("all"), verbs(get, list))]
pub struct Hello {
    pub metadata: ObjectMeta,
}

struct Greeter;

impl HelloHandlers for Greeter {
    async fn get(&self, _: &Call, _: &str) -> Result<Hello, Status> {
        Ok(Hello { metadata: ObjectMeta::default() })
    }

    async fn list(&self, call: &Call, _: &ListOptions) -> Result<Vec<Hello>, Status> {
        Ok(vec![self.get(call, "world").await?])
    }
}

fn serve<R: HandledBy<H>, H>(_: H) -> &'static str {
    R::DESCRIPTOR.plural
}

fn main() {
    assert_eq!(serve::<Hello, _>(Greeter), "hellos");
}
