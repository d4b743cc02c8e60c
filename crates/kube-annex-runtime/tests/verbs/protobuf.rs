//! What is answered and read in protobuf: whatever is upstream's own, and nothing of the types served here.

use crate::fleets::{SCALE, manned, with_fleet};
use crate::{WIDGETS, at, sized, widget, with_widgets};
use http::Method;
use http_body_util::BodyExt as _;
use kube_annex::protobuf::wire::{Fields, Value as Wire, Writer};
use kube_annex::protobuf::{Envelope, MEDIA_TYPE, STREAM_MEDIA_TYPE, messages, open, read, write};
use kube_annex_testkit::{Answer, TestServer};
use serde_json::{Value, json};
use std::time::Duration;

/// Metadata of one object, in protobuf.
const PARTIAL: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
/// Metadata of a list, in protobuf.
const PARTIAL_LIST: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
const JSON_PARTIAL: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const JSON_PARTIAL_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// The document in an envelope, as JSON.
fn document(bytes: &[u8]) -> Value {
    let Envelope { api_version, kind, raw } = open(bytes).expect("an envelope");
    let message = messages::of_kind(api_version, kind).unwrap_or_else(|| unreachable!("{kind} of {api_version}"));
    let mut document = read(message, raw).expect("a message");
    document.insert("apiVersion".to_owned(), api_version.into());
    document.insert("kind".to_owned(), kind.into());
    document.into()
}

/// The document of an answer in protobuf, and its code.
fn answered(answer: &Answer) -> (u16, Value) {
    assert_eq!(answer.header("content-type"), MEDIA_TYPE, "{}", answer.text());
    (answer.status, document(&answer.body))
}

/// A failure in protobuf: code, reason and message.
fn refused(answer: &Answer) -> (u16, String, String) {
    let (code, status) = answered(answer);
    assert_eq!((&status["kind"], &status["code"], &status["metadata"]), (&"Status".into(), &code.into(), &json!({})));
    let text = |key: &str| status[key].as_str().unwrap_or_default().to_owned();
    (code, text("reason"), text("message"))
}

/// The metadata of items, without what says the same twice.
fn bare(mut list: Value) -> Value {
    for item in list["items"].as_array_mut().into_iter().flatten() {
        item.as_object_mut().expect("an item").retain(|key, _| key == "metadata");
    }
    list
}

#[tokio::test(start_paused = true)]
async fn pm_1_cn_10_metadata_is_had_in_protobuf_and_says_what_json_says() {
    let server = with_widgets(&["a", "b"]).await;
    let changes =
        json!({"metadata": {"labels": {"x": "y"}, "annotations": {"n": "<&>"}, "finalizers": ["toys.example.com/f"]}});
    server.merge(&at(WIDGETS, "a"), &changes).await.ok();
    for version in ["v1", "v1beta1"] {
        let of = |form: &str| form.replace("v=v1", &format!("v={version}"));
        let (code, partial) = answered(&server.get(&at(WIDGETS, "a")).accept(&of(PARTIAL)).await);
        assert_eq!((code, &partial), (200, &server.get(&at(WIDGETS, "a")).accept(&of(JSON_PARTIAL)).await.ok()));
        let (code, list) = answered(&server.get(WIDGETS).accept(&of(PARTIAL_LIST)).await);
        let expected = bare(server.get(WIDGETS).accept(&of(JSON_PARTIAL_LIST)).await.ok());
        assert_eq!((code, &list), (200, &expected));
        let page = format!("{WIDGETS}?limit=1");
        let (_, list) = answered(&server.get(&page).accept(&of(PARTIAL_LIST)).await);
        let expected = bare(server.get(&page).accept(&of(JSON_PARTIAL_LIST)).await.ok());
        assert_eq!(list, expected);
        assert!(list["metadata"]["continue"].is_string() && list["metadata"]["remainingItemCount"] == 1, "{list}");
    }
}

#[tokio::test(start_paused = true)]
async fn cn_12_the_metadata_client_gets_what_it_asks_for_first() {
    let server = with_widgets(&["a"]).await;
    let accept = format!("{PARTIAL_LIST},{JSON_PARTIAL_LIST},application/json");
    assert_eq!(answered(&server.get(WIDGETS).accept(&accept).await).1["kind"], "PartialObjectMetadataList");
    let status = server.get(WIDGETS).accept(PARTIAL).await;
    let text = "you requested PartialObjectMetadata, but the requested object is a list (WidgetList)";
    status.refused(406, "NotAcceptable", text);
    let status = server.get(&at(WIDGETS, "a")).accept(PARTIAL_LIST).await;
    let text = "you requested PartialObjectMetadataList, but the requested object is not a list (Widget)";
    status.refused(406, "NotAcceptable", text);
}

#[tokio::test(start_paused = true)]
async fn cn_10_tables_have_no_protobuf_form() {
    let server = with_widgets(&["a"]).await;
    let accept = format!("{MEDIA_TYPE};as=Table;g=meta.k8s.io;v=v1");
    let text = "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf";
    for path in [WIDGETS.to_owned(), at(WIDGETS, "a"), format!("{WIDGETS}?watch=1")] {
        server.get(&path).accept(&accept).await.refused(406, "NotAcceptable", text);
    }
}

#[tokio::test(start_paused = true)]
async fn pm_2_writes_answer_metadata_in_protobuf() {
    let server = with_widgets(&["a"]).await;
    let patch = server.merge(&at(WIDGETS, "a"), &json!({"metadata": {"labels": {"a": "b"}}})).accept(PARTIAL).await;
    let (code, patched) = answered(&patch);
    assert_eq!((code, &patched["metadata"]["labels"]), (200, &json!({"a": "b"})));
    let (code, created) = answered(&server.post(WIDGETS, &widget("c")).accept(PARTIAL).await);
    assert_eq!((code, &created["metadata"]["name"]), (201, &json!("c")));
    let dry = server.post(&format!("{WIDGETS}?dryRun=All"), &widget("d")).accept(PARTIAL).await;
    assert_eq!(answered(&dry).1["metadata"].get("resourceVersion"), None);
}

#[tokio::test(start_paused = true)]
async fn pm_2_cn_11_a_deletion_is_answered_in_protobuf_and_what_is_kept_for_finalizers_in_json() {
    let server = with_widgets(&["a", "b", "c"]).await;
    let accept = format!("{MEDIA_TYPE},application/json");
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    let (code, status) = answered(&server.delete(&at(WIDGETS, "a")).accept(&accept).await);
    let details = json!({"name": "a", "group": "toys.example.com", "kind": "widgets", "uid": live["metadata"]["uid"]});
    assert_eq!(code, 200);
    assert_eq!(
        (&status["kind"], &status["status"], &status["details"]),
        (&"Status".into(), &"Success".into(), &details)
    );
    server.merge(&at(WIDGETS, "b"), &json!({"metadata": {"finalizers": ["toys.example.com/f"]}})).await.ok();
    let kept = server.delete(&at(WIDGETS, "b")).accept(&accept).await;
    assert_eq!((kept.header("content-type").as_str(), &kept.ok()["kind"]), ("application/json", &json!("Widget")));
    let rest = server.ask(Method::DELETE, WIDGETS).accept(&accept).await.ok();
    assert_eq!((&rest["kind"], rest["items"].as_array().unwrap().len()), (&json!("WidgetList"), 2));
}

#[tokio::test(start_paused = true)]
async fn cn_17_err_2_failures_of_every_stage_are_told_in_protobuf() {
    let server = with_widgets(&["a"]).await;
    let not_found = refused(&server.get(&at(WIDGETS, "z")).accept(MEDIA_TYPE).await);
    let text = |text: &str| text.to_owned();
    assert_eq!(not_found, (404, text("NotFound"), text("widgets.toys.example.com \"z\" not found")));
    let no_path = refused(&server.get("/apis/toys.example.com/v1/nothing").accept(MEDIA_TYPE).await);
    assert_eq!(no_path, (404, text("NotFound"), text("the server could not find the requested resource")));
    let exists = refused(&server.post(WIDGETS, &widget("a")).accept(MEDIA_TYPE).await);
    assert_eq!(exists.0, 409);
    let method = refused(&server.ask(Method::POST, &at(WIDGETS, "a")).accept(MEDIA_TYPE).await);
    assert_eq!(method.0, 405);
    let invalid = answered(&server.post(WIDGETS, &widget("A_")).accept(MEDIA_TYPE).await);
    assert_eq!((invalid.0, &invalid.1["details"]["causes"][0]["field"]), (422, &json!("metadata.name")));
    let version = refused(&server.get("/version").accept(MEDIA_TYPE).await);
    assert_eq!((version.0, version.1.as_str()), (406, "NotAcceptable"));
    let limit = refused(&server.get(&format!("{WIDGETS}?limit=x")).accept(MEDIA_TYPE).await);
    assert_eq!((limit.0, limit.1.as_str()), (400, "BadRequest"));
}

#[tokio::test(start_paused = true)]
async fn cn_9_who_accepts_nothing_but_protobuf_is_told_of_kinds_without_that_form() {
    let server = with_widgets(&["a"]).await;
    let no_form = |kind: &str| {
        let text = format!(
            "object {kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"
        );
        (406, "NotAcceptable".to_owned(), text)
    };
    assert_eq!(refused(&server.get(&at(WIDGETS, "a")).accept(MEDIA_TYPE).await), no_form("Widget"));
    assert_eq!(refused(&server.get(WIDGETS).accept(MEDIA_TYPE).await), no_form("WidgetList"));
    let changed = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 2}})).accept(MEDIA_TYPE).await;
    assert_eq!(refused(&changed), no_form("Widget"));
    assert_eq!(server.get(&at(WIDGETS, "a")).await.ok()["spec"]["size"], 2, "as upstream, it is done all the same");
    let list = server.get(&format!("{WIDGETS}?labelSelector=a=b")).accept(MEDIA_TYPE).await;
    assert_eq!((list.status, open(&list.body).unwrap().kind), (200, "WidgetList"), "{}", list.text());
    let preferred = server.get(&at(WIDGETS, "a")).accept(&format!("{MEDIA_TYPE},application/json;q=0.1")).await;
    assert_eq!(preferred.ok()["kind"], "Widget", "who accepts another form gets that");
}

#[tokio::test(start_paused = true)]
async fn cn_1_options_of_deletions_are_read_in_protobuf() {
    let server = with_widgets(&["a", "b"]).await;
    let mut raw = Vec::new();
    Writer(&mut raw).bytes(5, b"All");
    let dry = Envelope { api_version: "v1", kind: "DeleteOptions", raw: &raw }.seal();
    server.delete(&at(WIDGETS, "a")).body(MEDIA_TYPE, dry.clone()).await.ok();
    server.ask(Method::DELETE, WIDGETS).body(MEDIA_TYPE, dry).await.ok();
    assert_eq!(server.get(WIDGETS).await.ok()["items"].as_array().unwrap().len(), 2);
    let real = Envelope { api_version: "", kind: "", raw: b"" }.seal();
    server.delete(&at(WIDGETS, "a")).body(MEDIA_TYPE, real).await.ok();
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 404);
    let broken = server.delete(&at(WIDGETS, "b")).body(MEDIA_TYPE, b"k8s\0\xff".to_vec()).await;
    assert_eq!((broken.status, &broken.json()["reason"]), (400, &json!("BadRequest")));
}

#[tokio::test(start_paused = true)]
async fn cn_2_cn_3_objects_in_protobuf_are_refused_in_upstreams_words() {
    let server = with_widgets(&["a"]).await;
    let sealed = |api_version: &str, kind: &str| Envelope { api_version, kind, raw: b"" }.seal();
    let unrecognized = |why: &str| format!("the object provided is unrecognized (must be of type Widget): {why}");
    let misfit = "Widget in version \"v1\" cannot be handled as a Widget: object Widget does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message";
    let cases = [
        (b"x".to_vec(), unrecognized("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (78)")),
        (Vec::new(), unrecognized("empty data (<empty>)")),
        (b"k8s\0".to_vec(), unrecognized("empty body (6b387300)")),
        (b"k8s\0\xff\xff".to_vec(), unrecognized("it ends in the middle of a field (6b387300ffff)")),
        (sealed("toys.example.com/v1", "Widget"), misfit.to_owned()),
        (sealed("", ""), misfit.to_owned()),
        (
            sealed("apps/v1", "Deployment"),
            "Deployment in version \"v1\" cannot be handled as a Widget: no kind \"Deployment\" is registered for version \"apps/v1\"".to_owned(),
        ),
    ];
    for (body, text) in cases {
        for (method, path) in [(Method::POST, WIDGETS.to_owned()), (Method::PUT, at(WIDGETS, "a"))] {
            server.ask(method, &path).body(MEDIA_TYPE, body.clone()).await.refused(400, "BadRequest", &text);
        }
    }
    let patch = server.ask(Method::PATCH, &at(WIDGETS, "a")).body(MEDIA_TYPE, sealed("", "")).await;
    assert_eq!(patch.status, 415);
}

#[tokio::test(start_paused = true)]
async fn a_scale_is_upstreams_own_kind_and_is_read_and_written_in_protobuf() {
    let server = with_fleet(&manned(3)).await;
    let (code, shown) = answered(&server.get(SCALE).accept(MEDIA_TYPE).await);
    let mut expected = server.get(SCALE).await.ok();
    // What is nothing is not there.
    expected["spec"].as_object_mut().unwrap().retain(|_, value| *value != 0);
    expected["status"].as_object_mut().unwrap().retain(|_, value| *value != 0);
    assert_eq!((code, &shown), (200, &expected));
    let mut sent = server.get(SCALE).await.ok();
    sent["spec"]["replicas"] = 7.into();
    let put = server.ask(Method::PUT, SCALE).body(MEDIA_TYPE, write(&sent).unwrap()).accept(MEDIA_TYPE).await;
    assert_eq!(answered(&put).1["spec"]["replicas"], 7);
    assert_eq!(server.get(SCALE).await.ok()["spec"]["replicas"], 7);
}

#[tokio::test(start_paused = true)]
async fn cn_22_w_13_a_watch_of_metadata_is_frames_of_events() {
    let server = with_widgets(&["a"]).await;
    let query =
        "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=5";
    let (status, headers, body) = server.get(&format!("{WIDGETS}?{query}")).accept(PARTIAL).open().await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, STREAM_MEDIA_TYPE));
    server.post(WIDGETS, &sized("b", 1)).await.ok();
    server.delete(&at(WIDGETS, "a")).await.ok();
    let bytes = collected(body).await;
    let events = events(&bytes);
    let told: Vec<_> = events.iter().map(|(kind, object)| (kind.as_str(), &object["metadata"]["name"])).collect();
    let (a, b, none) = (json!("a"), json!("b"), Value::Null);
    // The last tells how far all has been told before the time is over.
    let expected = [("ADDED", &a), ("BOOKMARK", &none), ("ADDED", &b), ("DELETED", &a), ("BOOKMARK", &none)];
    assert_eq!(told, expected);
    assert_eq!(events[1].1["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(events[2].1, server.get(&at(WIDGETS, "b")).accept(JSON_PARTIAL).await.ok());
}

#[tokio::test(start_paused = true)]
async fn cn_11_errors_in_a_watch_are_statuses_in_protobuf() {
    let server = with_widgets(&["a"]).await;
    let message = "object Widget does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message";
    let (status, headers, body) = server.get(&format!("{WIDGETS}?watch=1")).accept(MEDIA_TYPE).open().await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (200, STREAM_MEDIA_TYPE));
    let bytes = collected(body).await;
    let events = events(&bytes);
    assert_eq!(events.len(), 1, "the stream ends with the error");
    assert_eq!((events[0].0.as_str(), &events[0].1["message"]), ("ERROR", &json!(message)));
    assert_eq!(events[0].1["code"], 406);
}

#[tokio::test(start_paused = true)]
async fn cn_11_a_watch_in_the_form_of_a_list_ends_without_a_word() {
    let server = with_widgets(&["a"]).await;
    for form in [PARTIAL_LIST.to_owned(), PARTIAL_LIST.replace("vnd.kubernetes.protobuf", "json")] {
        let (status, _, body) = server.get(&format!("{WIDGETS}?watch=1")).accept(&form).open().await;
        assert_eq!((status, collected(body).await.len()), (200, 0), "{form}");
    }
}

/// All of a stream that ends.
async fn collected(body: axum::body::Body) -> Vec<u8> {
    let all = tokio::time::timeout(Duration::from_mins(1), body.collect()).await;
    all.expect("an end in time").expect("a stream that does not break off").to_bytes().to_vec()
}

/// The events in the frames of a watch: their types and their objects.
fn events(mut bytes: &[u8]) -> Vec<(String, Value)> {
    let mut events = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at(usize::try_from(u32::from_be_bytes(*length)).expect("a length"));
        let fields: Vec<_> = Fields::of(frame).collect::<Result<_, _>>().expect("fields");
        let [(1, Wire::Bytes(kind)), (2, Wire::Bytes(object))] = fields[..] else { unreachable!("{fields:?}") };
        let embedded: Vec<_> = Fields::of(object).collect::<Result<_, _>>().expect("fields");
        let [(1, Wire::Bytes(object))] = embedded[..] else { unreachable!("{embedded:?}") };
        events.push((String::from_utf8_lossy(kind).into_owned(), document(object)));
        bytes = rest;
    }
    events
}

#[tokio::test(start_paused = true)]
async fn d_4_discovery_is_had_in_protobuf() {
    let server = TestServer::new();
    for path in ["/apis", "/apis/toys.example.com", "/apis/toys.example.com/v1"] {
        let (code, document) = answered(&server.get(path).accept(MEDIA_TYPE).await);
        let json = server.get(path).await.ok();
        assert_eq!((code, &document["kind"]), (200, &json["kind"]), "{path}");
        // Empty texts and falsehoods are left out by who reads them here: what is written anew is the same bytes.
        let answer = server.get(path).accept(MEDIA_TYPE).await;
        assert_eq!(answer.body, write(&json).unwrap(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_27_the_aggregated_document_has_the_same_etag_in_every_encoding() {
    let server = TestServer::new();
    let of = |media: &str| format!("{media};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
    let message = server.get("/apis").accept(&of(MEDIA_TYPE)).await;
    let json = server.get("/apis").accept(&of("application/json")).await;
    assert_eq!(message.header("content-type"), of(MEDIA_TYPE));
    assert_eq!((message.header("etag"), message.header("vary")), (json.header("etag"), "Accept".to_owned()));
    assert_eq!(message.body, write(&json.ok()).unwrap());
    let again = server.get("/apis").accept(&of(MEDIA_TYPE)).header("if-none-match", &json.header("etag")).await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}
