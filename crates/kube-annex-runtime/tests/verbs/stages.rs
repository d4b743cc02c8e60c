//! The order of the stages, seen from outside: of two reasons to refuse a request, the earlier stage's is told.

use crate::{WIDGETS, at, widget};
use kube_annex_runtime::authz::Decision;
use kube_annex_storage::memory::Memory;
use kube_annex_testkit::TestServer;
use kube_annex_testkit::server::Answer;
use std::sync::Arc;
use std::time::Duration;

/// A server that forbids all, except that it lets `system:masters` and discovery pass.
fn forbidding() -> TestServer {
    TestServer::builder().authorize(|_, _| Decision::NoOpinion("no".to_owned())).build()
}

fn told(answer: &Answer) -> (u16, String) {
    let status = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default();
    (answer.status, status["reason"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(start_paused = true)]
async fn sv_7_of_two_refusals_the_earlier_stage_is_told() {
    let server = forbidding();
    // Each line has the mistakes of the lines below it, and one of an earlier stage.
    let mistaken = "timeout=x";
    let answer = server.get(&format!("/apis/toys.example.com/v1/watch?{mistaken}")).user("nobody").await;
    assert_eq!(answer.status, 500, "paths are parsed first");
    assert!(answer.text().contains("failed to create RequestInfo"), "{}", answer.text());
    let answer = server.get(&format!("{WIDGETS}/a?{mistaken}")).user("nobody").await;
    assert_eq!(told(&answer), (400, "BadRequest".to_owned()), "then comes the deadline");
    let answer = server.get(&at(WIDGETS, "a")).user("nobody").await;
    assert_eq!(told(&answer), (401, "Unauthorized".to_owned()), "then who asks");
    let answer = server.post(WIDGETS, &widget("a")).body("text/plain", "no JSON").await;
    assert_eq!(told(&answer), (403, "Forbidden".to_owned()), "then whether they may");
    assert_eq!(server.asked().len(), 1, "who is refused before is not asked about");
    let allowing = TestServer::new();
    let answer = allowing.post(WIDGETS, &widget("a")).body("text/plain", "no JSON").await;
    assert_eq!(told(&answer), (415, "UnsupportedMediaType".to_owned()), "then the body");
}

#[tokio::test(start_paused = true)]
async fn sv_7_every_answer_has_what_the_outermost_stages_give() {
    let server = forbidding();
    for (path, user) in [(WIDGETS, "nobody"), (WIDGETS, "ada"), ("/", "ada")] {
        let answer = server.get(path).user(user).await;
        assert!(!answer.header("audit-id").is_empty(), "{path} {user}");
        assert_eq!(answer.header("cache-control"), "no-cache, private", "{path} {user}");
    }
    let bare = server.get("/apis/toys.example.com/v1/watch").user("ada").await;
    assert!(!bare.header("audit-id").is_empty());
    assert_eq!(bare.header("cache-control"), "", "what Go's library writes as text takes that away again");
}

#[tokio::test(start_paused = true)]
async fn sv_5_a_watch_is_neither_bounded_nor_counted() {
    let server = TestServer::builder().with(|builder| builder.request_timeout(Duration::from_secs(5))).build();
    // More than all places for requests that are counted.
    let mut watches = Vec::new();
    for _ in 0..450 {
        watches.push(server.watch(&format!("{WIDGETS}?watch=true")).await);
    }
    let mut bounded = server.watch(&format!("{WIDGETS}?watch=true&timeout=1s")).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    server.made(WIDGETS, &widget("a")).await;
    bounded.next().await;
    for watch in &mut watches {
        assert_eq!(watch.told().await, ("ADDED".to_owned(), "a".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn sd_3_what_comes_late_is_503_and_probes_and_watches_are_answered() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("a")).await;
    server.shutdown.ask();
    server.get(&at(WIDGETS, "a")).await.ok();
    server.shutdown.begin_draining();
    for (path, user) in [(WIDGETS, "ada"), ("/apis", "ada"), (WIDGETS, "nobody")] {
        let answer = server.get(path).user(user).await;
        answer.refused(503, "ServiceUnavailable", "apiserver is shutting down");
        let headers = ["retry-after", "content-type", "x-content-type-options"].map(|name| answer.header(name));
        assert_eq!(headers, ["1", "application/json", "nosniff"], "{path}");
    }
    assert_eq!(server.post(WIDGETS, &widget("b")).await.status, 503);
    assert_eq!(server.get("/livez").await.status, 200);
    assert_eq!(server.get("/readyz").await.status, 500);
    server.get(WIDGETS).header("user-agent", "kube-apiserver/v1.37.2").await.ok();
    let mut watch = server.watch(&format!("{WIDGETS}?watch=true&resourceVersion=1")).await;
    while watch.line().await.is_some() {}
}

#[tokio::test(start_paused = true)]
async fn sd_3_what_was_begun_before_is_finished() {
    let server = TestServer::new();
    server.made(WIDGETS, &widget("a")).await;
    let body = futures_util::stream::once({
        let shutdown = server.shutdown.clone();
        async move {
            shutdown.begin_draining();
            Ok::<_, std::io::Error>(bytes::Bytes::from(widget("b").to_string()))
        }
    });
    let mut request = http::Request::new(axum::body::Body::from_stream(body));
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = WIDGETS.parse().unwrap();
    let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let connection = kube_annex_runtime::authn::Connection::new(peer, Vec::new(), false);
    assert_eq!(server.server.answer(request, &connection).await.status(), 201);
    assert_eq!(server.get(WIDGETS).await.status, 503);
}

/// Nothing is served by a server that is not whole: what is registered is installed when it is built. So there is no
/// moment at which a path that will be served is missing, whatever the storage is up to.
#[tokio::test(start_paused = true)]
async fn d_5_no_path_that_will_be_served_is_404_at_any_moment() {
    let storage = crate::errors::Broken { hangs: true };
    let server = TestServer::builder().storage(Arc::new(storage)).build();
    for path in ["/apis", "/apis/toys.example.com", "/apis/toys.example.com/v1", "/openapi/v2", "/openapi/v3"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    for path in [WIDGETS.to_owned(), at(WIDGETS, "a"), format!("{WIDGETS}?watch=true")] {
        let status = server.get(&path).await.status;
        assert!(status == 429 || status >= 500, "{path}: {status}");
    }
    let delete = server.delete(WIDGETS).await.status;
    assert!(delete == 429 || delete >= 500, "{delete}");
    let known = TestServer::builder().storage(Arc::new(Memory::new())).build();
    assert_eq!(known.get(&at(WIDGETS, "a")).await.json()["reason"], "NotFound");
}

#[tokio::test(start_paused = true)]
async fn an_19_who_may_be_somebody_else_is_answered_as_that_user() {
    let server = TestServer::builder()
        .authorize(|user, info| {
            let may = match user.name.as_str() {
                "ada" => info.verb == "impersonate" && info.name == "bob",
                _ => user.name == "bob" && info.verb != "delete",
            };
            if may { Decision::Allow } else { Decision::NoOpinion(String::new()) }
        })
        .build();
    server.post(WIDGETS, &widget("a")).header("impersonate-user", "bob").await.ok();
    let (user, _) = server.asked().pop().unwrap();
    assert_eq!(
        (user.name.as_str(), user.groups),
        ("bob", vec!["system:authenticated".to_owned()]),
        "no group of ada's"
    );
    let answer = server.delete(&at(WIDGETS, "a")).header("impersonate-user", "bob").await;
    let text = "widgets.toys.example.com \"a\" is forbidden: User \"bob\" cannot delete resource \"widgets\" in API group \"toys.example.com\" in the namespace \"default\"";
    answer.refused(403, "Forbidden", text);
    assert_eq!(server.get(&at(WIDGETS, "a")).await.status, 403, "ada herself may nothing");
}

#[tokio::test(start_paused = true)]
async fn an_19_who_may_not_be_somebody_else_is_told_so_before_anything_else() {
    let server = forbidding();
    let answer = server.post(WIDGETS, &widget("a")).header("impersonate-user", "bob").await;
    let text = "widgets.toys.example.com is forbidden: User \"ada\" cannot impersonate-on:user-info:create resource \"widgets\" in API group \"toys.example.com\" in the namespace \"default\": no";
    answer.refused(403, "Forbidden", text);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let answer = server.get("/version").header("impersonate-user", "system:serviceaccount:a:b").await;
    let text = "forbidden: User \"ada\" cannot impersonate-on:serviceaccount:get path \"/version\": no";
    answer.refused(403, "Forbidden", text);
    assert!(server.asked().iter().all(|(user, _)| user.name == "ada"), "nobody is asked about bob");
    let answer = server.get(WIDGETS).header("impersonate-group", "dev").await;
    answer.refused(400, "BadRequest", "requested group \"dev\" without impersonating a user name");
    let answer = server.get(WIDGETS).header("impersonate-user", "bob").user("nobody").await;
    assert_eq!(answer.status, 401, "who asks comes first");
}
