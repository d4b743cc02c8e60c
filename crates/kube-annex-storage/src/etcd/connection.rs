//! One HTTP/2 connection to one member, and whether it still answers.

use super::endpoint::{Endpoint, TlsFiles};
use crate::error::BoxError;
use bytes::Bytes;
use h2::client::SendRequest;
use h2::{Ping, PingPong};
use http::uri::{Authority, Scheme};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A connection. It ends when the last that holds it lets go.
pub(super) struct Connection {
    requests: SendRequest<Bytes>,
    scheme: Scheme,
    authority: Authority,
    alive: Arc<AtomicBool>,
    users: Arc<AtomicUsize>,
    /// It moves the bytes, and is aborted with this.
    _driver: JoinSet<()>,
}

/// How much the server may send of one answer before it is read.
#[derive(Clone, Copy)]
pub(super) struct Window(pub(super) u32);

impl Connection {
    /// Connects. The caller bounds the wait.
    pub(super) async fn open(
        endpoint: &Endpoint,
        files: Option<&TlsFiles>,
        window: Window,
    ) -> Result<Arc<Self>, BoxError> {
        let stream = TcpStream::connect((endpoint.host(), endpoint.port())).await?;
        stream.set_nodelay(true)?;
        if !endpoint.speaks_tls(files) {
            return Self::over(stream, endpoint, Scheme::HTTP, window).await;
        }
        let config = client_config(files.cloned().unwrap_or_default()).await?;
        let name = ServerName::try_from(endpoint.host().to_owned())?;
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        Self::over(stream, endpoint, Scheme::HTTPS, window).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        endpoint: &Endpoint,
        scheme: Scheme,
        Window(window): Window,
    ) -> Result<Arc<Self>, BoxError> {
        let mut builder = h2::client::Builder::new();
        // A reader that rests holds back its own stream alone: the connection has room for all of them.
        builder.initial_window_size(window).initial_connection_window_size(LARGEST_WINDOW).enable_push(false);
        let (requests, mut connection) = builder.handshake::<_, Bytes>(stream).await?;
        let alive = Arc::new(AtomicBool::new(true));
        let users = Arc::new(AtomicUsize::new(0));
        let pings = unanswered(connection.ping_pong(), Arc::clone(&users));
        let ended = Arc::clone(&alive);
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            tokio::select! {
                _ = connection => {}
                () = pings => {}
            }
            ended.store(false, Ordering::Release);
        });
        let authority = endpoint.authority().clone();
        Ok(Arc::new(Self { requests, scheme, authority, alive, users, _driver: driver }))
    }

    /// The connection for the time of a call or a stream.
    pub(super) fn in_use(self: &Arc<Self>) -> InUse {
        self.users.fetch_add(1, Ordering::Relaxed);
        InUse(Arc::clone(self))
    }

    pub(super) fn requests(&self) -> SendRequest<Bytes> {
        self.requests.clone()
    }

    pub(super) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
}

/// A connection that somebody waits for: while there is one of these, it is pinged.
pub(super) struct InUse(Arc<Connection>);

impl Deref for InUse {
    type Target = Arc<Connection>;

    fn deref(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.users.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends when a ping is not answered in time. etcd takes pings of idle connections for abuse: those are not pinged.
async fn unanswered(pings: Option<PingPong>, users: Arc<AtomicUsize>) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        tokio::time::sleep(PING_EVERY).await;
        if users.load(Ordering::Relaxed) == 0 {
            continue;
        }
        let answered = tokio::time::timeout(PING_PATIENCE, pings.ping(Ping::opaque())).await;
        if !matches!(answered, Ok(Ok(_))) {
            return;
        }
    }
}

async fn client_config(files: TlsFiles) -> Result<ClientConfig, BoxError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(authorities(files.authorities.as_deref()).await?);
    let mut config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(&read(certificate).await?).map_err(|error| in_file(certificate, &error))?;
            let key_text = read(key).await?;
            let key_read = PrivateKeyDer::from_pem_slice(&key_text).map_err(|error| in_file(key, &error))?;
            builder.with_client_auth_cert(chain, key_read)?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

async fn authorities(file: Option<&Path>) -> Result<RootCertStore, BoxError> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err("the system knows no authority; give a file with the one of etcd".into());
        }
        return Ok(roots);
    };
    for certificate in certificates(&read(file).await?).map_err(|error| in_file(file, &error))? {
        roots.add(certificate).map_err(|error| in_file(file, &error))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls_pki_types::pem::Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(rustls_pki_types::pem::Error::NoItemsFound) } else { Ok(found) }
}

async fn read(file: &Path) -> Result<Vec<u8>, BoxError> {
    tokio::fs::read(file).await.map_err(|error| format!("{} cannot be read: {error}", file.display()).into())
}

fn in_file(file: &Path, error: &dyn std::fmt::Display) -> BoxError {
    format!("{} is of no use: {error}", file.display()).into()
}

/// The largest that HTTP/2 knows.
const LARGEST_WINDOW: u32 = (1 << 31) - 1;
/// etcd wants at least five seconds between pings.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_PATIENCE: Duration = Duration::from_secs(10);
