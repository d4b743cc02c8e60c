//! The TLS side of the server: what it shows, what it asks of clients, and how both change while it runs.

use crate::authn::{TrustStore, crypto, ticketer};
use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    SupportedCipherSuite,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The TLS configuration in force. New connections get the newest.
#[derive(Clone)]
pub struct TlsHandle {
    current: Arc<ArcSwap<ServerConfig>>,
    source: Arc<Source>,
}

/// What is asked of TLS.
#[derive(Clone, Copy, Debug, Default)]
pub struct TlsOptions {
    /// `--tls-min-version`.
    pub minimum: TlsVersion,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum TlsVersion {
    /// 1.2.
    #[default]
    Tls12,
    /// 1.3.
    Tls13,
}

/// Why there is no TLS configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {what} {} cannot be read: {source}", path.display())]
    Unreadable {
        /// What it is for.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A text holds nothing of use.
    #[error("{from} is no {what} in PEM: {reason}")]
    Malformed {
        /// What it is for.
        what: &'static str,
        /// Where the text is from.
        from: String,
        /// What is wrong.
        reason: String,
    },
    /// The certificate and the key do not make a pair, or cannot be used.
    #[error("the certificate in {certificate} cannot be served with the key in {private_key}: {reason}")]
    Unusable {
        /// Where the certificate is from.
        certificate: String,
        /// Where the key is from.
        private_key: String,
        /// What is wrong.
        reason: rustls::Error,
    },
}

struct Source {
    certificate: Pem,
    private_key: Pem,
    trust: Arc<TrustStore>,
    options: TlsOptions,
}

enum Pem {
    File { what: &'static str, path: PathBuf },
    Text { what: &'static str, pem: Vec<u8> },
}

/// The bytes of a certificate and its key, to see whether they changed.
#[derive(Eq, PartialEq)]
struct Pair {
    certificate: Vec<u8>,
    private_key: Vec<u8>,
}

impl TlsHandle {
    /// Serves the certificate in a file, leaf first, with the key in another.
    ///
    /// * Errors: [`TlsError`] names the file that is of no use.
    pub async fn from_files(
        certificate: &Path,
        private_key: &Path,
        trust: Arc<TrustStore>,
        options: TlsOptions,
    ) -> Result<Self, TlsError> {
        let file = |what, path: &Path| Pem::File { what, path: path.to_owned() };
        let (certificate, private_key) = (file(CERTIFICATE, certificate), file(PRIVATE_KEY, private_key));
        Self::load(Source { certificate, private_key, trust, options }).await
    }

    /// Serves a certificate that is at hand, leaf first, in PEM.
    pub async fn from_pem(
        certificate: &[u8],
        private_key: &[u8],
        trust: Arc<TrustStore>,
        options: TlsOptions,
    ) -> Result<Self, TlsError> {
        let text = |what, pem: &[u8]| Pem::Text { what, pem: pem.to_vec() };
        let (certificate, private_key) = (text(CERTIFICATE, certificate), text(PRIVATE_KEY, private_key));
        Self::load(Source { certificate, private_key, trust, options }).await
    }

    /// The configuration for a new connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Follows the files, read every `period`, and the trusted authorities, until `stop`. What is of no use leaves the
    /// configuration as it is.
    pub async fn watch(self, period: Duration, stop: CancellationToken) {
        let mut trust = self.source.trust.subscribe();
        let mut known = self.source.read().await.ok();
        let follow = async {
            loop {
                let trust_changed = tokio::select! {
                    changed = trust.changed() => changed.is_ok(),
                    () = tokio::time::sleep(period) => false,
                };
                match self.source.read().await {
                    Ok(pair) if !trust_changed && known.as_ref() == Some(&pair) => {}
                    Ok(pair) => {
                        self.replace(&pair, trust_changed);
                        known = Some(pair); // also a pair of no use: it is complained of once, not every period
                    }
                    Err(error) => tracing::error!(%error, "keeping the serving certificate that was read before"),
                }
            }
        };
        stop.run_until_cancelled(follow).await;
    }

    async fn load(source: Source) -> Result<Self, TlsError> {
        let pair = source.read().await?;
        let config = source.configure(&pair)?;
        Ok(Self { current: Arc::new(ArcSwap::from_pointee(config)), source: Arc::new(source) })
    }

    fn replace(&self, pair: &Pair, trust_changed: bool) {
        match self.source.configure(pair) {
            Ok(config) => {
                self.current.store(Arc::new(config));
                let what = if trust_changed { "the trusted client authorities" } else { "the serving certificate" };
                tracing::info!("{what} changed; new connections see it");
            }
            Err(error) => tracing::error!(%error, "keeping the serving certificate that was read before"),
        }
    }
}

impl std::fmt::Debug for TlsHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsHandle").field("certificate", &self.source.certificate.to_string()).finish_non_exhaustive()
    }
}

impl Source {
    async fn read(&self) -> Result<Pair, TlsError> {
        Ok(Pair { certificate: self.certificate.read().await?, private_key: self.private_key.read().await? })
    }

    fn configure(&self, pair: &Pair) -> Result<ServerConfig, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&pair.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| self.certificate.malformed(error.to_string()))?;
        if chain.is_empty() {
            return Err(self.certificate.malformed("there is no `BEGIN CERTIFICATE` block".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(&pair.private_key);
        let key = key.map_err(|error| self.private_key.malformed(error.to_string()))?;
        self.configure_with(chain, key).map_err(|reason| TlsError::Unusable {
            certificate: self.certificate.to_string(),
            private_key: self.private_key.to_string(),
            reason,
        })
    }

    fn configure_with(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ServerConfig, rustls::Error> {
        let versions: &[_] = match self.options.minimum {
            TlsVersion::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
            TlsVersion::Tls13 => &[&rustls::version::TLS13],
        };
        let provider = provider();
        let verifier = Arc::new(AnyClientCertificate { provider: provider.clone(), subjects: self.subjects() });
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ignore_client_order = true;
        // Clients keep their sessions themselves, in tickets, so that nothing is kept here for those who never return.
        config.ticketer = ticketer()?;
        Ok(config)
    }

    fn subjects(&self) -> Vec<DistinguishedName> {
        let trust = self.trust.load();
        let front_proxy = trust.front_proxy.iter().flat_map(|front_proxy| front_proxy.ca.subjects());
        let mut subjects: Vec<DistinguishedName> = vec![];
        for subject in front_proxy.chain(trust.client_ca.iter().flat_map(|bundle| bundle.subjects())) {
            if !subjects.iter().any(|known| known.as_ref() == subject.as_ref()) {
                subjects.push(subject);
            }
        }
        // TLS has 64 KiB for them all. They are hints: without them a client offers any certificate it has.
        let size: usize = subjects.iter().map(|subject| subject.as_ref().len() + 2).sum();
        if size > LARGEST_HINTS { vec![] } else { subjects }
    }
}

impl Pem {
    async fn read(&self) -> Result<Vec<u8>, TlsError> {
        match self {
            Self::Text { pem, .. } => Ok(pem.clone()),
            Self::File { what, path } => {
                tokio::fs::read(path).await.map_err(|source| TlsError::Unreadable { what, path: path.clone(), source })
            }
        }
    }

    fn malformed(&self, reason: String) -> TlsError {
        let (Self::Text { what, .. } | Self::File { what, .. }) = self;
        TlsError::Malformed { what, from: self.to_string(), reason }
    }
}

impl std::fmt::Display for Pem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File { path, .. } => path.display().fmt(f),
            Self::Text { what, .. } => write!(f, "the given {what}"),
        }
    }
}

/// AES first, by the server's choice: `ChaCha20` costs several times as much where AES is in hardware.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = (*crypto()).clone();
    provider.cipher_suites.sort_by_key(|suite: &SupportedCipherSuite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS13_AES_256_GCM_SHA384 => 1,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => 2,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => 3,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => 4,
        _ => 5,
    });
    Arc::new(provider)
}

/// Asks for a client certificate, takes none for an answer, and leaves it to the authenticators who signed it: whom
/// they believe differs among them and changes while the connection lives.
#[derive(Debug)]
struct AnyClientCertificate {
    provider: Arc<CryptoProvider>,
    subjects: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut chain = std::iter::once(end_entity).chain(intermediates);
        if chain.all(|certificate| X509Certificate::from_der(certificate).is_ok()) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::BadEncoding.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

const CERTIFICATE: &str = "serving certificate";
const PRIVATE_KEY: &str = "private key";
const LARGEST_HINTS: usize = 60_000;
