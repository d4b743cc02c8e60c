//! Strategic merge patches of an object.

use crate::fleets::{FLEETS, manned, with_fleet};
use crate::{SHELVES, at, revision, shelf};
use http::Method;
use kube_annex_testkit::TestServer;
use kube_annex_testkit::server::Answer;
use serde_json::{Value, json};

const STRATEGIC: &str = "application/strategic-merge-patch+json";

async fn patched(server: &TestServer, query: &str, patch: &Value) -> Answer {
    server.patch(&at(FLEETS, &format!("a{query}")), STRATEGIC, patch).await
}

#[tokio::test(start_paused = true)]
async fn p_11_lists_are_merged_as_their_type_says() {
    let server = with_fleet(&manned(3)).await;
    let patch = json!({"spec": {
        "crew": [{"name": "bob", "rank": "mate"}, {"name": "cy"}],
        "harbours": ["riga"],
        "cargo": ["rum"],
        "notes": {"k": null, "l": "w"},
    }});
    let spec = patched(&server, "", &patch).await.ok()["spec"].clone();
    assert_eq!(
        spec,
        json!({
            "replicas": 3,
            "crew": [{"name": "ann", "rank": "captain"}, {"name": "bob", "rank": "mate"}, {"name": "cy"}],
            "harbours": ["riga", "kiel", "oslo"],
            "cargo": ["rum"],
            "notes": {"l": "w"},
        })
    );
}

#[tokio::test(start_paused = true)]
async fn p_11_directives_delete_replace_and_order() {
    let server = with_fleet(&manned(3)).await;
    let patch = json!({"spec": {
        "crew": [{"name": "ann", "$patch": "delete"}],
        "$deleteFromPrimitiveList/harbours": ["kiel"],
        "notes": {"$patch": "replace", "new": "x"},
    }});
    let spec = patched(&server, "", &patch).await.ok()["spec"].clone();
    let expected = json!({"replicas": 3, "crew": [{"name": "bob"}], "harbours": ["oslo"], "cargo": ["tea"], "notes": {"new": "x"}});
    assert_eq!(spec, expected);
    let patch = json!({"spec": {"$setElementOrder/crew": [{"name": "cy"}, {"name": "bob"}], "crew": [{"name": "cy"}], "$retainKeys": ["crew"]}});
    assert_eq!(patched(&server, "", &patch).await.ok()["spec"], json!({"crew": [{"name": "cy"}, {"name": "bob"}]}));
}

#[tokio::test(start_paused = true)]
async fn p_11_finalizers_and_owners_are_merged() {
    let server = with_fleet(&manned(3)).await;
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": uid, "uid": uid});
    for (finalizer, uid) in [("x.example.com/1", "u1"), ("x.example.com/2", "u2")] {
        let patch = json!({"metadata": {"finalizers": [finalizer], "ownerReferences": [owner(uid)]}});
        patched(&server, "", &patch).await.ok();
    }
    let metadata = server.get(&at(FLEETS, "a")).await.ok()["metadata"].clone();
    assert_eq!(metadata["finalizers"], json!(["x.example.com/2", "x.example.com/1"]));
    assert_eq!(metadata["ownerReferences"], json!([owner("u2"), owner("u1")]));
    let patch = json!({"metadata": {"ownerReferences": [{"$patch": "delete", "uid": "u1"}]}});
    assert_eq!(patched(&server, "", &patch).await.ok()["metadata"]["ownerReferences"], json!([owner("u2")]));
}

#[tokio::test(start_paused = true)]
async fn p_11_errors_are_400_422_or_500_as_upstreams() {
    let server = with_fleet(&manned(3)).await;
    let text = "invalid patch format of retainKeys";
    let patch = json!({"spec": {"$retainKeys": ["crew"], "cargo": []}});
    patched(&server, "", &patch).await.refused(400, "BadRequest", text);
    let patch = json!({"spec": {"crew": [{"rank": "mate"}]}});
    let answer = patched(&server, "", &patch).await;
    let status = answer.json();
    assert_eq!((answer.status, status.get("reason")), (500, None), "{status}");
    assert_eq!(status["message"], "map: map[rank:mate] does not contain declared merge key: name");
    for body in ["[]", "\"text\""] {
        let answer = server.ask(Method::PATCH, &at(FLEETS, "a")).body(STRATEGIC, body).await;
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")), "{body}");
    }
    let answer = server.ask(Method::PATCH, &at(FLEETS, "b")).body(STRATEGIC, "no json").await;
    answer.refused(400, "BadRequest", "invalid JSON patch");
}

#[tokio::test(start_paused = true)]
async fn p_11_kind_and_version_in_the_patch_mean_nothing() {
    let server = with_fleet(&manned(3)).await;
    let patch = json!({"kind": "Other", "apiVersion": "x/v9", "spec": {"replicas": 4}});
    let answer = patched(&server, "", &patch).await.ok();
    assert_eq!((&answer["kind"], &answer["spec"]["replicas"]), (&json!("Fleet"), &json!(4)));
}

#[tokio::test(start_paused = true)]
async fn fv_5_unknown_and_repeated_fields_are_told() {
    let server = with_fleet(&manned(3)).await;
    let ask = |query: &str| {
        let body = r#"{"spec":{"replicas":1,"replicas":2,"foo":1}}"#;
        server.ask(Method::PATCH, &at(FLEETS, &format!("a{query}"))).body(STRATEGIC, body)
    };
    let answer = ask("?fieldValidation=Strict").await;
    let text = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(
        answer.status == 422
            && text.ends_with("strict decoding error: duplicate field \"spec.replicas\", unknown field \"spec.foo\""),
        "{text}"
    );
    let warnings = ask("").await.warnings();
    assert_eq!(
        warnings,
        ["299 - \"duplicate field \\\"spec.replicas\\\"\"", "299 - \"unknown field \\\"spec.foo\\\"\""]
    );
    assert!(ask("?fieldValidation=Ignore").await.warnings().is_empty());
}

#[tokio::test(start_paused = true)]
async fn p_13_a_strategic_merge_that_changes_nothing_writes_nothing() {
    let server = with_fleet(&manned(3)).await;
    let before = server.get(&at(FLEETS, "a")).await.ok();
    let same = json!({"spec": {"crew": [{"name": "ann"}], "harbours": ["kiel", "oslo"]}});
    for patch in [json!({}), same] {
        assert_eq!(revision(&patched(&server, "", &patch).await.ok()), revision(&before));
    }
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}});
    assert_eq!(patched(&server, "", &stale).await.status, 409, "p_6");
}

#[tokio::test(start_paused = true)]
async fn p_11_a_status_is_merged_through_its_own_path() {
    let server = with_fleet(&manned(3)).await;
    let patch = json!({"spec": {"replicas": 9}, "status": {"replicas": 1}});
    let answer = server.patch(&at(FLEETS, "a/status"), STRATEGIC, &patch).await.ok();
    assert_eq!((&answer["spec"]["replicas"], &answer["status"]["replicas"]), (&json!(3), &json!(1)));
    let plain = TestServer::new();
    plain.made(SHELVES, &shelf("a")).await;
    let answer = plain.patch(&at(SHELVES, "a"), STRATEGIC, &json!({"things": ["vase"]})).await.ok();
    assert_eq!(answer["things"], json!(["vase"]));
}
