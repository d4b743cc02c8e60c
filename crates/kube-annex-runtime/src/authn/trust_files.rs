//! The authorities that flags name by file, read again when the files change.

use super::ca_bundle::{BundleError, CaBundle};
use super::trust::{FrontProxyHeaders, FrontProxyTrust, Trust, TrustStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What `--client-ca-file` and the `--requestheader-*` flags say.
#[derive(Clone, Debug, Default)]
pub struct TrustFiles {
    /// `--client-ca-file`.
    pub client_ca: Option<PathBuf>,
    /// `--requestheader-client-ca-file`; without it the other flags of the front proxy mean nothing.
    pub front_proxy_ca: Option<PathBuf>,
    /// `--requestheader-allowed-names`.
    pub allowed_names: Vec<String>,
    /// The headers that the other `--requestheader-*` flags name.
    pub headers: FrontProxyHeaders,
}

/// Why a file that a flag names is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileError {
    /// It cannot be read.
    #[error("the file {} that {flag} names cannot be read: {source}", path.display())]
    Unreadable {
        /// The flag.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It holds no authorities.
    #[error("the file that {flag} names is of no use: {source}")]
    Malformed {
        /// The flag.
        flag: &'static str,
        /// The cause.
        source: BundleError,
    },
}

impl TrustFiles {
    /// Reads the files.
    pub async fn load(&self) -> Result<Trust, TrustFileError> {
        let client_ca = read(CLIENT_CA_FLAG, self.client_ca.as_deref()).await?;
        let front_proxy_ca = read(FRONT_PROXY_CA_FLAG, self.front_proxy_ca.as_deref()).await?;
        let front_proxy = front_proxy_ca.map(|ca| {
            Arc::new(FrontProxyTrust { ca, allowed_names: self.allowed_names.clone(), headers: self.headers.clone() })
        });
        Ok(Trust { client_ca, front_proxy })
    }

    /// Reads the files again every `period` until `stop`, and tells `store` when they say something else than it
    /// was told. What cannot be read leaves the store as it is.
    pub async fn watch(self, store: Arc<TrustStore>, period: Duration, stop: CancellationToken) {
        if self.client_ca.is_none() && self.front_proxy_ca.is_none() {
            return;
        }
        let mut known = store.flags();
        while stop.run_until_cancelled(tokio::time::sleep(period)).await.is_some() {
            match self.load().await {
                Ok(trust) if same(&known, &trust) => {}
                Ok(trust) => {
                    tracing::info!("the files of client authorities changed");
                    known = trust.clone();
                    store.set_flags(trust);
                }
                Err(error) => tracing::error!(%error, "keeping the client authorities that were read before"),
            }
        }
    }
}

async fn read(flag: &'static str, path: Option<&Path>) -> Result<Option<Arc<CaBundle>>, TrustFileError> {
    let Some(path) = path else { return Ok(None) };
    let pem = tokio::fs::read(path).await;
    let pem = pem.map_err(|source| TrustFileError::Unreadable { flag, path: path.to_owned(), source })?;
    let bundle = CaBundle::from_pem(path.display().to_string(), &pem);
    bundle.map(|bundle| Some(Arc::new(bundle))).map_err(|source| TrustFileError::Malformed { flag, source })
}

fn same(one: &Trust, other: &Trust) -> bool {
    let pem = |trust: &Trust| {
        let front_proxy = trust.front_proxy.as_ref().map(|front_proxy| front_proxy.ca.pem().to_vec());
        (trust.client_ca.as_ref().map(|bundle| bundle.pem().to_vec()), front_proxy)
    };
    pem(one) == pem(other)
}

const CLIENT_CA_FLAG: &str = "--client-ca-file";
const FRONT_PROXY_CA_FLAG: &str = "--requestheader-client-ca-file";
