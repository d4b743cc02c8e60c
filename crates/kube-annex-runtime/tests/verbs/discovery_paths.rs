//! Which paths there are, which methods they take, and what is beside the resources.

use crate::{WIDGETS, at, fleets, with_widgets};
use http::Method;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const NOT_FOUND: &str = "the server could not find the requested resource";
const NOT_ALLOWED: &str = "the server does not allow this method on the requested resource";

#[tokio::test(start_paused = true)]
async fn d_1_groups_and_versions_are_served_and_the_core_is_not() {
    let server = TestServer::new();
    assert_eq!(server.get("/apis").await.ok()["kind"], "APIGroupList", "d_7");
    assert_eq!(server.get("/apis/toys.example.com").await.ok()["kind"], "APIGroup", "d_8");
    assert_eq!(server.get("/apis/toys.example.com/v1").await.ok()["kind"], "APIResourceList", "d_9");
    assert_eq!(server.get("/apis/toys.example.com/v1beta1").await.ok()["kind"], "APIResourceList");
    for path in ["/api", "/api/v1", "/api/v1/namespaces"] {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_2_documents_are_read_only_and_authorized_by_path() {
    let server = TestServer::new();
    for path in ["/apis", "/apis/toys.example.com", "/apis/toys.example.com/v1"] {
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            server.ask(method, path).await.refused(405, "MethodNotAllowed", NOT_ALLOWED);
        }
        let (_, info) = server.asked().pop().unwrap();
        assert_eq!((info.is_resource_request, info.path.as_str()), (false, path));
    }
}

#[tokio::test(start_paused = true)]
async fn d_3_a_trailing_slash_changes_nothing() {
    let server = TestServer::new();
    for path in ["/apis", "/apis/toys.example.com", "/apis/toys.example.com/v1"] {
        let (bare, slashed) = (server.get(path).await, server.get(&format!("{path}/")).await);
        assert_eq!((slashed.status, &slashed.body), (200, &bare.body), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_4_documents_come_as_yaml_too() {
    let answer = TestServer::new().get("/apis/toys.example.com").accept("application/yaml").await;
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, "application/yaml"));
    assert!(answer.text().contains("kind: APIGroup\n"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn d_6_paths_outside_of_every_group_are_404() {
    let server = TestServer::new();
    for path in
        ["/nowhere", "/apis/other.example.com", "/apis/other.example.com/v1", "/apis/other.example.com/v1/things"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_6_paths_below_a_group_that_lead_nowhere_are_404_with_a_status() {
    let server = TestServer::new();
    for path in [
        "/apis/toys.example.com/v7",
        "/apis/toys.example.com/v1/nothings",
        "/apis/toys.example.com/v7/widgets",
        "/apis/toys.example.com/v1beta1/shelves",
        "/apis/toys.example.com/v1/namespaces/default/widgets/a/b/c/d",
        "/apis/toys.example.com/v1/namespaces/default/shelves",
    ] {
        let status = server.get(path).await.refused(404, "NotFound", NOT_FOUND);
        assert_eq!(status["details"], json!({}), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_6_known_paths_with_other_methods_are_405() {
    let server = with_widgets(&["a"]).await;
    for (method, path) in [
        (Method::PUT, WIDGETS.to_owned()),
        (Method::PATCH, WIDGETS.to_owned()),
        (Method::POST, at(WIDGETS, "a")),
        (Method::OPTIONS, WIDGETS.to_owned()),
        (Method::TRACE, at(WIDGETS, "a")),
        (Method::from_bytes(b"BREW").unwrap(), WIDGETS.to_owned()),
    ] {
        let status = server.ask(method.clone(), &path).await.refused(405, "MethodNotAllowed", NOT_ALLOWED);
        assert_eq!(status["details"], json!({}), "11-11: {method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_11_a_verb_that_is_not_declared_is_not_served() {
    let server = TestServer::new();
    server.gauges.set("g", 1);
    let (all, one) = ("/apis/toys.example.com/v1/gauges", "/apis/toys.example.com/v1/gauges/g");
    for (method, path) in
        [(Method::POST, all), (Method::DELETE, all), (Method::PUT, one), (Method::PATCH, one), (Method::DELETE, one)]
    {
        let answer = server.ask(method.clone(), path).body("application/merge-patch+json", "{}").await;
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
    }
    server.get(one).await.ok();
}

#[tokio::test(start_paused = true)]
async fn rq_1_a_watch_without_a_resource_is_500() {
    let answer = TestServer::new().get("/apis/toys.example.com/v1/watch").await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(answer.text().contains("unable to determine kind and namespace from url"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn hz_1_the_health_endpoints_say_ok() {
    let server = TestServer::new();
    for path in ["/healthz", "/livez", "/readyz"] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"));
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(start_paused = true)]
async fn hz_2_verbose_tells_every_check() {
    let server = TestServer::new();
    for endpoint in ["healthz", "livez", "readyz"] {
        let text = server.get(&format!("/{endpoint}?verbose")).await.text();
        assert!(text.starts_with("[+]ping ok\n"), "{text}");
        assert!(text.ends_with(&format!("{endpoint} check passed\n")), "{text}");
    }
    assert_eq!(server.get("/readyz/ping").await.text(), "ok", "hz_5");
    assert_eq!(server.get("/readyz/nothing").await.status, 404);
    let text = server.get("/readyz?verbose&exclude=x").await.text();
    assert!(text.contains("warn: some health checks cannot be excluded: no matches for \"x\""), "hz_4: {text}");
}

#[tokio::test(start_paused = true)]
async fn hz_6_a_server_that_is_asked_to_stop_is_not_ready() {
    let server = TestServer::new();
    server.shutdown.ask();
    let answer = server.get("/readyz").await;
    assert!(
        answer.status == 500 && answer.text().contains("[-]shutdown failed: reason withheld\n"),
        "{}",
        answer.text()
    );
    assert_eq!(server.get("/livez").await.status, 200);
    server.get(WIDGETS).await.ok();
}

#[tokio::test(start_paused = true)]
async fn hz_9_the_version_is_told() {
    let version = TestServer::new().get("/version").await.ok();
    for key in
        ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"]
    {
        assert!(version[key].is_string(), "{key}: {version}");
    }
    assert!(version["gitVersion"].as_str().unwrap().starts_with('v'));
}

#[tokio::test(start_paused = true)]
async fn hz_10_the_root_lists_the_paths() {
    let paths = TestServer::new().get("/").await.ok()["paths"].clone();
    for path in ["/apis", "/apis/toys.example.com/v1", "/healthz", "/openapi/v2", "/openapi/v3", "/version"] {
        assert!(paths.as_array().unwrap().contains(&json!(path)), "{path}: {paths}");
    }
}

#[tokio::test(start_paused = true)]
async fn d_11_every_document_of_openapi_is_there() {
    let server = TestServer::new();
    assert_eq!(server.get("/openapi/v2").await.ok()["swagger"], "2.0");
    let index = server.get("/openapi/v3").await.ok();
    let url = index["paths"]["apis/toys.example.com/v1"]["serverRelativeURL"].as_str().unwrap().to_owned();
    assert!(server.get(&url).await.ok()["openapi"].as_str().unwrap().starts_with("3.0"));
}

#[tokio::test(start_paused = true)]
async fn d_7_the_root_lists_groups() {
    let root = TestServer::new().get("/apis").await.ok();
    assert_eq!(root["kind"], "APIGroupList");
    let groups: Vec<&Value> = root["groups"].as_array().unwrap().iter().map(|group| &group["name"]).collect();
    assert!(groups.contains(&&json!("toys.example.com")), "{root}");
}

#[tokio::test(start_paused = true)]
async fn d_9_a_version_lists_its_resources() {
    let version = TestServer::new().get("/apis/toys.example.com/v1beta1").await.ok();
    let shape = (&version["kind"], &version["apiVersion"], &version["groupVersion"]);
    assert_eq!(shape, (&json!("APIResourceList"), &json!("v1"), &json!("toys.example.com/v1beta1")));
    assert!(version["resources"].is_array(), "{version}");
}

#[tokio::test(start_paused = true)]
async fn d_15_a_subresource_has_its_parents_scope() {
    let version = fleets::server().get("/apis/toys.example.com/v1").await.ok();
    let scopes = |prefix: &str| -> Vec<bool> {
        let resources = version["resources"].as_array().unwrap().iter();
        let of = resources.filter(|resource| resource["name"].as_str().unwrap().split('/').next() == Some(prefix));
        of.map(|resource| resource["namespaced"].as_bool().unwrap()).collect()
    };
    assert_eq!((scopes("fleets"), scopes("widgets")), (vec![true; 3], vec![true; 2]));
    assert!(scopes("shelves").iter().all(|namespaced| !namespaced), "{version}");
}

#[tokio::test(start_paused = true)]
async fn d_22_scale_is_a_kind_of_autoscaling() {
    let version = fleets::server().get("/apis/toys.example.com/v1").await.ok();
    let resources = version["resources"].as_array().unwrap();
    let scale = resources.iter().find(|resource| resource["name"] == "fleets/scale").unwrap();
    let told = (&scale["group"], &scale["version"], &scale["kind"]);
    assert_eq!(told, (&json!("autoscaling"), &json!("v1"), &json!("Scale")));
}

#[tokio::test(start_paused = true)]
async fn d_19_d_20_d_24_the_aggregated_document_tells_everything_in_order() {
    let accept = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList";
    let document = fleets::server().get("/apis").accept(accept).await.ok();
    let group =
        document["items"].as_array().unwrap().iter().find(|item| item["metadata"]["name"] == "toys.example.com");
    let versions = group.unwrap()["versions"].as_array().unwrap();
    let told: Vec<(&str, &str)> =
        versions.iter().map(|v| (v["version"].as_str().unwrap(), v["freshness"].as_str().unwrap())).collect();
    assert_eq!(told, [("v1", "Current"), ("v1beta1", "Current")]);
    let resources = versions[0]["resources"].as_array().unwrap();
    let names: Vec<&str> = resources.iter().map(|resource| resource["resource"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.len() >= 4, "{names:?}");
    let fleets = resources.iter().find(|resource| resource["resource"] == "fleets").unwrap();
    assert_eq!(fleets["responseKind"]["kind"], "Fleet");
    assert_eq!((&fleets["scope"], &fleets["singularResource"]), (&json!("Namespaced"), &json!("fleet")));
    let subresources: Vec<&str> =
        fleets["subresources"].as_array().unwrap().iter().map(|sub| sub["subresource"].as_str().unwrap()).collect();
    assert_eq!(subresources, ["scale", "status"]);
    assert_eq!(fleets["subresources"][0]["verbs"], json!(["get", "patch", "update"]));
}

#[tokio::test(start_paused = true)]
async fn av_2_da_2_da_3_both_generations_answer_anyone_without_groups() {
    let server = TestServer::new();
    assert_eq!(server.get("/apis/toys.example.com/v1").await.ok()["kind"], "APIResourceList");
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let answer = server.get("/apis").accept(accept).await;
    let expected = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    assert_eq!((answer.status, answer.header("content-type").as_str()), (200, expected));
}

#[tokio::test(start_paused = true)]
async fn da_1_o2_1_documents_are_not_sent_twice() {
    let server = TestServer::new();
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    for (path, accept) in [("/apis", aggregated), ("/openapi/v2", "application/json")] {
        let first = server.get(path).accept(accept).await;
        let etag = first.header("etag");
        assert!(first.status == 200 && !etag.is_empty(), "{path}: {} {etag}", first.status);
        let second = server.get(path).accept(accept).header("if-none-match", &etag).await;
        assert_eq!((second.status, second.body.len()), (304, 0), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn o2_6_oa_13_every_reference_of_the_document_resolves() {
    fn references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = fleets::server().get("/openapi/v2").await.ok();
    assert_eq!(document["swagger"], "2.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 20, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test(start_paused = true)]
async fn o3_2_o3_3_o3_4_the_root_lists_what_is_here_and_each_document_is_there() {
    let server = TestServer::new();
    let root = server.get("/openapi/v3").await.ok();
    let paths: Vec<&String> = root["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["apis/toys.example.com/v1", "apis/toys.example.com/v1beta1"]);
    for (path, entry) in root["paths"].as_object().unwrap() {
        let url = entry["serverRelativeURL"].as_str().unwrap();
        assert!(url.starts_with(&format!("/openapi/v3/{path}?hash=")), "{url}");
        assert!(server.get(url).await.ok()["openapi"].as_str().unwrap().starts_with("3."), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn oa_10_oa_11_shared_types_have_upstreams_names_and_lists_say_how_they_merge() {
    let document = fleets::server().get("/openapi/v3/apis/toys.example.com/v1").await.ok();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in ["ObjectMeta", "ListMeta", "Status", "DeleteOptions", "WatchEvent"] {
        assert!(schemas.contains_key(&format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}")), "{name}");
    }
    let spec = schemas.iter().find(|(name, _)| name.ends_with("FleetSpec")).unwrap().1;
    let crew = &spec["properties"]["crew"];
    assert_eq!(crew["x-kubernetes-list-type"], "map");
    assert_eq!(crew["x-kubernetes-list-map-keys"], json!(["name"]));
    assert_eq!(spec["properties"]["harbours"]["x-kubernetes-list-type"], "set");
}

#[tokio::test(start_paused = true)]
async fn p_11_the_documents_tell_who_computes_a_strategic_patch_how_lists_are_merged() {
    let server = fleets::server();
    let definitions = |document: Value, at: &str| {
        let schemas = document.pointer(at).unwrap().as_object().unwrap().clone();
        schemas.into_iter().find(|(name, _)| name.ends_with("FleetSpec")).unwrap().1
    };
    for spec in [
        definitions(server.get("/openapi/v2").await.ok(), "/definitions"),
        definitions(server.get("/openapi/v3/apis/toys.example.com/v1").await.ok(), "/components/schemas"),
    ] {
        let told = |list: &str, of: &str| spec["properties"][list].get(of).and_then(Value::as_str).map(str::to_owned);
        let merges = |list| told(list, "x-kubernetes-patch-strategy");
        let key = |list| told(list, "x-kubernetes-patch-merge-key");
        assert_eq!((merges("crew").as_deref(), key("crew").as_deref()), (Some("merge"), Some("name")));
        assert_eq!((merges("harbours").as_deref(), key("harbours")), (Some("merge"), None));
        assert_eq!((merges("cargo"), key("cargo")), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn px_12_nothing_is_redirected() {
    let server = with_widgets(&["a"]).await;
    for path in ["/apis/", "//apis", "/openapi/v2/", "/healthz/", &format!("{WIDGETS}/"), "/apis/toys.example.com/v1/"]
    {
        let answer = server.get(path).await;
        assert!(!(300..400).contains(&answer.status), "{path}: {}", answer.status);
    }
}

#[tokio::test(start_paused = true)]
async fn d_14_the_singular_name_is_the_kind_in_lower_case() {
    let document = TestServer::new().get("/apis/toys.example.com/v1").await.ok();
    let resources = document["resources"].as_array().unwrap();
    let whole: Vec<&Value> = resources.iter().filter(|one| !one["name"].as_str().unwrap().contains('/')).collect();
    assert!(whole.len() >= 4, "{document}");
    for resource in whole {
        let kind = resource["kind"].as_str().unwrap();
        assert_eq!(resource["singularName"], kind.to_lowercase(), "{resource}");
    }
}
