//! Certificate authorities, and whether a client's certificate descends from one of them.

use kube_annex::field::quote;
use rustls::DistinguishedName;
use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};
use x509_parser::prelude::{FromDer, X509Certificate};

/// A set of certificate authorities that clients' certificates are verified against.
pub struct CaBundle {
    name: String,
    pem: Vec<u8>,
    anchors: Vec<TrustAnchor<'static>>,
    // Of the anchor at the same index: webpki does not look at it, upstream does.
    lifetimes: Vec<Lifetime>,
    certificates: Vec<CertificateDer<'static>>,
}

/// Why a file or a `ConfigMap`'s value is not a bundle of certificate authorities.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The text holds no certificate.
    #[error("{name} holds no PEM certificate; it must hold at least one `BEGIN CERTIFICATE` block")]
    Empty {
        /// The file or key.
        name: String,
    },
    /// A block is damaged or is not a certificate.
    #[error("certificate {number} in {name} cannot be read: {reason}")]
    Malformed {
        /// The file or key.
        name: String,
        /// Counted from 1.
        number: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why a client's certificate is not believed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// It does not descend from the bundle, is out of its lifetime or not meant for clients.
    #[error("the client's certificate {subject} does not verify against {bundle}: {reason}")]
    NotVerified {
        /// Whose certificate it says it is.
        subject: String,
        /// The bundle's name.
        bundle: String,
        /// What is wrong.
        reason: webpki::Error,
    },
    /// It cannot be parsed.
    #[error("the client's certificate cannot be read: {reason}")]
    Malformed {
        /// What is wrong.
        reason: String,
    },
}

/// What a verified certificate says of its holder.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CertificateIdentity {
    /// The subject's common name; empty when it has none.
    pub common_name: String,
    /// The subject's organizations.
    pub organizations: Vec<String>,
    /// The values of the subject's Kubernetes uid attribute.
    pub uids: Vec<String>,
    /// Lower-case hex of the certificate's SHA-256.
    pub fingerprint: String,
}

#[derive(Clone, Copy)]
struct Lifetime {
    not_before: i64,
    not_after: i64,
}

impl CaBundle {
    /// Reads every certificate of a PEM text; other blocks are passed over.
    ///
    /// * `name` is the file or key it comes from, for messages.
    /// * Errors: [`BundleError`] when there is none, or one cannot be read.
    pub fn from_pem(name: impl Into<String>, pem: &[u8]) -> Result<Self, BundleError> {
        let name = name.into();
        let mut bundle = Self { name, pem: pem.to_vec(), anchors: vec![], lifetimes: vec![], certificates: vec![] };
        for (index, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            let pushed = certificate.map_err(|error| error.to_string()).and_then(|der| bundle.push(der));
            pushed.map_err(|reason| BundleError::Malformed { name: bundle.name.clone(), number: index + 1, reason })?;
        }
        if bundle.anchors.is_empty() {
            return Err(BundleError::Empty { name: bundle.name });
        }
        Ok(bundle)
    }

    /// Both sets together; `None` when there is neither.
    pub fn join(one: Option<&Arc<Self>>, other: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        match (one, other) {
            (Some(one), Some(other)) if one.pem != other.pem => Some(Arc::new(Self {
                name: format!("{} and {}", one.name, other.name),
                pem: [one.pem.as_slice(), b"\n", other.pem.as_slice()].concat(),
                anchors: one.anchors.iter().chain(&other.anchors).cloned().collect(),
                lifetimes: one.lifetimes.iter().chain(&other.lifetimes).copied().collect(),
                certificates: one.certificates.iter().chain(&other.certificates).cloned().collect(),
            })),
            (one, other) => one.or(other).cloned(),
        }
    }

    /// Where the bundle comes from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text it was read from.
    pub fn pem(&self) -> &[u8] {
        &self.pem
    }

    /// Whether an authority is in both bundles.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.certificates.iter().any(|certificate| other.certificates.contains(certificate))
    }

    /// The authorities' subjects, as a TLS server tells clients which certificates it would like.
    pub fn subjects(&self) -> impl Iterator<Item = DistinguishedName> + '_ {
        self.anchors.iter().map(|anchor| DistinguishedName::in_sequence(anchor.subject.as_ref()))
    }

    /// Verifies the first certificate of `chain` for use by a client; the rest are intermediates.
    ///
    /// * Errors: [`CertificateError`] when it is not believed at `now`. An empty chain is not believed.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> Result<CertificateIdentity, CertificateError> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Err(CertificateError::Malformed { reason: "there is none".to_owned() });
        };
        let identity = CertificateIdentity::of(leaf)?;
        self.verify_path(leaf, intermediates, now).map_err(|reason| CertificateError::NotVerified {
            subject: quote(&identity.common_name),
            bundle: self.name.clone(),
            reason,
        })?;
        Ok(identity)
    }

    fn verify_path(
        &self,
        leaf: &CertificateDer<'static>,
        intermediates: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> Result<(), webpki::Error> {
        let alive = |path: &VerifiedPath<'_>| self.check_lifetime(path.anchor(), now);
        EndEntityCert::try_from(leaf)?.verify_for_usage(
            crypto().signature_verification_algorithms.all,
            &self.anchors,
            intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            Some(&alive),
        )?;
        Ok(())
    }

    fn check_lifetime(&self, anchor: &TrustAnchor<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        let index = self.anchors.iter().position(|known| std::ptr::eq(known, anchor));
        let lifetime = index.and_then(|index| self.lifetimes.get(index)).ok_or(webpki::Error::UnknownIssuer)?;
        let at = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let moment =
            |seconds: i64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds.max(0).cast_unsigned()));
        if at > lifetime.not_after {
            return Err(webpki::Error::CertExpired { time: now, not_after: moment(lifetime.not_after) });
        }
        if at < lifetime.not_before {
            return Err(webpki::Error::CertNotValidYet { time: now, not_before: moment(lifetime.not_before) });
        }
        Ok(())
    }

    fn push(&mut self, der: CertificateDer<'static>) -> Result<(), String> {
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| error.to_string())?;
        let validity = parsed.validity();
        let lifetime =
            Lifetime { not_before: validity.not_before.timestamp(), not_after: validity.not_after.timestamp() };
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|error| error.to_string())?.to_owned();
        self.anchors.push(anchor);
        self.lifetimes.push(lifetime);
        self.certificates.push(der);
        Ok(())
    }
}

impl std::fmt::Debug for CaBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaBundle")
            .field("name", &self.name)
            .field("certificates", &self.certificates.len())
            .finish_non_exhaustive()
    }
}

impl CertificateIdentity {
    /// What a certificate says, believed or not.
    fn of(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (_, certificate) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::Malformed { reason: error.to_string() })?;
        let mut identity = Self { fingerprint: hex(&Sha256::digest(der)), ..Self::default() };
        for attribute in certificate.subject().iter_attributes() {
            let Ok(value) = attribute.as_str().map(str::to_owned) else { continue };
            match attribute.attr_type().to_id_string().as_str() {
                COMMON_NAME => identity.common_name = value, // of several, upstream believes the last
                ORGANIZATION => identity.organizations.push(value),
                KUBERNETES_UID => identity.uids.push(value),
                _ => {}
            }
        }
        Ok(identity)
    }
}

/// The cryptography of this process, passed on and never installed as a global default.
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())).clone()
}

/// What seals the sessions of clients into tickets, by the same cryptography.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
    rustls::crypto::ring::Ticketer::new()
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

const COMMON_NAME: &str = "2.5.4.3";
const ORGANIZATION: &str = "2.5.4.10";
const KUBERNETES_UID: &str = "1.3.6.1.4.1.57683.2";
