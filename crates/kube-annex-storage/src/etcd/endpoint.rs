//! Where etcd is, and how it is spoken to.

use http::Uri;
use http::uri::{Authority, Scheme};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The client address of one member, such as `https://10.0.0.1:2379`.
///
/// * Shape: `http` or `https`, a host and a port; without a scheme, TLS is spoken if there are [`TlsFiles`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Endpoint {
    /// `None` when the files decide.
    scheme: Option<Scheme>,
    authority: Authority,
    port: u16,
}

/// Why a text is not an [`Endpoint`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text:?} is not the address of an etcd server: {why}; write such as https://10.0.0.1:2379")]
pub struct EndpointError {
    text: String,
    why: &'static str,
}

/// The files of a TLS client, PEM. They are read at every connection, so that renewed certificates are used.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TlsFiles {
    /// Authorities of the servers' certificates; those of the system when `None`.
    pub authorities: Option<PathBuf>,
    /// The client's certificate, leaf first, and its key; none is shown when `None`.
    pub identity: Option<(PathBuf, PathBuf)>,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let refused = |why| EndpointError { text: text.to_owned(), why };
        let given = text.trim();
        // Asked of the text: a URL of another scheme need not have a host, and would then be none.
        let scheme = given.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme))) {
            return Err(refused("its scheme is neither http nor https"));
        }
        let uri: Uri = given.parse().map_err(|_| refused("it is no URL"))?;
        let scheme = match uri.scheme_str() {
            None => None,
            Some("http") => Some(Scheme::HTTP),
            Some("https") => Some(Scheme::HTTPS),
            Some(_) => return Err(refused("its scheme is neither http nor https")),
        };
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(refused("it has a path"));
        }
        let authority = uri.into_parts().authority.ok_or_else(|| refused("it has no host"))?;
        let port = authority.port_u16().ok_or_else(|| refused("it has no port"))?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(refused("its host is not a host alone"));
        }
        Ok(Self { scheme, authority, port })
    }
}

impl Endpoint {
    pub(super) fn speaks_tls(&self, files: Option<&TlsFiles>) -> bool {
        self.scheme.as_ref().map_or(files.is_some(), |scheme| *scheme == Scheme::HTTPS)
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// As the resolver takes it: an IPv6 address stands in brackets only in a URL.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scheme {
            Some(scheme) => write!(f, "{scheme}://{}", self.authority),
            None => write!(f, "{}", self.authority),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_scheme_a_host_and_a_port() {
        let endpoint: Endpoint = "https://etcd-0.etcd:2379".parse().unwrap();
        assert_eq!((endpoint.host(), endpoint.port(), endpoint.speaks_tls(None)), ("etcd-0.etcd", 2379, true));
        let endpoint: Endpoint = "http://[::1]:2379/".parse().unwrap();
        assert_eq!((endpoint.host(), endpoint.speaks_tls(Some(&TlsFiles::default()))), ("::1", false));
        assert_eq!(endpoint.to_string(), "http://[::1]:2379");
    }

    #[test]
    fn without_a_scheme_the_files_decide() {
        let endpoint: Endpoint = "127.0.0.1:2379".parse().unwrap();
        assert!(!endpoint.speaks_tls(None));
        assert!(endpoint.speaks_tls(Some(&TlsFiles::default())));
        assert_eq!(endpoint.to_string(), "127.0.0.1:2379");
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_the_reason() {
        for (text, why) in [
            ("unix:///run/etcd", "its scheme is neither http nor https"),
            ("http://etcd", "it has no port"),
            ("http://etcd:2379/v3", "it has a path"),
            ("http://user@etcd:2379", "its host is not a host alone"),
            ("", "it is no URL"),
        ] {
            let error = Endpoint::from_str(text).unwrap_err();
            assert_eq!(error.why, why, "{text}");
            assert!(error.to_string().ends_with("; write such as https://10.0.0.1:2379"));
        }
    }
}
