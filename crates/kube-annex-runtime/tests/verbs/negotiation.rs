//! In which form answers come and bodies are read.

use crate::{WIDGETS, at, sized, with_widgets};
use http::Method;
use kube_annex_testkit::TestServer;
use serde_json::json;

const PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

#[tokio::test(start_paused = true)]
async fn cn_1_bodies_are_json_unless_told_otherwise() {
    let server = TestServer::new();
    let untyped = server.ask(Method::POST, WIDGETS).untyped(sized("a", 1).to_string()).await;
    assert_eq!(untyped.status, 201);
    let charset =
        server.ask(Method::POST, WIDGETS).body("application/json; charset=utf-8", sized("b", 1).to_string()).await;
    assert_eq!(charset.status, 201);
    let yaml = "metadata:\n  name: c\nspec:\n  size: 3\n  notes: {on: 'yes'}\n";
    let answer = server.ask(Method::POST, WIDGETS).body("application/yaml", yaml).await;
    assert_eq!((answer.status, &answer.json()["spec"]["size"]), (201, &json!(3)));
}

#[tokio::test(start_paused = true)]
async fn cn_2_other_bodies_are_415() {
    let server = with_widgets(&["a"]).await;
    for media in ["text/plain", "application/vnd.kubernetes.protobuf;x", "application/cbor"] {
        for (method, path) in [(Method::POST, WIDGETS.to_owned()), (Method::PUT, at(WIDGETS, "a"))] {
            let status = server.ask(method, &path).body(media, "x").await.json();
            assert_eq!((&status["code"], &status["reason"]), (&json!(415), &json!("UnsupportedMediaType")));
            let message = status["message"].as_str().unwrap();
            let text = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf";
            assert_eq!(message, text);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cn_4_trailing_data_is_an_error_and_whole_numbers_stay_whole() {
    let server = TestServer::new();
    let twice = format!("{}{}", sized("a", 1), sized("b", 1));
    assert_eq!(server.ask(Method::POST, WIDGETS).body("application/json", twice).await.status, 400);
    let large = server.made(WIDGETS, &sized("a", 9_007_199_254_740_993)).await;
    assert_eq!(large["spec"]["size"], 9_007_199_254_740_993_i64);
}

#[tokio::test(start_paused = true)]
async fn cn_7_json_is_the_form_when_nothing_is_asked_for() {
    let server = with_widgets(&["a"]).await;
    for answer in [
        server.get(WIDGETS).await,
        server.get(WIDGETS).accept("").await,
        server.get(WIDGETS).accept("*/*").await,
        server.get(WIDGETS).accept("application/yaml;q=0.5,application/json").await,
        server.get(WIDGETS).accept("application/yaml;q=0,*/*").await,
        server.get(WIDGETS).accept("application/json;charset=utf-8").await,
    ] {
        assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/json"));
        assert!(answer.text().ends_with("}\n") && !answer.text().trim_end().contains('\n'), "cn_16: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn cn_7_a_range_of_subtypes_does_not_pass_upstreams_router() {
    let server = with_widgets(&["a"]).await;
    assert_eq!(server.get(WIDGETS).accept("application/*").await.status, 406);
    assert_eq!(server.get(WIDGETS).accept("application/*,application/json").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn cn_7_yaml_can_be_asked_for() {
    let server = with_widgets(&["a"]).await;
    let answer = server.get(&at(WIDGETS, "a")).accept("application/json;q=0.1, application/yaml").await;
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/yaml"));
    assert!(answer.text().contains("kind: Widget\n"), "{}", answer.text());
    let missing = server.get(&at(WIDGETS, "b")).accept("application/yaml").await;
    assert_eq!((missing.status, missing.header("content-type").as_str()), (404, "application/yaml"), "cn_17");
    assert!(missing.text().contains("reason: NotFound\n"), "{}", missing.text());
}

#[tokio::test(start_paused = true)]
async fn cn_9_what_cannot_be_had_is_406_in_json() {
    let server = with_widgets(&["a"]).await;
    for accept in ["text/html", "application/xml;q=0.9", "application/json;as=Nothing;g=meta.k8s.io;v=v1"] {
        let answer = server.get(WIDGETS).accept(accept).await;
        assert_eq!((answer.status, answer.header("content-type").as_str()), (406, "application/json"), "{accept}");
        let status = answer.json();
        assert_eq!(status["reason"], "NotAcceptable");
        let message = status["message"].as_str().unwrap();
        assert!(message.contains("application/json") && message.contains("application/yaml"), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn cn_10_an_unknown_transform_is_passed_over() {
    let server = with_widgets(&["a"]).await;
    let accept = "application/json;as=Nothing;g=meta.k8s.io;v=v1,application/json";
    assert_eq!(server.get(WIDGETS).accept(accept).await.ok()["kind"], "WidgetList");
}

#[tokio::test(start_paused = true)]
async fn cn_12_lists_and_objects_have_forms_of_their_own() {
    let server = with_widgets(&["a"]).await;
    let answer = server.get(WIDGETS).accept(PARTIAL).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (406, &json!("NotAcceptable")));
    let text = "you requested PartialObjectMetadata, but the requested object is a list (";
    assert!(status["message"].as_str().unwrap().starts_with(text), "{status}");
    let answer = server.get(&at(WIDGETS, "a")).accept(PARTIAL_LIST).await;
    let text = "you requested PartialObjectMetadataList, but the requested object is not a list (";
    assert!(answer.status == 406 && answer.json()["message"].as_str().unwrap().starts_with(text), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn cn_12_metadata_in_a_form_that_is_not_served_falls_through_to_json() {
    let server = with_widgets(&["a"]).await;
    let cbor = "application/cbor;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let list = server.get(WIDGETS).accept(&format!("{cbor},{PARTIAL_LIST}")).await.ok();
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("PartialObjectMetadataList"), &json!("meta.k8s.io/v1")));
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    let expected =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": live["metadata"]});
    assert_eq!(list["items"], json!([expected]), "pm_1");
}

#[tokio::test(start_paused = true)]
async fn pm_2_reads_and_patches_can_answer_metadata() {
    let server = with_widgets(&["a"]).await;
    let got = server.get(&at(WIDGETS, "a")).accept(PARTIAL).await.ok();
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!(
        got,
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": live["metadata"]})
    );
    let patched =
        server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"x": "y"}}})).accept(PARTIAL).await.ok();
    assert_eq!(
        (&patched["kind"], &patched["metadata"]["labels"]),
        (&json!("PartialObjectMetadata"), &json!({"x": "y"}))
    );
    let empty = server.get("/apis/toys.example.com/v1/shelves").accept(PARTIAL_LIST).await.ok();
    assert_eq!(empty["items"], json!([]), "ls_3");
}

#[tokio::test(start_paused = true)]
async fn cn_15_json_is_indented_for_people() {
    let server = with_widgets(&["a"]).await;
    let path = at(WIDGETS, "a");
    for ask in [
        server.get(&format!("{path}?pretty=1")),
        server.get(&format!("{path}?pretty=true")),
        server.get(&path).accept("application/json;pretty=1"),
        server.get(&path).header("user-agent", "curl/8.1"),
        server.get(&path).header("user-agent", "Mozilla/5.0 (X11)"),
        server.get(&path).header("user-agent", "Wget/1"),
    ] {
        let answer = ask.await;
        assert!(answer.text().starts_with("{\n  \"kind\": \"Widget\","), "{}", answer.text());
    }
    for ask in [
        server.get(&format!("{path}?pretty=false")).header("user-agent", "curl/8.1"),
        server.get(&format!("{path}?pretty=0")),
        server.get(&path).header("user-agent", "kubectl/1.37"),
    ] {
        assert!(ask.await.text().starts_with("{\"kind\":\"Widget\","));
    }
}

#[tokio::test(start_paused = true)]
async fn cn_18_px_13_long_answers_are_compressed_for_who_says_exactly_gzip() {
    let server = TestServer::new();
    let mut large = sized("a", 1);
    large["spec"]["notes"] = json!({"long": "x".repeat(140 * 1024)});
    server.made(WIDGETS, &large).await;
    let path = at(WIDGETS, "a");
    let answer = server.get(&path).header("accept-encoding", "br, gzip").await;
    assert_eq!(
        (answer.header("content-encoding").as_str(), answer.header("vary").as_str()),
        ("gzip", "Accept-Encoding")
    );
    assert!(answer.body.len() < 10_000 && answer.body.starts_with(&[0x1f, 0x8b]));
    for encoding in ["gzip;q=0", "*", "br"] {
        let answer = server.get(&path).header("accept-encoding", encoding).await;
        assert_eq!((answer.header("content-encoding").as_str(), answer.body.len() > 140_000), ("", true), "{encoding}");
    }
    server.made(WIDGETS, &sized("b", 1)).await;
    let small = server.get(&at(WIDGETS, "b")).header("accept-encoding", "gzip").await;
    assert_eq!(small.header("content-encoding"), "");
}

#[tokio::test(start_paused = true)]
async fn cn_20_answers_are_not_to_be_cached_and_carry_an_audit_id() {
    let server = with_widgets(&["a"]).await;
    for answer in [server.get(WIDGETS).await, server.get(&at(WIDGETS, "zz")).await, server.get("/nowhere").await] {
        assert_eq!(answer.header("cache-control"), "no-cache, private");
        assert_eq!(answer.header("audit-id").len(), 36, "cn_21");
    }
    let answer = server.get(WIDGETS).header("audit-id", "mine").await;
    assert_eq!(answer.header("audit-id"), "mine");
}

#[tokio::test(start_paused = true)]
async fn ls_7_keys_are_in_upstreams_order() {
    let server = with_widgets(&["a"]).await;
    let text = server.get(&at(WIDGETS, "a")).await.text();
    let places: Vec<usize> =
        ["\"kind\"", "\"apiVersion\"", "\"metadata\"", "\"spec\""].iter().map(|key| text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}
