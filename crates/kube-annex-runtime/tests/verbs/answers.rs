//! What all answers have in common: their headers, their errors, and what is told of an object whatever the verb.

use crate::{ALL_WIDGETS, SHELVES, WIDGETS, at, fleets, names, revision, shelf, sized, widget, with_widgets};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn cn_3_an_empty_body_is_400() {
    let server = TestServer::new();
    let answer = server.ask(http::Method::POST, WIDGETS).body("application/json", "").await;
    assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn cn_13_cn_16_json_is_plain_and_ends_with_a_newline_whatever_its_form() {
    let server = with_widgets(&["a"]).await;
    for accept in ["application/json", "application/json;as=Table;g=meta.k8s.io;v=v1"] {
        for path in [WIDGETS.to_owned(), at(WIDGETS, "a")] {
            let answer = server.get(&path).accept(accept).await;
            assert_eq!(answer.header("content-type"), "application/json", "{path} {accept}");
            assert!(answer.body.ends_with(b"\n") && !answer.body.ends_with(b"\n\n"), "{path}: {:?}", answer.text());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn cn_21_au_3_x_24_each_answer_has_an_audit_id_that_the_client_may_choose() {
    let server = with_widgets(&["a"]).await;
    for path in [WIDGETS, "/apis", "/nowhere", "/healthz"] {
        assert!(!server.get(path).await.header("audit-id").is_empty(), "{path}");
        let told = server.get(path).header("audit-id", "of-the-front").await.header("audit-id");
        assert_eq!(told, "of-the-front", "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn cn_23_px_14_a_watch_needs_no_parameter_of_a_media_type() {
    let server = with_widgets(&["a"]).await;
    for accept in ["application/json", "application/json;stream=watch", "*/*"] {
        let mut events = server.get(&format!("{WIDGETS}?watch=1&resourceVersion=0")).accept(accept).watch().await;
        assert!(!events.headers.contains_key("content-length"), "{accept}");
        assert_eq!(events.told().await, ("ADDED".to_owned(), "a".to_owned()), "{accept}");
    }
}

#[tokio::test(start_paused = true)]
async fn rq_7_options_come_from_the_query_but_for_deletions_with_a_body() {
    let server = with_widgets(&["a"]).await;
    server.post(&format!("{WIDGETS}?dryRun=All"), &widget("b")).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "b")).await.status, 404);
    server.delete(&at(WIDGETS, "a?dryRun=All")).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 200);
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1"});
    server.delete(&at(WIDGETS, "a?dryRun=All")).json(&options).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn del_13_the_last_finalizer_is_the_end() {
    let server = TestServer::new();
    let mut held = widget("a");
    held["metadata"]["finalizers"] = json!(["example.com/one", "example.com/two"]);
    server.made(WIDGETS, &held).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let one = json!({"metadata": {"finalizers": ["example.com/two"]}});
    server.merge(&at(WIDGETS, "a"), &one).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 200);
    server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"finalizers": null}})).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn dc_2_a_collection_is_deleted_one_by_one_and_tells_what_it_deleted() {
    let server = with_widgets(&["a", "b", "c"]).await;
    let mut held = widget("held");
    held["metadata"]["finalizers"] = json!(["example.com/x"]);
    server.made(WIDGETS, &held).await;
    let deleted = server.delete(WIDGETS).await.ok();
    assert_eq!((&deleted["kind"], names(&deleted)), (&json!("WidgetList"), vec!["a", "b", "c", "held"]));
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["held"]);
    assert_eq!(server.delete(WIDGETS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn sub_8_a_write_to_a_subresource_tells_the_new_version() {
    let server = with_widgets(&["a"]).await;
    let before = revision(&server.get(&at(WIDGETS, "a")).await.ok());
    let told = revision(&server.merge(&at(WIDGETS, "a/status"), &json!({"status": {"phase": "x"}})).await.ok());
    assert!(told > before, "{told} after {before}");
    assert_eq!(revision(&server.get(&at(WIDGETS, "a")).await.ok()), told);
    let fleets = fleets::server();
    let path = "/apis/toys.example.com/v1/namespaces/default/fleets";
    let fleet = json!({"metadata": {"name": "a"}, "spec": {"replicas": 1}});
    let before = revision(&fleets.made(path, &fleet).await);
    let scale = fleets.merge(&format!("{path}/a/scale"), &json!({"spec": {"replicas": 2}})).await.ok();
    assert!(revision(&scale) > before, "{scale}");
    assert_eq!(revision(&fleets.get(&format!("{path}/a")).await.ok()), revision(&scale));
}

#[tokio::test(start_paused = true)]
async fn om_4_err_2_causes_have_a_reason_a_message_and_a_field() {
    let refused = TestServer::new().post(WIDGETS, &sized("a", -1)).await;
    let status = refused.json();
    assert_eq!((refused.status, &status["reason"]), (422, &json!("Invalid")));
    let details = &status["details"];
    assert_eq!(
        (&details["kind"], &details["group"], &details["name"]),
        (&json!("Widget"), &json!("toys.example.com"), &json!("a"))
    );
    let cause = &details["causes"][0];
    let expected = json!({
        "reason": "FieldValueInvalid",
        "message": "Invalid value: -1: must be greater than or equal to 0",
        "field": "spec.size",
    });
    assert_eq!(cause, &expected);
    let missing = TestServer::new().get(&at(WIDGETS, "a")).await.json();
    assert_eq!(missing["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}), "the plural");
}

#[tokio::test(start_paused = true)]
async fn om_8_sr_1_sr_2_versions_are_decimal_and_grow_whatever_is_written() {
    let server = TestServer::new();
    let mut last = 0;
    for (path, object) in [(WIDGETS, widget("a")), (SHELVES, shelf("s")), (WIDGETS, widget("b"))] {
        let made = server.made(path, &object).await;
        let text = made["metadata"]["resourceVersion"].as_str().unwrap();
        assert!(!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
        assert!(made["metadata"].get("selfLink").is_none(), "{made}");
        assert!(revision(&made) > last, "{text} after {last}");
        last = revision(&made);
    }
    assert!(revision(&server.get(ALL_WIDGETS).await.ok()) >= last);
}

#[tokio::test(start_paused = true)]
async fn om_10_managed_fields_are_in_every_answer() {
    let server = TestServer::new();
    let has = |object: &Value| object["metadata"]["managedFields"][0]["manager"] == "me";
    assert!(has(&server.made(&format!("{WIDGETS}?fieldManager=me"), &sized("a", 1)).await));
    assert!(has(&server.get(&at(WIDGETS, "a")).await.ok()));
    assert!(has(&server.get(WIDGETS).await.ok()["items"][0]));
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion=0")).await;
    assert!(has(&events.next().await["object"]));
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    assert!(has(&server.get(&at(WIDGETS, "a")).accept(metadata).await.ok()));
}

#[tokio::test(start_paused = true)]
async fn om_11_times_of_deletion_are_told_of_what_is_being_deleted_alone() {
    let server = TestServer::new();
    let mut held = widget("a");
    held["metadata"]["finalizers"] = json!(["example.com/x"]);
    held["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    held["metadata"]["deletionGracePeriodSeconds"] = json!(7);
    let made = server.made(WIDGETS, &held).await;
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds"] {
        assert!(made["metadata"].get(field).is_none(), "{made}");
    }
    server.delete(&at(WIDGETS, "a")).await.ok();
    let marked = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert!(marked["metadata"]["deletionTimestamp"].is_string(), "{marked}");
}

#[tokio::test(start_paused = true)]
async fn err_6_err_9_every_error_is_a_status_and_none_is_a_page() {
    let server = with_widgets(&["a"]).await;
    for (method, path) in [
        ("GET", "/nowhere-in/apis"),
        ("GET", &*at(WIDGETS, "missing")),
        ("POST", &*at(WIDGETS, "a")),
        ("GET", &*format!("{WIDGETS}?limit=x")),
        ("DELETE", "/apis/toys.example.com/v1"),
    ] {
        let answer = server.ask(method.parse().unwrap(), path).await;
        assert!(answer.status >= 400 && !answer.header("content-type").contains("html"), "{path}: {}", answer.text());
        if path.starts_with("/apis/") {
            assert_eq!(answer.json()["kind"], "Status", "{path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn err_8_an_error_in_a_watch_has_a_code_and_a_reason() {
    let server = with_widgets(&["a"]).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let answer = server.get(&format!("{WIDGETS}?watch=1&resourceVersion=999999&timeoutSeconds=1")).await;
    let text = answer.text();
    let status: Value = match answer.status {
        200 => serde_json::from_str::<Value>(text.lines().next().unwrap_or("{}")).unwrap()["object"].clone(),
        _ => answer.json(),
    };
    assert!(status["code"].is_u64() && status["reason"].is_string() || text.is_empty(), "{text}");
}

#[tokio::test(start_paused = true)]
async fn ls_3_ls_4_no_items_is_an_empty_array_and_what_is_not_there_is_left_out() {
    let list = TestServer::new().get(WIDGETS).await.ok();
    assert_eq!(list["items"], json!([]));
    for field in ["continue", "remainingItemCount", "selfLink"] {
        assert!(list["metadata"].get(field).is_none(), "{list}");
    }
    let made = TestServer::new().made(WIDGETS, &widget("a")).await;
    assert!(made["metadata"].get("labels").is_none() && made["spec"].get("parts").is_none(), "{made}");
}

#[tokio::test(start_paused = true)]
async fn tb_8_rows_are_in_the_lists_order() {
    let server = with_widgets(&["c", "a", "b"]).await;
    let table = server.get(WIDGETS).accept("application/json;as=Table;g=meta.k8s.io;v=v1").await.ok();
    let rows: Vec<&Value> = table["rows"].as_array().unwrap().iter().map(|row| &row["cells"][0]).collect();
    assert_eq!(rows, ["a", "b", "c"]);
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn sr_5_sr_8_what_was_written_is_read_and_a_deletion_has_a_version_of_its_own() {
    let server = TestServer::new();
    let made = server.made(WIDGETS, &widget("a")).await;
    assert_eq!(server.get(&at(WIDGETS, "a")).await.ok(), made);
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion={}", revision(&made))).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let event = events.next().await;
    assert_eq!(event["type"], "DELETED");
    assert!(revision(&event["object"]) > revision(&made), "{event}");
}

#[tokio::test(start_paused = true)]
async fn sr_9_lists_are_in_the_order_of_bytes() {
    let server = with_widgets(&["b", "a.b", "a-b", "a", "a0"]).await;
    assert_eq!(names(&server.get(WIDGETS).await.ok()), ["a", "a-b", "a.b", "a0", "b"]);
}

#[tokio::test(start_paused = true)]
async fn sv_13_a_user_agent_of_any_bytes_is_a_manager_like_another() {
    let server = TestServer::new();
    let agent = http::HeaderValue::from_bytes(b"tool\xff/1.0 (x)").unwrap();
    let created = server.post(WIDGETS, &sized("a", 1)).header_value(http::header::USER_AGENT, agent).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let named = server.post(WIDGETS, &sized("b", 1)).header("user-agent", "kubectl/v1.37.2 (linux/amd64)").await.ok();
    assert_eq!(named["metadata"]["managedFields"][0]["manager"], "kubectl");
}

#[tokio::test(start_paused = true)]
async fn an_17_who_is_nobody_is_told_so_and_nothing_else() {
    let status = TestServer::new().get(WIDGETS).user("nobody").await.refused(401, "Unauthorized", "Unauthorized");
    assert!(status.get("details").is_none(), "{status}");
}
