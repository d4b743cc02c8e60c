//! Who asks: the authenticators in upstream's order, and what they share.

mod bearer;
mod ca_bundle;
mod client_cert;
mod cluster_config;
mod connection;
mod front_proxy;
pub(crate) mod review;
mod token_review;
mod trust;
mod trust_files;
mod websocket;

pub use bearer::{BearerToken, ignored_token_warning};
pub use ca_bundle::{BundleError, CaBundle, CertificateError, CertificateIdentity};
pub use client_cert::ClientCert;
pub use cluster_config::{ClusterConfig, ClusterConfigError};
pub use connection::Connection;
pub use front_proxy::FrontProxy;
pub use review::{Backoff, ReviewError, reviewing_client};
pub use token_review::{TokenReviewOptions, TokenReviews};
pub use trust::{FrontProxyHeaders, FrontProxyTrust, Trust, TrustStore};
pub use trust_files::{TrustFileError, TrustFiles};
pub use websocket::WebSocketToken;

pub(crate) use ca_bundle::{crypto, ticketer};
pub(crate) use front_proxy::unescape;
pub(crate) use websocket::is_websocket;

use http::{HeaderMap, header};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use rustls_pki_types::UnixTime;
use std::sync::Arc;

/// Finds out who sent a request.
pub trait Authenticator: Send + Sync {
    /// The user, or `None` when the request carries no credential that this authenticator reads.
    ///
    /// * Errors: the request carries such a credential, and it is not believed.
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>>;
}

/// Tells the time by which certificates are valid.
pub type UnixClock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// Why a credential is not believed. The client is only told that it is unauthorized; this is for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate is the front proxy's authority's, and its name is not one of the front proxy's.
    #[error("x509: subject with cn={name} is not in the allowed list")]
    NameNotAllowed {
        /// Its common name.
        name: String,
    },
    /// The certificate names no user uniquely.
    #[error("the client's certificate has {count} uids, it may have one")]
    AmbiguousUid {
        /// How many.
        count: usize,
    },
    /// A header of the front proxy cannot be read.
    #[error("the value of header {name} is not UTF-8")]
    MalformedHeader {
        /// Its name.
        name: String,
    },
    /// The token.
    #[error("invalid bearer token")]
    InvalidToken,
    /// The token, with the cluster's words.
    #[error("the cluster rejects the bearer token: {reason}")]
    RejectedToken {
        /// What the cluster says.
        reason: String,
    },
    /// A WebSocket request's token.
    #[error("the bearer token among the WebSocket subprotocols is refused: {reason}")]
    WebSocketToken {
        /// What is wrong.
        reason: &'static str,
    },
    /// The cluster could not be asked.
    #[error("the cluster could not be asked about the bearer token")]
    Review(#[source] Arc<ReviewError>),
    /// Several authenticators failed.
    #[error("[{}]", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several(Vec<Self>),
}

/// Authenticators in the order in which they are asked. The first that knows the user wins; an error does not keep the
/// later ones from being asked, but it keeps the request from being anonymous.
pub struct Authenticators {
    members: Vec<Arc<dyn Authenticator>>,
    anonymous: bool,
    trust: Arc<TrustStore>,
}

impl Authenticators {
    /// No authenticator: everyone is anonymous. `trust` names the headers that [`Self::strip_credentials`] removes.
    pub fn new(trust: Arc<TrustStore>) -> Self {
        Self { members: vec![], anonymous: true, trust }
    }

    /// Upstream's order: front proxy, client certificate, then bearer token in either place, if the cluster is asked.
    pub fn standard(trust: &Arc<TrustStore>, tokens: Option<Arc<TokenReviews>>, clock: &UnixClock) -> Self {
        let authenticators = Self::new(trust.clone())
            .with(Arc::new(FrontProxy::new(trust.clone(), clock.clone())))
            .with(Arc::new(ClientCert::new(trust.clone(), clock.clone())));
        match tokens {
            None => authenticators,
            Some(tokens) => authenticators
                .with(Arc::new(BearerToken::new(tokens.clone())))
                .with(Arc::new(WebSocketToken::new(tokens))),
        }
    }

    /// The same with one more, asked last.
    #[must_use]
    pub fn with(mut self, member: Arc<dyn Authenticator>) -> Self {
        self.members.push(member);
        self
    }

    /// The same, but a request without a credential is nobody's.
    #[must_use]
    pub fn without_anonymous(mut self) -> Self {
        self.anonymous = false;
        self
    }

    /// Removes every credential from an authenticated request, so that neither handlers nor what they call see one.
    pub fn strip_credentials(&self, headers: &mut HeaderMap) {
        strip_credentials(headers, self.trust.load().front_proxy.as_deref());
    }
}

impl Authenticator for Authenticators {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>> {
        Box::pin(async move {
            let mut errors = vec![];
            for member in &self.members {
                match member.authenticate(headers, connection).await {
                    Ok(Some(user)) => return Ok(Some(with_authenticated_group(user))),
                    Ok(None) => {}
                    Err(error) => errors.push(error),
                }
            }
            match errors.pop() {
                None if self.anonymous => Ok(Some(anonymous())),
                None => Ok(None),
                Some(error) if errors.is_empty() => Err(error),
                Some(error) => Err(Error::Several([errors, vec![error]].concat())),
            }
        })
    }
}

/// Removes the authorization header, the headers of the front proxy by upstream's names and by those in force, and
/// tokens among WebSocket subprotocols.
pub fn strip_credentials(headers: &mut HeaderMap, front_proxy: Option<&FrontProxyTrust>) {
    headers.remove(header::AUTHORIZATION);
    let standard = FrontProxyHeaders::of_upstream();
    standard.remove_from(headers);
    if let Some(front_proxy) = front_proxy.filter(|front_proxy| front_proxy.headers != *standard) {
        front_proxy.headers.remove_from(headers);
    }
    websocket::strip_token(headers);
}

/// The user of a request without a credential.
pub fn anonymous() -> UserInfo {
    UserInfo { name: ANONYMOUS.to_owned(), groups: vec![UNAUTHENTICATED.to_owned()], ..UserInfo::default() }
}

fn with_authenticated_group(mut user: UserInfo) -> UserInfo {
    let settled = user.groups.iter().any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED);
    if user.name != ANONYMOUS && !settled {
        user.groups.push(AUTHENTICATED.to_owned());
    }
    user
}

/// The name of the user of a request without a credential.
pub const ANONYMOUS: &str = "system:anonymous";
/// The group of every identified user.
pub const AUTHENTICATED: &str = "system:authenticated";
/// The group of the anonymous user.
pub const UNAUTHENTICATED: &str = "system:unauthenticated";
