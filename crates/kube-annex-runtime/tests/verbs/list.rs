//! `GET` of a collection.

use crate::{ALL_WIDGETS, SHELVES, WIDGETS, at, labelled, names, revision, shelf, sized, widget, with_widgets};
use kube_annex_storage::cache::CacheOptions;
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Revision, Storage as _};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};
use std::sync::Arc;

const OTHER: &str = "/apis/toys.example.com/v1/namespaces/other/widgets";

async fn list(server: &TestServer, query: &str) -> Value {
    server.get(&format!("{WIDGETS}?{query}")).await.ok()
}

/// What refuses a list with 422.
async fn invalid(query: &str, text: &str) {
    let answer = TestServer::new().get(&format!("{WIDGETS}?{query}")).await;
    let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {text}");
    let status = answer.refused(422, "Invalid", &message);
    assert_eq!(
        (&status["details"]["group"], &status["details"]["kind"], status["details"].get("name")),
        (&json!("meta.k8s.io"), &json!("ListOptions"), None),
        "rq_8"
    );
}

#[tokio::test(start_paused = true)]
async fn ls_1_a_list_has_kind_version_and_items() {
    let server = with_widgets(&["b", "a"]).await;
    let list = server.get(WIDGETS).await.ok();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("WidgetList"), &json!("toys.example.com/v1")));
    assert_eq!(names(&list), ["a", "b"], "l_15");
    let metadata: Vec<&String> = list["metadata"].as_object().unwrap().keys().collect();
    assert_eq!(metadata, ["resourceVersion"]);
    let object = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!((&list["items"][0]["spec"], &list["items"][0]["metadata"]), (&object["spec"], &object["metadata"]));
}

#[tokio::test(start_paused = true)]
async fn l_2_a_match_needs_a_version() {
    invalid(
        "resourceVersionMatch=Exact",
        "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn l_2_a_match_is_exact_or_not_older_than() {
    invalid(
        "resourceVersion=1&resourceVersionMatch=x",
        "resourceVersionMatch: Unsupported value: \"x\": supported values: \"Exact\", \"NotOlderThan\", \"\"",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn l_2_exactly_zero_is_forbidden() {
    invalid(
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn l_2_initial_events_are_for_watches() {
    invalid("sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list").await;
}

#[tokio::test(start_paused = true)]
async fn l_2_a_match_with_a_token_is_forbidden() {
    let server = with_widgets(&["a", "b"]).await;
    let token = list(&server, "limit=1").await["metadata"]["continue"].as_str().unwrap().to_owned();
    let answer =
        server.get(&format!("{WIDGETS}?continue={token}&resourceVersion=1&resourceVersionMatch=NotOlderThan")).await;
    let text = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided";
    answer.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn l_3_a_version_that_is_no_number_is_400() {
    let status = TestServer::new().get(&format!("{WIDGETS}?resourceVersion=abc")).await.json();
    assert_eq!((&status["code"], &status["reason"]), (&json!(400), &json!("BadRequest")));
    assert!(status["message"].as_str().unwrap().starts_with("invalid resource version: "), "{status}");
}

#[tokio::test(start_paused = true)]
async fn l_4_every_cell_of_the_table_without_a_token() {
    let server = with_widgets(&["a", "b"]).await;
    let then = revision(&list(&server, "").await);
    server.made(WIDGETS, &widget("c")).await;
    let newest = revision(&list(&server, "").await);
    let (all, first) = (vec!["a", "b", "c"], vec!["a"]);
    let cases = [
        (String::new(), all.clone(), newest),
        ("resourceVersion=0".to_owned(), all.clone(), newest),
        (format!("resourceVersion={then}"), all.clone(), newest),
        (format!("resourceVersion={then}&resourceVersionMatch=Exact"), vec!["a", "b"], then),
        ("resourceVersion=0&resourceVersionMatch=NotOlderThan".to_owned(), all.clone(), newest),
        (format!("resourceVersion={then}&resourceVersionMatch=NotOlderThan"), all, newest),
        ("limit=1".to_owned(), first.clone(), newest),
        (format!("limit=1&resourceVersion={then}"), first.clone(), then),
        (format!("limit=1&resourceVersion={then}&resourceVersionMatch=Exact"), first.clone(), then),
        (format!("limit=1&resourceVersion={then}&resourceVersionMatch=NotOlderThan"), first, newest),
    ];
    for (query, expected, snapshot) in cases {
        let listed = list(&server, &query).await;
        assert_eq!((names(&listed), revision(&listed)), (expected, snapshot), "l_6: {query}");
    }
}

#[tokio::test(start_paused = true)]
async fn l_4_a_list_reflects_every_answered_write() {
    let server = TestServer::new();
    for round in 0..5 {
        let created = server.made(WIDGETS, &widget(&format!("w{round}"))).await;
        let listed = list(&server, "").await;
        assert_eq!(names(&listed).len(), round + 1, "sr_5");
        assert!(revision(&listed) >= revision(&created), "l_6, sr_6");
    }
}

#[tokio::test(start_paused = true)]
async fn l_5_a_token_and_a_version_are_400() {
    let server = with_widgets(&["a", "b"]).await;
    let token = list(&server, "limit=1").await["metadata"]["continue"].as_str().unwrap().to_owned();
    let text = "specifying resource version is not allowed when using continue";
    let answer = server.get(&format!("{WIDGETS}?continue={token}&resourceVersion=5")).await;
    answer.refused(400, "BadRequest", text);
    assert_eq!(names(&list(&server, &format!("continue={token}&resourceVersion=0")).await), ["b"]);
    server.made(WIDGETS, &widget("c")).await;
    let first = list(&server, "limit=1").await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let rest = list(&server, &format!("limit=1&continue={token}&resourceVersion=0")).await;
    assert_eq!((names(&rest), rest["metadata"].get("continue")), (vec!["b", "c"], None), "l_4");
}

#[tokio::test(start_paused = true)]
async fn l_6_pages_join_to_the_snapshot_of_the_first() {
    let server = with_widgets(&["a", "b", "c", "d", "e"]).await;
    let first = list(&server, "limit=2").await;
    server.delete(&at(WIDGETS, "c")).await.ok();
    server.made(WIDGETS, &widget("aa")).await;
    let (mut found, mut page) = (names(&first).into_iter().map(str::to_owned).collect::<Vec<_>>(), first.clone());
    let mut remaining = vec![page["metadata"]["remainingItemCount"].clone()];
    while let Some(token) = page["metadata"]["continue"].as_str() {
        let next = list(&server, &format!("limit=2&continue={token}")).await;
        assert_eq!(next["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        found.extend(names(&next).into_iter().map(str::to_owned));
        remaining.push(next["metadata"]["remainingItemCount"].clone());
        page = next;
    }
    assert_eq!(found, ["a", "b", "c", "d", "e"], "l_15");
    assert_eq!(remaining, [json!(3), json!(1), Value::Null], "l_10");
}

#[tokio::test(start_paused = true)]
async fn l_9_a_list_of_one_name_has_one_page() {
    let server = with_widgets(&["a", "b", "c"]).await;
    server.made(OTHER, &widget("a")).await;
    let everywhere = |query: &str| format!("{ALL_WIDGETS}?limit=1&fieldSelector={query}");
    let within = |query: &str| format!("{WIDGETS}?limit=1&fieldSelector={query}");
    for (path, expected) in [
        (within("metadata.name%3Da"), vec!["a"]),
        (within("metadata.name%3Db"), vec!["b"]),
        (within("metadata.name%3Daa"), vec![]),
        (within("metadata.name%3Da,metadata.name!%3Da"), vec![]),
        (within("metadata.name%3Da,metadata.namespace%3Dother"), vec![]),
        (everywhere("metadata.name%3Da,metadata.namespace%3Dother"), vec!["a"]),
        (format!("{}&labelSelector=no", within("metadata.name%3Da")), vec![]),
        (format!("{}&resourceVersion=1", within("metadata.name%3Da")), vec![]),
    ] {
        let list = server.get(&path).await.ok();
        assert_eq!(names(&list), expected, "{path}");
        assert_eq!(list["metadata"].as_object().unwrap().keys().collect::<Vec<_>>(), ["resourceVersion"], "{path}");
    }
    // Two objects may have this name, and which is the last one is found by looking.
    let page = server.get(&everywhere("metadata.name%3Da")).await.ok();
    assert!(page["metadata"]["continue"].is_string(), "{page}");
    // A token says from where on: the name restricts what follows, as any selector does.
    let token = list(&server, "limit=1").await["metadata"]["continue"].as_str().unwrap().to_owned();
    assert!(names(&list(&server, &format!("fieldSelector=metadata.name%3Da&continue={token}")).await).is_empty());
    assert_eq!(names(&list(&server, &format!("fieldSelector=metadata.name%3Dc&continue={token}")).await), ["c"]);
}

#[tokio::test(start_paused = true)]
async fn l_8_tokens_that_are_none_are_400() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let server = with_widgets(&["a"]).await;
    let cases = [
        ("!!".to_owned(), ""),
        (URL_SAFE_NO_PAD.encode("no json"), ""),
        (
            URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#),
            ": incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
        ),
        (
            URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":5,"start":""}"#),
            ": encoded start key empty (version meta.k8s.io/v1)",
        ),
        (
            URL_SAFE_NO_PAD.encode(r#"{"v":"v9","rv":5,"start":"a"}"#),
            ": server does not recognize this encoded version v9",
        ),
        (URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":5,"start":"../shelves/a"}"#), ""),
        (URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":5,"start":"/../../other/a"}"#), ""),
    ];
    for (token, detail) in cases {
        let status = server.get(&format!("{WIDGETS}?continue={token}")).await.json();
        assert_eq!((&status["code"], &status["reason"]), (&json!(400), &json!("BadRequest")), "{token}: {status}");
        let message = status["message"].as_str().unwrap();
        assert!(message.starts_with("invalid continue token: continue key is not valid"), "{message}");
        assert!(message.ends_with(detail), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn l_9_a_page_of_a_selection_is_full() {
    let server = TestServer::new();
    for index in 0..10 {
        let parity = if index % 2 == 0 { "even" } else { "odd" };
        server.made(WIDGETS, &labelled(&format!("w{index}"), &json!({"parity": parity}))).await;
    }
    let page = list(&server, "labelSelector=parity%3Deven&limit=3").await;
    assert_eq!(names(&page), ["w0", "w2", "w4"]);
    assert!(page["metadata"].get("remainingItemCount").is_none(), "l_10");
    let token = page["metadata"]["continue"].as_str().unwrap();
    let page = list(&server, &format!("labelSelector=parity%3Deven&limit=3&continue={token}")).await;
    assert_eq!((names(&page), page["metadata"].get("continue")), (vec!["w6", "w8"], None));
}

#[tokio::test(start_paused = true)]
async fn l_9_pages_of_any_size_join_to_the_selection() {
    let server = TestServer::new();
    for index in 0..40 {
        let rare = if index % 7 == 3 { "yes" } else { "no" };
        server.made(WIDGETS, &labelled(&format!("w{index:02}"), &json!({"rare": rare}))).await;
    }
    for limit in 1..=8 {
        let (mut found, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = list(&server, &format!("labelSelector=rare%3Dyes&limit={limit}&continue={token}")).await;
            assert!(names(&page).len() <= limit);
            found.extend(names(&page).into_iter().map(str::to_owned));
            pages += 1;
            match page["metadata"]["continue"].as_str() {
                Some(next) if pages < 50 => token = next.to_owned(),
                _ => break,
            }
        }
        assert_eq!(found, ["w03", "w10", "w17", "w24", "w31", "w38"], "limit {limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn l_12_a_forgotten_revision_is_410() {
    let storage = Arc::new(Memory::new());
    let server = TestServer::builder().storage(storage.clone()).build();
    let then = revision(&server.made(WIDGETS, &widget("a")).await);
    let now = revision(&server.made(WIDGETS, &widget("b")).await);
    storage.compact(Revision(now)).await.unwrap();
    let answer = server.get(&format!("{WIDGETS}?resourceVersion={then}&resourceVersionMatch=Exact")).await;
    answer.refused(410, "Expired", "The resourceVersion for the provided list is too old.");
}

#[tokio::test(start_paused = true)]
async fn l_13_a_forgotten_token_is_410_with_a_fresh_one() {
    let storage = Arc::new(Memory::new());
    // Neither the storage nor the cache above it reaches back to the token.
    let options = CacheOptions { events: 1, ..CacheOptions::default() };
    let server =
        TestServer::builder().storage(storage.clone()).with(move |builder| builder.cache_options(options)).build();
    for name in ["a", "b", "c"] {
        server.made(WIDGETS, &widget(name)).await;
    }
    let token = list(&server, "limit=1").await["metadata"]["continue"].as_str().unwrap().to_owned();
    server.delete(&at(WIDGETS, "b")).await.ok();
    let now = revision(&server.made(WIDGETS, &widget("d")).await);
    list(&server, "").await;
    storage.compact(Revision(now)).await.unwrap();
    let answer = server.get(&format!("{WIDGETS}?limit=1&continue={token}")).await;
    let text = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
    let status = answer.refused(410, "Expired", text);
    let fresh = status["metadata"]["continue"].as_str().unwrap();
    let rest = list(&server, &format!("continue={fresh}")).await;
    assert_eq!(names(&rest), ["c", "d"], "l_7: on from the same key, at the newest state");
}

#[tokio::test(start_paused = true)]
async fn l_14_a_version_of_the_future_is_504_after_3_seconds() {
    let server = with_widgets(&["a"]).await;
    let newest = revision(&list(&server, "").await);
    for matching in ["", "&resourceVersionMatch=NotOlderThan", "&resourceVersionMatch=Exact", "&limit=1"] {
        let asked = tokio::time::Instant::now();
        let answer = server.get(&format!("{WIDGETS}?resourceVersion=99999999999{matching}")).await;
        assert_eq!(asked.elapsed().as_secs(), 3, "{matching}");
        let text = format!("Timeout: Too large resource version: 99999999999, current: {newest}");
        let status = answer.refused(504, "Timeout", &text);
        assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge", "11-9");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test(start_paused = true)]
async fn l_15_all_namespaces_are_listed_in_the_order_of_namespace_and_name() {
    let server = with_widgets(&["b", "c"]).await;
    server.made(OTHER, &widget("a")).await;
    server.made("/apis/toys.example.com/v1/namespaces/alpha/widgets", &widget("z")).await;
    assert_eq!(names(&server.get(ALL_WIDGETS).await.ok()), ["z", "b", "c", "a"]);
    assert_eq!(names(&server.get(OTHER).await.ok()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn l_15_a_namespace_is_no_prefix_of_another() {
    let server = with_widgets(&["a"]).await;
    server.made("/apis/toys.example.com/v1/namespaces/default2/widgets", &widget("b")).await;
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn l_16_labels_select() {
    let server = TestServer::new();
    server.made(WIDGETS, &labelled("a", &json!({"tier": "front", "env": "prod"}))).await;
    server.made(WIDGETS, &labelled("b", &json!({"tier": "back"}))).await;
    server.made(WIDGETS, &widget("c")).await;
    for (selector, expected) in [
        ("tier%3Dfront", vec!["a"]),
        ("tier%3D%3Dfront", vec!["a"]),
        ("tier!%3Dfront", vec!["b", "c"]),
        ("tier%20in%20(front,back)", vec!["a", "b"]),
        ("tier%20notin%20(front)", vec!["b", "c"]),
        ("env", vec!["a"]),
        ("!env", vec!["b", "c"]),
        ("tier,!env", vec!["b"]),
        ("", vec!["a", "b", "c"]),
    ] {
        assert_eq!(names(&list(&server, &format!("labelSelector={selector}")).await), expected, "{selector}");
    }
    let status = server.get(&format!("{WIDGETS}?labelSelector=a%20b")).await.json();
    assert_eq!((&status["code"], &status["reason"]), (&json!(400), &json!("BadRequest")), "rq_3");
}

#[tokio::test(start_paused = true)]
async fn l_17_name_and_namespace_select() {
    let server = with_widgets(&["a", "b"]).await;
    server.made(OTHER, &widget("a")).await;
    for (path, selector, expected) in [
        (WIDGETS, "metadata.name%3Da", vec!["a"]),
        (WIDGETS, "metadata.name%3D%3Da", vec!["a"]),
        (WIDGETS, "metadata.name!%3Da", vec!["b"]),
        (ALL_WIDGETS, "metadata.namespace%3Dother", vec!["a"]),
        (ALL_WIDGETS, "metadata.namespace!%3Dother", vec!["a", "b"]),
        (ALL_WIDGETS, "metadata.name%3Da", vec!["a", "a"]),
        (ALL_WIDGETS, "metadata.name%3Da,metadata.namespace%3Dother", vec!["a"]),
    ] {
        let listed = server.get(&format!("{path}?fieldSelector={selector}")).await.ok();
        assert_eq!(names(&listed), expected, "{path} {selector}");
    }
    let text = "\"spec.size\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"";
    let answer = server.get(&format!("{WIDGETS}?fieldSelector=spec.size%3D1")).await;
    answer.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn l_18_the_list_of_one_missing_name_is_empty() {
    let server = with_widgets(&["a"]).await;
    let listed = list(&server, "fieldSelector=metadata.name%3Dzz").await;
    assert_eq!((&listed["items"], revision(&listed) > 0), (&json!([]), true));
}

#[tokio::test(start_paused = true)]
async fn l_19_an_empty_list_has_items_and_a_version() {
    let server = TestServer::new();
    for path in [WIDGETS, ALL_WIDGETS, SHELVES, OTHER] {
        let listed = server.get(path).await.ok();
        assert_eq!((&listed["items"], revision(&listed) > 0), (&json!([]), true), "l_20, ls_3: {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn rq_3_what_cannot_be_parsed_is_400_and_booleans_are_lenient() {
    let server = with_widgets(&["a"]).await;
    for query in ["limit=x", "timeoutSeconds=x"] {
        let status = server.get(&format!("{WIDGETS}?{query}")).await.json();
        assert_eq!((&status["code"], &status["reason"]), (&json!(400), &json!("BadRequest")), "{query}");
    }
    for query in ["watch=false", "watch=0", "watch=FALSE", "unknown=1", "limit=1&limit=x"] {
        assert_eq!(names(&list(&server, query).await), ["a"], "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn rq_4_a_timeout_is_a_duration() {
    let server = with_widgets(&["a"]).await;
    list(&server, "timeout=10s").await;
    list(&server, "timeout=0").await;
    let status = server.get(&format!("{WIDGETS}?timeout=abc")).await.json();
    assert_eq!(status["code"], 400);
    assert!(
        status["message"].as_str().unwrap().starts_with("invalid timeout specified in the request URL - "),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn rq_4_a_client_may_wait_less_than_the_server() {
    let server = with_widgets(&["a"]).await;
    let asked = tokio::time::Instant::now();
    let answer = server.get(&format!("{WIDGETS}?resourceVersion=99999&timeout=1s")).await;
    answer.refused(504, "Timeout", "Timeout: request did not complete within the allotted timeout");
    assert_eq!(asked.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn sr_7_versions_share_revisions_and_uids() {
    let server = TestServer::new();
    server.made(WIDGETS, &sized("a", 3)).await;
    let (new, old) = (server.get(WIDGETS).await.ok(), server.get(crate::OLD_WIDGETS).await.ok());
    assert_eq!(new["metadata"], old["metadata"]);
    assert_eq!(new["items"][0]["metadata"], old["items"][0]["metadata"]);
    assert_eq!((&new["items"][0]["spec"]["size"], &old["items"][0]["spec"]["width"]), (&json!(3), &json!(3)));
    assert_eq!(old["apiVersion"], "toys.example.com/v1beta1");
}

#[tokio::test(start_paused = true)]
async fn l_15_cluster_scoped_objects_are_listed_by_name() {
    let server = TestServer::new();
    for name in ["b", "B", "a"] {
        server.made(SHELVES, &shelf(name)).await;
    }
    assert_eq!(names(&server.get(SHELVES).await.ok()), ["B", "a", "b"], "sr_9: byte order");
}

#[tokio::test(start_paused = true)]
async fn l_10_what_remains_is_counted_if_nothing_is_selected_and_more_follows() {
    let server = with_widgets(&["a", "b", "c", "d", "e"]).await;
    let first = list(&server, "limit=2").await;
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = list(&server, &format!("limit=2&continue={token}")).await;
    assert_eq!(second["metadata"]["remainingItemCount"], 1);
    for query in ["limit=5", "limit=2&labelSelector=!x", "limit=2&fieldSelector=metadata.name!%3Dz", "limit=0"] {
        assert_eq!(list(&server, query).await["metadata"].get("remainingItemCount"), None, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn l_11_a_page_selects_what_is_asked_with_its_token() {
    let server = with_widgets(&["a", "b", "c", "d", "e"]).await;
    let first = list(&server, "limit=2&fieldSelector=metadata.name!%3Db").await;
    assert_eq!(names(&first), ["a", "c"]);
    let token = first["metadata"]["continue"].as_str().unwrap();
    assert_eq!(names(&list(&server, &format!("limit=9&continue={token}")).await), ["d", "e"]);
    let other = list(&server, &format!("limit=9&continue={token}&fieldSelector=metadata.name%3De")).await;
    assert_eq!(names(&other), ["e"]);
}
