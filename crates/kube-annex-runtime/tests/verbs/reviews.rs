//! A resource that is only created: a question, whose answer is what the creation answers. Nothing is kept.

use http::Method;
use kube_annex::handlers::Call;
use kube_annex::options::CreateOptions;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use kube_annex_runtime::Registration;
use kube_annex_testkit::TestServer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const REVIEWS: &str = "/apis/toys.example.com/v1/namespaces/default/toyreviews";

/// Whether a toy is safe.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "toys.example.com", version = "v1", verbs(create))]
struct ToyReview {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: ToyReviewSpec,
    answer: Option<ToyAnswer>,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct ToyReviewSpec {
    sharp: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct ToyAnswer {
    safe: bool,
}

struct Inspector;

impl ToyReviewHandlers for Inspector {
    async fn create(&self, _: &Call, mut review: ToyReview, _: &CreateOptions) -> Result<ToyReview, Status> {
        review.answer = Some(ToyAnswer { safe: !review.spec.sharp });
        Ok(review)
    }
}

fn server() -> TestServer {
    TestServer::builder().with(|builder| builder.register(Registration::computed::<ToyReview, _>(Inspector))).build()
}

#[tokio::test(start_paused = true)]
async fn d_13_a_resource_that_is_only_created_says_so_and_answers_without_a_name() {
    let server = server();
    let document = server.get("/apis/toys.example.com/v1").await.ok();
    let found = document["resources"].as_array().unwrap().iter().find(|one| one["name"] == "toyreviews");
    let verbs: Vec<&str> = found.unwrap()["verbs"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(verbs, ["create"]);
    for (sharp, safe) in [(true, false), (false, true)] {
        let answer = server.post(REVIEWS, &json!({"spec": {"sharp": sharp}})).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(answer.json()["answer"], json!({"safe": safe}));
    }
    let text = "the server does not allow this method on the requested resource";
    for (method, path) in [(Method::GET, REVIEWS.to_owned()), (Method::DELETE, REVIEWS.to_owned())] {
        server.ask(method, &path).await.refused(405, "MethodNotAllowed", text);
    }
}
