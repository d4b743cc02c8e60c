//! Bearer tokens among the subprotocols of a WebSocket, for browsers, which cannot set the authorization header.

use super::{Authenticator, Connection, Error, TokenReviews};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, header};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use std::sync::Arc;

/// Believes a token in a WebSocket subprotocol that the cluster believes.
pub struct WebSocketToken {
    tokens: Arc<TokenReviews>,
}

impl WebSocketToken {
    /// Asks the cluster through `tokens`.
    pub fn new(tokens: Arc<TokenReviews>) -> Self {
        Self { tokens }
    }
}

impl Authenticator for WebSocketToken {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        _connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>> {
        Box::pin(async move {
            match read(headers)? {
                None => Ok(None),
                Some(token) => self.tokens.review(&token).await.map(Some),
            }
        })
    }
}

/// Removes tokens from the subprotocols, so that one of the others is echoed to the client.
pub(super) fn strip_token(headers: &mut HeaderMap) {
    if !protocols(headers).any(|protocol| protocol.starts_with(PREFIX)) {
        return;
    }
    let rest: Vec<&str> = protocols(headers).filter(|protocol| !protocol.starts_with(PREFIX)).collect();
    match HeaderValue::from_str(&rest.join(",")) {
        Ok(value) if !rest.is_empty() => headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value),
        _ => headers.remove(header::SEC_WEBSOCKET_PROTOCOL),
    };
}

fn read(headers: &HeaderMap) -> Result<Option<String>, Error> {
    if !is_websocket(headers) {
        return Ok(None);
    }
    let refuse = |reason| Error::WebSocketToken { reason };
    let mut tokens = protocols(headers).filter_map(|protocol| protocol.strip_prefix(PREFIX));
    let Some(encoded) = tokens.next() else { return Ok(None) };
    if tokens.next().is_some() {
        return Err(refuse("there is more than one"));
    }
    let decoded = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refuse("it is not unpadded base64url"))?;
    let token = String::from_utf8(decoded).map_err(|_| refuse("it is not UTF-8"))?;
    if token.is_empty() {
        return Ok(None);
    }
    if protocols(headers).all(|protocol| protocol.starts_with(PREFIX)) {
        return Err(refuse("it must come with another subprotocol"));
    }
    Ok(Some(token))
}

/// Whether a request wants to speak WebSocket from here on.
pub(crate) fn is_websocket(headers: &HeaderMap) -> bool {
    let lists = |name, word: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|item| item.trim().eq_ignore_ascii_case(word))
    };
    lists(header::CONNECTION, "upgrade") && lists(header::UPGRADE, "websocket")
}

fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|protocol| !protocol.is_empty())
}

const PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(protocols: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocols)),
        ])
    }

    #[test]
    fn an_13_the_token_is_read_beside_another_subprotocol_and_then_stripped() {
        let mut headers = asking("v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.YWJj");
        assert_eq!(read(&headers).expect("well-formed").as_deref(), Some("abc"));
        strip_token(&mut headers);
        assert_eq!(headers[header::SEC_WEBSOCKET_PROTOCOL], "v5.channel.k8s.io");
    }

    #[test]
    fn an_13_a_lone_doubled_or_damaged_token_is_an_error() {
        for protocols in [
            "base64url.bearer.authorization.k8s.io.YWJj",
            "a, base64url.bearer.authorization.k8s.io.YWJj, base64url.bearer.authorization.k8s.io.YWJj",
            "a, base64url.bearer.authorization.k8s.io.YWJj==",
            "a, base64url.bearer.authorization.k8s.io._w",
        ] {
            assert!(read(&asking(protocols)).is_err(), "{protocols}");
        }
    }

    #[test]
    fn an_13_a_request_that_is_no_websocket_has_no_token() {
        let mut headers = asking("a, base64url.bearer.authorization.k8s.io.YWJj");
        headers.remove(header::UPGRADE);
        assert_eq!(read(&headers).expect("ignored"), None);
    }
}
