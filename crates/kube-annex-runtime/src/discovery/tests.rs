use super::*;
use http::HeaderMap;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::{Scope, Verb};
use serde_json::{Value, json};

const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const V2BETA1: &str = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";

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
    subresources: &[],
    scale: None,
    selectable_fields: &[],
    columns: &[],
    deprecated: None,
    description: "",
};
static FLUNDER_BETA: ResourceDescriptor = ResourceDescriptor { version: "v1beta1", ..FLUNDER };
static FISCHER: ResourceDescriptor =
    ResourceDescriptor { kind: "Fischer", plural: "fischers", singular: "fischer", scope: Scope::Cluster, ..FLUNDER };
static GADGET: ResourceDescriptor = ResourceDescriptor {
    group: "rich.example.com",
    version: "v1",
    kind: "Gadget",
    plural: "gadgets",
    singular: "gadget",
    short_names: &["gd"],
    categories: &["all"],
    verbs: &[Verb::Get, Verb::List, Verb::Patch],
    subresources: &[
        SubresourceDescriptor {
            name: "scale",
            group: "autoscaling",
            version: "v1",
            kind: "Scale",
            verbs: &[Verb::Get, Verb::Patch, Verb::Update],
        },
        SubresourceDescriptor {
            name: "status",
            group: "rich.example.com",
            version: "v1",
            kind: "Gadget",
            verbs: &[Verb::Get, Verb::Patch, Verb::Update],
        },
    ],
    ..FLUNDER
};

/// What upstream's sample-apiserver serves.
fn wardle() -> Vec<Discovered> {
    let storage = |kind| Some(GroupVersionKind::new("wardle.example.com", "v1alpha1", kind));
    vec![
        Discovered { descriptor: &FLUNDER, storage: storage("Flunder") },
        Discovered { descriptor: &FLUNDER_BETA, storage: storage("Flunder") },
        Discovered { descriptor: &FISCHER, storage: storage("Fischer") },
    ]
}

fn served() -> Discovery {
    let mut resources = wardle();
    resources.push(Discovered { descriptor: &GADGET, storage: None });
    Discovery::new(&resources)
}

fn ask(accept: &str) -> Ask {
    Ask { accept: accept.to_owned(), ..Ask::default() }
}

fn ok(answer: Answer) -> (HeaderMap, String) {
    match answer {
        Answer::Ok { headers, body } => (headers, String::from_utf8(body.to_vec()).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn body(path: &str, accept: &str) -> String {
    ok(served().answer(path, &ask(accept))).1
}

fn parsed(path: &str, accept: &str) -> Value {
    serde_json::from_str(&body(path, accept)).unwrap()
}

fn content_type(accept: &str) -> Option<String> {
    match served().answer("/apis", &ask(accept)) {
        Answer::Ok { headers, .. } => Some(headers["content-type"].to_str().unwrap().to_owned()),
        Answer::NotAcceptable { .. } => None,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_documents_are_these() {
    insta::assert_snapshot!("apis", body("/apis", ""));
    insta::assert_snapshot!("apis_yaml", body("/apis", "application/yaml"));
    insta::assert_snapshot!("group", body("/apis/wardle.example.com", ""));
    insta::assert_snapshot!("version", body("/apis/wardle.example.com/v1alpha1", ""));
    insta::assert_snapshot!("version_with_subresources", body("/apis/rich.example.com/v1", ""));
    insta::assert_snapshot!("aggregated", body("/apis", V2));
    insta::assert_snapshot!("aggregated_yaml", body("/apis", &V2.replace("json", "yaml")));
}

#[test]
fn the_aggregated_document_is_upstreams_to_the_byte_and_to_the_etag() {
    let (headers, body) = ok(Discovery::new(&wardle()).answer("/apis", &ask(V2)));
    let etag = "\"18DC1DFE5379C464D58C053E434B4487D41266237F9E94606FD2F1D0C847240A0467903C50C2B18FB13EA82C4F5FDE9C0262DFF0D573D8394E24F1B00FD1F094\"";
    assert_eq!(headers["etag"], etag);
    assert_eq!(body.len(), 916);
}

#[test]
fn d_3_a_trailing_slash_changes_nothing() {
    for path in ["/apis", "/apis/wardle.example.com", "/apis/wardle.example.com/v1beta1"] {
        assert_eq!(body(path, ""), body(&format!("{path}/"), ""));
    }
}

#[test]
fn d_6_what_is_not_served_is_not_found() {
    for path in
        ["/apis/nope.example.com", "/apis/wardle.example.com/v9", "/apis/wardle.example.com/v1beta1/x", "/api", ""]
    {
        assert!(matches!(served().answer(path, &ask("")), Answer::NotFound), "{path}");
    }
    assert!(served().serves_group("wardle.example.com"));
    assert!(!served().serves_group("nope.example.com"));
}

#[test]
fn d_8_entries_of_the_group_list_carry_no_type() {
    let list = parsed("/apis", "");
    assert_eq!(list["kind"], "APIGroupList");
    assert!(list.get("apiVersion").is_none(), "upstream leaves it out: {list}");
    assert!(list["groups"].as_array().unwrap().iter().all(|group| group.get("kind").is_none()));
    let group = parsed("/apis/rich.example.com", "");
    assert_eq!((&group["kind"], &group["apiVersion"]), (&json!("APIGroup"), &json!("v1")));
}

#[test]
fn d_10_group_and_version_are_told_only_of_foreign_kinds() {
    let resources = parsed("/apis/rich.example.com/v1", "")["resources"].clone();
    let scale = json!({"name": "gadgets/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
        "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"]});
    let status = json!({"name": "gadgets/status", "singularName": "", "namespaced": true, "kind": "Gadget",
        "verbs": ["get", "patch", "update"]});
    assert_eq!((&resources[1], &resources[2]), (&scale, &status));
}

#[test]
fn d_11_verbs_are_those_declared_in_alphabetical_order() {
    assert_eq!(parsed("/apis/rich.example.com/v1", "")["resources"][0]["verbs"], json!(["get", "list", "patch"]));
}

#[test]
fn d_16_stored_resources_tell_a_hash_of_what_they_are_stored_as() {
    let resources = parsed("/apis/wardle.example.com/v1beta1", "")["resources"].clone();
    assert_eq!(resources[0]["storageVersionHash"], "UHqNx5H3K7A=");
    let computed = parsed("/apis/rich.example.com/v1", "")["resources"].clone();
    assert!(computed.as_array().unwrap().iter().all(|resource| resource.get("storageVersionHash").is_none()));
}

#[test]
fn d_17_the_preferred_version_comes_first() {
    let group = parsed("/apis/wardle.example.com", "");
    assert_eq!(group["preferredVersion"]["version"], "v1beta1");
    assert_eq!(group["versions"][0], group["preferredVersion"]);
}

#[test]
fn d_21_a_response_kind_is_never_empty() {
    let list = parsed("/apis", V2);
    let gadgets = &list["items"][1]["versions"][0]["resources"][0];
    assert_eq!(gadgets["responseKind"], json!({"group": "", "version": "", "kind": "Gadget"}));
    let scale = &gadgets["subresources"][0]["responseKind"];
    assert_eq!(*scale, json!({"group": "autoscaling", "version": "v1", "kind": "Scale"}));
}

#[test]
fn d_25_the_aggregated_document_has_no_storage_version_hash() {
    assert!(!body("/apis", V2).contains("storageVersionHash"));
}

#[test]
fn d_26_the_aggregated_document_may_be_kept_and_asked_for_again() {
    let (headers, _) = ok(served().answer("/apis", &ask(V2)));
    assert_eq!(headers["content-type"], V2);
    assert_eq!(headers["vary"], "Accept");
    assert_eq!(headers["cache-control"], "public");
    let etag = headers["etag"].to_str().unwrap();
    assert!(etag.len() == 130 && etag.starts_with('"') && etag.ends_with('"'), "{etag}");
}

#[test]
fn d_27_a_client_that_has_the_document_is_told_so() {
    let (headers, _) = ok(served().answer("/apis", &ask(V2)));
    let etag = headers["etag"].to_str().unwrap().to_owned();
    let again = Ask { if_none_match: etag.clone(), ..ask(V2) };
    match served().answer("/apis", &again) {
        Answer::NotModified { headers } => assert_eq!(headers["etag"], etag.as_str()),
        other => panic!("{other:?}"),
    }
    let other = Ask { if_none_match: "\"0\"".to_owned(), ..ask(V2) };
    assert!(matches!(served().answer("/apis", &other), Answer::Ok { .. }));
}

#[test]
fn d_27_the_etag_follows_the_content() {
    let etag = |discovery: &Discovery| ok(discovery.answer("/apis", &ask(V2))).0["etag"].clone();
    assert_eq!(etag(&served()), etag(&served()));
    assert_ne!(etag(&served()), etag(&Discovery::new(&wardle())));
}

#[test]
fn d_28_the_aggregated_document_goes_before_others_whatever_their_order() {
    let plain = Some("application/json".to_owned());
    assert_eq!(content_type(""), plain);
    assert_eq!(content_type("*/*"), plain);
    assert_eq!(content_type("application/json;charset=utf-8"), plain);
    assert_eq!(content_type("application/json"), plain);
    assert_eq!(content_type(V2), Some(V2.to_owned()));
    assert_eq!(
        content_type("application/json;as=APIGroupDiscoveryList;v=v2;profile=nopeer;g=apidiscovery.k8s.io"),
        Some(V2.to_owned())
    );
    assert_eq!(content_type("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"), plain);
    assert_eq!(content_type(&format!("application/json,{V2}")), Some(V2.to_owned()));
    assert_eq!(content_type(&format!("application/json,{V2};q=0")), Some(V2.to_owned()));
    assert_eq!(content_type("application/json;v=v1"), None);
    assert_eq!(content_type("text/html"), None);
    let protobuf = "application/vnd.kubernetes.protobuf";
    assert_eq!(content_type(protobuf), Some(protobuf.to_owned()));
    assert_eq!(content_type(&format!("{protobuf};as=Table;v=v1;g=meta.k8s.io,application/json")), plain);
    assert_eq!(content_type("application/json;as=Table;v=v1;g=meta.k8s.io"), None);
}

#[test]
fn da_4_version_v2beta1_is_gone() {
    assert_eq!(content_type(V2BETA1), None);
    assert_eq!(content_type(&format!("{V2BETA1},{V2},application/json")), Some(V2.to_owned()));
    assert_eq!(content_type(&format!("{V2BETA1},application/json")), Some("application/json".to_owned()));
}

#[test]
fn d_18_only_the_root_is_aggregated() {
    let answer = served().answer("/apis/wardle.example.com", &ask(V2));
    assert!(matches!(answer, Answer::NotAcceptable { .. }));
    let fallback = format!("{V2},application/json");
    assert_eq!(parsed("/apis/wardle.example.com", &fallback)["kind"], "APIGroup");
}

#[test]
fn d_29_the_legacy_list_says_nothing_of_aggregation_in_its_type() {
    let other = V2.replace("apidiscovery", "other");
    assert_eq!(content_type(&format!("{other},application/json")), Some("application/json".to_owned()));
}

#[test]
fn d_30_both_generations_tell_the_same_resources() {
    let list = parsed("/apis", V2);
    for group in list["items"].as_array().unwrap() {
        let name = group["metadata"]["name"].as_str().unwrap();
        for version in group["versions"].as_array().unwrap() {
            let path = format!("/apis/{name}/{}", version["version"].as_str().unwrap());
            let legacy = parsed(&path, "");
            let mut expected = Vec::new();
            for resource in version["resources"].as_array().unwrap() {
                let parent = resource["resource"].as_str().unwrap();
                expected.push((parent.to_owned(), resource["verbs"].clone()));
                for subresource in resource["subresources"].as_array().into_iter().flatten() {
                    let name = subresource["subresource"].as_str().unwrap();
                    expected.push((format!("{parent}/{name}"), subresource["verbs"].clone()));
                }
            }
            let resources = legacy["resources"].as_array().unwrap();
            let told: Vec<_> =
                resources.iter().map(|r| (r["name"].as_str().unwrap().to_owned(), r["verbs"].clone())).collect();
            assert_eq!(told, expected);
        }
    }
}

#[test]
fn cn_15_a_person_gets_it_indented() {
    let (_, body) = ok(served().answer("/apis", &ask("").pretty(true)));
    assert!(body.starts_with("{\n  \"kind\": \"APIGroupList\""), "{body}");
}

#[test]
fn headers_of_a_request_say_what_is_asked() {
    let mut headers = HeaderMap::new();
    headers.append("accept", "application/yaml".parse().unwrap());
    headers.append("accept", "application/json".parse().unwrap());
    headers.append("accept-encoding", "br, gzip".parse().unwrap());
    headers.append("if-none-match", "\"x\"".parse().unwrap());
    let ask = Ask::from_headers(&headers);
    assert_eq!((ask.accept.as_str(), ask.gzip, ask.if_none_match.as_str()), ("application/yaml", true, "\"x\""));
    headers.insert("accept-encoding", "gzip;q=0".parse().unwrap());
    assert!(!Ask::from_headers(&headers).gzip, "only the bare token counts");
}
