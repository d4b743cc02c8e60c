//! The type that declares everything, through the whole pipeline: what custom resources answer, it answers.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use kube_annex_runtime::Registration;
use kube_annex_server::resources::gadget::Gadget;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const GADGETS: &str = "/apis/rich.example.com/v1/namespaces/default/gadgets";

fn server() -> TestServer {
    TestServer::builder().with(|builder| builder.register(Registration::stored::<Gadget>())).build()
}

fn gadget(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "rich.example.com/v1", "kind": "Gadget", "metadata": {"name": name}, "spec": spec})
}

fn at(name: &str) -> String {
    format!("{GADGETS}/{name}")
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect()
}

fn causes(status: &Value) -> Vec<(&str, &str)> {
    let causes = status["details"]["causes"].as_array().unwrap();
    causes.iter().map(|cause| (cause["reason"].as_str().unwrap(), cause["field"].as_str().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn c_10_every_violation_is_told_at_once_with_422() {
    let server = server();
    let spec = json!({
        "color": "pink", "replicas": 1001, "nickname": "A",
        "ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}, {"protocol": "UDP"}],
    });
    let answer = server.post(GADGETS, &gadget("a", &spec)).await;
    let message = concat!(
        r#"Gadget.rich.example.com "a" is invalid: [spec.color: Unsupported value: "pink": supported values: "red", "green", "blue", "#,
        r#"spec.nickname: Invalid value: "A": spec.nickname in body should be at least 2 chars long, "#,
        r#"spec.ports[2].port: Required value, "#,
        r#"spec.replicas: Invalid value: 1001: spec.replicas in body should be less than or equal to 1000, "#,
        r#"spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}]"#,
    );
    let status = answer.refused(422, "Invalid", message);
    let expected = [
        ("FieldValueNotSupported", "spec.color"),
        ("FieldValueInvalid", "spec.nickname"),
        ("FieldValueRequired", "spec.ports[2].port"),
        ("FieldValueInvalid", "spec.replicas"),
        ("FieldValueDuplicate", "spec.ports[1]"),
    ];
    assert_eq!(causes(&status), expected);
    let text = r#"Gadget.rich.example.com "a" is invalid: spec: Required value"#;
    let mut without = gadget("a", &json!({}));
    without.as_object_mut().unwrap().remove("spec");
    server.post(GADGETS, &without).await.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn om_3_what_metadata_violates_is_told_before_what_the_content_does() {
    let server = server();
    let mut wrong = gadget("Upper", &json!({"color": "pink"}));
    wrong["metadata"]["labels"] = json!({"-": "x"});
    let status = server.post(GADGETS, &wrong).await.json();
    let fields = |status: &Value| causes(status).iter().map(|(_, field)| (*field).to_owned()).collect::<Vec<_>>();
    assert_eq!(fields(&status), ["metadata.name", "metadata.labels", "spec.color"]);
    let unnamed = json!({"generateName": "Upper-"});
    wrong["metadata"] = unnamed;
    let status = server.post(GADGETS, &wrong).await.json();
    assert!(status["details"]["name"].as_str().unwrap().starts_with("Upper-"), "{status}");

    server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let status = server.merge(&at("a"), &json!({"metadata": {"labels": {"-": "x"}}, "spec": {"color": "pink"}})).await;
    // Upstream judges changed metadata more than once.
    let told = fields(&status.json());
    assert_eq!((told.first().unwrap().as_str(), told.last().unwrap().as_str()), ("metadata.labels", "spec.color"));
    // A write to the status leaves labels alone.
    let status =
        json!({"metadata": {"labels": {"-": "x"}}, "status": {"conditions": [{"type": "Ready", "status": "Perhaps"}]}});
    let status = server.merge(&format!("{}/status", at("a")), &status).await.json();
    assert!(fields(&status).iter().all(|field| field.starts_with("status")), "{status}");
    let elsewhere = json!({"metadata": {"name": "b"}, "spec": {"color": "pink"}});
    assert_eq!(server.merge(&at("a"), &elsewhere).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn fv_1_another_json_type_is_400_whatever_is_violated_besides() {
    let server = server();
    let spec = json!({"color": "pink", "replicas": "3"});
    let text = "Gadget in version \"v1\" cannot be handled as a Gadget: spec.replicas: expected a whole number, found a string";
    server.post(GADGETS, &gadget("a", &spec)).await.refused(400, "BadRequest", text);
    let text =
        "Gadget in version \"v1\" cannot be handled as a Gadget: spec.anything: expected an object, found a list";
    server.post(GADGETS, &gadget("a", &json!({"color": "red", "anything": []}))).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn c_6_defaults_come_and_nulls_that_are_no_values_go() {
    let server = server();
    let spec = json!({"color": "red", "note": null, "nickname": null, "mode": null, "ports": [{"port": 80}], "parts": [{"name": "p"}]});
    let made = server.made(GADGETS, &gadget("a", &spec)).await;
    let expected = json!({
        "color": "red", "mode": "Auto", "replicas": 1, "enabled": true, "note": null,
        "ports": [{"port": 80, "protocol": "TCP"}], "parts": [{"name": "p", "weight": 10}],
    });
    assert_eq!(made["spec"], expected);
    assert_eq!(server.get(&at("a")).await.ok()["spec"], expected);
}

#[tokio::test(start_paused = true)]
async fn fv_4_a_strict_client_hears_of_unknown_fields_before_violations() {
    let server = server();
    let object = gadget("a", &json!({"color": "pink", "bogus": 1}));
    let answer = server.post(&format!("{GADGETS}?fieldValidation=Strict"), &object).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let answer = server.post(&format!("{GADGETS}?fieldValidation=Warn"), &object).await;
    assert_eq!((answer.status, answer.warnings()), (422, vec![r#"299 - "unknown field \"spec.bogus\"""#.to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn u_9_the_generation_counts_desired_states() {
    let server = server();
    let made = server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    assert_eq!(made["metadata"]["generation"], 1);
    let blue = server.merge(&at("a"), &json!({"spec": {"color": "blue"}})).await.ok();
    assert_eq!(blue["metadata"]["generation"], 2);
    let same = server.merge(&at("a"), &json!({"spec": {"enabled": true}})).await.ok();
    assert_eq!(same["metadata"]["generation"], 2);
}

#[tokio::test(start_paused = true)]
async fn sub_2_a_write_to_the_status_takes_the_status_alone_and_judges_it() {
    let server = server();
    let made = server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let mut changed = made.clone();
    changed["spec"] = json!({"color": "pink"});
    changed["status"] = json!({"replicas": 1, "conditions": [{"type": "Ready", "status": "True"}]});
    let written = server.put(&format!("{}/status", at("a")), &changed).await.ok();
    assert_eq!((&written["spec"], &written["status"]), (&made["spec"], &changed["status"]));
    assert_eq!(written["metadata"]["generation"], 1);
    changed["metadata"] = written["metadata"].clone();
    changed["status"] = json!({"conditions": [{"type": "Ready"}, {"type": "Ready", "status": "Maybe"}]});
    let answer = server.put(&format!("{}/status", at("a")), &changed).await;
    assert_eq!(answer.status, 422);
    let expected = [
        ("FieldValueRequired", "status.conditions[0].status"),
        ("FieldValueNotSupported", "status.conditions[1].status"),
        ("FieldValueDuplicate", "status.conditions[1]"),
    ];
    assert_eq!(causes(&answer.json()), expected);
}

#[tokio::test(start_paused = true)]
async fn p_9_a_patch_is_judged_by_what_comes_of_it() {
    let server = server();
    server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let text = r#"Gadget.rich.example.com "a" is invalid: spec.color: Required value"#;
    server.merge(&at("a"), &json!({"spec": {"color": null}})).await.refused(422, "Invalid", text);
    let kept = server.merge(&at("a"), &json!({"spec": {"replicas": null}})).await.ok();
    assert_eq!(kept["spec"]["replicas"], 1, "a default takes the place of what a patch removes");
}

#[tokio::test(start_paused = true)]
async fn u_3_an_update_tells_which_state_it_was_made_for() {
    let server = server();
    server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let answer = server.put(&at("a"), &gadget("a", &json!({"color": "blue"}))).await;
    let text = r#"gadgets.rich.example.com "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"#;
    answer.refused(422, "Invalid", text);
    server.put(&at("z"), &gadget("z", &json!({"color": "pink"}))).await.refused(
        404,
        "NotFound",
        r#"gadgets.rich.example.com "z" not found"#,
    );
}

#[tokio::test(start_paused = true)]
async fn l_17_objects_are_selected_by_declared_fields() {
    let server = server();
    for (name, color, replicas) in [("a", "red", 1), ("b", "blue", 1), ("c", "red", 2)] {
        server.made(GADGETS, &gadget(name, &json!({"color": color, "replicas": replicas}))).await;
    }
    let selected = async |selector: &str| {
        let list = server.get(&format!("{GADGETS}?fieldSelector={selector}")).await.ok();
        names(&list).join("")
    };
    assert_eq!(selected("spec.color%3Dred").await, "ac");
    assert_eq!(selected("spec.color%3Dred,spec.replicas%21%3D1").await, "c");
    assert_eq!(selected("spec.replicas%3D1,metadata.name%3Db").await, "b");
    assert_eq!(selected("spec.color%3D").await, "");
    for field in ["spec.mode", "spec.color.x", ".spec.color"] {
        let text = format!("field label not supported: {field}");
        server.get(&format!("{GADGETS}?fieldSelector={field}%3Dx")).await.refused(400, "BadRequest", &text);
    }
    let deleted = server.delete(&format!("{GADGETS}?fieldSelector=spec.color%3Dred")).await.ok();
    assert_eq!(names(&deleted), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn w_12_an_object_enters_and_leaves_a_watch_by_a_declared_field() {
    let server = server();
    server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let mut events = server.watch(&format!("{GADGETS}?watch=1&fieldSelector=spec.color%3Dblue")).await;
    for color in ["blue", "red"] {
        server.merge(&at("a"), &json!({"spec": {"color": color}})).await.ok();
    }
    let told = |kind: &str| (kind.to_owned(), "a".to_owned());
    assert_eq!((events.told().await, events.told().await), (told("ADDED"), told("DELETED")));
}

#[tokio::test(start_paused = true)]
async fn t_3_the_columns_are_those_declared() {
    let server = server();
    let mut object = server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    object["status"] =
        json!({"conditions": [{"type": "Old", "status": "False"}, {"type": "Ready", "status": "Unknown"}]});
    server.put(&format!("{}/status", at("a")), &object).await.ok();
    let table = server.get(GADGETS).accept("application/json;as=Table;v=v1;g=meta.k8s.io").await.ok();
    let headers: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(headers, ["Name", "Color", "Desired", "Ready", "Mode", "Age"]);
    assert_eq!(table["columnDefinitions"][4]["priority"], 1);
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(cells[..5], [json!("a"), json!("red"), json!(1), json!("Unknown"), json!("Auto")]);
}

#[tokio::test(start_paused = true)]
async fn u_5_a_version_that_is_not_the_live_one_is_told_before_what_is_violated() {
    let server = server();
    let made = server.made(GADGETS, &gadget("a", &json!({"color": "red"}))).await;
    let put = |version: &Value| {
        let mut changed = gadget("a", &json!({"color": "pink"}));
        changed["metadata"]["resourceVersion"] = version.clone();
        server.put(&at("a"), &changed)
    };
    let stale = put(&json!("1")).await;
    assert_eq!((stale.status, &stale.json()["reason"]), (409, &json!("Conflict")), "{}", stale.text());
    assert_eq!(put(&json!("x")).await.status, 500);
    assert_eq!(put(&made["metadata"]["resourceVersion"]).await.status, 422);
}
