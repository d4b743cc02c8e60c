//! The stages that every request meets, in order. Upstream calls this the handler chain.

use crate::authn::{self, Authenticator, Authenticators, Connection};
use crate::authz::{self, Authorizer, Decision};
use crate::documents::Documents;
use crate::endpoint::{Endpoints, Route, respond};
use crate::flow::{self, Admitted, InFlight};
use crate::health::{BareError, text};
use crate::impersonation::{self, Impersonation};
use crate::request::duration;
use crate::request::exchange::{Exchange, Upgrade};
use crate::request::info;
use crate::request::negotiate;
use crate::seams::Seams;
use crate::serve::Shutdown;
use axum::body::Body;
use axum::response::Response;
use futures_util::FutureExt as _;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, RETRY_AFTER, WARNING, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};
use kube_annex::Status;
use kube_annex::handlers::Call;
use kube_annex::options::query::{Query, has_whole_escapes};
use kube_annex::request::{RequestInfo, UserInfo};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio::time::error::Elapsed;

/// What every request goes through.
pub(crate) struct Pipeline {
    pub(crate) seams: Seams,
    pub(crate) authenticators: Authenticators,
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) impersonation: Impersonation,
    pub(crate) endpoints: Endpoints,
    pub(crate) documents: Documents,
    pub(crate) in_flight: InFlight,
    pub(crate) request_timeout: Duration,
    pub(crate) shutdown: Shutdown,
}

const AUDIT_ID: HeaderName = HeaderName::from_static("audit-id");

impl Pipeline {
    /// Answers a request. Every answer carries an audit id; a panic is answered too.
    pub(crate) async fn answer(&self, request: Request<Body>, connection: &Connection) -> Response {
        if !has_whole_escapes(request.uri().path()) {
            return no_path();
        }
        if request.version() < Version::HTTP_2 && expects_the_unknown(request.headers()) {
            return unmet();
        }
        let audit_id = self.audit_id(request.headers());
        let head = *request.method() == Method::HEAD;
        let guarded = AssertUnwindSafe(self.identified(request, connection)).catch_unwind();
        let mut response = guarded.await.unwrap_or_else(|_| {
            let body = "This request caused apiserver to panic. Look in the logs for details.";
            text(StatusCode::INTERNAL_SERVER_ERROR, body.to_owned())
        });
        let is_bare_error = response.extensions().get::<BareError>().is_some();
        let headers = response.headers_mut();
        headers.insert(AUDIT_ID, audit_id);
        if !is_bare_error {
            headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache, private"));
        }
        if head {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn audit_id(&self, headers: &HeaderMap) -> HeaderValue {
        let sent = headers.get(AUDIT_ID).filter(|value| !value.is_empty() && value.len() <= 64);
        match sent {
            Some(value) => value.clone(),
            None => HeaderValue::from_str(&self.seams.ids.uid()).unwrap_or(HeaderValue::from_static("-")),
        }
    }

    /// From here on it is known what is asked, how long it may take, and by whom it is asked.
    async fn identified(&self, request: Request<Body>, connection: &Connection) -> Response {
        let (mut parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let info = match info::parse(&parts.method, parts.uri.path(), &query) {
            Ok(info) => info,
            Err(error) => {
                let uri = written(&parts.uri);
                return internal_error(&uri, &format_args!("failed to create RequestInfo: {error}, {uri}"));
            }
        };
        if self.shutdown.is_draining() && !flow::is_exempt_from_shutdown(&info, &parts.headers) {
            return late();
        }
        let deadline = self.deadline(&info, &query);
        let mut exchange = Exchange {
            call: Call { info, user: UserInfo::default() },
            query,
            headers: parts.headers,
            upgrade: Upgrade::of(parts.extensions.remove()),
            ..Exchange::default()
        };
        let deadline = match deadline {
            Ok(deadline) => deadline,
            Err(status) => return failure(&exchange, &status),
        };
        let Ok(user) = within(deadline, self.authenticators.authenticate(&exchange.headers, connection)).await else {
            return failure(&exchange, &out_of_time());
        };
        exchange.warnings.add(authn::ignored_token_warning(&exchange.headers).unwrap_or_default());
        self.authenticators.strip_credentials(&mut exchange.headers);
        let user = match user {
            Ok(Some(user)) => user,
            Ok(None) => return with_warnings(unauthorized(&exchange, connection), &exchange),
            Err(error) => {
                tracing::info!(error = &error as &dyn std::error::Error, peer = %connection.peer, "not authenticated");
                return with_warnings(unauthorized(&exchange, connection), &exchange);
            }
        };
        let anonymous = user.name == "system:anonymous";
        exchange.call.user = user;
        let impersonated = within(deadline, self.impersonated(&mut exchange)).await;
        if let Err(status) = impersonated.unwrap_or_else(|_| Err(out_of_time())) {
            return with_warnings(sniffed_by_nobody(failure(&exchange, &status)), &exchange);
        }
        let exchange = Arc::new(exchange);
        let outcome = within(deadline, self.allowed(parts.method, &parts.uri, &exchange, body)).await;
        let response =
            outcome.unwrap_or_else(|_| Err(out_of_time())).unwrap_or_else(|status| failure(&exchange, &status));
        let mut response = with_warnings(response, &exchange);
        if anonymous && connection.http2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Makes the request that of the user whom its headers name, if its sender may be that user.
    async fn impersonated(&self, exchange: &mut Exchange) -> Result<(), Status> {
        let Some(wanted) = impersonation::take(&mut exchange.headers)? else { return Ok(()) };
        let Call { info, user } = &exchange.call;
        exchange.call.user = self.impersonation.of(&*self.authorizer, user, &wanted, info).await?;
        Ok(())
    }

    /// Until when a request must be answered; a watch has a bound of its own.
    fn deadline(&self, info: &RequestInfo, query: &str) -> Result<Option<Instant>, Status> {
        if flow::is_long_running(info) {
            return Ok(None);
        }
        timeout(query, self.request_timeout).map(|limit| Some(Instant::now() + limit))
    }

    /// From here on it is known that the user may.
    async fn allowed(
        &self,
        method: Method,
        uri: &Uri,
        exchange: &Arc<Exchange>,
        body: Body,
    ) -> Result<Response, Status> {
        let Call { info, user } = &exchange.call;
        let place = self.in_flight.admit(user, info);
        if matches!(place, Admitted::Refused) {
            return Ok(flow::refusal());
        }
        match self.authorizer.authorize(user, info).await {
            Ok(Decision::Allow) => {}
            Ok(Decision::Deny(reason) | Decision::NoOpinion(reason)) => {
                return Ok(sniffed_by_nobody(failure(exchange, &authz::forbidden(user, info, &reason))));
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, user = user.name, "not authorized");
                return Ok(internal_error(&written(uri), &error));
            }
        }
        self.dispatch(method, exchange, body).await
    }

    async fn dispatch(&self, method: Method, exchange: &Arc<Exchange>, body: Body) -> Result<Response, Status> {
        // Upstream's router knows no path that begins in this way, though its parser does.
        if exchange.call.info.path.starts_with("//") {
            return Ok(self.documents.not_found(exchange));
        }
        if !exchange.call.info.is_resource_request {
            return self.documents.answer(method, exchange, body).await;
        }
        match self.endpoints.route(&method, exchange) {
            Route::UnknownGroup => Ok(self.documents.not_found(exchange)),
            Route::NoSuchPath => Err(Status::no_such_path()),
            Route::MethodNotAllowed => Err(Status::method_not_allowed()),
            Route::Found(endpoint, verb) => endpoint.answer(verb, exchange, body).await,
        }
    }
}

/// The outcome of work that may have to end before.
async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, work).await,
        None => Ok(work.await),
    }
}

fn out_of_time() -> Status {
    Status::timeout("request did not complete within the allotted timeout")
}

/// What a request is told that comes when the server finishes what it has; the next one answers it.
fn late() -> Response {
    let status = Status::unavailable("apiserver is shutting down");
    let mut body = serde_json::to_vec(&status).unwrap_or_default();
    // The encoder ends its document with one, and so does who writes it.
    body.extend_from_slice(b"\n\n");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn with_warnings(mut response: Response, exchange: &Exchange) -> Response {
    for warning in exchange.warnings.headers() {
        if let Ok(value) = HeaderValue::from_str(&warning) {
            response.headers_mut().append(WARNING, value);
        }
    }
    response
}

/// What a path with half an escape is answered, before there is a request: as Go's server writes it.
fn no_path() -> Response {
    let mut response = text(StatusCode::BAD_REQUEST, "400 Bad Request".to_owned());
    response.headers_mut().remove(X_CONTENT_TYPE_OPTIONS);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A path and query as they were asked for.
fn written(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| uri.path().to_owned(), ToString::to_string)
}

/// The server's own trouble, told before there is anything to negotiate.
fn internal_error(uri: &str, error: &dyn std::fmt::Display) -> Response {
    text(StatusCode::INTERNAL_SERVER_ERROR, authz::internal_error_text(uri, error) + "\n")
}

/// An error in the form the client asked for; JSON when that cannot be told.
fn failure(exchange: &Exchange, status: &Status) -> Response {
    match negotiate::negotiate_status(&exchange.headers, &exchange.query) {
        Some(negotiated) => respond::status(exchange, negotiated, status),
        None => respond::raw_status(exchange, status),
    }
}

/// The words of a refusal are in part the client's: a browser must not take them for a page.
fn sniffed_by_nobody(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn unauthorized(exchange: &Exchange, connection: &Connection) -> Response {
    let mut response = failure(exchange, &Status::unauthorized());
    if connection.http2 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether a client waits for something other than the word to go on.
fn expects_the_unknown(headers: &HeaderMap) -> bool {
    let expected = headers.get(EXPECT).map(HeaderValue::as_bytes).unwrap_or_default();
    !expected.is_empty()
        && !expected
            .split(|byte| matches!(byte, b',' | b' ' | b'\t'))
            .any(|token| token.eq_ignore_ascii_case(b"100-continue"))
}

/// What Go's server says of itself, before anybody has looked at the request.
fn unmet() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::EXPECTATION_FAILED;
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The client's own bound, never above the server's.
fn timeout(query: &str, most: Duration) -> Result<Duration, Status> {
    let asked = Query::parse(query).text("timeout");
    if asked.is_empty() {
        return Ok(most);
    }
    // What lies in the past bounds nothing.
    let (negative, amount) = asked.strip_prefix('-').map_or((false, asked.as_str()), |amount| (true, amount));
    let duration = duration::parse(amount.strip_prefix('+').filter(|_| !negative).unwrap_or(amount)).ok_or_else(|| {
        let quoted = kube_annex::field::quote(&asked);
        Status::bad_request(format!("invalid timeout specified in the request URL - invalid duration {quoted}; write a number and a unit, such as 10s"))
    })?;
    Ok(if duration.is_zero() || negative { most } else { duration.min(most) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rq_2_a_path_with_half_an_escape_is_none() {
        for (path, whole) in [
            ("/", true),
            ("/a%2f%C3%a9", true),
            ("/%", false),
            ("/a%2", false),
            ("/%zz", false),
            ("/%2f%2", false),
            ("/%%20", false),
        ] {
            assert_eq!(has_whole_escapes(path), whole, "{path}");
        }
    }

    #[test]
    fn sv_1_only_the_word_to_go_on_can_be_expected() {
        for (expected, unknown) in [("100-continue", false), ("100-Continue, x", false), ("", false), ("200-ok", true)]
        {
            let headers = HeaderMap::from_iter([(EXPECT, HeaderValue::from_static(expected))]);
            assert_eq!(expects_the_unknown(&headers), unknown, "{expected}");
        }
        assert!(!expects_the_unknown(&HeaderMap::new()));
    }

    #[test]
    fn rq_4_timeouts_are_go_durations_below_the_servers() {
        let most = Duration::from_mins(1);
        for (query, expected) in [
            ("", 60),
            ("timeout=10s", 10),
            ("timeout=1h", 60),
            ("timeout=0", 60),
            ("timeout=-1s", 60),
            ("timeout=1m0.5s", 60),
            ("timeout=1s500ms", 1),
        ] {
            assert_eq!(timeout(query, most).unwrap().as_secs(), expected, "{query}");
        }
        for query in ["timeout=10", "timeout=abc", "timeout=1x", "timeout=--1s", "timeout=-"] {
            let status = timeout(query, most).unwrap_err();
            assert!(status.message.starts_with("invalid timeout specified in the request URL - "), "{status}");
        }
    }
}
