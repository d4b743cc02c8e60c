//! `GET` of a collection as a stream of changes.

use crate::{ALL_WIDGETS, OLD_WIDGETS, SHELVES, WIDGETS, at, labelled, revision, shelf, sized, widget, with_widgets};
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Revision, Storage as _};
use kube_annex_testkit::{Events, TestServer};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

async fn watch(server: &TestServer, query: &str) -> Events {
    server.watch(&format!("{WIDGETS}?watch=1{query}")).await
}

fn told(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

async fn newest(server: &TestServer) -> u64 {
    revision(&server.get(ALL_WIDGETS).await.ok())
}

fn is_initial_end(event: &Value) -> bool {
    event["type"] == "BOOKMARK" && event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"
}

#[tokio::test(start_paused = true)]
async fn w_1_watch_is_asked_for_in_several_ways() {
    let server = with_widgets(&["a"]).await;
    for query in ["watch=true", "watch=1", "watch", "watch=maybe"] {
        let mut events = server.watch(&format!("{WIDGETS}?{query}")).await;
        assert_eq!(events.told().await, told("ADDED", "a"), "11-11: {query}");
    }
}

#[tokio::test(start_paused = true)]
async fn w_1_the_older_paths_are_watches() {
    let server = with_widgets(&["a", "b"]).await;
    let base = "/apis/toys.example.com/v1/watch";
    let mut all = server.watch(&format!("{base}/widgets")).await;
    assert_eq!((all.told().await, all.told().await), (told("ADDED", "a"), told("ADDED", "b")));
    let mut namespace = server.watch(&format!("{base}/namespaces/default/widgets")).await;
    assert_eq!(namespace.told().await, told("ADDED", "a"));
    let mut one = server.watch(&format!("{base}/namespaces/default/widgets/b")).await;
    assert_eq!(one.told().await, told("ADDED", "b"));
    one.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_1_one_object_is_watched_by_its_name() {
    let server = with_widgets(&["a", "b"]).await;
    let mut events = watch(&server, "&fieldSelector=metadata.name%3Db").await;
    assert_eq!(events.told().await, told("ADDED", "b"));
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 1}})).await.ok();
    server.merge(&at(WIDGETS, "b"), &json!({"spec": {"size": 1}})).await.ok();
    assert_eq!(events.told().await, told("MODIFIED", "b"));
}

#[tokio::test(start_paused = true)]
async fn w_2_a_selector_must_agree_with_the_path() {
    let server = with_widgets(&["a"]).await;
    let path = "/apis/toys.example.com/v1/watch/namespaces/default/widgets/a?fieldSelector=metadata.name%3Db";
    server.get(path).await.refused(400, "BadRequest", "fieldSelector metadata.name doesn't match requested name");
}

#[tokio::test(start_paused = true)]
async fn w_3_options_that_contradict_are_422() {
    let needs = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
    for (query, text) in [
        ("&sendInitialEvents=true", needs),
        ("&sendInitialEvents=false", needs),
        (
            "&resourceVersion=1&resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ] {
        let answer = TestServer::new().get(&format!("{WIDGETS}?watch=1{query}")).await;
        let text = format!("ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: {text}");
        answer.refused(422, "Invalid", &text);
    }
    let answer =
        TestServer::new().get(&format!("{WIDGETS}?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("supported values: \\\"NotOlderThan\\\""), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn w_4_bookmarks_alone_bring_the_end_of_the_initial_events() {
    let server = with_widgets(&["a"]).await;
    for query in ["", "&resourceVersion=0"] {
        let mut events = watch(&server, &format!("&allowWatchBookmarks=true{query}")).await;
        assert_eq!(events.told().await, told("ADDED", "a"), "11-10");
        assert!(is_initial_end(&events.next().await), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn w_5_state_first_unless_from_a_version_or_from_now() {
    let server = with_widgets(&["a", "b"]).await;
    let then = revision(&server.get(&at(WIDGETS, "a")).await.ok());
    let initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let later = "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan";
    for (query, first) in [
        (initial.to_owned(), told("ADDED", "a")),
        (format!("{initial}&resourceVersion=0"), told("ADDED", "a")),
        (format!("{initial}&resourceVersion={then}"), told("ADDED", "a")),
        (later.to_owned(), told("ADDED", "c")),
        (format!("{later}&resourceVersion=0"), told("ADDED", "c")),
        (format!("{later}&resourceVersion={then}"), told("ADDED", "b")),
        (format!("&resourceVersion={then}"), told("ADDED", "b")),
    ] {
        let mut events = watch(&server, &query).await;
        server.made(WIDGETS, &widget("c")).await;
        assert_eq!(events.told().await, first, "{query}");
        server.delete(&at(WIDGETS, "c")).await.ok();
    }
}

#[tokio::test(start_paused = true)]
async fn w_6_initial_events_are_in_key_order_each_with_its_own_version() {
    let server = with_widgets(&["c", "a", "b"]).await;
    let mut events = watch(&server, "").await;
    for name in ["a", "b", "c"] {
        let event = events.next().await;
        let live = server.get(&at(WIDGETS, name)).await.ok();
        assert_eq!((&event["type"], &event["object"]), (&json!("ADDED"), &live));
    }
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_7_the_end_of_the_initial_events_is_marked_once() {
    let server = with_widgets(&["a", "b"]).await;
    let mut events = watch(&server, "&allowWatchBookmarks=true").await;
    let (first, second) = (events.next().await, events.next().await);
    let mark = events.next().await;
    assert!(is_initial_end(&mark), "{mark}");
    let object = &mark["object"];
    assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("Widget"), &json!("toys.example.com/v1")), "w_9");
    assert!(revision(object) >= revision(&first["object"]) && revision(object) >= revision(&second["object"]));
    assert!(object["metadata"].get("name").is_none(), "{mark}");
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_7_an_empty_collection_starts_with_the_mark() {
    let mut events = watch(&TestServer::new(), "&allowWatchBookmarks=true").await;
    assert!(is_initial_end(&events.next().await));
}

#[tokio::test(start_paused = true)]
async fn w_7_no_mark_without_leave() {
    let server = with_widgets(&["a"]).await;
    let mut events = watch(&server, "").await;
    assert_eq!(events.told().await, told("ADDED", "a"));
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_8_an_idle_watcher_hears_every_minute_how_far_it_is() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}&allowWatchBookmarks=true")).await;
    let started = Instant::now();
    let changed = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 1}})).await.ok();
    assert_eq!(events.told().await, told("MODIFIED", "a"));
    for minute in 1..4 {
        let bookmark = events.next().await;
        let heard = started.elapsed().as_secs();
        assert!((minute * 60 - 5..=minute * 60 + 10).contains(&heard), "{heard} s");
        assert_eq!((&bookmark["type"], revision(&bookmark["object"])), (&json!("BOOKMARK"), revision(&changed)));
        assert!(!is_initial_end(&bookmark));
    }
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    let change = events.next().await;
    let bookmark = events.next().await;
    assert!(bookmark["type"] == "BOOKMARK" && revision(&bookmark["object"]) >= revision(&change["object"]));
}

#[tokio::test(start_paused = true)]
async fn w_8_a_bookmark_comes_shortly_before_the_end() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    let query = format!("&resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=10");
    let mut events = watch(&server, &query).await;
    let started = Instant::now();
    let changed = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 1}})).await.ok();
    assert_eq!(events.told().await, told("MODIFIED", "a"));
    let bookmark = events.next().await;
    assert_eq!((&bookmark["type"], revision(&bookmark["object"])), (&json!("BOOKMARK"), revision(&changed)));
    assert_eq!(started.elapsed().as_secs(), 8);
    events.ended().await;
}

/// As upstream: its bookmarks are commits to a watcher, and those that are not newer than its beginning are left out.
#[tokio::test(start_paused = true)]
async fn w_8_a_bookmark_says_nothing_that_was_known_when_the_watch_began() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    for query in [
        format!("resourceVersion={from}&timeoutSeconds=200"),
        // What came since then is told, and after it there is no news.
        format!("resourceVersion={}&timeoutSeconds=200", from - 1),
        format!("resourceVersion={}&labelSelector=none&timeoutSeconds=200", from - 1),
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=200".to_owned(),
    ] {
        let mut events = watch(&server, &format!("&allowWatchBookmarks=true&{query}")).await;
        while let Some(line) = events.line().await {
            let event: Value = serde_json::from_slice(&line).unwrap();
            assert!(event["type"] != "BOOKMARK" || is_initial_end(&event), "{query}: {event}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn w_8_a_revision_that_has_not_happened_is_never_told() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await + 5;
    let query = format!("&resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=70");
    let mut events = watch(&server, &query).await;
    events.ended().await;
}

#[tokio::test(start_paused = true)]
async fn w_8_bookmarks_reach_revisions_of_other_objects() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}&allowWatchBookmarks=true&labelSelector=x")).await;
    let later = revision(&server.made(WIDGETS, &widget("a")).await);
    let bookmark = events.next().await;
    assert_eq!((&bookmark["type"], revision(&bookmark["object"])), (&json!("BOOKMARK"), later));
}

#[tokio::test(start_paused = true)]
async fn w_10_every_change_is_told_in_order() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    let created = server.made(WIDGETS, &widget("a")).await;
    let changed = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 1}})).await.ok();
    server.delete(&at(WIDGETS, "a")).await.ok();
    let (first, second, third) = (events.next().await, events.next().await, events.next().await);
    assert_eq!((&first["type"], &first["object"]), (&json!("ADDED"), &created));
    assert_eq!((&second["type"], &second["object"]), (&json!("MODIFIED"), &changed));
    assert_eq!((&third["type"], &third["object"]["spec"]), (&json!("DELETED"), &changed["spec"]), "w_11");
    assert!(revision(&third["object"]) > revision(&changed), "w_11");
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn sr_6_a_watch_from_a_list_misses_nothing_and_repeats_nothing() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    server.made(WIDGETS, &widget("b")).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    server.made(WIDGETS, &widget("c")).await;
    assert_eq!((events.told().await, events.told().await), (told("ADDED", "b"), told("ADDED", "c")));
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_12_objects_that_enter_or_leave_the_selection_appear_or_disappear() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}&labelSelector=tier%3Dx")).await;
    server.made(WIDGETS, &labelled("a", &json!({"tier": "y"}))).await;
    let tier = |tier: &str| json!({"metadata": {"labels": {"tier": tier}}});
    server.merge(&at(WIDGETS, "a"), &tier("x")).await.ok();
    assert_eq!(events.told().await, told("ADDED", "a"));
    let inside = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    assert_eq!(events.told().await, told("MODIFIED", "a"));
    let outside = server.merge(&at(WIDGETS, "a"), &tier("z")).await.ok();
    let left = events.next().await;
    assert_eq!(
        (&left["type"], &left["object"]["metadata"]["labels"]),
        (&json!("DELETED"), &json!({"tier": "x"})),
        "the old state"
    );
    assert_eq!(left["object"]["spec"], inside["spec"]);
    assert_eq!(revision(&left["object"]), revision(&outside), "with this event's revision");
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 3}})).await.ok();
    server.delete(&at(WIDGETS, "a")).await.ok();
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn w_12_a_selected_object_that_is_deleted_disappears() {
    let server = TestServer::new();
    let created = server.made(WIDGETS, &labelled("a", &json!({"tier": "x"}))).await;
    let mut events = watch(&server, &format!("&resourceVersion={}&labelSelector=tier%3Dx", revision(&created))).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let gone = events.next().await;
    assert_eq!((&gone["type"], &gone["object"]["metadata"]["name"]), (&json!("DELETED"), &json!("a")));
    assert!(revision(&gone["object"]) > revision(&created), "w_11");
}

#[tokio::test(start_paused = true)]
async fn w_13_history_that_is_forgotten_is_one_error_event() {
    let storage = Arc::new(Memory::new());
    let server = TestServer::builder().storage(storage.clone()).build();
    let then = revision(&server.made(WIDGETS, &widget("a")).await);
    server.made(WIDGETS, &widget("b")).await;
    let now = revision(&server.made(WIDGETS, &widget("c")).await);
    storage.compact(Revision(now)).await.unwrap();
    let mut events = watch(&server, &format!("&resourceVersion={then}")).await;
    let event = events.next().await;
    assert_eq!(event["type"], "ERROR");
    let status = &event["object"];
    assert_eq!(
        (&status["kind"], &status["code"], &status["reason"]),
        (&json!("Status"), &json!(410), &json!("Expired")),
        "err_8"
    );
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with(&format!("too old resource version: {then} (")), "{message}");
    events.ended().await;
}

#[tokio::test(start_paused = true)]
async fn w_15_a_plain_watch_waits_for_the_future() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await + 1;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    events.silent().await;
    server.made(WIDGETS, &widget("b")).await;
    server.made(WIDGETS, &widget("c")).await;
    assert_eq!(events.told().await, told("ADDED", "c"), "b is at the revision asked for, c after it");
}

#[tokio::test(start_paused = true)]
async fn w_15_initial_events_of_the_future_are_an_error_event_after_3_seconds() {
    let server = with_widgets(&["a"]).await;
    let asked = Instant::now();
    let query = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=99999999999";
    let mut events = watch(&server, query).await;
    let event = events.next().await;
    assert_eq!((asked.elapsed().as_secs(), &event["type"]), (3, &json!("ERROR")));
    let status = &event["object"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(504), &json!("Timeout")));
    assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    events.ended().await;
}

#[tokio::test(start_paused = true)]
async fn w_16_a_version_that_is_no_number_is_500() {
    let status = TestServer::new().get(&format!("{WIDGETS}?watch=1&resourceVersion=abc")).await.json();
    assert_eq!((&status["code"], &status["kind"]), (&json!(500), &json!("Status")), "11-5");
}

#[tokio::test(start_paused = true)]
async fn w_17_a_watch_ends_cleanly_after_its_seconds() {
    let server = with_widgets(&["a"]).await;
    let started = Instant::now();
    let mut events = watch(&server, "&timeoutSeconds=7&timeout=2s").await;
    assert_eq!(events.told().await, told("ADDED", "a"));
    events.ended().await;
    assert_eq!(started.elapsed().as_secs(), 7, "w_18: no error event; rq_4: timeout is ignored");
}

#[tokio::test(start_paused = true)]
async fn w_17_a_watch_without_seconds_ends_between_half_an_hour_and_an_hour() {
    let server = with_widgets(&["a"]).await;
    for query in ["&allowWatchBookmarks=1", "&allowWatchBookmarks=1&timeoutSeconds=0"] {
        let started = Instant::now();
        let mut events = watch(&server, query).await;
        server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"for": query.len().to_string()}}})).await.ok();
        let mut count = 0;
        while let Ok(Some(_)) = tokio::time::timeout(Duration::from_mins(5), events.line()).await {
            count += 1;
        }
        // The object, the end of the initial events, the change, one in each minute that is over before the end, and one
        // shortly before the end.
        assert!((31..=63).contains(&count), "a bookmark a minute, not {count}");
        assert!((1800..=3600).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn w_23_a_table_watch_says_its_columns_once() {
    let server = with_widgets(&["a", "b"]).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let ask = server.get(&format!("{WIDGETS}?watch=1&allowWatchBookmarks=1&includeObject=None")).accept(accept);
    let mut events = ask.watch().await;
    let first = events.next().await;
    assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
    assert_eq!(first["object"]["columnDefinitions"].as_array().map(Vec::len), Some(4));
    assert_eq!(first["object"]["rows"].as_array().map(Vec::len), Some(1));
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!(revision(&first["object"]), revision(&live), "the object's version");
    let second = events.next().await;
    assert_eq!(
        (&second["object"]["columnDefinitions"], &second["object"]["rows"][0]["cells"][0]),
        (&Value::Null, &json!("b"))
    );
    assert!(second["object"]["rows"][0]["object"].is_null());
    let mark = events.next().await;
    assert_eq!((&mark["type"], &mark["object"]["kind"]), (&json!("BOOKMARK"), &json!("Table")));
    let row = &mark["object"]["rows"][0]["object"];
    assert_eq!(
        (&row["kind"], &row["metadata"]["annotations"]["k8s.io/initial-events-end"]),
        (&json!("PartialObjectMetadata"), &json!("true"))
    );
}

#[tokio::test(start_paused = true)]
async fn w_24_a_metadata_watch_tells_metadata() {
    let server = with_widgets(&["a"]).await;
    let accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let mut events = server.get(&format!("{WIDGETS}?watch=1&allowWatchBookmarks=1")).accept(accept).watch().await;
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    let expected =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": live["metadata"]});
    assert_eq!(events.next().await["object"], expected);
    let mark = events.next().await;
    assert!(is_initial_end(&mark) && mark["object"]["kind"] == "PartialObjectMetadata", "{mark}");
}

#[tokio::test(start_paused = true)]
async fn w_25_a_shutdown_ends_streams_cleanly() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    events.silent().await;
    server.shutdown.begin_draining();
    events.ended().await;
}

#[tokio::test(start_paused = true)]
async fn w_27_the_right_to_watch_is_asked_for_once() {
    let server = with_widgets(&["a"]).await;
    let before = server.asked().len();
    let mut events = watch(&server, "&fieldSelector=metadata.name%3Da").await;
    events.told().await;
    let asked = server.asked().split_off(before);
    assert_eq!(asked.len(), 1);
    let info = &asked[0].1;
    assert_eq!(
        (info.verb.as_str(), info.name.as_str(), info.field_selector.as_str()),
        ("watch", "a", "metadata.name=a")
    );
}

#[tokio::test(start_paused = true)]
async fn w_28_changes_are_told_in_the_version_asked_for() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut old = server.watch(&format!("{OLD_WIDGETS}?watch=1&resourceVersion={from}")).await;
    let mut new = watch(&server, &format!("&resourceVersion={from}")).await;
    server.made(WIDGETS, &sized("a", 3)).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    for kind in ["ADDED", "DELETED"] {
        let (old, new) = (old.next().await, new.next().await);
        assert_eq!((&old["type"], &new["type"]), (&json!(kind), &json!(kind)));
        assert_eq!((&old["object"]["spec"]["width"], &new["object"]["spec"]["size"]), (&json!(3), &json!(3)));
        assert_eq!(
            (&old["object"]["apiVersion"], &new["object"]["apiVersion"]),
            (&json!("toys.example.com/v1beta1"), &json!("toys.example.com/v1"))
        );
        assert_eq!(revision(&old["object"]), revision(&new["object"]));
    }
}

#[tokio::test(start_paused = true)]
async fn cn_22_events_are_one_line_each() {
    let server = with_widgets(&["a"]).await;
    let events = server.get(&format!("{WIDGETS}?watch=1&pretty=true")).header("user-agent", "curl/8").watch().await;
    assert_eq!(events.headers["content-type"], "application/json");
    let mut events = events;
    assert_eq!(events.told().await, told("ADDED", "a"), "cn_15: never indented");
    let accepted = ["application/json;stream=watch", "application/json", "*/*"];
    for accept in accepted {
        let mut events = server.get(&format!("{WIDGETS}?watch=1")).accept(accept).watch().await;
        assert_eq!(events.told().await, told("ADDED", "a"), "cn_23: {accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn cn_22_yaml_has_no_stream_form() {
    let answer = TestServer::new().get(&format!("{WIDGETS}?watch=1")).accept("application/yaml").await;
    assert_eq!(answer.status, 406, "{}", answer.text());
    let text = answer.text();
    assert!(text.contains("only the following media types are accepted: application/json;stream=watch"), "{text}");
    assert!(text.contains("reason: NotAcceptable\n"), "cn_17: an error can be had as YAML: {text}");
}

#[tokio::test(start_paused = true)]
async fn w_10_the_changes_of_one_namespace_and_of_one_resource_alone_are_told() {
    let server = TestServer::new();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    server.made("/apis/toys.example.com/v1/namespaces/other/widgets", &widget("o")).await;
    server.made(SHELVES, &shelf("s")).await;
    server.made(WIDGETS, &widget("a")).await;
    assert_eq!(events.told().await, told("ADDED", "a"));
    let mut all = server.watch(&format!("{ALL_WIDGETS}?watch=1&resourceVersion={from}")).await;
    assert_eq!((all.told().await, all.told().await), (told("ADDED", "o"), told("ADDED", "a")));
}

#[tokio::test(start_paused = true)]
async fn w_22_a_resource_that_is_not_watched_says_so() {
    let answer = TestServer::new().get("/apis/toys.example.com/v1/gauges?watch=1").await;
    let text = "watch is not supported on resources of kind \"gauges.toys.example.com\"";
    answer.refused(405, "MethodNotAllowed", text);
}

#[tokio::test(start_paused = true)]
async fn w_14_history_that_is_lost_on_the_way_ends_the_stream_with_an_error_event() {
    let server = TestServer::builder().storage(Arc::new(Memory::with_history(5))).build();
    server.made(WIDGETS, &widget("a")).await;
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    for size in 1..=1000 {
        server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": size}})).await.ok();
    }
    let mut last = from;
    let error = loop {
        let event = events.next().await;
        if event["type"] == "ERROR" {
            break event["object"].clone();
        }
        assert_eq!(
            (&event["type"], revision(&event["object"])),
            (&json!("MODIFIED"), last + 1),
            "w_20: nothing is dropped"
        );
        last += 1;
    };
    let told = (&error["code"], &error["reason"], &error["message"]);
    let text = "The resourceVersion for the provided watch is too old.";
    assert_eq!(told, (&json!(410), &json!("Expired"), &json!(text)));
    events.ended().await;
}

#[tokio::test(start_paused = true)]
async fn cn_24_the_head_comes_before_the_first_event() {
    let server = TestServer::new();
    let asked = Instant::now();
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    assert_eq!((asked.elapsed().as_secs(), events.headers["cache-control"].as_bytes()), (0, &b"no-cache, private"[..]));
    events.silent().await;
}

#[tokio::test(start_paused = true)]
async fn dry_5_a_dry_run_is_no_event() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    let mut events = watch(&server, &format!("&resourceVersion={from}")).await;
    server.post(&format!("{WIDGETS}?dryRun=All"), &widget("b")).await.ok();
    server.merge(&at(WIDGETS, "a?dryRun=All"), &json!({"spec": {"size": 1}})).await.ok();
    server.delete(&at(WIDGETS, "a?dryRun=All")).await.ok();
    server.delete(&format!("{WIDGETS}?dryRun=All")).await.ok();
    events.silent().await;
    assert_eq!(newest(&server).await, from, "sr_3");
}

#[tokio::test(start_paused = true)]
async fn w_9_a_bookmark_is_an_object_of_its_version() {
    let server = with_widgets(&["a"]).await;
    for (collection, version) in [(WIDGETS, "toys.example.com/v1"), (OLD_WIDGETS, "toys.example.com/v1beta1")] {
        let from = newest(&server).await;
        let mut events =
            server.watch(&format!("{collection}?watch=1&allowWatchBookmarks=1&resourceVersion={from}")).await;
        server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"from": from.to_string()}}})).await.ok();
        assert_eq!(events.told().await, told("MODIFIED", "a"));
        let event = events.next().await;
        let object = &event["object"];
        assert_eq!(event["type"], "BOOKMARK");
        assert_eq!((&object["kind"], &object["apiVersion"]), (&json!("Widget"), &json!(version)));
        assert!(object["metadata"]["resourceVersion"].is_string() && object["spec"].is_object(), "{object}");
    }
}

#[tokio::test(start_paused = true)]
async fn w_11_a_deletion_shows_the_last_state_at_its_own_revision() {
    let server = with_widgets(&["a"]).await;
    let changed = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 7}})).await.ok();
    let mut events = watch(&server, &format!("&resourceVersion={}", revision(&changed))).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let event = events.next().await;
    assert_eq!(event["type"], "DELETED");
    assert_eq!(revision(&event["object"]), newest(&server).await);
    assert!(revision(&event["object"]) > revision(&changed));
    let mut last = changed;
    last["metadata"]["resourceVersion"] = event["object"]["metadata"]["resourceVersion"].clone();
    assert_eq!(event["object"], last);
}

#[tokio::test(start_paused = true)]
async fn w_18_a_watch_whose_time_is_over_ends_without_an_error() {
    let server = with_widgets(&["a"]).await;
    for query in ["&timeoutSeconds=3", "&timeoutSeconds=3&allowWatchBookmarks=1", "&timeoutSeconds=3&resourceVersion=1"]
    {
        let mut events = watch(&server, query).await;
        while let Some(line) = events.line().await {
            let event: Value = serde_json::from_slice(&line).unwrap();
            assert_ne!(event["type"], "ERROR", "{query}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn w_19_a_watch_with_nothing_to_tell_stays() {
    let server = with_widgets(&["a"]).await;
    let from = newest(&server).await;
    for query in
        [format!("&resourceVersion={from}"), "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan".into()]
    {
        let mut events = watch(&server, &query).await;
        let line = tokio::time::timeout(Duration::from_mins(25), events.line()).await;
        assert!(line.is_err(), "{query}: {line:?}");
    }
}
