//! The status subresource.

use crate::{SHELVES, WIDGETS, at, revision, shelf, sized, with_widgets};
use http::Method;
use serde_json::json;

const STATUS: &str = "a/status";

#[tokio::test(start_paused = true)]
async fn sub_1_the_status_is_read_and_written_as_the_same_kind() {
    let server = with_widgets(&["a"]).await;
    let path = at(WIDGETS, STATUS);
    let mut object = server.get(&path).await.ok();
    assert_eq!(object, server.get(&at(WIDGETS, "a")).await.ok());
    object["status"] = json!({"phase": "on"});
    let answer = server.put(&path, &object).await.ok();
    assert_eq!((&answer["kind"], &answer["status"]), (&json!("Widget"), &json!({"phase": "on"})));
    let answer = server.merge(&path, &json!({"status": {"phase": "off"}})).await.ok();
    assert_eq!(answer["status"], json!({"phase": "off"}));
    let operations = json!([{"op": "replace", "path": "/status/phase", "value": "mid"}]);
    let answer = server.patch(&path, "application/json-patch+json", &operations).await.ok();
    assert_eq!(answer["status"], json!({"phase": "mid"}));
    assert_eq!(server.get(&path).await.ok(), answer);
}

#[tokio::test(start_paused = true)]
async fn sub_1_a_status_is_neither_made_nor_deleted() {
    let server = with_widgets(&["a"]).await;
    let text = "the server does not allow this method on the requested resource";
    for method in [Method::POST, Method::DELETE] {
        server.ask(method, &at(WIDGETS, STATUS)).await.refused(405, "MethodNotAllowed", text);
    }
}

#[tokio::test(start_paused = true)]
async fn sub_1_the_status_of_a_missing_object_is_404() {
    let server = with_widgets(&["a"]).await;
    let text = "widgets.toys.example.com \"b\" not found";
    let path = at(WIDGETS, "b/status");
    server.get(&path).await.refused(404, "NotFound", text);
    server.put(&path, &sized("b", 1)).await.refused(404, "NotFound", text);
    server.merge(&path, &json!({})).await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn sub_1_a_subresource_that_is_not_declared_is_404() {
    let server = with_widgets(&["a"]).await;
    server.made(SHELVES, &shelf("a")).await;
    let text = "the server could not find the requested resource";
    for path in [at(SHELVES, STATUS), at(WIDGETS, "a/scale"), at(WIDGETS, "a/status/more")] {
        server.get(&path).await.refused(404, "NotFound", text);
    }
}

#[tokio::test(start_paused = true)]
async fn sub_2_writing_the_status_changes_nothing_else() {
    let server = with_widgets(&["a"]).await;
    let before = server.get(&at(WIDGETS, "a")).await.ok();
    let mut body = sized("a", 99);
    body["metadata"]["labels"] = json!({"x": "y"});
    body["metadata"]["finalizers"] = json!(["x.example.com/y"]);
    body["status"] = json!({"phase": "on"});
    let answer = server.put(&at(WIDGETS, STATUS), &body).await.ok();
    assert_eq!((&answer["spec"], &answer["status"]), (&before["spec"], &json!({"phase": "on"})));
    for field in ["labels", "finalizers", "generation", "uid"] {
        assert_eq!(answer["metadata"].get(field), before["metadata"].get(field), "{field}");
    }
    assert!(revision(&answer) > revision(&before));
}

#[tokio::test(start_paused = true)]
async fn u_11_writing_the_object_does_not_change_its_status() {
    let server = with_widgets(&["a"]).await;
    server.merge(&at(WIDGETS, STATUS), &json!({"status": {"phase": "on"}})).await.ok();
    let mut body = sized("a", 2);
    body["status"] = json!({"phase": "off"});
    assert_eq!(server.put(&at(WIDGETS, "a"), &body).await.ok()["status"], json!({"phase": "on"}));
    body.as_object_mut().unwrap().remove("status");
    assert_eq!(server.put(&at(WIDGETS, "a"), &body).await.ok()["status"], json!({"phase": "on"}));
    let patch = json!({"status": {"phase": "off"}, "spec": {"size": 4}});
    let answer = server.merge(&at(WIDGETS, "a"), &patch).await.ok();
    assert_eq!((&answer["status"], &answer["spec"]["size"]), (&json!({"phase": "on"}), &json!(4)));
}

#[tokio::test(start_paused = true)]
async fn u_5_a_stale_version_is_409_for_the_status_too() {
    let server = with_widgets(&["a"]).await;
    let mut stale = server.get(&at(WIDGETS, "a")).await.ok();
    server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).await.ok();
    stale["status"] = json!({"phase": "on"});
    let text = "Operation cannot be fulfilled on widgets.toys.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";
    server.put(&at(WIDGETS, STATUS), &stale).await.refused(409, "Conflict", text);
    let patch =
        json!({"metadata": {"resourceVersion": stale["metadata"]["resourceVersion"]}, "status": {"phase": "x"}});
    server.merge(&at(WIDGETS, STATUS), &patch).await.refused(409, "Conflict", text);
}

#[tokio::test(start_paused = true)]
async fn u_2_the_name_must_be_that_of_the_url_for_the_status_too() {
    let server = with_widgets(&["a"]).await;
    let text = "the name of the object (b) does not match the name on the URL (a)";
    server.put(&at(WIDGETS, STATUS), &sized("b", 1)).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn u_4_a_uid_is_a_precondition_of_the_status_too() {
    let server = with_widgets(&["a"]).await;
    let mut body = sized("a", 1);
    body["metadata"]["uid"] = json!("other");
    let answer = server.put(&at(WIDGETS, STATUS), &body).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn sub_2_a_status_of_the_wrong_type_is_refused() {
    let server = with_widgets(&["a"]).await;
    let mut body = sized("a", 1);
    body["status"] = json!({"phase": 3});
    assert_eq!(server.put(&at(WIDGETS, STATUS), &body).await.status, 400);
    assert_eq!(server.merge(&at(WIDGETS, STATUS), &json!({"status": {"phase": 3}})).await.status, 422);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_changes_no_status() {
    let server = with_widgets(&["a"]).await;
    let path = at(WIDGETS, "a/status?dryRun=All");
    assert_eq!(server.merge(&path, &json!({"status": {"phase": "on"}})).await.ok()["status"], json!({"phase": "on"}));
    assert!(server.get(&at(WIDGETS, "a")).await.ok().get("status").is_none());
}

#[tokio::test(start_paused = true)]
async fn az_the_subresource_is_what_is_asked_about() {
    let server = with_widgets(&["a"]).await;
    server.merge(&at(WIDGETS, STATUS), &json!({"status": {}})).await.ok();
    let (_, info) = server.asked().pop().unwrap();
    assert_eq!((info.verb.as_str(), info.subresource.as_str(), info.name.as_str()), ("patch", "status", "a"));
}
