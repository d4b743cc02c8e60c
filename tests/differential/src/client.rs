//! An HTTP/1.1 client that hides nothing: any method, any target, every header of the answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Requests to one server, with or without a certificate of ours.
pub(crate) struct Client {
    port: u16,
    tls: TlsConnector,
    idle: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

impl Client {
    /// A client of the server on a loopback port, whose authority is `ca`, PEM.
    ///
    /// * Shape: `identity` is a certificate and its key, both PEM.
    pub(crate) fn new(port: u16, ca: &str, identity: Option<(&str, &str)>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(certificate.context("not a certificate")?).context("not an authority")?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let config = config.with_root_certificates(roots);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).context("not a key")?;
                config.with_client_auth_cert(chain.context("not a certificate")?, key)?
            }
        };
        Ok(Self { port, tls: TlsConnector::from(Arc::new(config)), idle: Mutex::new(None) })
    }

    /// Sends a request on the connection that is kept, or on a new one.
    ///
    /// * Errors: no connection, or no answer on it.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let mut idle = self.idle.lock().await;
        let mut kept = idle.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let fresh = kept.is_none();
        let mut sender = match kept {
            Some(kept) => kept,
            None => self.connect().await?,
        };
        match bounded(sender.send_request(request.clone())).await {
            Err(error) if !fresh && error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled) => {
                // The server had closed the connection that we kept.
                let mut sender = self.connect().await?;
                let answer = bounded(sender.send_request(request)).await?;
                *idle = Some(sender);
                Ok(answer)
            }
            outcome => {
                let answer = outcome?;
                *idle = Some(sender);
                Ok(answer)
            }
        }
    }

    /// Sends a request on a connection of its own, for an answer that goes on.
    pub(crate) async fn open(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        let mut sender = self.connect().await?;
        bounded(sender.send_request(request)).await
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.context("cannot connect")?;
        stream.set_nodelay(true).context("cannot set up the connection")?;
        let name = ServerName::try_from("127.0.0.1").context("not a name")?;
        let stream = self.tls.connect(name, stream).await.context("no TLS")?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.context("no HTTP")?;
        #[allow(clippy::disallowed_methods, reason = "a test's client, there are no Seams here")]
        // What ends a connection is told by the request on it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(sender)
    }

    /// The address that a request names as its host.
    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

async fn bounded(answer: impl Future<Output = hyper::Result<Response<Incoming>>>) -> Result<Response<Incoming>> {
    let answer = timeout(LIMIT, answer).await.context("no answer within its limit")?;
    Ok(answer?)
}

/// No request of a script takes longer, the ones that wait for a version among them.
const LIMIT: Duration = Duration::from_secs(25);
