//! `PATCH` of one object.

use crate::{OLD_WIDGETS, SHELVES, WIDGETS, at, revision, shelf, sized, widget, with_widgets};
use http::Method;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const JSON_PATCH: &str = "application/json-patch+json";
const MODIFIED: &str = "Operation cannot be fulfilled on widgets.toys.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";

async fn live(server: &TestServer) -> Value {
    server.get(&at(WIDGETS, "a")).await.ok()
}

#[tokio::test(start_paused = true)]
async fn p_1_parameters_of_the_media_type_are_ignored() {
    let server = with_widgets(&["a"]).await;
    let patch = json!({"spec": {"size": 2}});
    let answer = server.patch(&at(WIDGETS, "a"), "application/merge-patch+json; charset=utf-8", &patch).await;
    assert_eq!(answer.ok()["spec"]["size"], 2);
}

#[tokio::test(start_paused = true)]
async fn p_1_other_media_types_are_415() {
    let server = with_widgets(&["a"]).await;
    let text = "415: Unsupported Media Type";
    for media in ["application/apply-patch+cbor", "application/json", "application/yaml", "text/plain"] {
        server.patch(&at(WIDGETS, "a"), media, &json!({})).await.refused(415, "UnsupportedMediaType", text);
    }
    let untyped = server.ask(Method::PATCH, &at(WIDGETS, "a")).untyped("{}").await;
    untyped.refused(415, "UnsupportedMediaType", text);
}

#[tokio::test(start_paused = true)]
async fn p_2_force_is_for_apply_alone() {
    let server = with_widgets(&["a"]).await;
    let text = "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch";
    server.merge(&at(WIDGETS, "a?force=true"), &json!({})).await.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn p_3_field_managers_are_short_and_printable() {
    let server = with_widgets(&["a"]).await;
    let long = format!("a?fieldManager={}", "m".repeat(129));
    let text = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be more than 128 bytes";
    server.merge(&at(WIDGETS, &long), &json!({})).await.refused(422, "Invalid", text);
    let text = "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"\\n\": invalid character U+000A (at position 0)";
    server.merge(&at(WIDGETS, "a?fieldManager=%0A"), &json!({})).await.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn p_4_a_missing_object_is_404() {
    let server = TestServer::new();
    let text = "widgets.toys.example.com \"a\" not found";
    server.merge(&at(WIDGETS, "a"), &json!({})).await.refused(404, "NotFound", text);
    server.patch(&at(WIDGETS, "a"), JSON_PATCH, &json!([])).await.refused(404, "NotFound", text);
    let text = "shelves.toys.example.com \"a\" not found";
    server.merge(&at(SHELVES, "a"), &json!({})).await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn p_5_a_patch_is_of_the_version_asked_for() {
    let server = with_widgets(&["a"]).await;
    let answer = server.merge(&at(OLD_WIDGETS, "a"), &json!({"spec": {"width": 8}})).await.ok();
    assert_eq!((&answer["apiVersion"], &answer["spec"]["width"]), (&json!("toys.example.com/v1beta1"), &json!(8)));
    assert_eq!(live(&server).await["spec"]["size"], 8);
    let patch = json!([{"op": "test", "path": "/spec/color", "value": "grey"}, {"op": "replace", "path": "/spec/size", "value": 9}]);
    assert_eq!(
        server.patch(&at(WIDGETS, "a"), JSON_PATCH, &patch).await.ok()["spec"]["size"],
        9,
        "defaults are there to be tested"
    );
}

#[tokio::test(start_paused = true)]
async fn p_6_a_stale_version_in_a_merge_patch_is_409() {
    let server = with_widgets(&["a"]).await;
    let stale = live(&server).await["metadata"]["resourceVersion"].clone();
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    let patch = json!({"metadata": {"resourceVersion": stale}, "spec": {"size": 3}});
    server.merge(&at(WIDGETS, "a"), &patch).await.refused(409, "Conflict", MODIFIED);
    let fresh = live(&server).await["metadata"]["resourceVersion"].clone();
    let patch = json!({"metadata": {"resourceVersion": fresh}, "spec": {"size": 3}});
    assert_eq!(server.merge(&at(WIDGETS, "a"), &patch).await.ok()["spec"]["size"], 3);
}

#[tokio::test(start_paused = true)]
async fn p_7_a_stale_version_in_a_json_patch_is_409() {
    let server = with_widgets(&["a"]).await;
    let stale = live(&server).await["metadata"]["resourceVersion"].clone();
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    let patch = json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": stale}, {"op": "replace", "path": "/spec/size", "value": 3}]);
    server.patch(&at(WIDGETS, "a"), JSON_PATCH, &patch).await.refused(409, "Conflict", MODIFIED);
}

#[tokio::test(start_paused = true)]
async fn p_8_name_and_namespace_cannot_be_patched() {
    let server = with_widgets(&["a"]).await;
    let text = "the name of the object (b) does not match the name on the URL (a)";
    server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"name": "b"}})).await.refused(400, "BadRequest", text);
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"namespace": "b"}})).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn p_8_a_changed_uid_is_422() {
    let server = with_widgets(&["a"]).await;
    let answer = server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"uid": "other"}})).await;
    let text = "Widget.toys.example.com \"a\" is invalid: metadata.uid: Invalid value: \"other\": field is immutable";
    answer.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn p_8_the_result_is_judged_as_an_update() {
    let server = with_widgets(&["a"]).await;
    let text = "Widget.toys.example.com \"a\" is invalid: spec.color: Invalid value: \"red\": field is immutable";
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"color": "red"}})).await.refused(422, "Invalid", text);
    let patch = json!({"metadata": {"creationTimestamp": null, "generation": 9}});
    let before = live(&server).await;
    assert_eq!(server.merge(&at(WIDGETS, "a"), &patch).await.ok(), before, "u_7");
}

#[tokio::test(start_paused = true)]
async fn p_9_a_json_patch_is_an_array() {
    let server = with_widgets(&["a"]).await;
    for body in ["{}", "no json", ""] {
        let answer = server.ask(Method::PATCH, &at(WIDGETS, "a")).body(JSON_PATCH, body).await;
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn p_9_an_operation_that_fails_is_422_and_nothing_happens() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server).await;
    for operation in [
        json!({"op": "test", "path": "/spec/size", "value": 77}),
        json!({"op": "remove", "path": "/spec/nothing"}),
        json!({"op": "replace", "path": "/spec/nothing/at/all", "value": 1}),
        json!({"op": "replace", "path": "/spec/parts/0", "value": 1}),
    ] {
        let patch = json!([{"op": "replace", "path": "/spec/size", "value": 5}, operation]);
        let answer = server.patch(&at(WIDGETS, "a"), JSON_PATCH, &patch).await;
        let text = "the server rejected our request due to an error in our request";
        answer.refused(422, "Invalid", text);
    }
    assert_eq!(live(&server).await, before);
}

#[tokio::test(start_paused = true)]
async fn p_9_more_than_10000_operations_are_413() {
    let server = with_widgets(&["a"]).await;
    let operation = json!({"op": "test", "path": "/spec/size", "value": 0});
    let patch = Value::Array(vec![operation; 10_001]);
    let text = "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001";
    server.patch(&at(WIDGETS, "a"), JSON_PATCH, &patch).await.refused(413, "RequestEntityTooLarge", text);
}

#[tokio::test(start_paused = true)]
async fn p_10_null_deletes_and_arrays_are_replaced() {
    let server = TestServer::new();
    let mut body = sized("a", 1);
    body["spec"]["parts"] = json!([{"name": "x"}, {"name": "y"}]);
    body["spec"]["notes"] = json!({"k": "v", "l": "w"});
    server.made(WIDGETS, &body).await;
    let patch = json!({"spec": {"parts": [{"name": "z"}], "notes": {"k": null}, "color": null}});
    let spec = server.merge(&at(WIDGETS, "a"), &patch).await.ok()["spec"].clone();
    assert_eq!(spec, json!({"size": 1, "color": "grey", "parts": [{"name": "z"}], "notes": {"l": "w"}}));
}

#[tokio::test(start_paused = true)]
async fn p_10_a_merge_patch_that_is_no_object_is_400() {
    let server = with_widgets(&["a"]).await;
    for body in ["[]", "3", "no json", ""] {
        let answer = server.ask(Method::PATCH, &at(WIDGETS, "a")).body("application/merge-patch+json", body).await;
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")), "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn p_12_a_result_that_is_no_object_of_the_type_is_422() {
    let server = with_widgets(&["a"]).await;
    for patch in
        [json!({"spec": {"size": "large"}}), json!({"kind": "Shelf"}), json!({"apiVersion": "toys.example.com/v9"})]
    {
        let answer = server.merge(&at(WIDGETS, "a"), &patch).await;
        let status = answer.json();
        assert_eq!((answer.status, &status["reason"]), (422, &json!("Invalid")), "11-8: {status}");
        assert!(
            status["message"].as_str().unwrap().starts_with(" \"\" is invalid: patch: Invalid value: "),
            "{status}"
        );
        let cause = &status["details"]["causes"][0];
        assert_eq!((&cause["reason"], &cause["field"]), (&json!("FieldValueInvalid"), &json!("patch")), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn p_12_a_result_of_another_served_version_is_read_as_such() {
    let server = with_widgets(&["a"]).await;
    let patch = json!({"apiVersion": "toys.example.com/v1beta1", "spec": {"width": 6}});
    let answer = server.merge(&at(WIDGETS, "a"), &patch).await;
    assert_eq!(answer.ok()["spec"]["size"], 6);
    assert_eq!(answer.ok()["apiVersion"], "toys.example.com/v1");
}

#[tokio::test(start_paused = true)]
async fn p_13_no_difference_is_no_write() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server).await;
    assert_eq!(server.merge(&at(WIDGETS, "a"), &json!({})).await.ok(), before);
    assert_eq!(server.patch(&at(WIDGETS, "a"), JSON_PATCH, &json!([])).await.ok(), before);
    assert_eq!(server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 0}})).await.ok(), before);
}

#[tokio::test(start_paused = true)]
async fn p_6_a_resource_that_insists_on_versions_can_be_patched_without_one() {
    let server = TestServer::new();
    let before = server.made(SHELVES, &shelf("a")).await;
    let after = server.merge(&at(SHELVES, "a"), &json!({"things": ["vase"]})).await.ok();
    assert!(after["things"] == json!(["vase"]) && revision(&after) > revision(&before));
}

#[tokio::test(start_paused = true)]
async fn fv_5_strict_refuses_unknown_fields_with_422() {
    let server = with_widgets(&["a"]).await;
    let patch = json!({"spec": {"foo": 1}});
    let answer = server.merge(&at(WIDGETS, "a?fieldValidation=Strict"), &patch).await;
    let status = answer.json();
    assert_eq!(
        (answer.status, &status["reason"], &status["details"]["causes"][0]["field"]),
        (422, &json!("Invalid"), &json!("patch")),
        "{status}"
    );
    assert!(
        status["message"].as_str().unwrap().contains("strict decoding error: unknown field \"spec.foo\""),
        "{status}"
    );
    let answer = server.merge(&at(WIDGETS, "a"), &patch).await;
    assert_eq!((answer.status, answer.warnings()), (200, vec!["299 - \"unknown field \\\"spec.foo\\\"\"".to_owned()]));
    assert!(server.merge(&at(WIDGETS, "a?fieldValidation=Ignore"), &patch).await.warnings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn fv_5_repeated_keys_of_a_merge_patch_are_found() {
    let server = with_widgets(&["a"]).await;
    let patch = r#"{"spec":{"size":1,"size":2}}"#;
    let ask = |query: &str| server.ask(Method::PATCH, &at(WIDGETS, query)).body("application/merge-patch+json", patch);
    let answer = ask("a").await;
    assert_eq!(
        (answer.ok()["spec"]["size"].clone(), answer.warnings()),
        (json!(2), vec!["299 - \"duplicate field \\\"spec.size\\\"\"".to_owned()])
    );
    assert_eq!(ask("a?fieldValidation=Strict").await.status, 422);
    assert!(ask("a?fieldValidation=Ignore").await.warnings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn fv_5_repeated_keys_of_json_patch_operations_are_found() {
    let server = with_widgets(&["a"]).await;
    let patch = r#"[{"op":"replace","path":"/spec/size","value":1,"value":2}]"#;
    let ask = |query: &str| server.ask(Method::PATCH, &at(WIDGETS, query)).body(JSON_PATCH, patch);
    let answer = ask("a").await;
    assert_eq!(answer.warnings(), ["299 - \"json patch duplicate field \\\"[0].value\\\"\""]);
    assert_eq!(ask("a?fieldValidation=Strict").await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_changes_nothing() {
    let server = with_widgets(&["a"]).await;
    let before = live(&server).await;
    let answer = server.merge(&at(WIDGETS, "a?dryRun=All"), &json!({"spec": {"size": 4}})).await.ok();
    assert_eq!((answer["spec"]["size"].clone(), revision(&answer)), (json!(4), revision(&before)));
    assert_eq!(live(&server).await, before);
}

#[tokio::test(start_paused = true)]
async fn p_10_labels_are_merged() {
    let server = with_widgets(&["a"]).await;
    server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"x": "1", "y": "2"}}})).await.ok();
    let after = server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"x": null}}})).await.ok();
    assert_eq!(after["metadata"]["labels"], json!({"y": "2"}));
    let none = server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": null}})).await.ok();
    assert!(none["metadata"].get("labels").is_none(), "om_13");
    assert_eq!(widget("a")["metadata"]["name"], none["metadata"]["name"]);
}
