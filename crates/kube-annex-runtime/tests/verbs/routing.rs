//! Between the path that is authorized and the object that is served there may be no difference.

use crate::{WIDGETS, labelled, names, widget, with_widgets};
use http::Method;
use kube_annex_runtime::authz::Decision;
use kube_annex_testkit::TestServer;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn az_6_an_empty_segment_is_no_way_to_the_collection() {
    let server = with_widgets(&["a", "b"]).await;
    let no_path = "the server could not find the requested resource";
    for path in [
        format!("{WIDGETS}//status"),
        format!("{WIDGETS}//a"),
        "/apis/toys.example.com/v1//namespaces/default/widgets".to_owned(),
    ] {
        for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT, Method::PATCH] {
            let answer = server.ask(method.clone(), &path).json(&widget("c")).await;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            answer.refused(404, "NotFound", no_path);
        }
    }
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "b"], "nothing was made or removed");
}

#[tokio::test(start_paused = true)]
async fn az_6_no_namespace_is_the_whole_collection_and_has_no_objects_of_its_own() {
    let server = with_widgets(&["a", "b"]).await;
    let none = "/apis/toys.example.com/v1/namespaces//widgets";
    assert_eq!(names(&server.get(none).await.ok()), ["a", "b"]);
    let answer = server.ask(Method::POST, none).json(&widget("c")).await;
    answer.refused(422, "Invalid", "Widget.toys.example.com \"c\" is invalid: metadata.namespace: Required value");
    let answer = server.ask(Method::DELETE, &format!("{none}/a")).await;
    answer.refused(400, "BadRequest", "Namespace parameter required.");
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "b"], "nothing was made or removed");
}

#[tokio::test(start_paused = true)]
async fn az_5_only_the_first_selector_is_authorized_and_only_it_is_used() {
    let server = TestServer::builder()
        .authorize(|_, info| {
            if info.verb != "list" || info.name == "a" { Decision::Allow } else { Decision::NoOpinion(String::new()) }
        })
        .build();
    for name in ["a", "b"] {
        server.made(WIDGETS, &widget(name)).await;
    }
    let own = server.get(&format!("{WIDGETS}?fieldSelector=metadata.name%3Da")).await.ok();
    assert_eq!(names(&own), ["a"]);
    let spoofed = server.get(&format!("{WIDGETS}?fieldSelector=&fieldSelector=metadata.name%3Da")).await;
    assert_eq!(spoofed.status, 403, "{}", spoofed.text());
}

#[tokio::test(start_paused = true)]
async fn w_22_a_type_without_watch_says_so() {
    let server = TestServer::new();
    let answer = server.get("/apis/toys.example.com/v1/namespaces/default/tickets?watch=1").await;
    answer.refused(405, "MethodNotAllowed", "watch is not supported on resources of kind \"tickets.toys.example.com\"");
}

#[tokio::test(start_paused = true)]
async fn w_17_a_watch_may_ask_for_more_time_than_there_is() {
    let server = with_widgets(&["a"]).await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&timeoutSeconds=9223372036854775807")).await;
    assert_eq!(events.told().await.0, "ADDED");
}

#[tokio::test(start_paused = true)]
async fn sv_2_an_object_cannot_grow_beyond_what_a_request_may_bring() {
    let server = with_widgets(&["a"]).await;
    let path = format!("{WIDGETS}/a");
    let owner = |uid: usize| json!({"apiVersion": "v1", "kind": "Pod", "name": "x".repeat(1024 * 1024), "uid": uid.to_string()});
    server.merge(&path, &json!({"metadata": {"ownerReferences": [owner(0)]}})).await.ok();
    let add = |uid| json!([{"op": "add", "path": "/metadata/ownerReferences/-", "value": owner(uid)}]);
    server.patch(&path, "application/json-patch+json", &add(1)).await.ok();
    let answer = server.patch(&path, "application/json-patch+json", &add(2)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.json()["reason"], "RequestEntityTooLarge");
    let kept = server.get(&path).await.ok();
    assert_eq!(kept["metadata"]["ownerReferences"].as_array().map(Vec::len), Some(2), "nothing was lost");
}

#[tokio::test(start_paused = true)]
async fn l_9_a_page_of_rare_matches_is_whole_and_continues_after_the_last_one() {
    let server = TestServer::new();
    for index in 0..300 {
        let rare = if index % 100 == 99 { "yes" } else { "no" };
        server.made(WIDGETS, &labelled(&format!("w{index:03}"), &json!({"rare": rare}))).await;
    }
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..4 {
        let path = format!("{WIDGETS}?labelSelector=rare%3Dyes&limit=1&continue={token}");
        let page = server.get(&path).await.ok();
        found.extend(names(&page).iter().map(|name| (*name).to_string()));
        page["metadata"]["continue"].as_str().unwrap_or_default().clone_into(&mut token);
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["w099", "w199", "w299"]);
    assert!(token.is_empty(), "nothing follows the last match");
}
