//! The scale subresource.

use crate::fleets::{FLEETS, SCALE, fleet, manned, with_fleet};
use crate::{at, revision};
use http::Method;
use serde_json::{Value, json};

const GVK: &str = "autoscaling/v1";

fn scale(replicas: i64) -> Value {
    json!({"apiVersion": GVK, "kind": "Scale", "metadata": {"name": "a"}, "spec": {"replicas": replicas}})
}

#[tokio::test(start_paused = true)]
async fn sub_3_a_scale_is_shown_with_the_metadata_of_its_object() {
    let server = with_fleet(&manned(3)).await;
    let object =
        server.merge(&at(FLEETS, "a/status"), &json!({"status": {"replicas": 2, "selector": "app=x"}})).await.ok();
    let shown = server.get(SCALE).await.ok();
    let metadata = &object["metadata"];
    assert_eq!(
        shown,
        json!({
            "kind": "Scale",
            "apiVersion": GVK,
            "metadata": {
                "name": "a",
                "namespace": "default",
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
                "creationTimestamp": metadata["creationTimestamp"],
            },
            "spec": {"replicas": 3},
            "status": {"replicas": 2, "selector": "app=x"},
        })
    );
}

#[tokio::test(start_paused = true)]
async fn sub_4_status_replicas_are_always_there_and_no_replicas_are_left_out() {
    let server = with_fleet(&manned(0)).await;
    let shown = server.get(SCALE).await.ok();
    assert_eq!((&shown["spec"], &shown["status"]), (&json!({}), &json!({"replicas": 0})));
    let text = server.get(SCALE).await.text();
    assert!(
        text.starts_with(r#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"a","namespace":"#),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn sub_3_without_replicas_there_is_nothing_to_show() {
    let server = with_fleet(&fleet()).await;
    let text = "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist";
    server.get(SCALE).await.refused(500, "InternalError", text);
    let missing = "fleets.toys.example.com \"b\" not found";
    server.get(&at(FLEETS, "b/scale")).await.refused(404, "NotFound", missing);
    server.put(&at(FLEETS, "b/scale"), &json!({"metadata": {"name": "b"}})).await.refused(404, "NotFound", missing);
    server.ask(Method::DELETE, SCALE).await.refused(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
    );
}

#[tokio::test(start_paused = true)]
async fn sub_5_a_put_changes_the_replicas_and_nothing_else() {
    let server = with_fleet(&manned(3)).await;
    let before = server.get(&at(FLEETS, "a")).await.ok();
    let mut sent = scale(7);
    sent["metadata"]["labels"] = json!({"x": "y"});
    sent["status"] = json!({"replicas": 9});
    let answer = server.put(SCALE, &sent).await.ok();
    let after = server.get(&at(FLEETS, "a")).await.ok();
    assert_eq!(after["spec"]["replicas"], 7);
    assert_eq!(after["metadata"].get("labels"), None);
    assert_eq!(after["spec"]["crew"], before["spec"]["crew"]);
    assert_eq!(after.get("status"), None);
    assert_eq!(
        (before["metadata"]["generation"].clone(), after["metadata"]["generation"].clone()),
        (json!(1), json!(2))
    );
    assert_eq!((answer["spec"]["replicas"].clone(), revision(&answer)), (json!(7), revision(&after)), "sub_8");
}

#[tokio::test(start_paused = true)]
async fn sub_5_versions_uids_and_names_are_those_of_the_object() {
    let server = with_fleet(&manned(3)).await;
    let stale = revision(&server.get(&at(FLEETS, "a")).await.ok());
    server.put(SCALE, &scale(4)).await.ok();
    let mut sent = scale(5);
    sent["metadata"]["resourceVersion"] = stale.to_string().into();
    let text = "Operation cannot be fulfilled on fleets.toys.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";
    server.put(SCALE, &sent).await.refused(409, "Conflict", text);
    let mut sent = scale(5);
    sent["metadata"]["uid"] = "other".into();
    let answer = server.put(SCALE, &sent).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")));
    let mut sent = scale(5);
    sent["metadata"]["name"] = "b".into();
    let text = "the name of the object (b) does not match the name on the URL (a)";
    server.put(SCALE, &sent).await.refused(400, "BadRequest", text);
    let mut sent = scale(5);
    sent["metadata"]["namespace"] = "other".into();
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    server.put(SCALE, &sent).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn sub_6_another_kind_or_version_is_400() {
    let server = with_fleet(&manned(3)).await;
    for (key, value) in [("kind", "Fleet"), ("apiVersion", "toys.example.com/v1"), ("apiVersion", "autoscaling/v2")] {
        let mut sent = scale(4);
        sent[key] = value.into();
        assert_eq!(server.put(SCALE, &sent).await.status, 400, "{value}");
    }
    let mut sent = scale(4);
    sent["spec"]["replicas"] = "many".into();
    assert_eq!(server.put(SCALE, &sent).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn sub_7_a_scale_is_patched_as_it_is_shown() {
    let server = with_fleet(&manned(3)).await;
    let answer = server.merge(SCALE, &json!({"spec": {"replicas": 5}})).await.ok();
    assert_eq!((&answer["kind"], &answer["spec"]["replicas"]), (&json!("Scale"), &json!(5)));
    let patch = json!([
        {"op": "test", "path": "/spec/replicas", "value": 5},
        {"op": "replace", "path": "/spec/replicas", "value": 6},
    ]);
    assert_eq!(server.patch(SCALE, "application/json-patch+json", &patch).await.ok()["spec"]["replicas"], 6);
    let patch = json!({"spec": {"replicas": 8}});
    let answer = server.patch(SCALE, "application/strategic-merge-patch+json", &patch).await.ok();
    assert_eq!(answer["spec"]["replicas"], 8);
    assert_eq!(server.get(&at(FLEETS, "a")).await.ok()["spec"]["replicas"], 8);
    let none = server.merge(SCALE, &json!({"spec": null})).await.ok();
    assert_eq!(none["spec"], json!({}), "no replicas are none");
}

#[tokio::test(start_paused = true)]
async fn sub_7_replicas_that_nobody_wrote_cannot_be_left_out() {
    let server = with_fleet(&fleet()).await;
    let text = "the spec replicas field \".spec.replicas\" cannot be empty";
    server.merge(SCALE, &json!({"metadata": {"labels": {}}})).await.refused(400, "BadRequest", text);
    assert_eq!(server.merge(SCALE, &json!({"spec": {"replicas": 2}})).await.ok()["spec"]["replicas"], 2);
}

#[tokio::test(start_paused = true)]
async fn fv_3_unknown_fields_of_a_scale_are_told() {
    let server = with_fleet(&manned(3)).await;
    let mut sent = scale(4);
    sent["spec"]["foo"] = 1.into();
    assert_eq!(server.put(SCALE, &sent).await.warnings(), ["299 - \"unknown field \\\"spec.foo\\\"\""]);
    assert_eq!(server.put(&format!("{SCALE}?fieldValidation=Strict"), &sent).await.status, 400);
    let patch = json!({"spec": {"foo": 1}});
    assert_eq!(server.merge(&format!("{SCALE}?fieldValidation=Strict"), &patch).await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_scales_nothing() {
    let server = with_fleet(&manned(3)).await;
    assert_eq!(server.put(&format!("{SCALE}?dryRun=All"), &scale(4)).await.ok()["spec"]["replicas"], 4);
    assert_eq!(server.get(SCALE).await.ok()["spec"]["replicas"], 3);
}

#[tokio::test(start_paused = true)]
async fn sub_11_a_table_of_a_scale_tells_its_replicas() {
    let server = with_fleet(&manned(3)).await;
    let table = server.get(SCALE).accept("application/json;as=Table;g=meta.k8s.io;v=v1").await.ok();
    let names: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Name", "Desired", "Available", "Age"]);
    assert_eq!(table["rows"][0]["cells"].as_array().unwrap()[..3], [json!("a"), json!(3), json!(0)]);
}

#[tokio::test(start_paused = true)]
async fn d_10_discovery_tells_the_kind_of_the_scale() {
    let server = with_fleet(&manned(3)).await;
    let list = server.get("/apis/toys.example.com/v1").await.ok();
    let scale =
        list["resources"].as_array().unwrap().iter().find(|resource| resource["name"] == "fleets/scale").unwrap();
    assert_eq!(
        scale,
        &json!({
            "name": "fleets/scale", "singularName": "", "namespaced": true, "group": "autoscaling", "version": "v1",
            "kind": "Scale", "verbs": ["get", "patch", "update"],
        })
    );
}

/// What it does from discovery to the write: it knows the resource by its name alone, and neither its kind nor its fields.
#[tokio::test(start_paused = true)]
async fn x_5_an_autoscaler_finds_reads_and_writes_a_scale() {
    let server = with_fleet(&manned(3)).await;
    let status = json!({"status": {"replicas": 3, "selector": "app=x"}});
    server.merge(&at(FLEETS, "a/status"), &status).await.ok();
    let document = server.get("/apis/toys.example.com/v1").await.ok();
    let found = document["resources"].as_array().unwrap().iter().find(|one| one["name"] == "fleets/scale").unwrap();
    assert_eq!(
        (&found["group"], &found["version"], &found["kind"]),
        (&json!("autoscaling"), &json!("v1"), &json!("Scale"))
    );
    let mut scale = server.get(SCALE).await.ok();
    assert_eq!(scale["status"], json!({"replicas": 3, "selector": "app=x"}), "pods are found by a text");
    scale["spec"]["replicas"] = json!(5);
    let written = server.put(SCALE, &scale).await.ok();
    assert_eq!((&written["kind"], &written["spec"]["replicas"]), (&json!("Scale"), &json!(5)));
    assert!(revision(&written) > revision(&scale));
    // Somebody scaled meanwhile: who read before that is told to read again.
    let answer = server.put(SCALE, &scale).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")));
    assert_eq!(server.get(&at(FLEETS, "a")).await.ok()["spec"]["replicas"], 5);
}
