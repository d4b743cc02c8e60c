//! What goes wrong outside of a verb's own rules.

use crate::{WIDGETS, at, sized, widget, with_widgets};
use http::Method;
use kube_annex_runtime::authz::Decision;
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{
    BoxFuture, Entry, Error, Key, ListRequest, Page, Precondition, Prefix, Revision, Storage, WatchStream,
};
use kube_annex_testkit::TestServer;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const LIMIT: usize = 3 * 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn sv_1_a_body_over_3_mib_is_413_for_every_verb_that_reads_one() {
    let server = with_widgets(&["a"]).await;
    let text = "Request entity too large: limit is 3145728";
    let too_large = " ".repeat(LIMIT + 1);
    for (method, path, media) in [
        (Method::POST, WIDGETS.to_owned(), "application/json"),
        (Method::PUT, at(WIDGETS, "a"), "application/json"),
        (Method::PATCH, at(WIDGETS, "a"), "application/merge-patch+json"),
        (Method::DELETE, at(WIDGETS, "a"), "application/json"),
    ] {
        let answer = server.ask(method.clone(), &path).body(media, too_large.clone()).await;
        answer.refused(413, "RequestEntityTooLarge", text);
    }
    let body = sized("b", 1).to_string();
    let exact = format!("{body}{}", " ".repeat(LIMIT - body.len()));
    assert_eq!(server.ask(Method::POST, WIDGETS).body("application/json", exact).await.status, 201);
}

#[tokio::test(start_paused = true)]
async fn sv_3_a_request_takes_a_minute_at_most() {
    let server = TestServer::new();
    let asked = Instant::now();
    let answer = server.get("/apis/toys.example.com/v1/gauges/slow").await;
    answer.refused(504, "Timeout", "Timeout: request did not complete within the allotted timeout");
    assert_eq!(asked.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn sv_8_err_7_a_panic_is_500_and_the_server_goes_on() {
    let server = TestServer::new();
    server.gauges.set("fine", 1);
    let answer = server.get("/apis/toys.example.com/v1/gauges/broken").await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.text().trim_end(), "This request caused apiserver to panic. Look in the logs for details.");
    assert!(answer.header("content-type").starts_with("text/plain"));
    server.get("/apis/toys.example.com/v1/gauges/fine").await.ok();
}

#[tokio::test(start_paused = true)]
async fn err_1_who_is_nobody_is_401() {
    let server = with_widgets(&["a"]).await;
    for path in [WIDGETS, "/apis", "/version"] {
        server.get(path).user("nobody").await.refused(401, "Unauthorized", "Unauthorized");
    }
}

#[tokio::test(start_paused = true)]
async fn err_4_who_may_not_is_403() {
    let rule = |_: &_, info: &kube_annex::request::RequestInfo| match info.verb.as_str() {
        "delete" => Decision::NoOpinion("no RBAC policy matched".to_owned()),
        _ => Decision::Allow,
    };
    let server = TestServer::builder().authorize(rule).build();
    server.made(WIDGETS, &widget("a")).await;
    let answer = server.delete(&at(WIDGETS, "a")).await;
    let text = "widgets.toys.example.com \"a\" is forbidden: User \"ada\" cannot delete resource \"widgets\" in API group \"toys.example.com\" in the namespace \"default\": no RBAC policy matched";
    let status = answer.refused(403, "Forbidden", text);
    assert_eq!(status["details"], json!({"name": "a", "group": "toys.example.com", "kind": "widgets"}));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    server.get(&at(WIDGETS, "a")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn err_4_a_path_that_may_not_be_read_is_403() {
    let server = TestServer::builder().authorize(|_, info| {
        if info.is_resource_request { Decision::Allow } else { Decision::NoOpinion(String::new()) }
    });
    let answer = server.build().get("/version").await;
    answer.refused(403, "Forbidden", "forbidden: User \"ada\" cannot get path \"/version\"");
}

#[tokio::test(start_paused = true)]
async fn err_3_sr_20_a_storage_that_fails_is_500_to_be_tried_again() {
    let server = TestServer::builder().storage(Arc::new(Broken { hangs: false })).build();
    for (method, path, verb) in [(Method::GET, at(WIDGETS, "a"), "get"), (Method::GET, WIDGETS.to_owned(), "list")] {
        let answer = server.ask(method, &path).await;
        let text = format!(
            "The {verb} operation against widgets.toys.example.com could not be completed at this time, please try again."
        );
        let status = answer.refused(500, "ServerTimeout", &text);
        assert_eq!(
            status["details"],
            json!({"name": verb, "group": "toys.example.com", "kind": "widgets", "retryAfterSeconds": 2})
        );
        assert_eq!(answer.header("retry-after"), "2");
    }
    let answer = server.post(WIDGETS, &widget("a")).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (500, &json!("ServerTimeout")), "sr_20");
}

#[tokio::test(start_paused = true)]
async fn rq_5_a_write_takes_34_seconds_at_most() {
    let server = TestServer::builder().storage(Arc::new(Broken { hangs: true })).build();
    let asked = Instant::now();
    let answer = server.post(WIDGETS, &widget("a")).await;
    let text = "Timeout: request did not complete within requested timeout - context deadline exceeded";
    answer.refused(504, "Timeout", text);
    assert_eq!(asked.elapsed().as_secs(), 34);
}

#[tokio::test(start_paused = true)]
async fn sr_16_a_stored_object_that_cannot_be_read_is_never_passed_over() {
    let storage = Arc::new(Memory::new());
    let server = TestServer::builder().storage(storage.clone()).build();
    server.made(WIDGETS, &widget("a")).await;
    let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key("b");
    storage.create(&key, "no json".into()).await.unwrap();
    for path in [at(WIDGETS, "b"), WIDGETS.to_owned()] {
        let answer = server.get(&path).await;
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
        assert_eq!(answer.json()["kind"], "Status");
    }
    server.get(&at(WIDGETS, "a")).await.ok();
    let mut events = server.watch(&format!("{WIDGETS}?watch=1&resourceVersion=1")).await;
    assert_eq!(events.next().await["type"], "ADDED");
    let event = events.next().await;
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(500)));
    events.ended().await;
}

/// A storage that answers nothing, or never.
pub(crate) struct Broken {
    pub(crate) hangs: bool,
}

impl Broken {
    fn fail<T: Send + 'static>(&self) -> BoxFuture<'_, Result<T, Error>> {
        Box::pin(async move {
            if self.hangs {
                tokio::time::sleep(Duration::from_hours(1)).await;
            }
            let source = std::io::Error::other("connection refused to 10.0.0.7:2379");
            Err(Error::Backend { backend: "etcd", operation: "txn", source: Box::new(source) })
        })
    }
}

impl Storage for Broken {
    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Entry>, Error>> {
        self.fail()
    }
    fn list<'a>(&'a self, _: &'a Prefix, _: ListRequest) -> BoxFuture<'a, Result<Page, Error>> {
        self.fail()
    }
    fn create<'a>(&'a self, _: &'a Key, _: bytes::Bytes) -> BoxFuture<'a, Result<Revision, Error>> {
        self.fail()
    }
    fn update<'a>(&'a self, _: &'a Key, _: bytes::Bytes, _: Precondition) -> BoxFuture<'a, Result<Revision, Error>> {
        self.fail()
    }
    fn delete<'a>(&'a self, _: &'a Key, _: Precondition) -> BoxFuture<'a, Result<(Entry, Revision), Error>> {
        self.fail()
    }
    fn watch<'a>(&'a self, _: &'a Prefix, _: Revision) -> BoxFuture<'a, Result<WatchStream, Error>> {
        self.fail()
    }
    fn request_progress(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.fail()
    }
    fn count<'a>(&'a self, _: &'a Prefix) -> BoxFuture<'a, Result<usize, Error>> {
        self.fail()
    }
    fn size(&self) -> BoxFuture<'_, Result<u64, Error>> {
        self.fail()
    }
    fn current_revision(&self) -> BoxFuture<'_, Result<Revision, Error>> {
        self.fail()
    }
    fn wait_for(&self, _: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.fail()
    }
    fn compact(&self, _: Revision) -> BoxFuture<'_, Result<(), Error>> {
        self.fail()
    }
    fn health(&self) -> BoxFuture<'_, Result<(), Error>> {
        self.fail()
    }
    fn name(&self) -> &'static str {
        "etcd"
    }
}

#[tokio::test(start_paused = true)]
async fn hz_3_a_failed_check_is_500_and_always_told() {
    let server = TestServer::builder().storage(Arc::new(Broken { hangs: false })).build();
    let answer = server.get("/readyz").await;
    assert_eq!(answer.status, 500);
    let text = answer.text();
    assert!(text.contains("[-]etcd failed: reason withheld\n") && text.contains("[+]ping ok\n"), "{text}");
    assert!(text.ends_with("readyz check failed\n") && !text.contains("10.0.0.7"), "{text}");
    // What is cached cannot be read either.
    assert!(text.contains("[-]storage-readiness failed: reason withheld\n"), "{text}");
    let excluded = server.get("/readyz?exclude=etcd&exclude=storage-readiness&verbose").await;
    assert_eq!(excluded.status, 200, "hz_4: {}", excluded.text());
    assert!(excluded.text().contains("[+]etcd excluded: ok\n"), "{}", excluded.text());
    assert_eq!(server.get("/livez").await.status, 200, "hz_8");
    let single = server.get("/readyz/etcd").await;
    assert!(single.status == 500 && single.text().starts_with("internal server error: "), "hz_5: {}", single.text());
}
