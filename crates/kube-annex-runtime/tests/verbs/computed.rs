//! Resources that nobody stores.

use crate::{at, names, revision};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const GAUGES: &str = "/apis/toys.example.com/v1/gauges";
const TICKETS: &str = "/apis/toys.example.com/v1/namespaces/default/tickets";

fn with_gauges() -> TestServer {
    let server = TestServer::new();
    for (name, value) in [("c", 3), ("a", 1), ("b", 2)] {
        server.gauges.set(name, value);
    }
    server
}

fn ticket(name: &str, text: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"text": text}})
}

#[tokio::test(start_paused = true)]
async fn g_1_a_computed_object_has_a_version_and_a_uid_that_stay() {
    let server = with_gauges();
    let (first, again) = (server.get(&at(GAUGES, "a")).await.ok(), server.get(&at(GAUGES, "a")).await.ok());
    assert_eq!(first, again);
    assert!(first["metadata"]["uid"].is_string() && revision(&first) > 0);
    server.gauges.set("a", 11);
    let changed = server.get(&at(GAUGES, "a")).await.ok();
    assert!(revision(&changed) > revision(&first), "a change has a new version");
    assert_eq!(changed["metadata"]["uid"], first["metadata"]["uid"]);
}

#[tokio::test(start_paused = true)]
async fn g_3_a_missing_computed_object_is_404() {
    let text = "gauges.toys.example.com \"zz\" not found";
    with_gauges().get(&at(GAUGES, "zz")).await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn l_15_a_computed_list_is_in_order_and_has_a_version() {
    let server = with_gauges();
    let list = server.get(GAUGES).await.ok();
    assert_eq!((names(&list), &list["kind"]), (vec!["a", "b", "c"], &json!("GaugeList")));
    let newest = list["items"].as_array().unwrap().iter().map(revision).max().unwrap();
    assert!(revision(&list) >= newest, "l_6");
    server.gauges.remove("b");
    let later = server.get(GAUGES).await.ok();
    assert_eq!(names(&later), ["a", "c"]);
    assert!(revision(&later) > revision(&list), "sr_8: a disappearance is a change");
}

#[tokio::test(start_paused = true)]
async fn l_16_selectors_are_applied_to_computed_lists() {
    let server = with_gauges();
    for (query, expected) in [
        ("labelSelector=parity%3Dodd", vec!["a", "c"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name!%3Db", vec!["a", "c"]),
    ] {
        assert_eq!(names(&server.get(&format!("{GAUGES}?{query}")).await.ok()), expected, "{query}");
    }
    assert_eq!(server.get(&format!("{GAUGES}?labelSelector=a%20b")).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn l_9_computed_lists_have_pages() {
    let server = with_gauges();
    let first = server.get(&format!("{GAUGES}?limit=2")).await.ok();
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a", "b"], &json!(1)));
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = server.get(&format!("{GAUGES}?limit=2&continue={token}")).await.ok();
    assert_eq!((names(&rest), rest["metadata"].get("continue")), (vec!["c"], None));
}

#[tokio::test(start_paused = true)]
async fn l_5_l_3_versions_of_computed_lists_are_judged_too() {
    let server = with_gauges();
    assert_eq!(server.get(&format!("{GAUGES}?resourceVersion=abc")).await.status, 400);
    let first = server.get(&format!("{GAUGES}?limit=2")).await.ok();
    let token = first["metadata"]["continue"].as_str().unwrap();
    let answer = server.get(&format!("{GAUGES}?continue={token}&resourceVersion=5")).await;
    answer.refused(400, "BadRequest", "specifying resource version is not allowed when using continue");
}

#[tokio::test(start_paused = true)]
async fn l_14_a_version_of_the_future_is_504_at_once() {
    let server = with_gauges();
    for path in [GAUGES.to_owned(), at(GAUGES, "a")] {
        let status = server.get(&format!("{path}?resourceVersion=9999999999999999999")).await.json();
        assert_eq!((&status["code"], &status["reason"]), (&json!(504), &json!("Timeout")), "{path}");
        assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    }
}

#[tokio::test(start_paused = true)]
async fn l_4_a_computed_list_of_the_past_is_gone() {
    let server = with_gauges();
    let then = revision(&server.get(GAUGES).await.ok());
    let exactly = format!("{GAUGES}?resourceVersion={then}&resourceVersionMatch=Exact");
    assert_eq!(names(&server.get(&exactly).await.ok()), ["a", "b", "c"]);
    server.gauges.set("d", 4);
    server.get(&exactly).await.refused(410, "Expired", "The resourceVersion for the provided list is too old.");
    assert_eq!(names(&server.get(&format!("{GAUGES}?resourceVersion={then}")).await.ok()).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn tb_3_computed_objects_have_tables() {
    let table = with_gauges().get(GAUGES).accept("application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    let cells: Vec<&Value> = table["rows"].as_array().unwrap().iter().map(|row| &row["cells"]).collect();
    assert_eq!(cells, [&json!(["a", 1]), &json!(["b", 2]), &json!(["c", 3])]);
}

#[tokio::test(start_paused = true)]
async fn c_1_a_computed_resource_can_be_written() {
    let server = TestServer::new();
    let created = server.made(TICKETS, &ticket("a", "one")).await;
    assert_eq!((&created["kind"], &created["metadata"]["namespace"]), (&json!("Ticket"), &json!("default")));
    assert_eq!(server.post(TICKETS, &ticket("a", "one")).await.status, 409);
    assert_eq!(server.post(TICKETS, &json!({})).await.status, 422, "c_8");
    let updated = server.put(&at(TICKETS, "a"), &ticket("a", "two")).await.ok();
    assert_eq!((&updated["spec"]["text"], &updated["metadata"]["uid"]), (&json!("two"), &created["metadata"]["uid"]));
    let patched = server.merge(&at(TICKETS, "a"), &json!({"spec": {"text": "three"}})).await.ok();
    assert!(revision(&patched) > revision(&updated));
    assert_eq!(server.get(&at(TICKETS, "a")).await.ok(), patched);
    assert_eq!(server.delete(&at(TICKETS, "a")).await.ok()["status"], "Success");
    assert_eq!(server.get(&at(TICKETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn u_5_a_stale_version_of_a_computed_object_is_409() {
    let server = TestServer::new();
    let created = server.made(TICKETS, &ticket("a", "one")).await;
    server.put(&at(TICKETS, "a"), &ticket("a", "two")).await.ok();
    let answer = server.put(&at(TICKETS, "a"), &created).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")));
}

#[tokio::test(start_paused = true)]
async fn del_3_preconditions_hold_for_computed_objects() {
    let server = TestServer::new();
    server.made(TICKETS, &ticket("a", "one")).await;
    let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "u"}});
    let answer = server.delete(&at(TICKETS, "a")).json(&body).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")), "{}", answer.text());
    server.get(&at(TICKETS, "a")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_changes_no_computed_object() {
    let server = TestServer::new();
    assert_eq!(server.post(&format!("{TICKETS}?dryRun=All"), &ticket("a", "one")).await.status, 201);
    assert_eq!(server.get(&at(TICKETS, "a")).await.status, 404);
    server.made(TICKETS, &ticket("a", "one")).await;
    server.put(&at(TICKETS, "a?dryRun=All"), &ticket("a", "two")).await.ok();
    server.delete(&at(TICKETS, "a?dryRun=All")).await.ok();
    assert_eq!(server.get(&at(TICKETS, "a")).await.ok()["spec"]["text"], "one");
}

#[tokio::test(start_paused = true)]
async fn dc_1_a_computed_collection_can_be_deleted() {
    let server = TestServer::new();
    for name in ["a", "b"] {
        server.made(TICKETS, &ticket(name, "x")).await;
    }
    assert_eq!(names(&server.delete(TICKETS).await.ok()), ["a", "b"]);
    assert_eq!(server.get(TICKETS).await.ok()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn l_20_a_computed_list_is_of_the_namespace_asked_for() {
    let server = TestServer::new();
    server.made(TICKETS, &ticket("a", "x")).await;
    server.made("/apis/toys.example.com/v1/namespaces/other/tickets", &ticket("b", "x")).await;
    assert_eq!(names(&server.get(TICKETS).await.ok()), ["a"]);
    assert_eq!(names(&server.get("/apis/toys.example.com/v1/tickets").await.ok()), ["a", "b"]);
}
