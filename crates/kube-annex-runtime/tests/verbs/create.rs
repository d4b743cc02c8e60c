//! `POST` to a collection.

use crate::{ALL_WIDGETS, SHELVES, WIDGETS, at, revision, shelf, sized, widget};
use kube_annex_testkit::TestServer;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn c_1_a_creation_answers_201_and_the_object_as_it_is_stored() {
    let server = TestServer::new();
    let answer = server.post(WIDGETS, &sized("a", 3)).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), "");
    let created = answer.json();
    assert_eq!(created["spec"], json!({"size": 3, "color": "grey"}), "defaults are filled in");
    assert_eq!((&created["kind"], &created["apiVersion"]), (&json!("Widget"), &json!("toys.example.com/v1")));
    assert_eq!(server.get(&at(WIDGETS, "a")).await.ok(), created);
}

#[tokio::test(start_paused = true)]
async fn om_1_a_new_object_has_uid_version_and_time() {
    let server = TestServer::new();
    let metadata = server.made(WIDGETS, &widget("a")).await["metadata"].clone();
    assert!(metadata["uid"].as_str().is_some_and(|uid| uid.len() == 36), "{metadata}");
    assert_eq!(metadata["creationTimestamp"], "2026-01-02T03:04:05Z", "c_9: cut to seconds, in UTC");
    let version = metadata["resourceVersion"].as_str().unwrap();
    assert!(version.parse::<u64>().unwrap() > 0 && !version.starts_with('0'), "om_8");
    assert_eq!(metadata["generation"], 1, "c_5: widgets track it");
    assert_eq!(metadata["namespace"], "default");
    for absent in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "labels", "finalizers"] {
        assert!(metadata.get(absent).is_none(), "om_11, om_13: {absent}");
    }
}

#[tokio::test(start_paused = true)]
async fn c_2_options_are_judged_before_the_body() {
    let answer = TestServer::new().post(&format!("{WIDGETS}?dryRun=some"), &json!(3)).await;
    assert_eq!(answer.status, 422, "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn c_2_who_may_not_is_told_before_the_body_is_read() {
    use kube_annex_runtime::authz::Decision;
    let server = TestServer::builder().authorize(|_, _| Decision::Deny(String::new())).build();
    let body = vec![b' '; 4 * 1024 * 1024];
    let answer = server.ask(http::Method::POST, WIDGETS).body("application/json", body).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test(start_paused = true)]
async fn c_3_another_version_in_the_body_is_400() {
    let mut body = widget("a");
    body["apiVersion"] = json!("toys.example.com/v1beta1");
    let text = "the API version in the data (toys.example.com/v1beta1) does not match the expected API version (toys.example.com/v1)";
    TestServer::new().post(WIDGETS, &body).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn c_3_another_kind_in_the_body_is_400() {
    let answer = TestServer::new().post(WIDGETS, &shelf("a")).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(r#"Shelf in version "v1" cannot be handled as a Widget: "#), "{message}");
}

#[tokio::test(start_paused = true)]
async fn c_3_a_value_of_the_wrong_type_is_400_and_says_where() {
    let mut body = widget("a");
    body["spec"] = json!({"size": "large"});
    let answer = TestServer::new().post(WIDGETS, &body).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")));
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with(r#"Widget in version "v1" cannot be handled as a Widget: "#), "{message}");
    assert!(message.contains("size"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn c_3_a_body_that_is_no_object_is_unrecognizable() {
    for (body, shown) in [("", "<empty>"), ("{\"kind\": ", "{\"kind\": "), ("[1", "5b31")] {
        let answer = TestServer::new().ask(http::Method::POST, WIDGETS).body("application/json", body).await;
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")), "cn_3: {body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with("the object provided is unrecognized (must be of type Widget): "), "{message}");
        assert!(message.ends_with(&format!("({shown})")), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn c_4_the_namespace_of_the_url_is_filled_in() {
    let server = TestServer::new();
    assert_eq!(server.made(WIDGETS, &widget("a")).await["metadata"]["namespace"], "default");
    let mut same = widget("b");
    same["metadata"]["namespace"] = json!("default");
    server.made(WIDGETS, &same).await;
}

#[tokio::test(start_paused = true)]
async fn c_4_another_namespace_is_400() {
    let mut body = widget("a");
    body["metadata"]["namespace"] = json!("other");
    let text = "the namespace of the provided object does not match the namespace sent on the request";
    TestServer::new().post(WIDGETS, &body).await.refused(400, "BadRequest", text);
}

#[tokio::test(start_paused = true)]
async fn c_4_a_cluster_scoped_object_loses_its_namespace() {
    let mut body = shelf("a");
    body["metadata"]["namespace"] = json!("other");
    let created = TestServer::new().made(SHELVES, &body).await;
    assert!(created["metadata"].get("namespace").is_none(), "{created}");
    assert!(created["metadata"].get("generation").is_none(), "c_5: shelves do not track it");
}

#[tokio::test(start_paused = true)]
async fn c_5_what_only_the_server_may_say_is_wiped() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"] = json!({
        "name": "a", "uid": "mine", "creationTimestamp": "2020-01-01T00:00:00Z", "generation": 7, "selfLink": "/a",
        "deletionTimestamp": "2020-01-01T00:00:00Z", "deletionGracePeriodSeconds": 30,
    });
    body["status"] = json!({"phase": "mine"});
    let created = server.made(WIDGETS, &body).await;
    let metadata = &created["metadata"];
    assert_ne!(metadata["uid"], "mine");
    assert_eq!(metadata["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(metadata["generation"], 1);
    for absent in ["selfLink", "deletionTimestamp", "deletionGracePeriodSeconds"] {
        assert!(metadata.get(absent).is_none(), "{absent}");
    }
    assert!(created.get("status").is_none(), "sub_2: {created}");
}

#[tokio::test(start_paused = true)]
async fn c_7_a_name_is_generated() {
    let server = TestServer::new();
    server.ids.next_suffixes(&["bcdfg", "hjklm"]);
    let mut body = widget("");
    body["metadata"] = json!({"generateName": "wheel-"});
    let created = server.made(WIDGETS, &body).await;
    assert_eq!(created["metadata"]["name"], "wheel-bcdfg");
    assert_eq!(created["metadata"]["generateName"], "wheel-");
    body["metadata"] = json!({"generateName": "w".repeat(70)});
    let created = server.made(WIDGETS, &body).await;
    assert_eq!(created["metadata"]["name"], format!("{}hjklm", "w".repeat(58)));
}

#[tokio::test(start_paused = true)]
async fn c_7_generate_name_retries_on_collision() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("w-bbbbb")).await;
    server.ids.next_suffixes(&["bbbbb", "bbbbb", "bbbbb", "bbbbb", "bbbbb", "bbbbb", "bbbbb", "zzzzz"]);
    let mut body = widget("");
    body["metadata"] = json!({"generateName": "w-"});
    assert_eq!(server.made(WIDGETS, &body).await["metadata"]["name"], "w-zzzzz", "the eighth attempt");
}

#[tokio::test(start_paused = true)]
async fn c_7_the_eighth_collision_is_409() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("w-bbbbb")).await;
    server.ids.next_suffixes(&["bbbbb"; 8]);
    let mut body = widget("");
    body["metadata"] = json!({"generateName": "w-"});
    let answer = server.post(WIDGETS, &body).await;
    let text = "widgets.toys.example.com \"w-bbbbb\" already exists, the server was not able to generate a unique name for the object";
    let status = answer.refused(409, "AlreadyExists", text);
    assert_eq!(status["details"]["retryAfterSeconds"], 1);
    assert_eq!(answer.header("retry-after"), "1", "err_3");
}

#[tokio::test(start_paused = true)]
async fn c_7_a_name_that_is_given_wins() {
    let mut body = widget("given");
    body["metadata"]["generateName"] = json!("other-");
    let created = TestServer::new().made(WIDGETS, &body).await;
    assert_eq!(created["metadata"]["name"], "given");
    assert_eq!(created["metadata"]["generateName"], "other-");
}

#[tokio::test(start_paused = true)]
async fn c_8_no_name_at_all_is_422() {
    let server = TestServer::new();
    let text =
        "Widget.toys.example.com \"\" is invalid: metadata.name: Required value: name or generateName is required";
    let status = server.post(WIDGETS, &widget("")).await.refused(422, "Invalid", text);
    let cause = json!({"reason": "FieldValueRequired", "message": "Required value: name or generateName is required", "field": "metadata.name"});
    assert_eq!(status["details"], json!({"group": "toys.example.com", "kind": "Widget", "causes": [cause]}));
    for body in ["{}", "null"] {
        let answer = server.ask(http::Method::POST, WIDGETS).body("application/json", body).await;
        answer.refused(422, "Invalid", text);
    }
}

#[tokio::test(start_paused = true)]
async fn c_10_an_existing_name_is_409() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("a")).await;
    let answer = server.post(WIDGETS, &widget("a")).await;
    let status = answer.refused(409, "AlreadyExists", "widgets.toys.example.com \"a\" already exists");
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}));
}

#[tokio::test(start_paused = true)]
async fn c_10_an_existing_object_that_is_being_deleted_is_said_to_be() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["finalizers"] = json!(["toys.example.com/hold"]);
    server.made(WIDGETS, &body).await;
    server.delete(&at(WIDGETS, "a")).await.ok();
    let text = "object is being deleted: widgets.toys.example.com \"a\" already exists";
    server.post(WIDGETS, &widget("a")).await.refused(409, "AlreadyExists", text);
}

#[tokio::test(start_paused = true)]
async fn c_11_a_resource_version_in_the_body_is_refused_unless_nothing_is_kept() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["resourceVersion"] = json!("5");
    let text = "resourceVersion should not be set on objects to be created";
    server.post(WIDGETS, &body).await.refused(500, "", text);
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
    assert_eq!(server.post(&format!("{WIDGETS}?dryRun=All"), &body).await.status, 201, "11-5");
}

#[tokio::test(start_paused = true)]
async fn c_12_repeated_owners_are_told_once_with_a_warning() {
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"});
    let mut body = widget("a");
    body["metadata"]["ownerReferences"] = json!([owner, owner]);
    let answer = TestServer::new().post(WIDGETS, &body).await;
    assert_eq!(answer.ok()["metadata"]["ownerReferences"], json!([owner]));
    let [warning] = &answer.warnings()[..] else { unreachable!("one warning, not {:?}", answer.warnings()) };
    assert!(warning.starts_with("299 - \".metadata.ownerReferences contains duplicate entries; "), "{warning}");
    assert!(warning.ends_with("duplicate UID(s) observed: u\""), "{warning}");
}

#[tokio::test(start_paused = true)]
async fn c_13_posting_to_a_name_is_405() {
    let text = "the server does not allow this method on the requested resource";
    TestServer::new().post(&at(WIDGETS, "a"), &widget("a")).await.refused(405, "MethodNotAllowed", text);
}

#[tokio::test(start_paused = true)]
async fn rq_1_posting_to_all_namespaces_is_405() {
    let text = "the server does not allow this method on the requested resource";
    TestServer::new().post(ALL_WIDGETS, &widget("a")).await.refused(405, "MethodNotAllowed", text);
}

#[tokio::test(start_paused = true)]
async fn rq_9_kind_and_version_may_be_left_out() {
    let created = TestServer::new().made(WIDGETS, &json!({"metadata": {"name": "a"}})).await;
    assert_eq!((&created["kind"], &created["apiVersion"]), (&json!("Widget"), &json!("toys.example.com/v1")));
}

#[tokio::test(start_paused = true)]
async fn om_3_several_violations_are_all_told() {
    let mut body = widget("A_b");
    body["spec"] = json!({"size": -1, "parts": [{"name": "ok"}, {}]});
    let answer = TestServer::new().post(WIDGETS, &body).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (422, &json!("Invalid")));
    let message = status["message"].as_str().unwrap();
    assert!(message.starts_with("Widget.toys.example.com \"A_b\" is invalid: [metadata.name: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must"), "{message}");
    assert!(message.ends_with("spec.size: Invalid value: -1: must be greater than or equal to 0, spec.parts[1].name: Required value: name it]"), "{message}");
    let causes: Vec<(&str, &str)> = status["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| (cause["reason"].as_str().unwrap(), cause["field"].as_str().unwrap()))
        .collect();
    let expected = [
        ("FieldValueInvalid", "metadata.name"),
        ("FieldValueInvalid", "spec.size"),
        ("FieldValueRequired", "spec.parts[1].name"),
    ];
    assert_eq!(causes, expected);
}

#[tokio::test(start_paused = true)]
async fn om_5_names_of_a_path_rule_need_only_be_safe_in_a_path() {
    let server = TestServer::new();
    server.made(SHELVES, &shelf("Top Shelf_1")).await;
    assert_eq!(server.get(&at(SHELVES, "Top%20Shelf_1")).await.ok()["metadata"]["name"], "Top Shelf_1", "rq_2");
    for (name, why) in [("..", "may not be '..'"), ("a/b", "may not contain '/'"), ("50%", "may not contain '%'")] {
        let text =
            format!("Shelf.toys.example.com \"{name}\" is invalid: metadata.name: Invalid value: \"{name}\": {why}");
        server.post(SHELVES, &shelf(name)).await.refused(422, "Invalid", &text);
    }
}

#[tokio::test(start_paused = true)]
async fn om_5_bad_metadata_is_refused_in_upstreams_words() {
    let cases = [
        (
            json!({"labels": {"a": "-"}}),
            "metadata.labels",
            "Invalid value: \"-\": a valid label must be an empty string or ",
        ),
        (json!({"labels": {"": "x"}}), "metadata.labels", "Invalid value: \"\": name part must be non-empty"),
        (
            json!({"annotations": {"a b": "x"}}),
            "metadata.annotations",
            "Invalid value: \"a b\": name part must consist of ",
        ),
        (
            json!({"annotations": {"a": "x".repeat(262_144)}}),
            "metadata.annotations",
            "Too long: may not be more than 262144 bytes",
        ),
        (json!({"finalizers": ["a b"]}), "metadata.finalizers", "Invalid value: \"a b\": name part must consist of "),
        (
            json!({"finalizers": ["orphan", "foregroundDeletion"]}),
            "metadata.finalizers",
            "Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and foregroundDeletion cannot be both set",
        ),
        (
            json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": ""}]}),
            "metadata.ownerReferences[0].uid",
            "Required value: must not be empty",
        ),
        (
            json!({"generateName": "A"}),
            "metadata.generateName",
            "Invalid value: \"A\": a lowercase RFC 1123 subdomain must ",
        ),
    ];
    let server = TestServer::new();
    for (metadata, field, text) in cases {
        let mut body = widget("a");
        body["metadata"].as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let status = server.post(WIDGETS, &body).await.json();
        let told = status["details"]["causes"].as_array().unwrap();
        let found =
            told.iter().any(|cause| cause["field"] == field && cause["message"].as_str().unwrap().starts_with(text));
        assert!(found && status["code"] == 422, "{field}: {status}");
    }
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_creates_nothing_and_says_what_would_be() {
    let server = TestServer::new();
    let mut all = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion=1")).await;
    let created = server.post(&format!("{WIDGETS}?dryRun=All"), &sized("a", 3)).await.ok();
    assert_eq!(created["spec"]["size"], 3);
    assert!(
        created["metadata"]["uid"].is_string() && created["metadata"].get("resourceVersion").is_none(),
        "{created}"
    );
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
    all.silent().await;
    let invalid = server.post(&format!("{WIDGETS}?dryRun=All"), &sized("a", -3)).await;
    assert_eq!(invalid.status, 422);
    server.made(WIDGETS, &widget("a")).await;
    assert_eq!(server.post(&format!("{WIDGETS}?dryRun=All"), &widget("a")).await.status, 409);
}

#[tokio::test(start_paused = true)]
async fn dry_2_a_dry_run_generates_a_name() {
    let server = TestServer::new();
    server.ids.next_suffixes(&["zzzzz"]);
    let created =
        server.post(&format!("{WIDGETS}?dryRun=All"), &json!({"metadata": {"generateName": "w-"}})).await.ok();
    assert_eq!(created["metadata"]["name"], "w-zzzzz", "c_7");
}

#[tokio::test(start_paused = true)]
async fn dry_1_no_other_value_is_known() {
    for value in ["", "x"] {
        let answer = TestServer::new().post(&format!("{WIDGETS}?dryRun={value}"), &widget("a")).await;
        let text = format!(
            "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"{value}\"]: supported values: \"All\""
        );
        let status = answer.refused(422, "Invalid", &text);
        assert_eq!(
            (&status["details"]["group"], &status["details"]["kind"]),
            (&json!("meta.k8s.io"), &json!("CreateOptions")),
            "rq_8"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn fv_3_unknown_and_repeated_fields_are_warned_of_and_dropped() {
    let server = TestServer::new();
    let body =
        r#"{"metadata":{"name":"a","colour":"x"},"spec":{"size":1,"size":2,"foo":1,"parts":[{"name":"n","bar":1}]}}"#;
    let answer = server.ask(http::Method::POST, WIDGETS).body("application/json", body).await;
    let created = answer.ok();
    assert_eq!(
        created["spec"],
        json!({"size": 2, "color": "grey", "parts": [{"name": "n"}]}),
        "cn_4: the last one counts"
    );
    let mut warnings = answer.warnings();
    warnings.sort();
    let expected = [
        "299 - \"duplicate field \\\"spec.size\\\"\"",
        "299 - \"unknown field \\\"metadata.colour\\\"\"",
        "299 - \"unknown field \\\"spec.foo\\\"\"",
        "299 - \"unknown field \\\"spec.parts[0].bar\\\"\"",
    ];
    assert_eq!(warnings, expected);
    let quiet = server.ask(http::Method::POST, &format!("{WIDGETS}?fieldValidation=Ignore&dryRun=All"));
    let quiet = quiet.body("application/json", body.replace("\"a\"", "\"b\"")).await;
    assert_eq!((quiet.status, quiet.warnings().len()), (201, 0));
}

#[tokio::test(start_paused = true)]
async fn fv_4_strict_refuses_unknown_fields() {
    let mut body = widget("a");
    body["spec"] = json!({"foo": 1, "bar": 2});
    let answer = TestServer::new().post(&format!("{WIDGETS}?fieldValidation=Strict"), &body).await;
    let status = answer.json();
    assert_eq!((answer.status, &status["reason"]), (400, &json!("BadRequest")));
    let message = status["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: unknown field \""
        ),
        "{message}"
    );
    assert!(
        message.contains("unknown field \"spec.foo\"") && message.contains("unknown field \"spec.bar\""),
        "{message}"
    );
    assert_eq!(answer.warnings().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn fv_1_no_other_value_is_known() {
    let answer = TestServer::new().post(&format!("{WIDGETS}?fieldValidation=x"), &widget("a")).await;
    let text = "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"x\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"";
    answer.refused(422, "Invalid", text);
}

#[tokio::test(start_paused = true)]
async fn sr_3_a_refused_creation_consumes_no_revision() {
    let server = TestServer::new();
    let before = revision(&server.made(WIDGETS, &widget("a")).await);
    assert_eq!(server.post(WIDGETS, &widget("a")).await.status, 409);
    assert_eq!(server.post(WIDGETS, &sized("b", -1)).await.status, 422);
    assert_eq!(revision(&server.made(WIDGETS, &widget("b")).await), before + 1);
}

#[tokio::test(start_paused = true)]
async fn ls_5_times_are_told_in_utc_to_the_second() {
    let server = TestServer::new();
    let mut body = widget("a");
    body["metadata"]["labels"] = json!({"a": "b"});
    let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}});
    let entry = |time: &str| json!([{"manager": "m", "operation": "Update", "apiVersion": "toys.example.com/v1", "time": time, "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    server.made(&format!("{WIDGETS}?fieldManager=m"), &body).await;
    body["metadata"]["managedFields"] = entry("2025-01-01T02:00:00.75+02:00");
    body["metadata"]["labels"]["c"] = json!("d");
    let updated = server.put(&format!("{WIDGETS}/a?fieldManager=n"), &body).await;
    assert_eq!(updated.json()["metadata"]["managedFields"][0], entry("2025-01-01T00:00:00Z")[0]);
}

#[tokio::test(start_paused = true)]
async fn om_9_a_creation_time_may_be_null_in_the_body() {
    let mut body = widget("a");
    body["metadata"]["creationTimestamp"] = json!(null);
    body["metadata"]["labels"] = json!(null);
    body["metadata"]["finalizers"] = json!([]);
    let metadata = TestServer::new().made(WIDGETS, &body).await["metadata"].clone();
    assert_eq!(metadata["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert!(metadata.get("labels").is_none() && metadata.get("finalizers").is_none(), "om_13");
}

#[tokio::test(start_paused = true)]
async fn cn_5_a_compressed_body_is_not_read() {
    let ask = TestServer::new().ask(http::Method::POST, WIDGETS).header("content-encoding", "gzip");
    let answer = ask.body("application/json", vec![0x1f, 0x8b, 8, 0]).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (400, &json!("BadRequest")));
}

#[tokio::test(start_paused = true)]
async fn sr_18_a_name_cannot_reach_into_another_namespace() {
    let server = TestServer::new();
    for name in ["../other/a", "other/widgets/a", "."] {
        assert_eq!(server.post(WIDGETS, &widget(name)).await.status, 422, "{name}");
    }
    let traversal = "/apis/toys.example.com/v1/namespaces/..%2Fother/widgets";
    let answer = server.post(traversal, &widget("a")).await;
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.text());
    for namespace in ["UPPER", "a.b", "..", "a%20b"] {
        let answer =
            server.post(&format!("/apis/toys.example.com/v1/namespaces/{namespace}/widgets"), &widget("a")).await;
        assert!((400..500).contains(&answer.status), "{namespace}: {} {}", answer.status, answer.text());
    }
}
