//! One resource in two versions: the hub, and the spoke that is stored.

use crate::{OLD_WIDGETS, WIDGETS, at, revision, sized};
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Prefix, Storage as _};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};
use std::sync::Arc;

fn wide(name: &str, width: i64) -> Value {
    json!({"apiVersion": "toys.example.com/v1beta1", "kind": "Widget", "metadata": {"name": name}, "spec": {"width": width}})
}

#[tokio::test(start_paused = true)]
async fn sr_7_an_object_is_the_same_in_every_version() {
    let server = TestServer::new();
    let old = server.made(OLD_WIDGETS, &wide("a", 4)).await;
    let new = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!(old["metadata"], new["metadata"]);
    assert_eq!((&old["spec"]["width"], &new["spec"]["size"]), (&json!(4), &json!(4)));
    assert_eq!(
        (&old["apiVersion"], &new["apiVersion"]),
        (&json!("toys.example.com/v1beta1"), &json!("toys.example.com/v1"))
    );
}

#[tokio::test(start_paused = true)]
async fn sr_17_objects_are_stored_in_one_version() {
    let storage = Arc::new(Memory::new());
    let server = TestServer::builder().storage(storage.clone()).build();
    server.made(WIDGETS, &sized("a", 4)).await;
    let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("a");
    let stored: Value = serde_json::from_slice(&storage.get(&key).await.unwrap().unwrap().value).unwrap();
    assert_eq!((&stored["apiVersion"], &stored["spec"]["width"]), (&json!("toys.example.com/v1beta1"), &json!(4)));
    assert!(stored["metadata"].get("resourceVersion").is_none());
}

#[tokio::test(start_paused = true)]
async fn sr_17_a_stored_object_that_lacks_defaults_is_read_with_them() {
    let storage = Arc::new(Memory::new());
    let server = TestServer::builder().storage(storage.clone()).build();
    let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("a");
    let bare = br#"{"kind":"Widget","apiVersion":"toys.example.com/v1beta1","metadata":{"name":"a","namespace":"default","uid":"u"},"spec":{"width":4}}"#;
    let written = storage.create(&key, bare.as_slice().into()).await.unwrap();
    let read = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!((&read["spec"]["color"], revision(&read)), (&json!("grey"), written.0));
}

/// The storage version was another one when the object was written.
#[tokio::test(start_paused = true)]
async fn sr_17_x_21_an_object_of_an_earlier_storage_version_is_served_and_rewritten_by_an_update_of_nothing() {
    for stored in [
        r#"{"kind":"Widget","apiVersion":"toys.example.com/v1","metadata":{"name":"a","namespace":"default","uid":"u"},"spec":{"size":4}}"#,
        r#"{"apiVersion": "toys.example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "default", "uid": "u"}, "spec": {"size": 4}}"#,
    ] {
        let storage = Arc::new(Memory::new());
        let server = TestServer::builder().storage(storage.clone()).build();
        let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("a");
        let written = storage.create(&key, stored.into()).await.unwrap();
        let new = server.get(&at(WIDGETS, "a")).await.ok();
        let old = server.get(&at(OLD_WIDGETS, "a")).await.ok();
        assert_eq!((&new["spec"]["size"], revision(&new)), (&json!(4), written.0));
        assert_eq!((&old["spec"]["width"], &old["apiVersion"]), (&json!(4), &json!("toys.example.com/v1beta1")));
        let listed = server.get(OLD_WIDGETS).await.ok();
        assert_eq!(listed["items"][0]["spec"]["width"], 4, "{listed}");

        let same = server.put(&at(WIDGETS, "a"), &new).await.ok();
        assert!(revision(&same) > written.0, "it is a write");
        let kept: Value = serde_json::from_slice(&storage.get(&key).await.unwrap().unwrap().value).unwrap();
        assert_eq!((&kept["apiVersion"], &kept["spec"]["width"]), (&json!("toys.example.com/v1beta1"), &json!(4)));
        let again = server.put(&at(WIDGETS, "a"), &same).await.ok();
        assert_eq!(revision(&again), revision(&same), "and then there is nothing to write");
    }
}

#[tokio::test(start_paused = true)]
async fn u_8_the_rules_of_the_hub_hold_in_every_version() {
    let server = TestServer::new();
    server.made(OLD_WIDGETS, &wide("a", 4)).await;
    let answer = server.put(&at(OLD_WIDGETS, "a"), &wide("a", -4)).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    let answer = server.merge(&at(OLD_WIDGETS, "a"), &json!({"spec": {"color": "red"}})).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn u_10_no_difference_is_no_write_in_every_version() {
    let server = TestServer::new();
    let created = server.made(WIDGETS, &sized("a", 4)).await;
    let old = server.get(&at(OLD_WIDGETS, "a")).await.ok();
    assert_eq!(revision(&server.put(&at(OLD_WIDGETS, "a"), &old).await.ok()), revision(&created));
}

#[tokio::test(start_paused = true)]
async fn sub_1_the_status_is_served_in_every_version() {
    let server = TestServer::new();
    server.made(WIDGETS, &sized("a", 4)).await;
    let answer = server.merge(&at(OLD_WIDGETS, "a/status"), &json!({"status": {"phase": "on"}})).await.ok();
    assert_eq!(answer["apiVersion"], "toys.example.com/v1beta1");
    assert_eq!(server.get(&at(WIDGETS, "a")).await.ok()["status"], json!({"phase": "on"}));
}

#[tokio::test(start_paused = true)]
async fn om_3_canonical_forms_are_what_is_stored() {
    let server = TestServer::new();
    let mut body = sized("a", 4);
    body["spec"]["parts"] = json!([{"name": "z"}, {"name": "b"}]);
    let created = server.made(WIDGETS, &body).await;
    assert_eq!(created["spec"]["parts"], json!([{"name": "b"}, {"name": "z"}]));
    assert_eq!(revision(&server.put(&at(WIDGETS, "a"), &body).await.ok()), revision(&created), "u_10");
}
