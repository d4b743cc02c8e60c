//! `DELETE` of one object.

use crate::{WIDGETS, at, revision, widget, with_widgets};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

fn held(name: &str, finalizers: &Value) -> Value {
    let mut widget = widget(name);
    widget["metadata"]["finalizers"] = finalizers.clone();
    widget
}

fn options(fields: Value) -> Value {
    let mut options = fields;
    options["kind"] = json!("DeleteOptions");
    options["apiVersion"] = json!("v1");
    options
}

#[tokio::test(start_paused = true)]
async fn del_1_options_come_in_any_version_as_upstream_reads_them() {
    for version in ["v1", "meta.k8s.io/v1", "toys.example.com/v1", "apps/v1"] {
        let server = with_widgets(&["a"]).await;
        let options = json!({"kind": "DeleteOptions", "apiVersion": version, "dryRun": ["All"]});
        server.delete(&at(WIDGETS, "a")).json(&options).await.ok();
        assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 200, "{version}");
    }
    let server = with_widgets(&["a"]).await;
    let foreign = json!({"kind": "Widget", "apiVersion": "v1"});
    assert_eq!(server.delete(&at(WIDGETS, "a")).json(&foreign).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn del_1_with_a_body_the_query_is_ignored() {
    let server = with_widgets(&["a"]).await;
    server.delete(&at(WIDGETS, "a?dryRun=All")).json(&options(json!({}))).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn del_2_options_that_contradict_are_422() {
    let server = with_widgets(&["a"]).await;
    let both = options(json!({"orphanDependents": true, "propagationPolicy": "Orphan"}));
    let answer = server.delete(&at(WIDGETS, "a")).json(&both).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("orphanDependents and deletionPropagation cannot be both set"), "{}", answer.text());
    let answer = server.delete(&at(WIDGETS, "a?propagationPolicy=Later")).await;
    let text = "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Later\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
    answer.refused(422, "Invalid", text);
    let text =
        "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\"";
    server.delete(&at(WIDGETS, "a?dryRun=x")).await.refused(422, "Invalid", text);
    server.get(&at(WIDGETS, "a")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn del_3_preconditions_that_fail_are_409_and_name_the_kind() {
    let server = with_widgets(&["a"]).await;
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    let (uid, version) =
        (live["metadata"]["uid"].as_str().unwrap(), live["metadata"]["resourceVersion"].as_str().unwrap());
    let text = format!(
        "Operation cannot be fulfilled on Widget.toys.example.com \"a\": the UID in the precondition (u) does not match the UID in record ({uid}). The object might have been deleted and then recreated"
    );
    let body = options(json!({"preconditions": {"uid": "u"}}));
    server.delete(&at(WIDGETS, "a")).json(&body).await.refused(409, "Conflict", &text);
    let text = format!(
        "Operation cannot be fulfilled on Widget.toys.example.com \"a\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record ({version}). The object might have been modified"
    );
    let body = options(json!({"preconditions": {"resourceVersion": "1"}}));
    server.delete(&at(WIDGETS, "a")).json(&body).await.refused(409, "Conflict", &text);
    let body = options(json!({"preconditions": {"uid": uid, "resourceVersion": version}}));
    server.delete(&at(WIDGETS, "a")).json(&body).await.ok();
}

#[tokio::test(start_paused = true)]
async fn del_5_the_policy_decides_the_collectors_finalizers() {
    let cases = [
        (json!({"propagationPolicy": "Orphan"}), json!([]), json!(["orphan"])),
        (json!({"propagationPolicy": "Foreground"}), json!([]), json!(["foregroundDeletion"])),
        (
            json!({"propagationPolicy": "Foreground"}),
            json!(["x.example.com/y", "orphan"]),
            json!(["x.example.com/y", "foregroundDeletion"]),
        ),
        (json!({"propagationPolicy": "Background"}), json!(["x.example.com/y", "orphan"]), json!(["x.example.com/y"])),
        (json!({"orphanDependents": true}), json!([]), json!(["orphan"])),
        (json!({"orphanDependents": false}), json!(["x.example.com/y", "orphan"]), json!(["x.example.com/y"])),
        (json!({}), json!(["foregroundDeletion"]), json!(["foregroundDeletion"])),
    ];
    for (policy, before, after) in cases {
        let server = TestServer::new();
        server.made(WIDGETS, &held("a", &before)).await;
        let answer = server.delete(&at(WIDGETS, "a")).json(&options(policy.clone())).await.ok();
        assert_eq!(answer["metadata"]["finalizers"], after, "{policy} {before}");
    }
}

#[tokio::test(start_paused = true)]
async fn del_7_finalizers_keep_the_object_marked() {
    let server = TestServer::new();
    let before = server.made(WIDGETS, &held("a", &json!(["x.example.com/y"]))).await;
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", revision(&before))).await;
    server.clock.advance(60);
    let answer = server.delete(&at(WIDGETS, "a")).await;
    assert_eq!(answer.status, 200);
    let marked = answer.json();
    let metadata = &marked["metadata"];
    assert_eq!(metadata["deletionTimestamp"], "2026-01-02T03:05:05Z");
    assert_eq!((&metadata["deletionGracePeriodSeconds"], &metadata["generation"]), (&json!(0), &json!(2)));
    assert!(revision(&marked) > revision(&before));
    let event = events.next().await;
    assert_eq!((&event["type"], &event["object"]), (&json!("MODIFIED"), &marked));
    assert_eq!(server.get(&at(WIDGETS, "a")).await.ok(), marked);
}

#[tokio::test(start_paused = true)]
async fn del_7_only_not_orphaning_explicitly_is_202() {
    let server = TestServer::new();
    server.made(WIDGETS, &held("a", &json!(["x.example.com/y"]))).await;
    let body = options(json!({"orphanDependents": false}));
    assert_eq!(server.delete(&at(WIDGETS, "a")).json(&body).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn del_8_a_second_deletion_may_change_finalizers_and_never_the_time() {
    let server = TestServer::new();
    server.made(WIDGETS, &held("a", &json!(["x.example.com/y"]))).await;
    let first = server.delete(&at(WIDGETS, "a")).await.ok();
    server.clock.advance(100);
    let second = server.delete(&at(WIDGETS, "a")).await;
    assert_eq!((second.status, second.json()), (200, first.clone()), "nothing changed, nothing is written");
    let third = server.delete(&at(WIDGETS, "a?propagationPolicy=Foreground")).await.ok();
    assert_eq!(third["metadata"]["finalizers"], json!(["x.example.com/y", "foregroundDeletion"]));
    assert_eq!(third["metadata"]["deletionTimestamp"], first["metadata"]["deletionTimestamp"]);
    assert_eq!(third["metadata"]["generation"], first["metadata"]["generation"]);
}

#[tokio::test(start_paused = true)]
async fn del_8_a_second_deletion_can_be_the_last() {
    let server = TestServer::new();
    server.made(WIDGETS, &held("a", &json!(["orphan"]))).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let answer = server.delete(&at(WIDGETS, "a?propagationPolicy=Background")).await.ok();
    assert_eq!(answer["status"], "Success");
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn del_9_a_removal_answers_a_status_without_a_code() {
    let server = with_widgets(&["a"]).await;
    let uid = server.get(&at(WIDGETS, "a")).await.ok()["metadata"]["uid"].clone();
    let answer = server.delete(&at(WIDGETS, "a")).await;
    assert_eq!(answer.status, 200);
    let expected = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": "a", "group": "toys.example.com", "kind": "widgets", "uid": uid},
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test(start_paused = true)]
async fn del_10_a_missing_object_is_404_whatever_the_preconditions() {
    let server = TestServer::new();
    let text = "widgets.toys.example.com \"a\" not found";
    server.delete(&at(WIDGETS, "a")).await.refused(404, "NotFound", text);
    let body = options(json!({"preconditions": {"uid": "u"}}));
    server.delete(&at(WIDGETS, "a")).json(&body).await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn del_11_a_deletion_has_a_revision_of_its_own_and_a_new_object_another_uid() {
    let server = with_widgets(&["a"]).await;
    let before = server.get(&at(WIDGETS, "a")).await.ok();
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", revision(&before))).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let gone = events.next().await;
    assert_eq!(gone["type"], "DELETED");
    assert_eq!(gone["object"]["spec"], before["spec"], "w_11: the last state");
    assert!(revision(&gone["object"]) > revision(&before));
    let again = server.made(WIDGETS, &widget("a")).await;
    assert!(revision(&again) > revision(&gone["object"]));
    assert_ne!(again["metadata"]["uid"], before["metadata"]["uid"]);
}

#[tokio::test(start_paused = true)]
async fn del_12_a_dry_run_deletes_nothing() {
    let server = with_widgets(&["a"]).await;
    server.made(WIDGETS, &held("b", &json!(["x.example.com/y"]))).await;
    let before = (server.get(&at(WIDGETS, "a")).await.ok(), server.get(&at(WIDGETS, "b")).await.ok());
    assert_eq!(server.delete(&at(WIDGETS, "a?dryRun=All")).await.ok()["status"], "Success");
    let marked = server.delete(&at(WIDGETS, "b?dryRun=All")).await.ok();
    assert!(marked["metadata"]["deletionTimestamp"].is_string());
    assert_eq!((server.get(&at(WIDGETS, "a")).await.ok(), server.get(&at(WIDGETS, "b")).await.ok()), before);
    let body = options(json!({"dryRun": ["All"], "preconditions": {"uid": "u"}}));
    assert_eq!(server.delete(&at(WIDGETS, "a")).json(&body).await.status, 409);
}

#[tokio::test(start_paused = true)]
async fn del_1_a_body_that_cannot_be_read_is_refused() {
    let server = with_widgets(&["a"]).await;
    assert_eq!(server.delete(&at(WIDGETS, "a")).body("application/json", "{").await.status, 400);
    assert_eq!(server.delete(&at(WIDGETS, "a")).body("text/plain", "{}").await.status, 415);
    let wrong = json!({"kind": "Widget", "apiVersion": "toys.example.com/v1"});
    assert_eq!(server.delete(&at(WIDGETS, "a")).json(&wrong).await.status, 400);
    server.get(&at(WIDGETS, "a")).await.ok();
    server.delete(&at(WIDGETS, "a")).body("application/yaml", "kind: DeleteOptions\napiVersion: v1\n").await.ok();
}

#[tokio::test(start_paused = true)]
async fn cn_11_an_object_that_waits_is_transformed_and_a_status_is_not() {
    let server = with_widgets(&["a"]).await;
    server.made(WIDGETS, &held("b", &json!(["x.example.com/y"]))).await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    assert_eq!(server.delete(&at(WIDGETS, "a")).accept(table).await.ok()["kind"], "Status");
    assert_eq!(server.delete(&at(WIDGETS, "b")).accept(table).await.ok()["kind"], "Table");
}

const UNREAD: &str = "ignoreStoreReadErrorWithClusterBreakingPotential=true";

/// A server one of whose widgets, `bad`, is no JSON.
async fn with_a_bad_one(may: bool) -> (TestServer, std::sync::Arc<kube_annex_storage::memory::Memory>) {
    use kube_annex_runtime::authz::Decision;
    use kube_annex_storage::{Prefix, Storage as _};
    let storage = std::sync::Arc::new(kube_annex_storage::memory::Memory::new());
    let server = TestServer::builder()
        .storage(storage.clone())
        .authorize(move |_, info| match info.verb.as_str() {
            "unsafe-delete-ignore-read-errors" if !may => Decision::NoOpinion("no rule".to_owned()),
            _ => Decision::Allow,
        })
        .build();
    server.made(WIDGETS, &widget("good")).await;
    let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("bad");
    storage.create(&key, "no json".into()).await.expect("a key that is free");
    (server, storage)
}

#[tokio::test(start_paused = true)]
async fn del_14_what_cannot_be_read_is_removed_by_who_may_and_lists_are_whole_again() {
    let (server, _) = with_a_bad_one(true).await;
    assert_eq!(server.get(WIDGETS).await.status, 500);
    assert_eq!(server.delete(&at(WIDGETS, "bad")).await.status, 500, "not in the usual way");
    let path = at(WIDGETS, &format!("bad?{UNREAD}"));
    let dry = server.delete(&format!("{path}&dryRun=All")).await.ok();
    assert_eq!(server.get(WIDGETS).await.status, 500, "a dry run removes nothing");
    let status = server.delete(&path).await.ok();
    assert_eq!(status, dry);
    let details = json!({"name": "bad", "kind": "Widget"});
    assert_eq!(
        (&status["kind"], &status["status"], &status["details"]),
        (&json!("Status"), &json!("Success"), &details)
    );
    assert_eq!(status["code"], 200);
    assert_eq!(crate::names(&server.get(WIDGETS).await.ok()), ["good"]);
    assert_eq!(server.delete(&path).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn del_14_what_can_be_read_is_not_removed_in_that_way() {
    let (server, _) = with_a_bad_one(true).await;
    let text = "Operation cannot be fulfilled on widgets.toys.example.com \"good\": StorageError: invalid object, Code: 4, Key: toys.example.com/widgets/default/good, ResourceVersion: 0, AdditionalErrorMsg: unsafe deletion is not allowed because the object is decodable from storage";
    server.delete(&at(WIDGETS, &format!("good?{UNREAD}"))).await.refused(409, "Conflict", text);
    server.get(&at(WIDGETS, "good")).await.ok();
    let collection = server.delete(&format!("{WIDGETS}?{UNREAD}")).await;
    assert_eq!(collection.status, 422, "{}", collection.text());
    let gauge = server.delete(&format!("/apis/toys.example.com/v1/tickets/a?{UNREAD}")).await;
    assert!(gauge.status >= 400, "{}", gauge.text());
}

#[tokio::test(start_paused = true)]
async fn del_14_who_may_delete_may_not_yet_delete_what_cannot_be_read() {
    let (server, _) = with_a_bad_one(false).await;
    let text = "widgets.toys.example.com \"bad\" is forbidden: not permitted to do \"unsafe-delete-ignore-read-errors\", reason: no rule";
    server.delete(&at(WIDGETS, &format!("bad?{UNREAD}"))).await.refused(403, "Forbidden", text);
    assert_eq!(server.get(WIDGETS).await.status, 500, "it is still there");
}
