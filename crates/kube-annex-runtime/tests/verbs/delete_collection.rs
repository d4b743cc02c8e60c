//! `DELETE` of a collection.

use crate::{ALL_WIDGETS, WIDGETS, labelled, names, widget, with_widgets};
use kube_annex_testkit::TestServer;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn dc_1_only_what_is_selected_in_the_namespace_goes() {
    let server = TestServer::new();
    let other = "/apis/toys.example.com/v1/namespaces/other/widgets";
    for (collection, name, tier) in [(WIDGETS, "a", "x"), (WIDGETS, "b", "y"), (WIDGETS, "c", "x"), (other, "d", "x")] {
        server.made(collection, &labelled(name, &json!({"tier": tier}))).await;
    }
    let deleted = server.delete(&format!("{WIDGETS}?labelSelector=tier%3Dx")).await.ok();
    assert_eq!((&deleted["kind"], names(&deleted)), (&json!("WidgetList"), vec!["a", "c"]), "dc_3");
    assert_eq!(names(&server.get(ALL_WIDGETS).await.ok()), ["b", "d"]);
    let deleted = server.delete(&format!("{WIDGETS}?fieldSelector=metadata.name%3Db")).await.ok();
    assert_eq!(names(&deleted), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn dc_1_all_namespaces_at_once_is_405() {
    let text = "the server does not allow this method on the requested resource";
    TestServer::new().delete(ALL_WIDGETS).await.refused(405, "MethodNotAllowed", text);
}

#[tokio::test(start_paused = true)]
async fn dc_1_a_limit_stops_after_one_page() {
    let server = with_widgets(&["a", "b", "c"]).await;
    assert_eq!(names(&server.delete(&format!("{WIDGETS}?limit=2")).await.ok()), ["a", "b"]);
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["c"]);
}

#[tokio::test(start_paused = true)]
async fn dc_3_marked_objects_are_in_the_answer_too_as_they_were_found() {
    let server = with_widgets(&["a"]).await;
    let mut held = widget("b");
    held["metadata"]["finalizers"] = json!(["x.example.com/y"]);
    server.made(WIDGETS, &held).await;
    let deleted = server.delete(WIDGETS).await.ok();
    assert_eq!(names(&deleted), ["a", "b"]);
    assert_eq!(deleted["items"][1]["metadata"].get("deletionTimestamp"), None, "{deleted}");
    let left = server.get(WIDGETS).await.ok();
    assert_eq!(names(&left), ["b"]);
    assert!(left["items"][0]["metadata"]["deletionTimestamp"].is_string(), "{left}");
}

#[tokio::test(start_paused = true)]
async fn dc_4_the_verb_is_one_of_its_own() {
    let server = with_widgets(&["a", "b"]).await;
    let before = server.asked().len();
    server.delete(&format!("{WIDGETS}?labelSelector=x")).await.ok();
    let asked = server.asked().split_off(before);
    let [(_, info)] = &asked[..] else { unreachable!("one question, not {}", asked.len()) };
    assert_eq!((info.verb.as_str(), info.label_selector.as_str(), info.name.as_str()), ("deletecollection", "x", ""));
}

#[tokio::test(start_paused = true)]
async fn dc_5_preconditions_and_dry_runs_are_for_each_object() {
    let server = with_widgets(&["a", "b"]).await;
    let dry = json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["All"]});
    assert_eq!(names(&server.delete(WIDGETS).json(&dry).await.ok()), ["a", "b"]);
    assert_eq!(names(&server.delete(&format!("{WIDGETS}?dryRun=All")).await.ok()), ["a", "b"], "11-13");
    let strict = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "u"}});
    assert_eq!(server.delete(WIDGETS).json(&strict).await.status, 409, "dc_2: the first error is the answer");
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn dc_6_nothing_to_delete_is_an_empty_list() {
    let deleted = TestServer::new().delete(WIDGETS).await.ok();
    assert_eq!((&deleted["kind"], &deleted["items"]), (&json!("WidgetList"), &json!([])));
}

#[tokio::test(start_paused = true)]
async fn dc_1_selectors_that_cannot_be_read_delete_nothing() {
    let server = with_widgets(&["a"]).await;
    for query in ["labelSelector=a%20b", "fieldSelector=spec.x%3D1", "limit=x"] {
        assert_eq!(server.delete(&format!("{WIDGETS}?{query}")).await.status, 400, "{query}");
    }
    server.delete(&format!("{WIDGETS}?resourceVersionMatch=Exact")).await.json();
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a"]);
}
