//! Everything outside of resources: health, version, discovery, OpenAPI, and what the user's own router answers.

use crate::discovery::{Discovered, Discovery};
use crate::document::{Answer, Ask, Document, VersionInfo, answer_version};
use crate::endpoint::respond;
use crate::health::{ENDPOINTS, Health};
use crate::openapi::{About, OpenApi, Served};
use crate::registry::registration::Registration;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{check_produced, check_route, negotiate_status};
use crate::seams::Seams;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use kube_annex::Status;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::sync::{Arc, LazyLock};
use tower::ServiceExt as _;

/// The documents of one server.
pub(crate) struct Documents {
    health: Health,
    discovery: Discovery,
    /// Most of the time that a server takes to start, and some of its memory: for whoever asks first.
    openapi: LazyLock<OpenApi, Box<dyn FnOnce() -> OpenApi + Send>>,
    version: Document,
    router: Router,
    seams: Seams,
}

impl Documents {
    pub(crate) fn new(
        about: About<'_>,
        registrations: &[Arc<Registration>],
        health: Health,
        router: Router,
        seams: Seams,
    ) -> Self {
        let discovered: Vec<Discovered> =
            registrations.iter().flat_map(|registration| discovered(registration)).collect();
        let (title, version) = (about.title.to_owned(), about.version.to_owned());
        let registrations = registrations.to_vec();
        let openapi = move || {
            let served: Vec<Served> = registrations.iter().flat_map(|registration| served(registration)).collect();
            OpenApi::new(About { title: &title, version: &version }, &served)
        };
        Self {
            health,
            discovery: Discovery::new(&discovered),
            openapi: LazyLock::new(Box::new(openapi)),
            version: VersionInfo::of(about.version).document(),
            router,
            seams,
        }
    }

    /// Answers a path that names no resource.
    pub(crate) async fn answer(&self, method: Method, exchange: &Exchange, body: Body) -> Result<Response, Status> {
        let path = exchange.call.info.path.as_str();
        let query = exchange.query.as_str();
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let reading = method == Method::GET;
        match segments.as_slice() {
            [endpoint, check @ ..] if ENDPOINTS.contains(endpoint) && check.len() <= 1 && !path.ends_with('/') => {
                let answer = self.health.answer(endpoint, check.first().copied(), query).await;
                Ok(answer.unwrap_or_else(|| self.not_found(exchange)))
            }
            ["version"] if reading => {
                check_produced(&exchange.headers, &["application/json"])?;
                self.response(exchange, answer_version(&self.version, &Ask::from_headers(&exchange.headers)))
            }
            ["version"] => Err(Status::method_not_allowed()),
            ["" | "index.html"] => Ok(json(exchange, &self.paths())),
            // Upstream's router takes no slash for nothing here.
            ["apis"] if path.ends_with("//") => Ok(self.not_found(exchange)),
            ["apis", rest @ ..] => {
                if let Some(group) = rest.first()
                    && !self.discovery.serves_group(group)
                {
                    return Ok(self.not_found(exchange));
                }
                if !reading {
                    return Err(Status::method_not_allowed());
                }
                if self.discovery.has(path) {
                    check_route(&exchange.headers, false)?;
                }
                let pretty = negotiate_status(&exchange.headers, query).is_some_and(|negotiated| negotiated.pretty);
                let ask = Ask::from_headers(&exchange.headers).pretty(pretty);
                self.response(exchange, self.discovery.answer(path, &ask))
            }
            ["openapi", ..] => {
                let ask = Ask::from_headers(&exchange.headers);
                self.response(exchange, self.openapi.answer(path, query, &ask, self.seams.clock.now()))
            }
            _ => Ok(self.users_own(method, exchange, body).await),
        }
    }

    async fn users_own(&self, method: Method, exchange: &Exchange, body: Body) -> Response {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = exchange.headers.clone();
        // What was authorized is the path without its escapes: the router must not find another one in it.
        let path = utf8_percent_encode(&exchange.call.info.path, NOT_IN_PATHS);
        let uri = format!("{path}?{}", exchange.query);
        let Ok(uri) = uri.trim_end_matches('?').parse() else { return self.not_found(exchange) };
        *request.uri_mut() = uri;
        request.extensions_mut().insert(exchange.call.user.clone());
        let response = match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        if response.status() == StatusCode::NOT_FOUND { self.not_found(exchange) } else { response }
    }

    /// A path that nobody answers: 404 with the paths that somebody does.
    pub(crate) fn not_found(&self, exchange: &Exchange) -> Response {
        let mut response = json(exchange, &self.paths());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    }

    fn response(&self, exchange: &Exchange, answer: Answer) -> Result<Response, Status> {
        let (code, headers, body) = match answer {
            Answer::Ok { headers, body } => (StatusCode::OK, headers, Body::from(body)),
            Answer::NotModified { headers } => (StatusCode::NOT_MODIFIED, headers, Body::empty()),
            Answer::NotAcceptable { offered } => {
                return Err(Status::not_acceptable(format!(
                    "only the following media types are accepted: {}",
                    offered.join(", ")
                )));
            }
            Answer::NotFound if exchange.call.info.path.starts_with("/apis/") => return Err(Status::no_such_path()),
            Answer::NotFound => return Ok(self.not_found(exchange)),
        };
        let mut response = Response::new(body);
        *response.status_mut() = code;
        *response.headers_mut() = headers;
        Ok(response)
    }

    fn paths(&self) -> serde_json::Value {
        let mut paths = self.health.paths();
        paths.extend(self.discovery.paths().map(str::to_owned));
        paths.extend(["/openapi/v2", "/openapi/v3", "/version"].map(str::to_owned));
        paths.sort();
        serde_json::json!({ "paths": paths })
    }
}

const NOT_IN_PATHS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

/// The versions of a resource, as OpenAPI tells of them.
fn served(registration: &Registration) -> impl Iterator<Item = Served> + '_ {
    registration.versions.iter().map(|version| Served {
        descriptor: version.descriptor,
        schema: version.schema.clone(),
        strategic_merge: registration.rules.strategic_merge(),
    })
}

fn discovered(registration: &Registration) -> Vec<Discovered> {
    let storage = registration.storage_version().map(kube_annex::ResourceDescriptor::gvk);
    registration.descriptors().map(|descriptor| Discovered { descriptor, storage: storage.clone() }).collect()
}

fn json(exchange: &Exchange, document: &impl serde::Serialize) -> Response {
    let body = serde_json::to_vec_pretty(document).unwrap_or_default();
    respond::bytes(exchange, "application/json", StatusCode::OK, body.into())
}
