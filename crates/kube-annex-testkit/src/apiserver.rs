//! A kube-apiserver that follows a script: it answers reviews and serves one `ConfigMap`, and remembers what it was asked.

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A scripted kube-apiserver on a free port of the loopback interface, without TLS. It ends when dropped.
pub struct FakeApiServer {
    address: SocketAddr,
    script: Arc<Script>,
    task: JoinHandle<()>,
}

/// Where `TokenReview`s are posted.
pub const TOKEN_REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
/// Where `SubjectAccessReview`s are posted.
pub const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
/// The collection of the `ConfigMap`.
pub const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";
/// The name of the `ConfigMap`.
pub const AUTHENTICATION: &str = "extension-apiserver-authentication";

type AccessRule = Box<dyn Fn(&Value) -> Value + Send>;
type Body = UnsyncBoxBody<Bytes, Infallible>;

struct Script {
    state: Mutex<State>,
    // Counts changes of the ConfigMap and ended watches.
    ticks: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    tokens: BTreeMap<String, Value>,
    access: Option<AccessRule>,
    config_map: Option<Value>,
    events: Vec<Value>,
    watch_epoch: u64,
    refusals: BTreeMap<String, Vec<Refusal>>,
    asked: Vec<(String, Value)>,
}

/// A failure with which a request is answered.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// The code.
    pub status: u16,
    /// Seconds in `Retry-After`.
    pub retry_after: Option<u32>,
}

impl FakeApiServer {
    /// Listens. No token is known, nothing is allowed and there is no `ConfigMap`.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let script = Arc::new(Script { state: Mutex::default(), ticks: watch::Sender::new(0) });
        #[allow(clippy::disallowed_methods, reason = "this server is outside the one under test; drop aborts the task")]
        let task = tokio::spawn(accept(listener, script.clone()));
        Self { address, script, task }
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it that tries nothing again by itself.
    pub fn client(&self) -> kube::Client {
        let config = kube::Config::new(self.url().parse().expect("an address"));
        kube_annex_runtime::authn::reviewing_client(config).expect("a client")
    }

    /// A kubeconfig for it, in YAML.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: fake\nclusters: [{{name: fake, cluster: {{server: \
             \"{url}\"}}}}]\ncontexts: [{{name: fake, context: {{cluster: fake, user: fake}}}}]\nusers: [{{name: \
             fake, user: {{}}}}]\n"
        )
    }

    /// Makes a token known. `user` is the `user` of a `TokenReview`'s status.
    pub fn know_token(&self, token: &str, user: Value) {
        self.state().tokens.insert(token.to_owned(), user);
    }

    /// Makes a token unknown again.
    pub fn forget_token(&self, token: &str) {
        self.state().tokens.remove(token);
    }

    /// Answers each `SubjectAccessReview` with the status that `rule` makes of its spec.
    pub fn decide_access(&self, rule: impl Fn(&Value) -> Value + Send + 'static) {
        self.state().access = Some(Box::new(rule));
    }

    /// Creates or replaces the data of the `ConfigMap`.
    pub fn set_config_map(&self, data: &BTreeMap<String, String>) {
        self.change(|state| {
            let version = (state.events.len() + 1).to_string();
            let metadata = json!({"name": AUTHENTICATION, "namespace": "kube-system", "resourceVersion": version});
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
            let kind = if state.config_map.is_some() { "MODIFIED" } else { "ADDED" };
            state.events.push(json!({"type": kind, "object": object}));
            state.config_map = Some(object);
        });
    }

    /// Deletes the `ConfigMap`.
    pub fn delete_config_map(&self) {
        self.change(|state| {
            if let Some(object) = state.config_map.take() {
                state.events.push(json!({"type": "DELETED", "object": object}));
            }
        });
    }

    /// Ends every watch that is open.
    pub fn end_watches(&self) {
        self.change(|state| state.watch_epoch += 1);
    }

    /// Answers the next `times` requests for a path with a failure.
    pub fn refuse(&self, path: &str, refusal: Refusal, times: usize) {
        let mut state = self.state();
        state.refusals.entry(path.to_owned()).or_default().extend(std::iter::repeat_n(refusal, times));
    }

    /// The bodies of the requests for a path, in order; `null` for those without one.
    pub fn asked(&self, path: &str) -> Vec<Value> {
        self.state().asked.iter().filter(|(asked, _)| asked == path).map(|(_, body)| body.clone()).collect()
    }

    /// How often a path was asked for.
    pub fn count(&self, path: &str) -> usize {
        self.asked(path).len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.script.state()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.script.ticks.send_modify(|ticks| *ticks += 1);
    }
}

impl Drop for FakeApiServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, script: Arc<Script>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let script = script.clone();
        let service = service_fn(move |request| answer(script.clone(), request));
        connections.spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(script: Arc<Script>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let refusal = {
        let mut state = script.state();
        state.asked.push((path.clone(), body.clone()));
        state.refusals.get_mut(&path).and_then(Vec::pop)
    };
    if let Some(refusal) = refusal {
        return Ok(refusal.response());
    }
    let watches = head.uri.query().unwrap_or_default().split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
    Ok(match (head.method, path.as_str()) {
        (Method::POST, TOKEN_REVIEWS) => json_response(201, &script.state().review_token(body)),
        (Method::POST, ACCESS_REVIEWS) => json_response(201, &script.state().review_access(body)),
        (Method::GET, CONFIG_MAPS) if watches => watch_config_map(script, head.uri.query().unwrap_or_default()),
        (Method::GET, CONFIG_MAPS) => json_response(200, &script.state().list_config_maps()),
        (Method::GET, path) if path.strip_prefix(CONFIG_MAPS) == Some("/extension-apiserver-authentication") => {
            let found = script.state().config_map.clone();
            found.map_or_else(|| Refusal::of(404).response(), |found| json_response(200, &found))
        }
        _ => Refusal::of(404).response(),
    })
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn review_token(&self, mut review: Value) -> Value {
        let known = review["spec"]["token"].as_str().and_then(|token| self.tokens.get(token));
        review["status"] = match known {
            Some(user) => json!({"authenticated": true, "user": user}),
            None => json!({"user": {}, "error": "[invalid bearer token]"}),
        };
        review
    }

    fn review_access(&self, mut review: Value) -> Value {
        let status = self.access.as_ref().map(|rule| rule(&review["spec"]));
        review["status"] = status.unwrap_or_else(|| json!({"allowed": false}));
        review
    }

    fn list_config_maps(&self) -> Value {
        let items: Vec<&Value> = self.config_map.iter().collect();
        let metadata = json!({"resourceVersion": self.events.len().to_string()});
        json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": metadata, "items": items})
    }
}

fn watch_config_map(script: Arc<Script>, query: &str) -> Response<Body> {
    let from = query.split('&').find_map(|pair| pair.strip_prefix("resourceVersion=")?.parse().ok()).unwrap_or(0);
    let epoch = script.state().watch_epoch;
    let ticks = script.ticks.subscribe();
    let events =
        stream::unfold((script, ticks, from), move |(script, mut ticks, next): (Arc<Script>, _, usize)| async move {
            loop {
                let event = {
                    let state = script.state();
                    if state.watch_epoch != epoch {
                        return None;
                    }
                    state.events.get(next).cloned()
                };
                if let Some(event) = event {
                    let frame = Frame::data(Bytes::from(format!("{event}\n")));
                    return Some((Ok(frame), (script, ticks, next + 1)));
                }
                let waiting: Result<(), _> = watch::Receiver::changed(&mut ticks).await;
                waiting.ok()?;
            }
        });
    Response::new(StreamBody::new(events).boxed_unsync())
}

impl Refusal {
    /// A failure with a code.
    pub fn of(status: u16) -> Self {
        Self { status, retry_after: None }
    }

    fn response(self) -> Response<Body> {
        let reason = match self.status {
            403 => "Forbidden",
            404 => "NotFound",
            429 => "TooManyRequests",
            500 => "InternalError",
            _ => "",
        };
        let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "message": "scripted", "reason": reason, "code": self.status});
        let mut response = json_response(self.status, &status);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn json_response(status: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Full::from(body.to_string()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).expect("a status code");
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
