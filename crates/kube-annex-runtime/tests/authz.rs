//! May they: the clauses AZ-1 to AZ-13 against a scripted kube-apiserver.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use kube_annex::request::{RequestInfo, UserInfo};
use kube_annex_runtime::authn::Backoff;
use kube_annex_runtime::authz::{
    AlwaysAllowPaths, Authorizer, Authorizers, Decision, Error, Standalone, SubjectAccessReviewOptions,
    SubjectAccessReviews, internal_error_text,
};
use kube_annex_testkit::apiserver::ACCESS_REVIEWS;
use kube_annex_testkit::{FakeApiServer, Refusal};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn user(name: &str, groups: &[&str]) -> UserInfo {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    UserInfo { name: name.to_owned(), groups, ..UserInfo::default() }
}

fn path(verb: &str, path: &str) -> RequestInfo {
    RequestInfo { path: path.to_owned(), verb: verb.to_owned(), ..RequestInfo::default() }
}

fn flunder(verb: &str, name: &str) -> RequestInfo {
    RequestInfo {
        is_resource_request: true,
        path: "/healthz".to_owned(),
        verb: verb.to_owned(),
        group: "wardle.example.com".to_owned(),
        version: "v1alpha1".to_owned(),
        namespace: "ns".to_owned(),
        resource: "flunders".to_owned(),
        name: name.to_owned(),
        ..RequestInfo::default()
    }
}

fn options() -> SubjectAccessReviewOptions {
    let backoff = Backoff { initial: Duration::from_millis(1), ..Backoff::default() };
    SubjectAccessReviewOptions { backoff, ..SubjectAccessReviewOptions::default() }
}

fn reviews(server: &FakeApiServer, options: &SubjectAccessReviewOptions) -> Authorizers {
    let last = Arc::new(SubjectAccessReviews::new(server.client(), options));
    Authorizers::standard(AlwaysAllowPaths::default(), last)
}

#[tokio::test]
async fn az_1_av_5_rb_3_masters_and_open_paths_do_not_need_the_network() {
    let server = FakeApiServer::start().await;
    let authorizers = reviews(&server, &options());
    let admin = user("admin", &["dev", "system:masters"]);
    assert!(authorizers.authorize(&admin, &flunder("delete", "f1")).await.unwrap().is_allowed());
    let anonymous = user("system:anonymous", &["system:unauthenticated"]);
    for open in ["/healthz", "/livez", "/readyz"] {
        assert!(authorizers.authorize(&anonymous, &path("get", open)).await.unwrap().is_allowed());
    }
    assert_eq!(server.count(ACCESS_REVIEWS), 0);
}

#[tokio::test]
async fn az_2_hz_7_sub_paths_and_resources_are_not_open() {
    let server = FakeApiServer::start().await;
    let authorizers = reviews(&server, &options());
    let anonymous = user("system:anonymous", &["system:unauthenticated"]);
    for closed in [path("get", "/healthz/ping"), path("get", "/metrics"), flunder("get", "f1")] {
        let decision = authorizers.authorize(&anonymous, &closed).await.unwrap();
        assert_eq!(decision, Decision::NoOpinion(String::new()), "{closed:?}");
    }
}

#[tokio::test]
async fn az_2_patterns_may_end_in_a_star_only() {
    let open = AlwaysAllowPaths::new(["healthz/*", "/"]).unwrap();
    let nobody = user("", &[]);
    for (asked, allowed) in [("/healthz/ping", true), ("/healthz", false), ("/", true), ("/x", false)] {
        assert_eq!(open.authorize(&nobody, &path("get", asked)).await.unwrap().is_allowed(), allowed, "{asked}");
    }
    assert!(AlwaysAllowPaths::new(["/a*b"]).unwrap_err().to_string().contains("\"/a*b\""));
    assert!(AlwaysAllowPaths::new(["/a**"]).is_err());
}

#[tokio::test]
async fn az_3_the_question_names_user_and_attributes() {
    let server = FakeApiServer::start().await;
    server.decide_access(|_| json!({"allowed": true}));
    let authorizers = reviews(&server, &options());
    let mut ada = user("ada", &["dev"]);
    ada.uid = "7".to_owned();
    ada.extra.insert("scopes".to_owned(), vec!["one".to_owned()]);
    let mut info = flunder("update", "f1");
    info.subresource = "status".to_owned();
    assert!(authorizers.authorize(&ada, &info).await.unwrap().is_allowed());
    assert!(authorizers.authorize(&ada, &path("get", "/metrics")).await.unwrap().is_allowed());
    let asked: Vec<Value> = server.asked(ACCESS_REVIEWS).into_iter().map(|review| review["spec"].clone()).collect();
    let who = json!({"user": "ada", "uid": "7", "groups": ["dev"], "extra": {"scopes": ["one"]}});
    let mut about_resource = who.clone();
    about_resource["resourceAttributes"] = json!({
        "namespace": "ns", "verb": "update", "group": "wardle.example.com", "version": "v1alpha1",
        "resource": "flunders", "subresource": "status", "name": "f1",
    });
    let mut about_path = who;
    about_path["nonResourceAttributes"] = json!({"path": "/metrics", "verb": "get"});
    assert_eq!(asked, [about_resource, about_path]);
}

#[tokio::test]
async fn az_7_selectors_of_collections_are_part_of_the_question() {
    let server = FakeApiServer::start().await;
    let authorizers = reviews(&server, &options());
    let ada = user("ada", &[]);
    let ask = async |verb: &str, fields: &str, labels: &str| {
        let selectors = (fields.to_owned(), labels.to_owned());
        let info = RequestInfo { field_selector: selectors.0, label_selector: selectors.1, ..flunder(verb, "") };
        authorizers.authorize(&ada, &info).await.unwrap();
        let asked = server.asked(ACCESS_REVIEWS).pop().unwrap()["spec"]["resourceAttributes"].clone();
        (asked["fieldSelector"]["requirements"].clone(), asked["labelSelector"]["requirements"].clone())
    };
    let requirement = |key: &str, operator: &str, values: Value| match values {
        Value::Null => json!({"key": key, "operator": operator}),
        values => json!({"key": key, "operator": operator, "values": values}),
    };
    let (fields, labels) = ask("list", "metadata.name=f1,spec.x!=y", "a=b,c!=d,e in (f,g),h notin (i),j,!k,l>5").await;
    assert_eq!(
        fields,
        json!([requirement("metadata.name", "In", json!(["f1"])), requirement("spec.x", "NotIn", json!(["y"]))])
    );
    let expected = [
        requirement("a", "In", json!(["b"])),
        requirement("c", "NotIn", json!(["d"])),
        requirement("e", "In", json!(["f", "g"])),
        requirement("h", "NotIn", json!(["i"])),
        requirement("j", "Exists", Value::Null),
        requirement("k", "DoesNotExist", Value::Null),
    ];
    let labels = labels.as_array().unwrap();
    assert!(expected.iter().all(|requirement| labels.contains(requirement)), "{labels:?}");
    assert_eq!(labels.len(), expected.len(), "an operator without a word is left out");
    assert_eq!(ask("deletecollection", "", "a b c").await, (Value::Null, Value::Null), "a selector that is none");
    assert_eq!(ask("create", "metadata.name=f1", "a=b").await, (Value::Null, Value::Null));
}

#[tokio::test]
async fn az_8_decisions_are_remembered_and_forgotten_after_their_time() {
    let server = FakeApiServer::start().await;
    server.decide_access(|spec| json!({"allowed": spec["user"] == "ada", "reason": "rbac"}));
    let options = SubjectAccessReviewOptions { refused_ttl: Duration::from_millis(100), ..options() };
    let authorizers = reviews(&server, &options);
    let (ada, eve) = (user("ada", &[]), user("eve", &[]));
    let ask = async |user: &UserInfo| authorizers.authorize(user, &flunder("get", "f1")).await.unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&ada).await, Decision::Allow);
        assert_eq!(ask(&eve).await, Decision::NoOpinion("rbac".to_owned()));
    }
    assert_eq!(server.count(ACCESS_REVIEWS), 2);
    tokio::time::sleep(Duration::from_millis(300)).await;
    ask(&ada).await;
    ask(&eve).await;
    assert_eq!(server.count(ACCESS_REVIEWS), 3, "only the refusal is asked about again");
}

#[tokio::test]
async fn az_9_failures_fail_closed_are_tried_again_and_not_remembered() {
    let server = FakeApiServer::start().await;
    server.decide_access(|_| json!({"allowed": true}));
    let authorizers = reviews(&server, &options());
    let ada = user("ada", &[]);
    server.refuse(ACCESS_REVIEWS, Refusal::of(500), 5);
    let error = authorizers.authorize(&ada, &flunder("get", "f1")).await.unwrap_err();
    assert!(matches!(error, Error::Review(_)));
    assert_eq!(server.count(ACCESS_REVIEWS), 5);
    let text = internal_error_text("/apis/<x>?a=1&b=2", &error);
    assert!(text.starts_with("Internal Server Error: \"/apis/&lt;x&gt;?a=1&amp;b=2\": "), "{text}");
    server.refuse(ACCESS_REVIEWS, Refusal::of(500), 4);
    assert!(authorizers.authorize(&ada, &flunder("get", "f1")).await.unwrap().is_allowed());
}

#[tokio::test]
async fn az_9_a_cluster_that_is_away_allows_nothing_but_to_masters() {
    let server = FakeApiServer::start().await;
    let authorizers = reviews(&server, &options());
    let client_of_nothing = server.url();
    drop(server);
    let error = authorizers.authorize(&user("ada", &[]), &flunder("get", "f1")).await.unwrap_err();
    assert!(!error.to_string().contains(client_of_nothing.trim_start_matches("http://")), "no address: {error}");
    let admin = user("admin", &["system:masters"]);
    assert!(authorizers.authorize(&admin, &flunder("get", "f1")).await.unwrap().is_allowed());
}

#[tokio::test]
async fn nobody_may_do_anything_when_there_is_nobody_to_ask() {
    let decision = Authorizers::new().authorize(&user("ada", &[]), &flunder("get", "f1")).await.unwrap();
    assert!(!decision.is_allowed());
}

#[tokio::test]
async fn standalone_lets_masters_do_all_and_others_see_what_is_served() {
    let authorizers = Authorizers::standard(AlwaysAllowPaths::default(), Arc::new(Standalone::new()));
    let ada = user("ada", &["system:authenticated"]);
    let anonymous = user("system:anonymous", &["system:unauthenticated"]);
    let admin = user("admin", &["system:masters", "system:authenticated"]);
    let allowed =
        async |user: &UserInfo, info: RequestInfo| authorizers.authorize(user, &info).await.unwrap().is_allowed();
    for discovery in ["/apis", "/apis/wardle.example.com/v1alpha1", "/openapi/v3", "/version", "/api"] {
        assert!(allowed(&ada, path("get", discovery)).await, "{discovery}");
        assert!(!allowed(&anonymous, path("get", discovery)).await, "{discovery}");
        assert!(!allowed(&ada, path("post", discovery)).await, "{discovery}");
    }
    for other in ["/metrics", "/", "/apisx", "/debug/pprof/"] {
        assert!(!allowed(&ada, path("get", other)).await, "{other}");
    }
    let mut resource = flunder("get", "f1");
    resource.path = "/apis/wardle.example.com/v1alpha1/namespaces/ns/flunders/f1".to_owned();
    assert!(!allowed(&ada, resource.clone()).await);
    assert!(allowed(&admin, resource).await);
    assert!(allowed(&admin, path("get", "/metrics")).await);
}
