//! `GET` of one object.

use crate::{SHELVES, WIDGETS, at, revision, shelf, widget, with_widgets};
use http::Method;
use kube_annex_testkit::TestServer;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn g_1_unset_zero_and_reached_versions_answer_the_newest_object() {
    let server = with_widgets(&["a"]).await;
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    for version in ["", "0", live["metadata"]["resourceVersion"].as_str().unwrap(), "1"] {
        let answer = server.get(&format!("{WIDGETS}/a?resourceVersion={version}")).await;
        assert_eq!(answer.ok(), live, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn g_2_a_version_of_the_future_is_504_after_3_seconds() {
    let server = with_widgets(&["a"]).await;
    let newest = revision(&server.get(&at(WIDGETS, "a")).await.ok());
    let asked = tokio::time::Instant::now();
    let answer = server.get(&format!("{WIDGETS}/a?resourceVersion=99999999999")).await;
    assert_eq!(asked.elapsed().as_secs(), 3);
    let text = format!("Timeout: Too large resource version: 99999999999, current: {newest}");
    let status = answer.refused(504, "Timeout", &text);
    let cause = json!({"reason": "ResourceVersionTooLarge", "message": "Too large resource version"});
    assert_eq!(status["details"], json!({"causes": [cause], "retryAfterSeconds": 1}), "l_14");
    assert_eq!(answer.header("retry-after"), "1", "err_3");
}

#[tokio::test(start_paused = true)]
async fn g_2_a_version_that_comes_in_time_is_waited_for() {
    let server = with_widgets(&["a"]).await;
    let next = revision(&server.get(&at(WIDGETS, "a")).await.ok()) + 1;
    let path = format!("{WIDGETS}/a?resourceVersion={next}");
    let other = widget("b");
    let (read, _) = tokio::join!(server.get(&path).into_future(), server.made(WIDGETS, &other));
    assert_eq!(read.ok()["metadata"]["name"], "a");
}

#[tokio::test(start_paused = true)]
async fn g_2_no_number_is_500() {
    let server = with_widgets(&["a"]).await;
    let status = server.get(&format!("{WIDGETS}/a?resourceVersion=abc")).await.json();
    assert_eq!((&status["code"], status.get("reason")), (&json!(500), None), "11-5");
}

#[tokio::test(start_paused = true)]
async fn g_3_a_missing_object_is_404() {
    let server = with_widgets(&["a"]).await;
    let status =
        server.get(&at(WIDGETS, "b")).await.refused(404, "NotFound", "widgets.toys.example.com \"b\" not found");
    assert_eq!(status["details"], json!({"name": "b", "group": "toys.example.com", "kind": "widgets"}));
    let other = "/apis/toys.example.com/v1/namespaces/other/widgets/a";
    server.get(other).await.refused(404, "NotFound", "widgets.toys.example.com \"a\" not found");
}

#[tokio::test(start_paused = true)]
async fn g_4_export_is_refused() {
    let server = with_widgets(&["a"]).await;
    let text = "the export parameter, deprecated since v1.14, is no longer supported";
    server.get(&format!("{WIDGETS}/a?export=true")).await.refused(400, "BadRequest", text);
    server.get(&format!("{WIDGETS}/a?export=false")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn g_5_head_is_not_routed_as_upstream_does_not() {
    let server = with_widgets(&["a"]).await;
    let answer = server.ask(Method::HEAD, &at(WIDGETS, "a")).await;
    assert_eq!((answer.status, answer.body.len()), (405, 0));
}

#[tokio::test(start_paused = true)]
async fn rq_2_names_are_percent_decoded() {
    let server = TestServer::new();
    server.made(SHELVES, &shelf("a:b")).await;
    assert_eq!(server.get(&at(SHELVES, "a%3Ab")).await.ok()["metadata"]["name"], "a:b");
}

#[tokio::test(start_paused = true)]
async fn rq_1_an_object_of_a_namespaced_resource_has_no_path_outside_of_namespaces() {
    let server = with_widgets(&["a"]).await;
    let text = "the server could not find the requested resource";
    server.get("/apis/toys.example.com/v1/widgets/a").await.refused(404, "NotFound", text);
    server.get("/apis/toys.example.com/v1/namespaces/default/shelves/a").await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn rq_2_a_slash_that_is_encoded_is_no_part_of_a_name() {
    let server = with_widgets(&["a"]).await;
    assert_eq!(server.get(&at(WIDGETS, "a%2Fstatus%2Fx")).await.status, 404);
    assert_eq!(server.get(&format!("{WIDGETS}/..%2F..%2Fdefault%2Fwidgets%2Fa")).await.status, 404);
}
