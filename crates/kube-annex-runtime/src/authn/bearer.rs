//! Bearer tokens in the authorization header.

use super::{Authenticator, Connection, Error, TokenReviews};
use http::{HeaderMap, header};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use std::sync::Arc;

/// Believes a bearer token that the cluster believes.
pub struct BearerToken {
    tokens: Arc<TokenReviews>,
}

impl BearerToken {
    /// Asks the cluster through `tokens`.
    pub fn new(tokens: Arc<TokenReviews>) -> Self {
        Self { tokens }
    }
}

impl Authenticator for BearerToken {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        _connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>> {
        Box::pin(async move {
            match read(headers) {
                Credential::None | Credential::Ignored => Ok(None),
                Credential::Malformed => Err(Error::InvalidToken),
                Credential::Token(token) => self.tokens.review(token).await.map(Some),
            }
        })
    }
}

/// What a client is to be told when its authorization header is ignored for a needless space.
pub fn ignored_token_warning(headers: &HeaderMap) -> Option<&'static str> {
    matches!(read(headers), Credential::Ignored)
        .then_some("the provided Authorization header contains extra space before the bearer token, and is ignored")
}

#[derive(Debug, Eq, PartialEq)]
enum Credential<'a> {
    None,
    Ignored,
    Malformed,
    Token(&'a str),
}

fn read(headers: &HeaderMap) -> Credential<'_> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Credential::None };
    let bytes = value.as_bytes().trim_ascii();
    let scheme = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Credential::None;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return Credential::Malformed };
    let mut parts = text.splitn(3, ' ').skip(1);
    match (parts.next(), parts.next()) {
        (None, _) | (Some(""), None) => Credential::None,
        (Some(""), Some(_)) => Credential::Ignored,
        (Some(token), _) => Credential::Token(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn with(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_12_the_token_is_the_second_word_whatever_the_case_of_the_scheme() {
        assert_eq!(read(&with("Bearer abc")), Credential::Token("abc"));
        assert_eq!(read(&with("  bEARER abc def ")), Credential::Token("abc"));
        assert_eq!(read(&with("Basic abc")), Credential::None);
        assert_eq!(read(&with("Bearer")), Credential::None);
        assert_eq!(read(&HeaderMap::new()), Credential::None);
    }

    #[test]
    fn an_12_a_space_before_the_token_disables_it_with_a_warning() {
        assert_eq!(read(&with("Bearer  abc")), Credential::Ignored);
        assert!(ignored_token_warning(&with("Bearer  abc")).is_some());
        assert!(ignored_token_warning(&with("Bearer abc")).is_none());
    }
}
