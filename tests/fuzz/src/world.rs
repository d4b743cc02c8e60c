//! What inputs are sent as to a whole server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use kube_annex_runtime::Registration;
use kube_annex_runtime::authn::{
    Authenticator as _, Authenticators, CaBundle, Connection, FrontProxyHeaders, FrontProxyTrust, Trust, TrustStore,
    UnixClock,
};
use kube_annex_server::resources::gadget::Gadget;
use kube_annex_testkit::{Authority, TestServer};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use serde_json::json;

/// A server with a few objects, and an authenticator behind a front proxy.
pub(crate) struct World {
    server: TestServer,
    front: Authenticators,
    proxy: Connection,
}

impl World {
    pub(crate) async fn new() -> Self {
        let server = TestServer::builder().with(|builder| builder.register(Registration::stored::<Gadget>())).build();
        for name in ["a", "b", "c"] {
            server.made(WIDGETS, &json!({ "metadata": { "name": name, "labels": { "name": name } } })).await;
            let spec = json!({
                "color": "red",
                "ports": [{ "port": 80, "protocol": "TCP" }],
                "parts": [{ "name": "one" }],
                "words": ["a", "b"],
                "anything": { "x": [{}] },
                "replicas": 2,
            });
            let labels = json!({ "name": name });
            server.made(GADGETS, &json!({ "metadata": { "name": name, "labels": labels }, "spec": spec })).await;
        }
        let (front, proxy) = front();
        Self { server, front, proxy }
    }

    /// The first byte is the verb, the rest the path with its query.
    pub(crate) async fn path(&self, input: &[u8]) {
        let (method, path) = method(input);
        self.send(method, &format!("/{}", escaped(path, b"/?&=%.:;,~+-_")), "application/json", b"{}").await;
    }

    pub(crate) async fn query(&self, input: &[u8]) {
        let (method, query) = method(input);
        let query = escaped(query, b"&=%/.:;,+-_");
        // A watch that says no end would be waited for.
        let path = format!("{GADGETS}?{query}&timeoutSeconds=1");
        self.send(method, &path, "application/json", br#"{"metadata":{"name":"d"}}"#).await;
    }

    pub(crate) async fn selector(&self, input: &[u8]) {
        let selector = escaped(input, b"");
        for parameter in ["labelSelector", "fieldSelector"] {
            self.send(Method::GET, &format!("{GADGETS}?{parameter}={selector}"), "", b"").await;
        }
    }

    pub(crate) async fn token(&self, input: &[u8]) {
        self.send(Method::GET, &format!("{GADGETS}?limit=1&continue={}", escaped(input, b"%+/-_")), "", b"").await;
    }

    pub(crate) async fn body(&self, media_type: &str, input: &[u8]) {
        for query in ["?dryRun=All&fieldValidation=Strict", "?fieldValidation=Warn"] {
            self.send(Method::POST, &format!("{GADGETS}{query}"), media_type, input).await;
        }
        self.send(Method::POST, WIDGETS, media_type, input).await;
        self.send(Method::PUT, &format!("{GADGETS}/a"), media_type, input).await;
        self.send(Method::PUT, &format!("{GADGETS}/a/scale"), media_type, input).await;
        self.send(Method::DELETE, &format!("{GADGETS}/z"), media_type, input).await;
    }

    /// The first byte is the kind of the patch.
    pub(crate) async fn patch(&self, input: &[u8]) {
        let (first, patch) = input.split_first().map_or((0, input), |(first, rest)| (*first, rest));
        let media_type = match first % 3 {
            0 => "application/json-patch+json",
            1 => "application/merge-patch+json",
            _ => "application/strategic-merge-patch+json",
        };
        for path in [GADGETS, WIDGETS] {
            for rest in ["/a", "/b/status"] {
                self.send(Method::PATCH, &format!("{path}{rest}"), media_type, patch).await;
            }
        }
    }

    /// The first byte is who applies, and whether by force.
    pub(crate) async fn apply(&self, input: &[u8]) {
        let (first, config) = input.split_first().map_or((0, input), |(first, rest)| (*first, rest));
        let (manager, force) = (["one", "two", "three"][usize::from(first % 3)], first & 64 != 0);
        for rest in ["a", "n", "b/status"] {
            let path = format!("{GADGETS}/{rest}?fieldManager={manager}&force={force}");
            self.send(Method::PATCH, &path, "application/apply-patch+yaml", config).await;
        }
    }

    pub(crate) async fn negotiation(&self, input: &[u8]) {
        let Ok(value) = HeaderValue::from_bytes(input) else { return };
        for (method, path) in [(Method::GET, GADGETS), (Method::GET, "/apis"), (Method::POST, GADGETS)] {
            let mut request = Request::new(Bytes::from_static(br#"{"metadata":{"generateName":"n"}}"#));
            *request.method_mut() = method;
            *request.uri_mut() = Uri::from_static(path);
            for name in [ACCEPT, CONTENT_TYPE, USER_AGENT] {
                request.headers_mut().insert(name, value.clone());
            }
            self.answer(request).await;
        }
    }

    /// Lines of a header and its value.
    pub(crate) async fn front_proxy(&self, input: &[u8]) {
        let mut headers = http::HeaderMap::new();
        for line in input.split(|byte| *byte == b'\n') {
            let mut parts = line.splitn(2, |byte| *byte == b':');
            let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
            let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
            if let (Some(name), Some(value)) = (name, value) {
                headers.append(name, value);
            }
        }
        drop(self.front.authenticate(&headers, &self.proxy).await);
        self.front.strip_credentials(&mut headers);
    }

    async fn send(&self, method: Method, path: &str, media_type: &str, body: &[u8]) {
        let Ok(uri) = path.parse::<Uri>() else { return };
        let mut request = Request::new(Bytes::copy_from_slice(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        if let (false, Ok(media_type)) = (media_type.is_empty(), HeaderValue::from_str(media_type)) {
            request.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        self.answer(request).await;
    }

    async fn answer(&self, request: Request<Bytes>) {
        let path = request.uri().to_string();
        let (head, body) = request.into_parts();
        let mut ask = self.server.ask(head.method, &path).untyped(body);
        for (name, value) in &head.headers {
            ask = ask.header_value(name.clone(), value.clone());
        }
        let (_, _, body) = ask.open().await;
        // A watch goes on; whatever is wrong with an answer shows in its beginning.
        drop(tokio::time::timeout(LISTENING, axum::body::to_bytes(body, MOST)).await);
    }
}

/// The first byte as a verb.
fn method(input: &[u8]) -> (Method, &[u8]) {
    let Some((first, rest)) = input.split_first() else { return (Method::GET, input) };
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD, Method::OPTIONS];
    let method = methods.get(usize::from(first % 8)).cloned().unwrap_or(Method::GET);
    (method, rest)
}

/// Bytes as a part of a URL; those of `kept` mean what they mean there.
fn escaped(bytes: &[u8], kept: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            text.push(char::from(byte));
        } else {
            let digit = |value: u8| char::from(b"0123456789ABCDEF"[usize::from(value)]);
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    text
}

/// An authenticator, and the connection of the proxy that it believes.
fn front() -> (Authenticators, Connection) {
    let authority = Authority::new("front");
    let bundle = CaBundle::from_pem("front.crt", authority.pem().as_bytes()).expect("a certificate just made");
    let trusted =
        FrontProxyTrust { ca: Arc::new(bundle), allowed_names: Vec::new(), headers: FrontProxyHeaders::standard() };
    let trust = TrustStore::new(Trust { client_ca: None, front_proxy: Some(Arc::new(trusted)) });
    let clock: UnixClock = Arc::new(UnixTime::now);
    let issued = authority.client("proxy");
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).expect("a certificate just made");
    let proxy = Connection::new(SocketAddr::from(([127, 0, 0, 1], 1)), vec![certificate], true);
    (Authenticators::standard(&trust, None, &clock), proxy)
}

const LISTENING: Duration = Duration::from_millis(200);
const MOST: usize = 64 << 20;
const GADGETS: &str = "/apis/rich.example.com/v1/namespaces/default/gadgets";
const WIDGETS: &str = "/apis/toys.example.com/v1/namespaces/default/widgets";
