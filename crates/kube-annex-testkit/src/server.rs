//! A whole server without a socket: requests go in at the top of the pipeline, answers come out with their bytes.

use crate::resources::{Gauge, Gauges, Shelf, Ticket, Tickets, Widget, v1beta1};
use crate::seams::{FixedClock, KnownIds};
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::BodyExt as _;
use kube_annex::handlers::BoxFuture;
use kube_annex::request::{RequestInfo, UserInfo};
use kube_annex_runtime::authn::{self, Authenticator, Authenticators, Connection, Trust, TrustStore};
use kube_annex_runtime::authz::{self, Authorizer, Decision};
use kube_annex_runtime::seams::Tasks;
use kube_annex_runtime::serve::Shutdown;
use kube_annex_runtime::{Registration, Seams, Server, ServerBuilder};
use kube_annex_storage::Storage;
use kube_annex_storage::memory::Memory;
use serde_json::Value;
use std::future::{IntoFuture, ready};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A server with every test resource, memory to store in, a clock that stands and ids that count.
///
/// Everyone is `ada` of the group `dev`, unless the header `x-test-user` says otherwise; `nobody` is nobody.
#[derive(Debug)]
pub struct TestServer {
    /// The server.
    pub server: Server,
    /// Its clock.
    pub clock: Arc<FixedClock>,
    /// Its ids.
    pub ids: Arc<KnownIds>,
    /// Its gauges.
    pub gauges: Gauges,
    /// Ends its watches.
    pub shutdown: Shutdown,
    asked: Asked,
}

/// What the authorizer was asked.
type Asked = Arc<Mutex<Vec<(UserInfo, RequestInfo)>>>;
type Rule = Box<dyn Fn(&UserInfo, &RequestInfo) -> Decision + Send + Sync>;
type Change = Box<dyn FnOnce(ServerBuilder) -> ServerBuilder>;

/// A [`TestServer`] to be built.
pub struct TestServerBuilder {
    storage: Arc<dyn Storage>,
    rule: Rule,
    changes: Vec<Change>,
}

/// The header that names the user.
pub const USER: &str = "x-test-user";

/// How long, on tokio's clock, an answer or an expected event may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How long, on tokio's clock, nothing must happen where nothing is expected.
const SILENCE: Duration = Duration::from_secs(1);

impl TestServer {
    /// A server that allows everything.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A server to be changed before it starts.
    pub fn builder() -> TestServerBuilder {
        TestServerBuilder {
            storage: Arc::new(Memory::new()),
            rule: Box::new(|_, _| Decision::Allow),
            changes: Vec::new(),
        }
    }

    /// A request.
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        Ask {
            server: self.server.clone(),
            method,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// `POST` of JSON.
    pub fn post(&self, path: &str, object: &Value) -> Ask {
        self.ask(Method::POST, path).json(object)
    }

    /// `PUT` of JSON.
    pub fn put(&self, path: &str, object: &Value) -> Ask {
        self.ask(Method::PUT, path).json(object)
    }

    /// `PATCH` with a patch of that media type.
    pub fn patch(&self, path: &str, media_type: &str, changes: &Value) -> Ask {
        self.ask(Method::PATCH, path).body(media_type, changes.to_string())
    }

    /// `PATCH` with a merge patch.
    pub fn merge(&self, path: &str, changes: &Value) -> Ask {
        self.patch(path, "application/merge-patch+json", changes)
    }

    /// `DELETE`.
    pub fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    /// Creates an object and answers it; any other outcome fails the test.
    pub async fn made(&self, path: &str, object: &Value) -> Value {
        let answer = self.post(path, object).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// Starts a watch; an answer other than a stream of events fails the test.
    pub async fn watch(&self, path: &str) -> Events {
        self.get(path).watch().await
    }

    /// What the authorizer has been asked so far.
    pub fn asked(&self) -> Vec<(UserInfo, RequestInfo)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Default for TestServer {
    fn default() -> Self {
        Self::new()
    }
}

impl TestServerBuilder {
    /// Keeps objects there.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = storage;
        self
    }

    /// Decides who may do what.
    #[must_use]
    pub fn authorize(mut self, rule: impl Fn(&UserInfo, &RequestInfo) -> Decision + Send + Sync + 'static) -> Self {
        self.rule = Box::new(rule);
        self
    }

    /// Changes the server's builder.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(ServerBuilder) -> ServerBuilder + 'static) -> Self {
        self.changes.push(Box::new(change));
        self
    }

    /// The server.
    pub fn build(self) -> TestServer {
        let (clock, ids) = (Arc::new(FixedClock::default()), Arc::new(KnownIds::default()));
        let (gauges, asked, shutdown) = (Gauges::default(), Asked::default(), Shutdown::new());
        let mut builder = Server::builder()
            .register(Registration::stored::<Widget>().store_as::<v1beta1::Widget>())
            .register(Registration::stored::<Shelf>())
            .register(Registration::computed::<Gauge, _>(gauges.clone()))
            .register(Registration::computed::<Ticket, _>(Tickets::default()))
            .storage(self.storage)
            .shutdown(shutdown.clone())
            .seams(Seams { clock: clock.clone(), ids: ids.clone(), tasks: Tasks::default() });
        for change in self.changes {
            builder = change(builder);
        }
        let trust = TrustStore::new(Trust::default());
        let authenticators = Authenticators::new(trust).with(Arc::new(ByHeader)).without_anonymous();
        let authorizer = Arc::new(Scripted { rule: self.rule, asked: Arc::clone(&asked) });
        let server = builder.build(authenticators, authorizer).expect("registrations that agree");
        TestServer { server, clock, ids, gauges, shutdown, asked }
    }
}

impl std::fmt::Debug for TestServerBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestServerBuilder").finish_non_exhaustive()
    }
}

struct ByHeader;

impl Authenticator for ByHeader {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        _: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, authn::Error>> {
        let name = headers.get(USER).and_then(|value| value.to_str().ok()).unwrap_or("ada");
        let user = UserInfo { name: name.to_owned(), groups: vec!["dev".to_owned()], ..UserInfo::default() };
        Box::pin(ready(Ok((name != "nobody").then_some(user))))
    }
}

struct Scripted {
    rule: Rule,
    asked: Asked,
}

impl Authorizer for Scripted {
    fn authorize<'a>(
        &'a self,
        user: &'a UserInfo,
        info: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Decision, authz::Error>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push((user.clone(), info.clone()));
        Box::pin(ready(Ok((self.rule)(user, info))))
    }
}

/// A request; awaiting it sends it.
#[derive(Debug)]
#[must_use = "await it, or nothing is sent"]
pub struct Ask {
    server: Server,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// With one more header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().expect("the name of a header");
        self.headers.append(name, HeaderValue::from_str(value).expect("the value of a header"));
        self
    }

    /// With one more header, of any value that a client can send.
    pub fn header_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// With an `Accept` header.
    pub fn accept(self, value: &str) -> Self {
        self.header(ACCEPT.as_str(), value)
    }

    /// As that user.
    pub fn user(self, name: &str) -> Self {
        self.header(USER, name)
    }

    /// With a body of JSON.
    pub fn json(self, object: &Value) -> Self {
        self.body("application/json", object.to_string())
    }

    /// With a body.
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_str(media_type).expect("the value of a header"));
        self.body = body.into();
        self
    }

    /// With a body that says no media type.
    pub fn untyped(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the request and reads the answer's head only.
    pub async fn open(self) -> (u16, HeaderMap, Body) {
        let mut request = Request::new(Body::from(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().expect("a path");
        *request.headers_mut() = self.headers;
        let connection = Connection::new(SocketAddr::from(([127, 0, 0, 1], 1)), Vec::new(), false);
        let answered = tokio::time::timeout(PATIENCE, self.server.answer(request, &connection)).await;
        let (head, body) = answered.expect("an answer in time").into_parts();
        (head.status.as_u16(), head.headers, body)
    }

    /// Sends the request and reads its events.
    pub async fn watch(self) -> Events {
        let (status, headers, body) = self.open().await;
        if status != 200 {
            let answer = Answer::read(status, headers, body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            unreachable!("the status is not 200");
        }
        Events { headers, stream: body.into_data_stream(), rest: Vec::new() }
    }
}

impl IntoFuture for Ask {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (status, headers, body) = self.open().await;
            Answer::read(status, headers, body).await
        })
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    async fn read(status: u16, headers: HeaderMap, body: Body) -> Self {
        let collected = tokio::time::timeout(PATIENCE, body.collect()).await.expect("a body in time");
        Self { status, headers, body: collected.expect("a body that does not break off").to_bytes() }
    }

    /// The body as JSON; anything else fails the test.
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.body);
        parsed.unwrap_or_else(|error| unreachable!("{error}: {:?}", self.text()))
    }

    /// The body of a success as JSON; a failure fails the test.
    pub fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.text());
        self.json()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's value; empty when there is none.
    pub fn header(&self, name: &str) -> String {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The texts of the warnings, as they are on the wire.
    pub fn warnings(&self) -> Vec<String> {
        let values = self.headers.get_all(http::header::WARNING).iter();
        values.map(|value| value.to_str().expect("a warning that can be read").to_owned()).collect()
    }

    /// Fails the test unless the answer is a `Status` of a failure with that code, reason and message; answers it.
    pub fn refused(&self, code: u16, reason: &str, message: &str) -> Value {
        let status = self.json();
        let told = (self.status, status["reason"].as_str().unwrap_or_default(), status["message"].as_str());
        assert_eq!(told, (code, reason, Some(message)), "{status}");
        let shape = (&status["kind"], &status["apiVersion"], &status["status"], &status["code"]);
        assert_eq!(shape, (&"Status".into(), &"v1".into(), &"Failure".into(), &code.into()), "{status}");
        status
    }
}

/// The events of a watch.
#[derive(Debug)]
pub struct Events {
    /// The answer's headers.
    pub headers: HeaderMap,
    stream: BodyDataStream,
    rest: Vec<u8>,
}

impl Events {
    /// The next event. A stream that ends, or that says nothing for long, fails the test.
    pub async fn next(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.line()).await.expect("an event in time");
        let line = line.expect("an event, not the end of the stream");
        serde_json::from_slice(&line).expect("one JSON document a line")
    }

    /// The next event's type and the name of its object.
    pub async fn told(&mut self) -> (String, String) {
        let event = self.next().await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&event["type"]), text(&event["object"]["metadata"]["name"]))
    }

    /// Fails the test when an event comes, or the stream ends, within a second of tokio's clock.
    pub async fn silent(&mut self) {
        let line = tokio::time::timeout(SILENCE, self.line()).await;
        assert!(line.is_err(), "{:?}", line.map(|line| line.map(|line| String::from_utf8_lossy(&line).into_owned())));
    }

    /// Fails the test unless the stream ends now, before another event.
    pub async fn ended(&mut self) {
        let line = tokio::time::timeout(PATIENCE, self.line()).await.expect("the end of the stream in time");
        assert_eq!(line.map(|line| String::from_utf8_lossy(&line).into_owned()), None);
    }

    /// The next line; `None` when the stream has ended. Waits as long as that takes.
    pub async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                return Some(self.rest.drain(..=end).collect());
            }
            match self.stream.next().await {
                Some(chunk) => self.rest.extend_from_slice(&chunk.expect("a stream that does not break off")),
                None if self.rest.is_empty() => return None,
                None => return Some(std::mem::take(&mut self.rest)),
            }
        }
    }
}
