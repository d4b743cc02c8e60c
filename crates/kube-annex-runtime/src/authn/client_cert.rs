//! Client certificates: the subject is the user.

use super::{Authenticator, CertificateIdentity, Connection, Error, TrustStore, UnixClock};
use http::HeaderMap;
use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Believes the subject of a certificate that an authority of client certificates has signed.
pub struct ClientCert {
    trust: Arc<TrustStore>,
    clock: UnixClock,
}

impl ClientCert {
    /// Believes the authorities that `trust` names.
    pub fn new(trust: Arc<TrustStore>, clock: UnixClock) -> Self {
        Self { trust, clock }
    }

    fn identify(&self, connection: &Connection) -> Result<Option<UserInfo>, Error> {
        let trust = self.trust.load();
        let Some(client_ca) = trust.client_ca.as_ref().filter(|_| !connection.certificates.is_empty()) else {
            return Ok(None);
        };
        user_of(&*connection.verify(client_ca, (self.clock)())?)
    }
}

impl Authenticator for ClientCert {
    fn authenticate<'a>(
        &'a self,
        _headers: &'a HeaderMap,
        connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>> {
        Box::pin(std::future::ready(self.identify(connection)))
    }
}

fn user_of(identity: &CertificateIdentity) -> Result<Option<UserInfo>, Error> {
    if identity.common_name.is_empty() {
        return Ok(None);
    }
    if identity.uids.len() > 1 {
        return Err(Error::AmbiguousUid { count: identity.uids.len() });
    }
    Ok(Some(UserInfo {
        name: identity.common_name.clone(),
        uid: identity.uids.first().cloned().unwrap_or_default(),
        groups: identity.organizations.clone(),
        extra: BTreeMap::from([(CREDENTIAL_ID.to_owned(), vec![format!("X509SHA256={}", identity.fingerprint)])]),
    }))
}

const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_11_two_uids_are_an_error() {
        let with = |uids: &[&str]| CertificateIdentity {
            common_name: "ada".to_owned(),
            uids: uids.iter().map(|uid| (*uid).to_owned()).collect(),
            ..CertificateIdentity::default()
        };
        assert!(matches!(user_of(&with(&["1", "2"])), Err(Error::AmbiguousUid { count: 2 })));
        assert_eq!(user_of(&with(&["1"])).ok().flatten().map(|user| user.uid).as_deref(), Some("1"));
    }
}
