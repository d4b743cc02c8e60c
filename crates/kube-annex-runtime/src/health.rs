//! Whether the server lives and is ready: `/healthz`, `/livez`, `/readyz` and their single checks.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use kube_annex::field::quote;
use kube_annex::handlers::BoxFuture;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

/// A check that does not answer in this time has failed.
const MOST_PATIENCE: Duration = Duration::from_secs(5);

/// One thing that can be well or not.
#[derive(Clone)]
pub struct Check {
    name: &'static str,
    endpoints: &'static [&'static str],
    run: Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>,
}

/// The three endpoints.
pub const ENDPOINTS: [&str; 3] = ["healthz", "livez", "readyz"];

impl Check {
    /// A check of the named endpoints. The error text is shown to those who may see a single check.
    pub fn new<F, Fut>(name: &'static str, endpoints: &'static [&'static str], run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { name, endpoints, run: Arc::new(move || Box::pin(run())) }
    }

    async fn failure(&self) -> Option<String> {
        match tokio::time::timeout(MOST_PATIENCE, (self.run)()).await {
            Ok(result) => result.err(),
            Err(_) => Some(format!("{} did not answer in {} seconds", self.name, MOST_PATIENCE.as_secs())),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All checks, in the order in which they are listed.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<[Check]>);

impl Health {
    /// These checks, after `ping` and `log`, which upstream has too.
    pub fn new(checks: Vec<Check>) -> Self {
        let mut all: Vec<Check> = ["ping", "log"].map(|name| Check::new(name, &ENDPOINTS, || async { Ok(()) })).into();
        all.extend(checks);
        Self(all.into())
    }

    /// Answers an endpoint, or one check of it.
    pub async fn answer(&self, endpoint: &str, check: Option<&str>, query: &str) -> Option<Response> {
        match check {
            None => Some(self.all(endpoint, query).await),
            Some(name) => {
                let check = self.of(endpoint).find(|check| check.name == name)?;
                Some(match check.failure().await {
                    None => {
                        let mut response = text(StatusCode::OK, "ok".to_owned());
                        // Upstream says it of everything but this.
                        response.headers_mut().remove(X_CONTENT_TYPE_OPTIONS);
                        response
                    }
                    Some(why) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("internal server error: {why}\n")),
                })
            }
        }
    }

    /// Every path that is answered.
    pub fn paths(&self) -> Vec<String> {
        ENDPOINTS
            .iter()
            .flat_map(|endpoint| {
                std::iter::once(format!("/{endpoint}"))
                    .chain(self.of(endpoint).map(move |check| format!("/{endpoint}/{}", check.name)))
            })
            .collect()
    }

    fn of<'a>(&'a self, endpoint: &'a str) -> impl Iterator<Item = &'a Check> {
        self.0.iter().filter(move |check| check.endpoints.contains(&endpoint))
    }

    async fn all(&self, endpoint: &str, query: &str) -> Response {
        let parameters: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut excluded: Vec<&str> =
            parameters.iter().filter(|(key, _)| key == "exclude").map(|(_, value)| value.as_str()).collect();
        let mut lines = String::new();
        let mut failed = Vec::new();
        for check in self.of(endpoint) {
            if let Some(position) = excluded.iter().position(|name| *name == check.name) {
                excluded.remove(position);
                let _ = writeln!(lines, "[+]{} excluded: ok", check.name);
            } else if let Some(why) = check.failure().await {
                tracing::warn!(endpoint, check = check.name, why, "health check failed");
                failed.push(check.name);
                let _ = writeln!(lines, "[-]{} failed: reason withheld", check.name);
            } else {
                let _ = writeln!(lines, "[+]{} ok", check.name);
            }
        }
        if !excluded.is_empty() {
            let names: Vec<String> = excluded.iter().map(|name| quote(name)).collect();
            let _ = writeln!(lines, "warn: some health checks cannot be excluded: no matches for {}", names.join(","));
        }
        if !failed.is_empty() {
            return text(StatusCode::INTERNAL_SERVER_ERROR, format!("{lines}{endpoint} check failed\n"));
        }
        if parameters.iter().any(|(key, _)| key == "verbose") {
            text(StatusCode::OK, format!("{lines}{endpoint} check passed\n"))
        } else {
            text(StatusCode::OK, "ok".to_owned())
        }
    }
}

/// A plain text answer that no browser guesses about.
pub(crate) fn text(code: StatusCode, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if code.is_client_error() || code.is_server_error() {
        response.extensions_mut().insert(BareError);
    }
    response
}

/// The mark of an error that Go's library writes as text: it takes away what others said of caching.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BareError;

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    async fn of(health: &Health, endpoint: &str, check: Option<&str>, query: &str) -> (u16, String) {
        let response = health.answer(endpoint, check, query).await.unwrap();
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (code, String::from_utf8(body.to_vec()).unwrap())
    }

    fn sick() -> Health {
        Health::new(vec![Check::new("storage", &["readyz"], || async { Err("the disk is full".to_owned()) })])
    }

    #[tokio::test]
    async fn hz_1_a_healthy_endpoint_says_ok() {
        assert_eq!(of(&sick(), "livez", None, "").await, (200, "ok".to_owned()));
    }

    #[tokio::test]
    async fn hz_2_verbose_lists_every_check() {
        let (code, body) = of(&sick(), "livez", None, "verbose").await;
        assert_eq!((code, body.as_str()), (200, "[+]ping ok\n[+]log ok\nlivez check passed\n"));
    }

    #[tokio::test]
    async fn hz_3_a_failure_is_listed_without_its_reason() {
        let (code, body) = of(&sick(), "readyz", None, "").await;
        assert_eq!(code, 500);
        assert_eq!(body, "[+]ping ok\n[+]log ok\n[-]storage failed: reason withheld\nreadyz check failed\n");
    }

    #[tokio::test]
    async fn hz_4_a_check_can_be_excluded_and_unknown_ones_are_told() {
        let (code, body) = of(&sick(), "readyz", None, "exclude=storage&exclude=x&verbose=1").await;
        assert_eq!(code, 200);
        assert!(body.contains("[+]storage excluded: ok\n"), "{body}");
        assert!(body.contains("warn: some health checks cannot be excluded: no matches for \"x\"\n"), "{body}");
    }

    #[tokio::test]
    async fn hz_5_a_single_check_tells_its_reason() {
        assert_eq!(of(&sick(), "readyz", Some("ping"), "").await, (200, "ok".to_owned()));
        let (code, body) = of(&sick(), "readyz", Some("storage"), "").await;
        assert_eq!((code, body.as_str()), (500, "internal server error: the disk is full\n"));
        assert!(sick().answer("livez", Some("storage"), "").await.is_none());
    }
}
