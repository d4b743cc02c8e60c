//! What a client says to open a WebSocket, and what it is answered.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    CONNECTION, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A handshake that can be accepted.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Handshake {
    accept: String,
    protocol: Option<HeaderValue>,
}

/// Why there is no WebSocket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// There is no key.
    Key,
    /// Another version of the protocol.
    Version,
    /// The page that asks is not told, as browsers tell it, or in no form that can be.
    Origin,
    /// Several subprotocols, none of which can be preferred.
    Protocols,
}

impl Handshake {
    /// Reads the headers of a request that wants a WebSocket.
    ///
    /// * Source: the server of golang.org/x/net/websocket, which upstream uses with its own check of the origin.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let key = first(headers, &SEC_WEBSOCKET_KEY);
        if key.is_empty() {
            return Err(Refusal::Key);
        }
        if first(headers, &SEC_WEBSOCKET_VERSION) != b"13" {
            return Err(Refusal::Version);
        }
        let origin = std::str::from_utf8(first(headers, &ORIGIN)).unwrap_or_default();
        let is_place = origin.starts_with('/') || origin.parse::<Uri>().is_ok_and(|origin| origin.scheme().is_some());
        if !is_place {
            return Err(Refusal::Origin);
        }
        let protocols = first(headers, &SEC_WEBSOCKET_PROTOCOL).trim_ascii();
        if protocols.contains(&b',') {
            return Err(Refusal::Protocols);
        }
        let protocol = HeaderValue::from_bytes(protocols).ok().filter(|protocol| !protocol.is_empty());
        Ok(Self { accept: derive_accept_key(key), protocol })
    }

    pub(super) fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.extend(HeaderValue::from_str(&self.accept).ok().map(|accept| (SEC_WEBSOCKET_ACCEPT, accept)));
        headers.extend(self.protocol.map(|protocol| (SEC_WEBSOCKET_PROTOCOL, protocol)));
        response
    }
}

impl Refusal {
    pub(super) fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = match self {
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Key | Self::Version | Self::Protocols => StatusCode::BAD_REQUEST,
        };
        let headers = response.headers_mut();
        // Upstream has taken the connection over by now, and ends it.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if self == Self::Version {
            headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        *response.body_mut() = match self {
            Self::Key => Body::from("mismatch challenge/response"),
            Self::Version => Body::from("missing or bad WebSocket Version"),
            Self::Origin | Self::Protocols => Body::empty(),
        };
        response
    }
}

fn first<'h>(headers: &'h HeaderMap, name: &HeaderName) -> &'h [u8] {
    headers.get(name).map_or(&b""[..], HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(ORIGIN, HeaderValue::from_static("https://dashboard.example.com"));
        for (name, value) in changes {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn w_26_a_handshake_is_answered_with_its_key_and_its_one_subprotocol() {
        let response = Handshake::read(&headers(&[(SEC_WEBSOCKET_PROTOCOL, " v1.stream ")])).unwrap().into_response();
        assert_eq!(response.status(), 101);
        // The example of RFC 6455.
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "v1.stream");
        let plain = Handshake::read(&headers(&[])).unwrap().into_response();
        assert_eq!(plain.headers().get(SEC_WEBSOCKET_PROTOCOL), None);
    }

    #[test]
    fn w_26_what_is_no_handshake_is_refused() {
        for (name, value, refusal, code) in [
            (SEC_WEBSOCKET_KEY, "", Refusal::Key, 400),
            (SEC_WEBSOCKET_VERSION, "8", Refusal::Version, 400),
            (ORIGIN, "", Refusal::Origin, 403),
            (ORIGIN, "null", Refusal::Origin, 403),
            (SEC_WEBSOCKET_PROTOCOL, "a, b", Refusal::Protocols, 400),
        ] {
            let refused = Handshake::read(&headers(&[(name.clone(), value)])).unwrap_err();
            assert_eq!(refused, refusal, "{name}: {value}");
            assert_eq!(refused.into_response().status(), code);
        }
        assert_eq!(Refusal::Version.into_response().headers()[SEC_WEBSOCKET_VERSION], "13");
    }
}
