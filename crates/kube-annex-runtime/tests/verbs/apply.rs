//! Server-side apply through the whole pipeline: what is asked of a request, and what is answered.

use crate::fleets;
use kube_annex_runtime::Registration;
use kube_annex_runtime::authz::Decision;
use kube_annex_testkit::TestServer;
use kube_annex_testkit::resources::Fleet;
use kube_annex_testkit::server::Ask;
use serde_json::{Value, json};

const FLEETS: &str = "/apis/toys.example.com/v1/namespaces/default/fleets";

fn fleet(fields: &Value) -> Value {
    let mut fleet = json!({"apiVersion": "toys.example.com/v1", "kind": "Fleet", "metadata": {"name": "a"}});
    fleet["spec"] = fields.clone();
    fleet
}

fn apply(server: &TestServer, query: &str, config: &Value) -> Ask {
    server.patch(&format!("{FLEETS}/a{query}"), "application/apply-patch+yaml", config)
}

#[tokio::test(start_paused = true)]
async fn ssa_2_a_field_manager_is_required() {
    let answer = apply(&fleets::server(), "", &fleet(&json!({}))).await;
    let text = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch";
    answer.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn ssa_23_an_apply_that_creates_is_201_and_the_next_is_200() {
    let server = fleets::server();
    let config = fleet(&json!({"color": "red"}));
    let made = apply(&server, "?fieldManager=one", &config).await;
    assert_eq!((made.status, &made.json()["spec"]["color"]), (201, &json!("red")));
    assert_eq!(apply(&server, "?fieldManager=one", &config).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn ssa_23_az_11_an_apply_that_creates_needs_the_right_to_create() {
    let deny_creation = |_: &_, info: &kube_annex::request::RequestInfo| {
        if info.verb == "create" { Decision::Deny(String::new()) } else { Decision::Allow }
    };
    let builder = TestServer::builder().with(|builder| builder.register(Registration::stored::<Fleet>()));
    let server = builder.authorize(deny_creation).build();
    let answer = apply(&server, "?fieldManager=one", &fleet(&json!({}))).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (403, &json!("Forbidden")), "{status}");
    assert!(status["message"].as_str().unwrap().contains("cannot create resource"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn ssa_4_the_name_in_the_body_must_be_that_of_the_path() {
    let server = fleets::server();
    let mut config = fleet(&json!({}));
    config["metadata"]["name"] = json!("b");
    assert_eq!(apply(&server, "?fieldManager=one", &config).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn ssa_4_a_version_in_the_body_is_a_precondition() {
    let server = fleets::server();
    let made = apply(&server, "?fieldManager=one", &fleet(&json!({"color": "red"}))).await.ok();
    let mut config = fleet(&json!({"color": "blue"}));
    config["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
    assert_eq!(apply(&server, "?fieldManager=one", &config).await.status, 200);
    let stale = apply(&server, "?fieldManager=one", &config).await;
    assert_eq!((stale.status, &stale.json()["reason"]), (409, &json!("Conflict")), "{}", stale.text());
}

#[tokio::test(start_paused = true)]
async fn ssa_6_fv_6_of_an_apply_repeated_keys_are_judged() {
    let server = fleets::server();
    let twice = r#"{"apiVersion":"toys.example.com/v1","kind":"Fleet","metadata":{"name":"a"},"spec":{"color":"red","color":"blue"}}"#;
    let send = |validation: &str| {
        let path = format!("{FLEETS}/a?fieldManager=one&fieldValidation={validation}");
        server.ask(http::Method::PATCH, &path).body("application/apply-patch+yaml", twice)
    };
    let strict = send("Strict").await;
    assert!(strict.status == 400 && strict.text().contains("color"), "{}", strict.text());
    let warned = send("Warn").await;
    assert!(warned.status == 201 && warned.warnings().len() == 1, "{} {:?}", warned.status, warned.warnings());
    assert_eq!(send("Ignore").await.warnings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn ssa_9_a_conflict_names_the_manager_and_the_field_and_force_takes_it() {
    let server = fleets::server();
    apply(&server, "?fieldManager=one", &fleet(&json!({"color": "red"}))).await.ok();
    let conflict = apply(&server, "?fieldManager=two", &fleet(&json!({"color": "blue"}))).await;
    let text = "Apply failed with 1 conflict: conflict with \"one\": .spec.color";
    let status = conflict.refused(409, "Conflict", text);
    let cause = &status["details"]["causes"][0];
    assert_eq!((&cause["reason"], &cause["field"]), (&json!("FieldManagerConflict"), &json!(".spec.color")));
    let forced = apply(&server, "?fieldManager=two&force=true", &fleet(&json!({"color": "blue"}))).await.ok();
    assert_eq!(forced["spec"]["color"], "blue");
}
