//! `PUT` of one object.

use crate::{SHELVES, WIDGETS, at, revision, shelf, sized, widget, with_widgets};
use kube_annex_runtime::authz::Decision;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const MODIFIED: &str = "Operation cannot be fulfilled on widgets.toys.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";

async fn live(server: &TestServer, name: &str) -> Value {
    server.get(&at(WIDGETS, name)).await.ok()
}

#[tokio::test(start_paused = true)]
async fn u_1_an_update_answers_200_and_the_stored_object() {
    let server = with_widgets(&["a"]).await;
    let mut body = live(&server, "a").await;
    body["spec"]["size"] = json!(5);
    let answer = server.put(&at(WIDGETS, "a"), &body).await;
    assert_eq!(answer.status, 200);
    let updated = answer.json();
    assert_eq!(updated["spec"]["size"], 5);
    assert!(revision(&updated) > revision(&body), "sr_3");
    assert_eq!(live(&server, "a").await, updated);
}

#[tokio::test(start_paused = true)]
async fn u_2_the_name_must_be_that_of_the_url() {
    let server = with_widgets(&["a"]).await;
    let text = "the name of the object (b) does not match the name on the URL (a)";
    server.put(&at(WIDGETS, "a"), &widget("b")).await.refused(400, "BadRequest", text);
    let text = "the name of the object (a based on URL) was undeterminable: name must be provided";
    server.put(&at(WIDGETS, "a"), &json!({})).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn u_2_the_namespace_must_be_that_of_the_url() {
    let server = with_widgets(&["a"]).await;
    let mut body = widget("a");
    body["metadata"]["namespace"] = json!("other");
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    server.put(&at(WIDGETS, "a"), &body).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn u_3_a_missing_object_is_404() {
    let server = TestServer::new();
    let answer = server.put(&at(WIDGETS, "a"), &widget("a")).await;
    let status = answer.refused(404, "NotFound", "widgets.toys.example.com \"a\" not found");
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}));
}

#[tokio::test(start_paused = true)]
async fn u_3_a_resource_may_be_created_by_update() {
    let server = TestServer::new();
    let answer = server.put(&at(SHELVES, "a"), &shelf("a")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let created = answer.json();
    assert_eq!(created["metadata"]["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(server.get(&at(SHELVES, "a")).await.ok(), created);
    let asked: Vec<String> = server.asked().into_iter().map(|(_, info)| info.verb).collect();
    assert_eq!(asked, ["update", "create", "get"], "the user must be allowed to create too");
}

#[tokio::test(start_paused = true)]
async fn u_3_creating_by_update_needs_the_right_to_create() {
    let rule = |_: &_, info: &kube_annex::request::RequestInfo| {
        if info.verb == "create" { Decision::Deny(String::new()) } else { Decision::Allow }
    };
    let server = TestServer::builder().authorize(rule).build();
    let text = "shelves.toys.example.com \"a\" is forbidden: User \"ada\" cannot create resource \"shelves\" in API group \"toys.example.com\" at the cluster scope";
    server.put(&at(SHELVES, "a"), &shelf("a")).await.refused(403, "Forbidden", text);
    assert_eq!(server.get(&at(SHELVES, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn u_3_a_dry_run_creates_nothing() {
    let server = TestServer::new();
    let answer = server.put(&at(SHELVES, "a?dryRun=All"), &shelf("a")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(server.get(&at(SHELVES, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn u_4_a_uid_is_a_precondition() {
    let server = with_widgets(&["a"]).await;
    let mut body = widget("a");
    body["metadata"]["uid"] = json!("other");
    let answer = server.put(&at(WIDGETS, "a"), &body).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (409, &json!("Conflict")));
    let uid = live(&server, "a").await["metadata"]["uid"].as_str().unwrap().to_owned();
    let text = format!("Precondition failed: UID in precondition: other, UID in object meta: {uid}");
    assert!(status["message"].as_str().unwrap().contains(&text), "{status}");
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}));
}

#[tokio::test(start_paused = true)]
async fn u_4_a_uid_cannot_be_that_of_an_object_that_is_not_there() {
    let mut body = shelf("a");
    body["metadata"]["uid"] = json!("other");
    let answer = TestServer::new().put(&at(SHELVES, "a"), &body).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (409, &json!("Conflict")), "{status}");
    assert!(
        status["message"].as_str().unwrap().contains("Precondition failed: UID in precondition: other"),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn u_5_a_stale_version_is_409_before_the_content_is_judged() {
    let server = with_widgets(&["a"]).await;
    let stale = live(&server, "a").await;
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    let mut body = stale.clone();
    body["spec"]["size"] = json!(-1);
    let status = server.put(&at(WIDGETS, "a"), &body).await.refused(409, "Conflict", MODIFIED);
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}));
    body["metadata"]["resourceVersion"] = live(&server, "a").await["metadata"]["resourceVersion"].clone();
    assert_eq!(server.put(&at(WIDGETS, "a"), &body).await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn u_5_a_version_of_the_future_is_a_conflict_too() {
    let server = with_widgets(&["a"]).await;
    let mut body = live(&server, "a").await;
    body["metadata"]["resourceVersion"] = json!("999999");
    server.put(&at(WIDGETS, "a"), &body).await.refused(409, "Conflict", MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn u_6_without_a_version_the_newest_state_is_overwritten() {
    let server = with_widgets(&["a"]).await;
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    assert_eq!(server.put(&at(WIDGETS, "a"), &sized("a", 7)).await.ok()["spec"]["size"], 7);
}

#[tokio::test(start_paused = true)]
async fn u_6_a_resource_may_insist_on_a_version() {
    let server = TestServer::new();
    let created = server.made(SHELVES, &shelf("a")).await;
    let text = "shelves.toys.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update";
    server.put(&at(SHELVES, "a"), &shelf("a")).await.refused(422, "Invalid", text);
    let mut body = created.clone();
    body["things"] = json!(["vase"]);
    assert_eq!(server.put(&at(SHELVES, "a"), &body).await.ok()["things"], json!(["vase"]));
}

#[tokio::test(start_paused = true)]
async fn u_7_what_the_server_keeps_is_kept_whatever_is_sent() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server, "a").await;
    server.clock.advance(100);
    let mut body = sized("a", 1);
    body["metadata"]["creationTimestamp"] = json!("2000-01-01T00:00:00Z");
    body["metadata"]["generation"] = json!(77);
    body["metadata"]["selfLink"] = json!("/x");
    let after = server.put(&at(WIDGETS, "a"), &body).await.ok();
    for kept in ["uid", "creationTimestamp"] {
        assert_eq!(after["metadata"][kept], before["metadata"][kept], "{kept}");
    }
    assert_eq!(after["metadata"]["generation"], 2);
    assert!(after["metadata"].get("selfLink").is_none());
}

#[tokio::test(start_paused = true)]
async fn u_8_a_types_own_immutable_field_is_422() {
    let server = with_widgets(&["a"]).await;
    let mut body = live(&server, "a").await;
    body["spec"]["color"] = json!("red");
    let text = "Widget.toys.example.com \"a\" is invalid: spec.color: Invalid value: \"red\": field is immutable";
    let status = server.put(&at(WIDGETS, "a"), &body).await.refused(422, "Invalid", text);
    assert_eq!(status["details"]["kind"], "Widget", "err_2");
}

#[tokio::test(start_paused = true)]
async fn u_9_the_generation_counts_changes_of_what_is_wanted() {
    let server = with_widgets(&["a"]).await;
    let generation = async |patch: Value| {
        server.merge(&at(WIDGETS, "a"), &patch).await.ok()["metadata"]["generation"].as_i64().unwrap()
    };
    assert_eq!(generation(json!({"metadata": {"labels": {"a": "b"}}})).await, 1);
    assert_eq!(generation(json!({"spec": {"size": 4}})).await, 2);
    assert_eq!(generation(json!({"spec": {"size": 4}})).await, 2);
    server.merge(&at(WIDGETS, "a/status"), &json!({"status": {"phase": "x"}})).await.ok();
    assert_eq!(live(&server, "a").await["metadata"]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn u_10_no_difference_is_no_write() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server, "a").await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", revision(&before))).await;
    assert_eq!(server.put(&at(WIDGETS, "a"), &before).await.ok(), before);
    assert_eq!(server.put(&at(WIDGETS, "a"), &widget("a")).await.ok(), before, "defaults make no difference");
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn u_12_an_object_that_is_going_takes_no_new_finalizer() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["finalizers"] = json!(["x.example.com/one", "x.example.com/two"]);
    server.made(WIDGETS, &body).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let text = "Widget.toys.example.com \"a\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x.example.com/three\"}";
    let more = json!({"metadata": {"finalizers": ["x.example.com/one", "x.example.com/two", "x.example.com/three"]}});
    server.merge(&at(WIDGETS, "a"), &more).await.refused(422, "Invalid", text);
    let fewer = json!({"metadata": {"finalizers": ["x.example.com/two"]}});
    let after = server.merge(&at(WIDGETS, "a"), &fewer).await.ok();
    assert_eq!(after["metadata"]["finalizers"], json!(["x.example.com/two"]));
}

#[tokio::test(start_paused = true)]
async fn u_12_an_object_goes_with_its_last_finalizer() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["finalizers"] = json!(["x.example.com/one"]);
    let created = server.made(WIDGETS, &body).await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", revision(&created))).await;
    let mut going = server.delete(&at(WIDGETS, "a")).await.ok();
    assert_eq!(events.told().await, ("MODIFIED".to_owned(), "a".to_owned()));
    going["metadata"]["finalizers"] = json!([]);
    let answer = server.put(&at(WIDGETS, "a"), &going).await;
    assert_eq!(answer.status, 200);
    assert_eq!((&answer.json()["kind"], answer.json()["metadata"].get("finalizers")), (&json!("Widget"), None));
    let gone = events.next().await;
    assert_eq!((&gone["type"], &gone["object"]["metadata"]["name"]), (&json!("DELETED"), &json!("a")));
    assert!(revision(&gone["object"]) > revision(&going), "w_11");
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_changes_nothing() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server, "a").await;
    let answer = server.put(&at(WIDGETS, "a?dryRun=All"), &sized("a", 9)).await.ok();
    assert_eq!(
        (&answer["spec"]["size"], &answer["metadata"]["resourceVersion"]),
        (&json!(9), &before["metadata"]["resourceVersion"])
    );
    assert_eq!(live(&server, "a").await, before);
    assert_eq!(server.put(&at(WIDGETS, "a?dryRun=All"), &sized("a", -9)).await.status, 422);
    let mut stale = sized("a", 1);
    stale["metadata"]["resourceVersion"] = json!("1");
    assert_eq!(server.put(&at(WIDGETS, "a?dryRun=All"), &stale).await.status, 409);
    assert_eq!(server.put(&at(WIDGETS, "b?dryRun=All"), &sized("b", 1)).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_does_not_remove_an_object_with_its_last_finalizer() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["finalizers"] = json!(["x.example.com/one"]);
    server.made(WIDGETS, &body).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    server.merge(&at(WIDGETS, "a?dryRun=All"), &json!({"metadata": {"finalizers": null}})).await.ok();
    assert_eq!(live(&server, "a").await["metadata"]["finalizers"], json!(["x.example.com/one"]));
}

#[tokio::test(start_paused = true)]
async fn fv_4_strict_refuses_unknown_fields() {
    let server = with_widgets(&["a"]).await;
    let mut body = widget("a");
    body["spec"] = json!({"foo": 1});
    let text =
        "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \"spec.foo\"";
    server.put(&at(WIDGETS, "a?fieldValidation=Strict"), &body).await.refused(400, "BadRequest", text);
    let answer = server.put(&at(WIDGETS, "a"), &body).await;
    assert_eq!(
        (answer.status, answer.warnings()),
        (200, vec!["299 - \"unknown field \\\"spec.foo\\\"\"".to_owned()]),
        "fv_3"
    );
}
