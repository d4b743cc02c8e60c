//! Warnings for the client.

use crate::{OLD_WIDGETS, WIDGETS, at, sized, widget, with_widgets};
use http::Method;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const DEPRECATED: &str = "299 - \"toys.example.com/v1beta1 Widget is deprecated in v1.2+, unavailable in v1.9+; use toys.example.com/v1 Widget\"";

#[tokio::test(start_paused = true)]
async fn sv_20_a_types_own_warnings_come_with_a_success() {
    let server = TestServer::new();
    let answer = server.post(WIDGETS, &sized("a", 5000)).await;
    assert_eq!((answer.status, answer.warnings()), (201, vec!["299 - \"spec.size: hard to carry\"".to_owned()]));
    let answer = server.put(&at(WIDGETS, "a"), &sized("a", 6000)).await;
    assert_eq!((answer.status, answer.warnings().len()), (200, 1));
    assert_eq!(server.get(&at(WIDGETS, "a")).await.warnings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn sv_22_a_deprecated_version_says_so_on_every_answer() {
    let server = with_widgets(&["a"]).await;
    for answer in [
        server.get(OLD_WIDGETS).await,
        server.get(&at(OLD_WIDGETS, "a")).await,
        server.get(&at(OLD_WIDGETS, "missing")).await,
        server.merge(&at(OLD_WIDGETS, "a"), &json!({})).await,
        server.delete(&at(OLD_WIDGETS, "a")).await,
    ] {
        assert_eq!(answer.warnings(), [DEPRECATED], "11-7: {}", answer.text());
    }
    let events = server.watch(&format!("{OLD_WIDGETS}?watch=1")).await;
    assert_eq!(events.headers["warning"], DEPRECATED);
    assert_eq!(server.get(WIDGETS).await.warnings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn c_14_warnings_come_with_failures_too() {
    let server = with_widgets(&["a"]).await;
    let mut body = widget("a");
    body["spec"] = json!({"foo": 1});
    let answer = server.post(WIDGETS, &body).await;
    assert_eq!((answer.status, answer.warnings()), (409, vec!["299 - \"unknown field \\\"spec.foo\\\"\"".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn sv_20_a_warning_is_told_once() {
    let server = TestServer::new();
    let parts: Vec<Value> = (0..3).map(|_| json!({"name": "n"})).collect();
    let mut body = sized("a", 1);
    body["spec"]["parts"] = json!(parts);
    body["spec"]["foo"] = json!(1);
    server.made(WIDGETS, &sized("a", 1)).await;
    let answer = server.put(&at(WIDGETS, "a"), &body).await;
    assert_eq!(answer.warnings().len(), 1, "{:?}", answer.warnings());
}

#[tokio::test(start_paused = true)]
async fn sv_20_texts_that_no_header_can_carry_are_left_out() {
    let server = TestServer::new();
    let body = r#"{"metadata":{"name":"a"},"spec":{"with \"quotes\" \\ and":1,"with\ttab":1}}"#;
    let answer = server.ask(Method::POST, WIDGETS).body("application/json", body).await;
    assert_eq!(answer.status, 201);
    let warnings = answer.warnings();
    assert!(
        warnings.iter().all(|warning| warning.starts_with("299 - \"unknown field ") && warning.ends_with('"')),
        "{warnings:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn sv_21_very_many_warnings_are_cut() {
    let mut body = widget("a");
    let fields: serde_json::Map<String, Value> =
        (0..60).map(|index| (format!("{index:02}{}", "x".repeat(300)), json!(1))).collect();
    body["spec"] = Value::Object(fields);
    let answer = TestServer::new().post(WIDGETS, &body).await;
    assert_eq!(answer.status, 201);
    let warnings = answer.warnings();
    let total: usize = warnings.iter().map(String::len).sum();
    assert!(warnings.len() > 5 && total < 6000, "{} of {total} characters", warnings.len());
    assert!(warnings.iter().all(|warning| warning.len() <= 256 + 20));
}
