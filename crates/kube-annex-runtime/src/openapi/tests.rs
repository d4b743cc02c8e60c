use super::*;
use http::HeaderMap;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::schema::{Schema, schema_of};
use kube_annex::{JsonSchema, ObjectMeta, Scope, Verb};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Something that flunders.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Flunder {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: FlunderSpec,
    #[serde(default)]
    status: FlunderStatus,
}

#[derive(Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct FlunderSpec {
    /// A name of another flunder or fischer.
    #[serde(skip_serializing_if = "String::is_empty")]
    reference: String,
    /// What `reference` names.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_type: Option<ReferenceType>,
    #[schemars(extend("nullable" = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    emptied: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<Self>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum ReferenceType {
    Flunder,
    Fischer,
}

#[derive(Default, Deserialize, JsonSchema, Serialize)]
struct FlunderStatus {}

/// Something that fishes, whose spec shares a Rust name with another's.
mod fischer {
    use super::{Deserialize, JsonSchema, ObjectMeta, Serialize};

    #[derive(Deserialize, JsonSchema, Serialize)]
    pub(super) struct Fischer {
        metadata: ObjectMeta,
        spec: FlunderSpec,
    }

    #[derive(Deserialize, JsonSchema, Serialize)]
    struct FlunderSpec {
        depth: i32,
    }
}

const UPDATES: &[Verb] = &[Verb::Get, Verb::Patch, Verb::Update];

static FLUNDER: ResourceDescriptor = ResourceDescriptor {
    group: "wardle.example.com",
    version: "v1alpha1",
    kind: "Flunder",
    plural: "flunders",
    singular: "flunder",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: &Verb::ALL,
    subresources: &[
        SubresourceDescriptor { name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: UPDATES },
        SubresourceDescriptor {
            name: "status",
            group: "wardle.example.com",
            version: "v1alpha1",
            kind: "Flunder",
            verbs: UPDATES,
        },
    ],
    scale: None,
    selectable_fields: &[],
    columns: &[],
    deprecated: None,
    description: "",
};
static FLUNDER_BETA: ResourceDescriptor = ResourceDescriptor { version: "v1beta1", subresources: &[], ..FLUNDER };
static FISCHER: ResourceDescriptor = ResourceDescriptor {
    kind: "Fischer",
    plural: "fischers",
    singular: "fischer",
    scope: Scope::Cluster,
    verbs: &[Verb::Get, Verb::List],
    subresources: &[],
    ..FLUNDER
};

fn served() -> Vec<Served> {
    let of = |descriptor, schema: &_| Served {
        descriptor,
        schema: Schema::of_type(descriptor, schema),
        strategic_merge: true,
    };
    vec![
        of(&FLUNDER, &schema_of::<Flunder>()),
        of(&FLUNDER_BETA, &schema_of::<Flunder>()),
        of(&FISCHER, &schema_of::<fischer::Fischer>()),
    ]
}

fn openapi() -> OpenApi {
    OpenApi::new(About { title: "Wardle", version: "0.1" }, &served())
}

fn tree(document: &Document) -> Value {
    serde_json::from_slice(document.bytes()).unwrap()
}

fn v2() -> Value {
    tree(openapi().v2())
}

fn v3() -> Value {
    tree(openapi().v3("wardle.example.com", "v1alpha1").unwrap())
}

/// Calls `visit` with every object of a tree.
fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a serde_json::Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            visit(map);
            map.values().for_each(|value| walk(value, visit));
        }
        Value::Array(values) => values.iter().for_each(|value| walk(value, visit)),
        _ => {}
    }
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters") {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    found
}

/// Names of query parameters, in whichever dialect.
fn parameter_names(document: &Value, operation: &Value) -> BTreeSet<String> {
    let resolve = |parameter: &Value| match parameter.get("$ref").and_then(Value::as_str) {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap().clone(),
        None => parameter.clone(),
    };
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(resolve);
    parameters.filter(|p| p["in"] == "query").map(|p| p["name"].as_str().unwrap().to_owned()).collect()
}

fn without_upstreams_texts(mut document: Value, definitions: &str) -> Value {
    fn silence(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|key, value| key != "description" || !value.is_string());
                map.values_mut().for_each(silence);
            }
            Value::Array(values) => values.iter_mut().for_each(silence),
            _ => {}
        }
    }
    let named = document.pointer_mut(definitions).unwrap().as_object_mut().unwrap();
    named.iter_mut().filter(|(name, _)| name.starts_with("io.k8s.")).for_each(|(_, definition)| silence(definition));
    document
}

#[test]
fn the_documents_are_these() {
    insta::assert_json_snapshot!("v2", without_upstreams_texts(v2(), "/definitions"));
    insta::assert_json_snapshot!("v3", without_upstreams_texts(v3(), "/components/schemas"));
}

#[test]
fn oa_3_every_reference_resolves_within_the_document() {
    for document in [v2(), v3(), tree(openapi().v3("wardle.example.com", "v1beta1").unwrap())] {
        let mut references = BTreeSet::new();
        walk(&document, &mut |map| references.extend(map.get("$ref").and_then(Value::as_str)));
        assert!(references.len() > 10);
        for reference in references {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} dangles");
        }
    }
}

#[test]
fn oa_3_every_definition_is_referred_to_or_a_kind() {
    for (document, pointer) in [(v2(), "/definitions"), (v3(), "/components/schemas")] {
        let mut used = BTreeSet::new();
        walk(&document, &mut |map| {
            used.extend(map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next()));
        });
        for (name, definition) in document.pointer(pointer).unwrap().as_object().unwrap() {
            let is_kind = definition.get("x-kubernetes-group-version-kind").is_some();
            assert!(is_kind || used.contains(name.as_str()), "{name} is of no use");
        }
    }
}

#[test]
fn oa_4_kinds_are_a_list_on_schemas_and_one_on_operations() {
    for (document, pointer) in [(v2(), "/definitions"), (v3(), "/components/schemas")] {
        let mut listed = 0;
        for (name, definition) in document.pointer(pointer).unwrap().as_object().unwrap() {
            if let Some(kinds) = definition.get("x-kubernetes-group-version-kind") {
                assert!(kinds.as_array().is_some_and(|kinds| !kinds.is_empty()), "{name}");
                listed += 1;
            }
        }
        assert!(listed >= 4);
        for (path, method, operation) in operations(&document) {
            let is_resource = path.matches('/').count() > 3 && !path.ends_with('/');
            let kind = operation.get("x-kubernetes-group-version-kind");
            assert_eq!(kind.is_some_and(Value::is_object), is_resource, "{method} {path}");
        }
    }
}

#[test]
fn oa_5_every_operation_on_a_resource_has_its_action() {
    let expected = BTreeMap::from([
        ("get", vec!["get", "list", "watch", "watchlist"]),
        ("post", vec!["post"]),
        ("put", vec!["put"]),
        ("patch", vec!["patch"]),
        ("delete", vec!["delete", "deletecollection"]),
    ]);
    for document in [v2(), v3()] {
        for (path, method, operation) in operations(&document).into_iter().filter(|(path, ..)| !path.ends_with('/')) {
            let action = operation["x-kubernetes-action"].as_str().unwrap_or_default();
            assert!(expected[method.as_str()].contains(&action), "{method} {path}: {action}");
            assert_eq!(action.starts_with("watch"), path.contains("/watch/"), "{method} {path}: {action}");
        }
    }
}

#[test]
fn oa_6_explain_finds_the_kind_by_the_path_and_the_schema_by_the_kind() {
    let document = v3();
    let prefix = "/apis/wardle.example.com/v1alpha1";
    for (paths, kind) in [
        (vec!["/fischers", "/fischers/{name}"], "Fischer"),
        (vec!["/flunders", "/namespaces/{namespace}/flunders", "/namespaces/{namespace}/flunders/{name}"], "Flunder"),
    ] {
        let wanted = json!({"group": "wardle.example.com", "version": "v1alpha1", "kind": kind});
        for path in paths {
            let item = &document["paths"][format!("{prefix}{path}")];
            assert_eq!(item["get"]["x-kubernetes-group-version-kind"], wanted, "{path}");
        }
        let schemas = document["components"]["schemas"].as_object().unwrap();
        let matching = schemas.values().filter(|schema| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            kinds.is_some_and(|kinds| kinds.contains(&wanted))
        });
        assert_eq!(matching.count(), 1, "{kind}");
    }
}

#[test]
fn oa_7_own_fields_are_described_and_typed() {
    let document = v3();
    let spec = &document["components"]["schemas"]["com.example.wardle.v1alpha1.FlunderSpec"];
    let reference = &spec["properties"]["reference"];
    assert_eq!(*reference, json!({"type": "string", "description": "A name of another flunder or fischer."}));
    let root = &document["components"]["schemas"]["com.example.wardle.v1alpha1.Flunder"];
    let of = json!([{"$ref": "#/components/schemas/com.example.wardle.v1alpha1.FlunderSpec"}]);
    assert_eq!(root["properties"]["spec"], json!({"allOf": of, "default": {}}));
    assert_eq!(spec["properties"]["emptied"]["nullable"], true);
    let kinds = &spec["properties"]["referenceType"];
    assert_eq!(kinds["enum"], json!(["Flunder", "Fischer"]));
    assert_eq!(kinds["description"], "What `reference` names.");
}

#[test]
fn oa_8_and_fv_9_writes_declare_their_parameters_and_patches_all_of_them() {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    for document in [v2(), v3()] {
        let mut patches = 0;
        for (path, _, operation) in operations(&document) {
            let names = parameter_names(&document, &operation);
            match operation["x-kubernetes-action"].as_str().unwrap_or_default() {
                "patch" => {
                    patches += 1;
                    assert_eq!(names, set(&["dryRun", "fieldManager", "fieldValidation", "force"]), "{path}");
                }
                "post" | "put" => assert_eq!(names, set(&["dryRun", "fieldManager", "fieldValidation"]), "{path}"),
                "delete" => assert!(names.contains("propagationPolicy") && names.contains("dryRun"), "{path}"),
                "deletecollection" => assert!(names.contains("labelSelector") && names.contains("dryRun"), "{path}"),
                _ => {}
            }
        }
        assert!(patches >= 3, "the object, its status and its scale");
    }
}

#[test]
fn oa_8_a_list_declares_what_it_understands_and_watch_only_where_it_is_served() {
    let document = v3();
    // Where a list is all there is, its parameters are the path's.
    let names = |path: &str| parameter_names(&document, &document["paths"][path]);
    let flunders = names("/apis/wardle.example.com/v1alpha1/flunders");
    let all = ["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch"];
    let watches = ["watch", "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds"];
    assert!(all.iter().chain(&watches).all(|name| flunders.contains(*name)), "{flunders:?}");
    let fischers = names("/apis/wardle.example.com/v1alpha1/fischers");
    assert!(all.iter().all(|name| fischers.contains(*name)) && !fischers.contains("watch"), "{fischers:?}");
}

#[test]
fn oa_8_what_all_operations_of_a_path_understand_is_told_of_the_path() {
    let document = v3();
    let names = |value: &Value| parameter_names(&document, value);
    let item = &document["paths"]["/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders/{name}"];
    let told: Vec<_> = item["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
    assert_eq!(told, ["name", "namespace", "pretty"]);
    assert!(item["get"].get("parameters").is_none());
    assert!(names(&item["patch"]).contains("fieldValidation"), "kubectl looks for it there");
    let watch = &document["paths"]["/apis/wardle.example.com/v1alpha1/watch/flunders"];
    assert!(names(watch).contains("sendInitialEvents") && watch["get"].get("parameters").is_none());
}

#[test]
fn oa_9_patches_list_exactly_the_media_types_there_are() {
    let path = "/apis/wardle.example.com/v1alpha1/namespaces/{namespace}/flunders/{name}";
    let content = v3()["paths"][path]["patch"]["requestBody"]["content"].clone();
    let listed: Vec<_> = content.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        listed.iter().collect::<BTreeSet<_>>(),
        PATCH_MEDIA_TYPES.iter().map(|&name| name.to_owned()).collect::<Vec<_>>().iter().collect()
    );
    assert_eq!(v2()["paths"][path]["patch"]["consumes"], json!(PATCH_MEDIA_TYPES));
}

#[test]
fn oa_12_operation_ids_are_upstreams_and_unique() {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&v2()) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
    }
    for id in [
        "createWardleExampleComV1alpha1NamespacedFlunder",
        "deleteWardleExampleComV1alpha1CollectionNamespacedFlunder",
        "deleteWardleExampleComV1alpha1NamespacedFlunder",
        "getAPIVersions",
        "getCodeVersion",
        "getWardleExampleComAPIGroup",
        "getWardleExampleComV1alpha1APIResources",
        "listWardleExampleComV1alpha1Fischer",
        "listWardleExampleComV1alpha1FlunderForAllNamespaces",
        "listWardleExampleComV1alpha1NamespacedFlunder",
        "patchWardleExampleComV1alpha1NamespacedFlunderStatus",
        "readWardleExampleComV1alpha1NamespacedFlunder",
        "readWardleExampleComV1alpha1NamespacedFlunderScale",
        "replaceWardleExampleComV1beta1NamespacedFlunder",
        "watchWardleExampleComV1alpha1FlunderListForAllNamespaces",
        "watchWardleExampleComV1alpha1NamespacedFlunder",
        "watchWardleExampleComV1alpha1NamespacedFlunderList",
    ] {
        assert!(ids.contains(id), "{id} in {ids:#?}");
    }
}

#[test]
fn verbs_that_are_not_declared_are_not_in_the_documents() {
    let document = v3();
    let methods = |path: &str| {
        let item = document["paths"][format!("/apis/wardle.example.com/v1alpha1{path}")].as_object().unwrap();
        item.keys().filter(|key| *key != "parameters").cloned().collect::<Vec<_>>()
    };
    assert_eq!(methods("/fischers"), ["get"]);
    assert_eq!(methods("/fischers/{name}"), ["get"]);
    assert_eq!(methods("/namespaces/{namespace}/flunders/{name}/status"), ["get", "patch", "put"]);
    assert_eq!(methods("/watch/namespaces/{namespace}/flunders/{name}"), ["get"]);
    let paths = document["paths"].as_object().unwrap();
    assert!(!paths.keys().any(|path| path.contains("/watch/fischers")), "{:?}", paths.keys());
}

#[test]
fn oa_14_replicas_answer_the_same_bytes() {
    let (left, right) = (openapi(), openapi());
    assert_eq!(left.v2().bytes(), right.v2().bytes());
    assert_eq!(left.v2().etag(), right.v2().etag());
    assert_eq!(left.group_versions.len(), 2);
    for (key, document) in &left.group_versions {
        assert_eq!(document.json.bytes(), right.group_versions[key].json.bytes());
    }
}

#[test]
fn o2_4_types_of_one_name_keep_their_own_shapes() {
    let schemas = v3()["components"]["schemas"].clone();
    let depth = &schemas["com.example.wardle.v1alpha1.Fischer_FlunderSpec"]["properties"]["depth"];
    assert_eq!(*depth, json!({"type": "integer", "format": "int32"}));
    let fischer = &schemas["com.example.wardle.v1alpha1.Fischer"]["properties"]["spec"]["$ref"];
    assert_eq!(*fischer, "#/components/schemas/com.example.wardle.v1alpha1.Fischer_FlunderSpec");
    assert!(schemas["com.example.wardle.v1alpha1.FlunderSpec"]["properties"].get("reference").is_some());
}

#[test]
fn o2_4_version_2_has_neither_defaults_nor_nulls() {
    let document = v2();
    let spec = &document["definitions"]["com.example.wardle.v1alpha1.FlunderSpec"]["properties"];
    assert_eq!(spec["emptied"], json!({}), "a type would refuse null");
    walk(&document["definitions"], &mut |map| {
        assert!(map.get("default").is_none_or(Value::is_object), "a default: {map:?}");
        assert!(!map.contains_key("allOf") && !map.contains_key("oneOf") && !map.contains_key("nullable"), "{map:?}");
    });
}

#[test]
fn o3_1_the_root_lists_only_own_group_versions_by_hash() {
    let openapi = openapi();
    let (headers, body) = ok(openapi.answer("/openapi/v3", "", &Ask::default(), now()));
    let root: Value = serde_json::from_slice(&body).unwrap();
    let keys: Vec<_> = root["paths"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["apis/wardle.example.com/v1alpha1", "apis/wardle.example.com/v1beta1"]);
    let url = root["paths"]["apis/wardle.example.com/v1beta1"]["serverRelativeURL"].as_str().unwrap();
    let etag = openapi.v3("wardle.example.com", "v1beta1").unwrap().etag();
    assert_eq!(url, format!("/openapi/v3/apis/wardle.example.com/v1beta1?hash={etag}"));
    assert_eq!(headers["content-type"], "application/json");
    let html = Ask { accept: "text/html".to_owned(), ..Ask::default() };
    assert!(matches!(openapi.answer("/openapi/v3", "", &html, now()), Answer::Ok { .. }));
}

const GV: &str = "/openapi/v3/apis/wardle.example.com/v1alpha1";

fn now() -> jiff::Timestamp {
    "2026-11-23T03:45:58Z".parse().unwrap()
}

fn ok(answer: Answer) -> (HeaderMap, bytes::Bytes) {
    match answer {
        Answer::Ok { headers, body } => (headers, body),
        other => panic!("{other:?}"),
    }
}

fn varies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect()
}

#[test]
fn o3_6_a_document_asked_for_by_its_hash_may_be_kept_for_a_year() {
    let openapi = openapi();
    let etag = openapi.v3("wardle.example.com", "v1alpha1").unwrap().etag().to_owned();
    let (headers, _) = ok(openapi.answer(GV, &format!("timeout=32s&hash={etag}"), &Ask::default(), now()));
    assert_eq!(headers["cache-control"], "public, immutable");
    assert_eq!(headers["expires"], "Tue, 23 Nov 2027 03:45:58 GMT");
    assert_eq!(headers["etag"], format!("\"{etag}\"").as_str());
}

#[test]
fn o3_5_an_old_hash_is_answered_with_what_is_current_and_not_kept() {
    let openapi = openapi();
    for query in ["hash=OLD", "", "hash", "%%%=&hash=%FF"] {
        let (headers, body) = ok(openapi.answer(GV, query, &Ask::default(), now()));
        assert!(!headers.contains_key("cache-control") && !headers.contains_key("expires"), "{query}");
        assert_eq!(&body, openapi.v3("wardle.example.com", "v1alpha1").unwrap().bytes());
    }
}

#[test]
fn oa_1_and_oa_2_a_client_that_has_the_document_is_told_so() {
    let openapi = openapi();
    for path in ["/openapi/v2", "/openapi/v3", GV] {
        let (headers, _) = ok(openapi.answer(path, "", &Ask::default(), now()));
        let etag = headers["etag"].to_str().unwrap().to_owned();
        assert_eq!(etag.len(), 130);
        let ask = Ask { if_none_match: etag.clone(), ..Ask::default() };
        match openapi.answer(path, "", &ask, now()) {
            Answer::NotModified { headers } => assert_eq!(headers["etag"], etag.as_str()),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[test]
fn oa_1_oa_2_json_and_protobuf_are_offered() {
    let openapi = openapi();
    let ask = |accept: &str| Ask { accept: accept.to_owned(), ..Ask::default() };
    for (path, version) in [("/openapi/v2", "v2"), (GV, "v3")] {
        let current = format!("application/com.github.proto-openapi.spec.{version}.v1.0+protobuf");
        let protobuf = format!("application/com.github.proto-openapi.spec.{version}@v1.0+protobuf");
        for accept in ["text/html", "application/vnd.kubernetes.protobuf"] {
            let answer = openapi.answer(path, "", &ask(accept), now());
            assert!(matches!(answer, Answer::NotAcceptable { .. }), "{path} {accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "application/json;q=0",
            &format!("{protobuf};q=0.9, application/json"),
        ] {
            let (headers, _) = ok(openapi.answer(path, "", &ask(accept), now()));
            assert_eq!(headers["content-type"], "application/json");
            assert_eq!(varies(&headers), ["Accept-Encoding", "Accept"], "{path} {accept}");
        }
        let (json, _) = ok(openapi.answer(path, "", &ask(""), now()));
        for accept in [&current, &protobuf, &format!("{protobuf}, application/json")] {
            let (headers, body) = ok(openapi.answer(path, "", &ask(accept), now()));
            assert_eq!(headers["content-type"], current.as_str());
            assert_eq!(headers["etag"], json["etag"]);
            assert_eq!(varies(&headers), ["Accept-Encoding", "Accept"], "{path} {accept}");
            assert!(!body.is_empty());
        }
    }
}

#[test]
fn oa_1_oa_2_nothing_of_a_document_is_left_out_of_its_message() {
    assert_eq!(message::left_out(2, &v2()), Vec::<String>::new());
    assert_eq!(message::left_out(3, &v3()), Vec::<String>::new());
    let strange = json!({ "swagger": "2.0", "paths": { "/x": { "trace": {} } } });
    assert_eq!(message::left_out(2, &strange), ["/paths//x/trace"]);
}

#[test]
fn oa_1_oa_2_messages_are_those_that_upstreams_library_makes() {
    // Go's gnostic made these of the JSON beside them.
    let v2 = json!({
        "swagger": "2.0",
        "info": { "title": "T", "version": "1" },
        "paths": { "/a/{n}": {
            "parameters": [{ "$ref": "#/parameters/p" }],
            "get": {
                "operationId": "getA", "tags": ["t"], "description": "d", "produces": ["application/json"],
                "parameters": [
                    { "name": "n", "in": "path", "type": "string", "required": true, "uniqueItems": true },
                    { "in": "body", "name": "body", "required": true, "schema": { "$ref": "#/definitions/A" } },
                ],
                "responses": { "200": { "description": "OK", "schema": { "$ref": "#/definitions/A" } }, "401": { "description": "no" } },
                "x-kubernetes-action": "get",
                "x-kubernetes-group-version-kind": { "group": "", "kind": "A", "version": "v1" },
            },
        } },
        "definitions": { "A": {
            "type": "object", "required": ["a"],
            "properties": {
                "a": { "type": "integer", "format": "int32", "minimum": 1.5, "default": 0, "enum": [1, "two"] },
                "b": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" },
                "c": { "type": "object", "additionalProperties": { "type": "string" } },
                "d": { "type": "object", "additionalProperties": false },
            },
            "x-kubernetes-group-version-kind": [{ "group": "g", "kind": "A", "version": "v1" }],
        } },
        "parameters": { "p": { "name": "pretty", "in": "query", "type": "string", "description": "d" } },
        "security": [{ "BearerToken": [] }],
        "securityDefinitions": { "BearerToken": { "type": "apiKey", "name": "authorization", "in": "header" } },
    });
    let v3 = json!({
        "openapi": "3.0.0",
        "info": { "title": "T", "version": "1" },
        "paths": { "/a": {
            "parameters": [{ "name": "n", "in": "path", "required": true, "schema": { "type": "string", "uniqueItems": true } }],
            "post": {
                "operationId": "createA", "tags": ["t"],
                "requestBody": { "required": true, "content": { "application/json": { "schema": { "$ref": "#/components/schemas/A" } } } },
                "responses": { "201": { "description": "Created", "content": { "*/*": { "schema": { "$ref": "#/components/schemas/A" } } } } },
                "x-kubernetes-action": "post",
            },
        } },
        "components": { "schemas": { "A": {
            "type": "object",
            "properties": {
                "a": { "allOf": [{ "$ref": "#/components/schemas/B" }], "default": {} },
                "b": { "type": "integer", "default": 3, "nullable": true },
                "c": { "type": "string", "default": "", "enum": ["", "x"] },
                "d": { "type": "array", "items": { "$ref": "#/components/schemas/B" }, "x-kubernetes-list-map-keys": ["k", "l"] },
                "e": { "type": "object", "additionalProperties": true, "x-kubernetes-preserve-unknown-fields": true },
            },
        }, "B": { "type": "boolean", "default": false } } },
    });
    for (ours, theirs) in [(message::of_v2(&v2), GNOSTIC_V2), (message::of_v3(&v3), GNOSTIC_V3)] {
        let told = |digit: u8| char::from_digit(digit.into(), 16).unwrap();
        let hexadecimal: String = ours.iter().flat_map(|byte| [told(byte >> 4), told(byte & 15)]).collect();
        assert_eq!(hexadecimal, theirs);
    }
}

const GNOSTIC_V2: &str = "0a03322e3012060a015412013142a102129e020a062f612f7b6e7d12930212fc010a01741a01642a046765744132106170706c69636174696f6e2f6a736f6e421c0a1a12182216080112047061746822016e2a06737472696e6798010142250a230a211204626f64791a04626f647920012a110a0f232f646566696e6974696f6e732f414a330a220a03323030121b0a190a024f4b12130a110a0f232f646566696e6974696f6e732f410a0d0a0334303112060a040a026e6f6a1d0a13782d6b756265726e657465732d616374696f6e120612046765740a6a430a1f782d6b756265726e657465732d67726f75702d76657273696f6e2d6b696e641220121e67726f75703a2022220a6b696e643a20410a76657273696f6e3a2076310a4a1212100a0e232f706172616d65746572732f704a9d020a9a020a01411294029a010161b201080a066f626a656374ca01b6010a370a016112321205696e7433322a041202300a49000000000000f83fa201041202310aa20106120474776f0ab201090a07696e74656765720a420a0162123db201070a056172726179ba010d0a0bb201080a06737472696e67fa01200a16782d6b756265726e657465732d6c6973742d74797065120612047365740a0a200a0163121baa010d0a0bb201080a06737472696e67b201080a066f626a6563740a150a01641210aa01021000b201080a066f626a656374fa01480a1f782d6b756265726e657465732d67726f75702d76657273696f6e2d6b696e64122512232d2067726f75703a20670a20206b696e643a20410a202076657273696f6e3a2076310a52250a230a0170121e121c1a1a120571756572791a016422067072657474793206737472696e6762110a0f0a0b426561726572546f6b656e12006a320a300a0b426561726572546f6b656e1221121f0a066170694b6579120d617574686f72697a6174696f6e1a06686561646572";
const GNOSTIC_V3: &str = "0a05332e302e3012060a015432013122cf010acc010a022f6112c50132a3010a01742a07637265617465413a380a3612320a300a106170706c69636174696f6e2f6a736f6e121c0a1a12180a16232f636f6d706f6e656e74732f736368656d61732f411801423b12390a0332303112320a300a07437265617465641a250a230a032a2f2a121c0a1a12180a16232f636f6d706f6e656e74732f736368656d61732f416a1e0a13782d6b756265726e657465732d616374696f6e12071205706f73740a6a1d0a1b0a016e1204706174682001520e0a0ca00101ca0106737472696e672ac8020ac5020aaa020a014112a4020aa102ca01066f626a656374fa0194020a270a016112220a20d2011a12180a16232f636f6d706f6e656e74732f736368656d61732f428a02000a1f0a0162121a0a180801ca0107696e74656765728a02090900000000000008400a240a0163121f0a1dc20105120322220ac201041202780aca0106737472696e678a02021a000a590a016412540a52ca01056172726179f2011c0a1a12180a16232f636f6d706f6e656e74732f736368656d61732f42a202280a1a782d6b756265726e657465732d6c6973742d6d61702d6b657973120a12082d206b0a2d206c0a0a470a016512420a40ca01066f626a6563748202021001a2022f0a24782d6b756265726e657465732d70726573657276652d756e6b6e6f776e2d6669656c647312071205747275650a0a160a014212110a0fca0107626f6f6c65616e8a02021000";

#[test]
fn oa_7_of_an_embedded_object_its_kind_and_metadata_are_described() {
    use super::render::Dialect;
    use kube_annex::schema::{ObjectSchema, Shape};
    let embedded = ObjectSchema { embedded_resource: true, preserve_unknown_fields: true, ..ObjectSchema::default() };
    let schema = Schema::new(Shape::Object(embedded));
    let told = render::definition(&schema, &[], Dialect::V3);
    let fields: Vec<&String> = told["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["apiVersion", "kind", "metadata"]);
    assert_eq!(told["required"], json!(["kind", "apiVersion"]));
    let metadata = json!([{ "$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" }]);
    assert_eq!(told["properties"]["metadata"]["allOf"], metadata);
    // Whoever reads version 2 would refuse all other fields.
    assert_eq!(render::definition(&schema, &[], Dialect::V2).get("properties"), None);
}

#[test]
fn oa_1_gzip_is_sent_to_those_who_take_it() {
    use std::io::Read;
    let openapi = openapi();
    let ask = Ask { gzip: true, ..Ask::default() };
    let (headers, body) = ok(openapi.answer("/openapi/v2", "", &ask, now()));
    assert_eq!(headers["content-encoding"], "gzip");
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
    assert_eq!(plain, openapi.v2().bytes()[..]);
}

#[test]
fn other_paths_are_not_found() {
    let openapi = openapi();
    for path in ["/openapi", "/openapi/v4", "/openapi/v2/x", ""] {
        assert!(matches!(openapi.answer(path, "", &Ask::default(), now()), Answer::NotFound), "{path}");
    }
}

#[test]
fn a_document_that_is_not_there_is_empty_and_those_of_no_version_are_there() {
    let openapi = openapi();
    let body = |path: &str| match openapi.answer(path, "", &Ask::default(), now()) {
        Answer::Ok { body, .. } => body,
        other => panic!("{path}: {other:?}"),
    };
    for path in ["/openapi/v3/", "/openapi/v3/apis/a/b", "/openapi/v3/nothing"] {
        assert!(body(path).is_empty(), "{path}");
    }
    for (path, template) in [
        ("/openapi/v3/apis", "/apis/"),
        ("/openapi/v3/apis/wardle.example.com", "/apis/wardle.example.com/"),
        ("/openapi/v3/version", "/version/"),
    ] {
        let document: serde_json::Value = serde_json::from_slice(&body(path)).unwrap();
        assert!(document["paths"].get(template).is_some(), "{path}: {document}");
    }
}

#[test]
fn a_server_of_nothing_has_documents_too() {
    let openapi = OpenApi::new(About { title: "Nothing", version: "0" }, &[]);
    assert_eq!(tree(&openapi.v3)["paths"], json!({}));
    assert!(tree(openapi.v2())["paths"].get("/apis/").is_some());
}

#[test]
fn o2_5_shared_definitions_are_upstreams_to_the_byte() {
    let (v2, v3) = (v2(), v3());
    let digest = |definition: &Value| {
        let mut definition = definition.clone();
        definition.as_object_mut().unwrap().remove("x-kubernetes-group-version-kind");
        crate::document::etag_of(definition.to_string().as_bytes())[..16].to_owned()
    };
    for (name, in_v2, in_v3) in KUBERNETES_1_37 {
        let name = format!("io.k8s.{name}");
        assert_eq!(digest(&v2["definitions"][&name]), *in_v2, "{name} of version 2");
        if !in_v3.is_empty() {
            assert_eq!(digest(&v3["components"]["schemas"][&name]), *in_v3, "{name} of version 3");
        }
    }
    let shared = v2["definitions"].as_object().unwrap().keys().filter(|name| name.starts_with("io.k8s."));
    assert_eq!(shared.count(), KUBERNETES_1_37.len(), "a shared definition without a digest");
}

/// Digests of what kube-apiserver 1.37.2 publishes, without the kinds: the beginning of the SHA-512 of compact JSON with
/// sorted keys, in version 2 and in version 3. Empty where a group version's document does not need the definition.
const KUBERNETES_1_37: &[(&str, &str, &str)] = &[
    ("api.autoscaling.v1.Scale", "8209100FB65E95D2", "65F6006832FBA38C"),
    ("api.autoscaling.v1.ScaleSpec", "5E99CB89A605E890", "0E20C603A783511D"),
    ("api.autoscaling.v1.ScaleStatus", "9F78B8F87E3A1182", "F174BED522CAB693"),
    ("apimachinery.pkg.apis.meta.v1.APIGroup", "FC4D1B4A855F30AC", ""),
    ("apimachinery.pkg.apis.meta.v1.APIGroupList", "93EAA12DEA947382", ""),
    ("apimachinery.pkg.apis.meta.v1.APIResource", "50CBFAA21919A055", "54D94A3C3A1DE2D7"),
    ("apimachinery.pkg.apis.meta.v1.APIResourceList", "BE02CA4696C0E801", "B8644AD15ED1146E"),
    ("apimachinery.pkg.apis.meta.v1.DeleteOptions", "0D55C9461150A2AB", "CDAE0427FA8F5853"),
    ("apimachinery.pkg.apis.meta.v1.FieldsV1", "A8880B1C6AC11BEC", "A8880B1C6AC11BEC"),
    ("apimachinery.pkg.apis.meta.v1.GroupVersionForDiscovery", "FF8E8E84387F0BA6", ""),
    ("apimachinery.pkg.apis.meta.v1.ListMeta", "B845D81FB3C5A7D2", "5C13A2258CAD2806"),
    ("apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry", "B3BC98F7B7849886", "DB9B2330E0C24E11"),
    ("apimachinery.pkg.apis.meta.v1.ObjectMeta", "79A578E3A5C5CFFE", "1A720A6AA8EC5200"),
    ("apimachinery.pkg.apis.meta.v1.OwnerReference", "7A26768902CC6CCB", "856D0E791F02FF8F"),
    ("apimachinery.pkg.apis.meta.v1.Patch", "DF802FCF12B44177", "DF802FCF12B44177"),
    ("apimachinery.pkg.apis.meta.v1.Preconditions", "4C4DC859F9BF256D", "4C4DC859F9BF256D"),
    ("apimachinery.pkg.apis.meta.v1.ServerAddressByClientCIDR", "6D7255883B79FCA1", ""),
    ("apimachinery.pkg.apis.meta.v1.ShardInfo", "B495B23ECD54EB52", "C8DDEC10F60602B1"),
    ("apimachinery.pkg.apis.meta.v1.Status", "7F53B809CE407459", "B56A7FB61FDF51C1"),
    ("apimachinery.pkg.apis.meta.v1.StatusCause", "88F9CCE5A07FE665", "88F9CCE5A07FE665"),
    ("apimachinery.pkg.apis.meta.v1.StatusDetails", "C480989174B1466A", "58B0798315820C47"),
    ("apimachinery.pkg.apis.meta.v1.Time", "CA7432ECA81D79DC", "CA7432ECA81D79DC"),
    ("apimachinery.pkg.apis.meta.v1.WatchEvent", "259988FD7F94D59F", "D72291727DBBEFD0"),
    ("apimachinery.pkg.runtime.RawExtension", "0E6F77970CD3547D", "0E6F77970CD3547D"),
    ("apimachinery.pkg.version.Info", "86C815EFE7CA9BD8", ""),
];
