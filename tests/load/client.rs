//! Connections to a server: HTTP/2 over TLS, with a bearer token.

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// Which server, and as whom.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Target {
    /// Its port on this machine.
    #[arg(long)]
    pub(crate) port: u16,
    /// The authority of its certificate, PEM; the certificate is for `localhost`.
    #[arg(long)]
    ca: PathBuf,
    /// A bearer token.
    #[arg(long, default_value = "")]
    token: String,
    /// The server's process, whose processor time and memory is measured.
    #[arg(long)]
    pub(crate) pid: u32,
}

/// Connections that requests take turns on.
pub(crate) struct Connections {
    senders: Vec<SendRequest<Full<Bytes>>>,
    token: String,
    _tasks: JoinSet<()>,
}

/// One of the connections.
#[derive(Clone)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    token: String,
}

impl Target {
    pub(crate) fn without_token(port: u16, ca: PathBuf, pid: u32) -> Self {
        Self { port, ca, token: String::new(), pid }
    }

    /// Opens so many connections.
    pub(crate) async fn connect(&self, count: usize) -> Result<Connections> {
        ensure!(count > 0, "at least one connection");
        let tls = TlsConnector::from(Arc::new(self.tls()?));
        let mut senders = Vec::with_capacity(count);
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).await.context("cannot connect")?;
            stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
            let stream = tls.connect(ServerName::try_from("localhost")?, stream).await.context("no TLS")?;
            let mut builder = http2::Builder::new(TokioExecutor::new());
            // As client-go: 4 MiB for a stream, and in effect no bound for a connection.
            builder.initial_stream_window_size(4 << 20).initial_connection_window_size(1 << 30);
            let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.context("no HTTP/2")?;
            tasks.spawn(async move { drop(connection.await) });
            senders.push(sender);
        }
        Ok(Connections { senders, token: self.token.clone(), _tasks: tasks })
    }

    fn tls(&self) -> Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let file = std::fs::read(&self.ca).with_context(|| format!("cannot read {}", self.ca.display()))?;
        for certificate in CertificateDer::pem_slice_iter(&file) {
            roots.add(certificate.context("not a certificate")?).context("not an authority")?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

impl Connections {
    /// The connection that the worker of this number uses.
    pub(crate) fn of(&self, worker: usize) -> Client {
        Client { sender: self.senders[worker % self.senders.len()].clone(), token: self.token.clone() }
    }
}

impl Client {
    /// Sends a request and returns the answer's head.
    pub(crate) async fn begin(
        &mut self,
        method: Method,
        path: &str,
        media_type: &'static str,
        body: Bytes,
    ) -> Result<Response<Incoming>> {
        let request = self.request(method, path);
        let request = if body.is_empty() { request } else { request.header(CONTENT_TYPE, media_type) };
        self.answer(request.body(Full::new(body))?).await
    }

    fn request(&self, method: Method, path: &str) -> request::Builder {
        let request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"))
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, "kube-annex-load");
        let authorization = (!self.token.is_empty()).then(|| format!("Bearer {}", self.token));
        authorization.into_iter().fold(request, |request, value| request.header(AUTHORIZATION, value))
    }

    async fn answer(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>> {
        self.sender.ready().await.context("the connection is closed")?;
        self.sender.send_request(request).await.context("no answer")
    }

    /// Sends a request and reads the whole answer; its length, as it comes.
    pub(crate) async fn length(&mut self, path: &str, gzip: bool) -> Result<u64> {
        let mut request = self.request(Method::GET, path).body(Full::default())?;
        if gzip {
            request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let response = self.answer(request).await?;
        let status = response.status();
        let packed = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip");
        ensure!(packed == gzip || status != StatusCode::OK, "GET {path} was answered in another encoding");
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.context("the answer broke off")?;
            length += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        ensure!(status == StatusCode::OK, "GET {path} was answered with {status}");
        Ok(length)
    }

    /// Sends a request and returns the answer's body, which must be a success.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        media_type: &'static str,
        body: Bytes,
    ) -> Result<Bytes> {
        let response = self.begin(method.clone(), path, media_type, body).await?;
        let status = response.status();
        let body = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
        if !status.is_success() {
            bail!("{method} {path} was answered with {status}: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }
}
