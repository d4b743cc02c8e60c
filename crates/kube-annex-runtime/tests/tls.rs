//! Sockets, certificates and shutdown: AN-5, AN-18, SV-10, TLS-1 to TLS-4 and SD-2 to SD-4 over real connections.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests; a test's tasks end with its runtime"
)]

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube_annex_runtime::authn::{CaBundle, Connection, Trust, TrustStore};
use kube_annex_runtime::serve::{BindError, ServeError, ServeOptions, Shutdown, TlsHandle, TlsOptions, TlsVersion};
use kube_annex_runtime::serve::{bind, serve};
use kube_annex_testkit::{Authority, Issued};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

type Body = UnsyncBoxBody<Bytes, Infallible>;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// `/slow` takes 300 ms, `/watch` never ends, `/close` asks to close, `/echo` is upgraded; all else tells what the server
/// sees of the peer.
async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let connection = request.extensions().get::<Connection>().cloned().expect("serve tells the peer");
    let mut response = Response::new(Full::from(Bytes::from_static(b"hello")).boxed_unsync());
    let headers = response.headers_mut();
    headers.insert("certificates", connection.certificates.len().into());
    headers.insert("http2", HeaderValue::from_static(if connection.http2 { "true" } else { "false" }));
    headers.insert("header-lines", request.headers().len().into());
    match request.uri().path() {
        "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
        "/close" => {
            headers.insert("connection", HeaderValue::from_static("close"));
        }
        "/echo" => {
            tokio::task::spawn(async move {
                let (mut read, mut write) = tokio::io::split(TokioIo::new(hyper::upgrade::on(request).await.unwrap()));
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
            response.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
            *response.body_mut() = Empty::new().boxed_unsync();
        }
        "/too-large" => *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE,
        "/watch" => {
            let first = Ok(Frame::data(Bytes::from_static(b"event\n")));
            let events = futures_util::stream::iter([first]);
            let events = futures_util::StreamExt::chain(events, futures_util::stream::pending());
            return Ok(Response::new(StreamBody::new(events).boxed_unsync()));
        }
        _ => {}
    }
    Ok(response)
}

struct Server {
    ca: Authority,
    address: SocketAddr,
    tls: TlsHandle,
    trust: Arc<TrustStore>,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    async fn start() -> Self {
        Self::start_with(ServeOptions::default(), TlsOptions::default()).await
    }

    async fn start_with(options: ServeOptions, tls_options: TlsOptions) -> Self {
        let ca = Authority::new("serving");
        let issued = ca.serving(&["localhost", "127.0.0.1"]);
        let trust = TrustStore::new(Trust::default());
        let (certificate, key) = (issued.certificate.as_bytes(), issued.private_key.as_bytes());
        let tls = TlsHandle::from_pem(certificate, key, trust.clone(), tls_options).await.unwrap();
        Self::start_tls(ca, tls, trust, options)
    }

    fn start_tls(ca: Authority, tls: TlsHandle, trust: Arc<TrustStore>, options: ServeOptions) -> Self {
        let listener = bind(LOCALHOST, 0).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let serving = serve(listener, tls.clone(), tower::service_fn(answer), shutdown.clone(), options);
        let task = tokio::task::spawn(serving);
        Self { ca, address, tls, trust, shutdown, task }
    }

    async fn connect(&self, client: &Client) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        within(TlsConnector::from(client.config(&self.ca)).connect(name, stream)).await
    }

    async fn http1(&self) -> http1::SendRequest<Body> {
        let stream = self.connect(&Client::speaking("http/1.1")).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::task::spawn(connection);
        sender
    }

    async fn http2(&self) -> (http2::SendRequest<Body>, JoinHandle<hyper::Result<()>>) {
        let stream = self.connect(&Client::speaking("h2")).await.unwrap();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_header_list_size(1 << 20);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        (sender, tokio::task::spawn(connection))
    }

    async fn ended(self) -> Result<(), ServeError> {
        within(self.task).await.unwrap()
    }
}

/// What a test's client shows and speaks.
#[derive(Default)]
struct Client {
    alpn: Vec<Vec<u8>>,
    identity: Option<Arc<Identity>>,
    version: Option<&'static SupportedProtocolVersion>,
}

impl Client {
    fn speaking(protocol: &str) -> Self {
        Self { alpn: vec![protocol.as_bytes().to_vec()], ..Self::default() }
    }

    fn showing(identity: &Arc<Identity>) -> Self {
        Self { identity: Some(identity.clone()), ..Self::speaking("h2") }
    }

    fn config(&self, ca: &Authority) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(
                &self.version.map_or_else(|| rustls::ALL_VERSIONS.to_vec(), |version| vec![version]),
            )
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(identity.clone()),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }
}

/// A client's certificate, and the subjects that the server said it would like.
#[derive(Debug)]
struct Identity {
    key: Arc<CertifiedKey>,
    hints: Mutex<Vec<Vec<u8>>>,
}

impl Identity {
    fn of(issued: &Issued) -> Arc<Self> {
        Self::pretending(issued, issued)
    }

    /// Shows one's certificate and signs with another's key.
    fn pretending(shown: &Issued, own: &Issued) -> Arc<Self> {
        let certificate = CertificateDer::from_pem_slice(shown.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(own.private_key.as_bytes()).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        Arc::new(Self { key: Arc::new(CertifiedKey::new(vec![certificate], key)), hints: Mutex::default() })
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, hints: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.hints.lock().unwrap() = hints.iter().map(|hint| hint.to_vec()).collect();
        Some(self.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it took too long")
}

fn get(path: &str) -> Request<Body> {
    let uri = format!("https://localhost{path}");
    Request::get(uri).header("host", "localhost").body(Empty::new().boxed_unsync()).unwrap()
}

async fn get_over_http2(server: &Server, identity: &Arc<Identity>, path: &str) -> hyper::Result<Response<Incoming>> {
    let stream = server.connect(&Client::showing(identity)).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::task::spawn(connection);
    within(sender.send_request(get(path))).await
}

#[tokio::test]
async fn tls_1_both_versions_of_http_are_served_over_both_versions_of_tls() {
    let server = Server::start().await;
    let response = within(server.http1().await.send_request(get("/"))).await.unwrap();
    assert_eq!((response.status(), &response.headers()["http2"]), (StatusCode::OK, &HeaderValue::from_static("false")));
    let response = within(server.http2().await.0.send_request(get("/"))).await.unwrap();
    assert_eq!((response.status(), &response.headers()["http2"]), (StatusCode::OK, &HeaderValue::from_static("true")));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Client { version: Some(version), ..Client::speaking("h2") };
        let stream = server.connect(&client).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let suite = format!("{:?}", stream.get_ref().1.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.contains("AES_128_GCM"), "{suite}");
    }
}

#[tokio::test]
async fn tls_1_an_older_tls_than_the_minimum_is_refused() {
    let options = TlsOptions { minimum: TlsVersion::Tls13 };
    let server = Server::start_with(ServeOptions::default(), options).await;
    let old = Client { version: Some(&rustls::version::TLS12), ..Client::speaking("h2") };
    assert!(server.connect(&old).await.is_err());
    assert!(server.connect(&Client::speaking("h2")).await.is_ok());
}

#[tokio::test]
async fn a_client_that_comes_again_resumes_its_session() {
    let server = Server::start().await;
    let config = Client::speaking("http/1.1").config(&server.ca);
    let mut kinds = vec![];
    for _ in 0..2 {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = within(TlsConnector::from(config.clone()).connect(name, stream)).await.unwrap();
        kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        // In TLS 1.3 the ticket comes with the first bytes after the handshake.
        let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
        tokio::task::spawn(connection);
        within(sender.send_request(get("/"))).await.unwrap();
    }
    assert_eq!(kinds, [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed]);
}

#[tokio::test]
async fn a_connection_may_be_served_frame_by_frame() {
    let options = ServeOptions { coalesce_writes: false, ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    for response in [
        within(server.http1().await.send_request(get("/"))).await.unwrap(),
        within(server.http2().await.0.send_request(get("/"))).await.unwrap(),
    ] {
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
}

#[tokio::test]
async fn an_5_client_certificates_are_asked_for_not_required_and_not_judged_in_the_handshake() {
    let server = Server::start().await;
    let none = within(server.http2().await.0.send_request(get("/"))).await.unwrap();
    assert_eq!(none.headers()["certificates"], "0");
    let unknown = Identity::of(&Authority::new("unknown").client("ada"));
    let one = get_over_http2(&server, &unknown, "/").await.unwrap();
    assert_eq!(one.headers()["certificates"], "1");
}

#[tokio::test]
async fn an_5_a_certificate_without_its_key_is_no_certificate() {
    let server = Server::start().await;
    let ca = Authority::new("clients");
    let thief = Identity::pretending(&ca.client("ada"), &ca.client("eve"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = Client { version: Some(version), ..Client::showing(&thief) };
        let outcome = async {
            // In TLS 1.3 the client has finished before the server has seen its certificate.
            let mut stream = server.connect(&client).await?;
            stream.read_u8().await
        };
        let error = within(outcome).await.expect_err("the handshake fails");
        assert!(!matches!(error.kind(), std::io::ErrorKind::TimedOut), "{error}");
    }
}

#[tokio::test]
async fn an_5_the_subjects_of_trusted_authorities_are_advertised_as_they_change() {
    let server = Server::start().await;
    let identity = Identity::of(&Authority::new("clients").client("ada"));
    let hints = || identity.hints.lock().unwrap().clone();
    get_over_http2(&server, &identity, "/").await.unwrap();
    assert!(hints().is_empty());
    let watching = tokio::task::spawn(server.tls.clone().watch(Duration::from_mins(1), server.shutdown.token()));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let bundle = CaBundle::from_pem("ca.crt", Authority::new("a-well-known-name").pem().as_bytes()).unwrap();
    server.trust.set_flags(Trust { client_ca: Some(Arc::new(bundle)), front_proxy: None });
    within(async {
        while hints().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            get_over_http2(&server, &identity, "/").await.unwrap();
        }
    })
    .await;
    assert!(String::from_utf8_lossy(&hints()[0]).contains("a-well-known-name"));
    server.shutdown.ask();
    within(watching).await.unwrap();
}

#[tokio::test]
async fn tls_4_plain_http_is_answered_in_plain_http() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "{answer}");
}

async fn served_certificate(server: &Server, ca: &Authority) -> std::io::Result<Vec<u8>> {
    let stream = TcpStream::connect(server.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let stream = within(TlsConnector::from(Client::speaking("h2").config(ca)).connect(name, stream)).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

#[tokio::test]
async fn tls_2_a_new_certificate_is_served_without_a_restart_and_a_bad_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let ca = Authority::new("serving");
    let write = |issued: &Issued| {
        std::fs::write(&certificate, &issued.certificate).unwrap();
        std::fs::write(&key, &issued.private_key).unwrap();
    };
    write(&ca.serving(&["localhost"]));
    let trust = TrustStore::new(Trust::default());
    let tls = TlsHandle::from_files(&certificate, &key, trust.clone(), TlsOptions::default()).await.unwrap();
    let server = Server::start_tls(Authority::new("unused"), tls.clone(), trust, ServeOptions::default());
    let watching = tokio::task::spawn(tls.watch(Duration::from_millis(20), server.shutdown.token()));
    let first = served_certificate(&server, &ca).await.unwrap();
    std::fs::write(&key, ca.serving(&["localhost"]).private_key).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(served_certificate(&server, &ca).await.unwrap(), first, "a key that does not fit");
    std::fs::remove_file(&certificate).unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(served_certificate(&server, &ca).await.unwrap(), first, "no certificate at all");
    write(&ca.serving(&["localhost"]));
    within(async {
        while served_certificate(&server, &ca).await.unwrap() == first {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    server.shutdown.ask();
    within(watching).await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_no_use_is_named_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
    let load = async || {
        let trust = TrustStore::new(Trust::default());
        TlsHandle::from_files(&certificate, &key, trust, TlsOptions::default()).await.unwrap_err().to_string()
    };
    let path = certificate.display().to_string();
    let error = load().await;
    assert!(error.starts_with(&format!("the serving certificate {path} cannot be read: ")), "{error}");
    let ca = Authority::new("serving");
    let (one, other) = (ca.serving(&["localhost"]), ca.serving(&["localhost"]));
    std::fs::write(&key, &other.private_key).unwrap();
    std::fs::write(&certificate, "nothing").unwrap();
    let error = load().await;
    assert!(error.starts_with(&format!("{path} is no serving certificate in PEM: ")), "{error}");
    std::fs::write(&certificate, &one.certificate).unwrap();
    let error = load().await;
    assert!(error.starts_with(&format!("the certificate in {path} cannot be served with the key in ")), "{error}");
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let first = bind(LOCALHOST, 0).unwrap();
    let port = first.local_addr().unwrap().port();
    let error = bind(LOCALHOST, port).unwrap_err();
    assert!(matches!(error, BindError::InUse { .. }));
    assert!(error.to_string().starts_with(&format!("127.0.0.1:{port} is in use by another process; ")), "{error}");
    let elsewhere = bind(IpAddr::from([192, 0, 2, 1]), 0).unwrap_err();
    assert!(elsewhere.to_string().starts_with("192.0.2.1 is no address of this machine"), "{elsewhere}");
}

#[tokio::test]
async fn the_unspecified_address_serves_ipv4() {
    let listener = bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepted, connected) =
        within(async { tokio::join!(listener.accept(), TcpStream::connect((LOCALHOST, port))) }).await;
    assert!(accepted.is_ok() && connected.is_ok());
}

#[tokio::test]
async fn sv_10_heads_of_many_and_large_headers_are_read() {
    let server = Server::start().await;
    let mut large = HeaderMap::new();
    for number in 0..600 {
        large.append("x-remote-group", HeaderValue::from_str(&format!("{number}{}", "g".repeat(800))).unwrap());
    }
    let with_large = || {
        let mut request = get("/");
        request.headers_mut().extend(large.clone());
        request
    };
    let mut http1 = server.http1().await;
    let (mut http2, _connection) = server.http2().await;
    for response in [http1.send_request(with_large()).await, http2.send_request(with_large()).await] {
        let response = response.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let lines: usize = response.headers()["header-lines"].to_str().unwrap().parse().unwrap();
        assert!(lines > 600, "{lines}");
    }
}

#[tokio::test]
async fn sv_10_px_5_a_connection_carries_a_thousand_watches_at_once() {
    let server = Server::start().await;
    let (sender, _connection) = server.http2().await;
    let mut watches = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let mut sender = sender.clone();
        watches.spawn(async move {
            let mut response = sender.send_request(get("/watch")).await.unwrap();
            let event = response.body_mut().frame().await.unwrap().unwrap();
            (event.into_data().unwrap(), response)
        });
    }
    let answered = within(watches.join_all()).await;
    assert!(answered.iter().all(|(event, _)| event == "event\n"));
    assert_eq!(answered.len(), 1000);
}

#[tokio::test]
async fn sv_10_the_settings_of_http_2_are_upstreams() {
    let server = Server::start().await;
    let mut stream = server.connect(&Client::speaking("h2")).await.unwrap();
    let empty_settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&empty_settings).await.unwrap();
    let mut head = [0; 9];
    within(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(head[3], 4, "the first frame is of settings");
    let mut body = vec![0; usize::from(head[2])];
    within(stream.read_exact(&mut body)).await.unwrap();
    let told = |setting: u16| {
        let found = body.chunks(6).find(|chunk| chunk[..2] == setting.to_be_bytes())?;
        Some(u32::from_be_bytes(found[2..].try_into().unwrap()))
    };
    let [max_concurrent_streams, initial_window_size, max_frame_size, max_header_list_size] = [3, 4, 5, 6];
    assert_eq!(told(max_concurrent_streams), Some(1000));
    assert_eq!(told(initial_window_size), Some(256 << 10));
    assert_eq!(told(max_frame_size), Some(256 << 10));
    assert!(told(max_header_list_size).is_some_and(|bytes| bytes >= 1 << 20));
}

#[tokio::test]
async fn an_18_a_response_that_asks_to_close_ends_an_http_2_connection() {
    let server = Server::start().await;
    let (mut sender, connection) = server.http2().await;
    let response = within(sender.send_request(get("/close"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("connection"));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    within(connection).await.unwrap().unwrap();
    assert!(sender.send_request(get("/")).await.is_err());
}

#[tokio::test]
async fn sd_2_sd_4_what_runs_finishes_and_nothing_new_is_accepted() {
    let server = Server::start().await;
    let (mut http2, _connection) = server.http2().await;
    let mut http1 = server.http1().await;
    let _idle = server.http1().await;
    let slow = tokio::task::spawn(async move { http2.send_request(get("/slow")).await });
    let slow_too = tokio::task::spawn(async move { http1.send_request(get("/slow")).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!server.shutdown.is_draining());
    server.shutdown.ask();
    within(server.shutdown.draining()).await;
    assert_eq!(within(slow).await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(within(slow_too).await.unwrap().unwrap().status(), StatusCode::OK);
    assert!(TcpStream::connect(server.address).await.is_err());
    server.ended().await.unwrap();
}

#[tokio::test]
async fn sd_1_a_server_that_was_asked_to_stop_accepts_for_the_delay() {
    let options = ServeOptions { shutdown_delay: Duration::from_millis(500), ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    server.shutdown.ask();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.shutdown.is_asked() && !server.shutdown.is_draining());
    let response = within(server.http1().await.send_request(get("/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    server.ended().await.unwrap();
}

#[tokio::test]
async fn sd_4_what_does_not_finish_is_cut_off_after_the_grace_period() {
    let options = ServeOptions { grace_period: Duration::from_millis(200), ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    let (mut http2, _connection) = server.http2().await;
    let mut watch = within(http2.send_request(get("/watch"))).await.unwrap().into_body();
    within(watch.frame()).await.unwrap().unwrap();
    let asked = tokio::time::Instant::now();
    server.shutdown.ask();
    server.ended().await.unwrap();
    assert!(asked.elapsed() >= Duration::from_millis(200) && asked.elapsed() < Duration::from_secs(5));
    assert!(!matches!(within(watch.frame()).await, Some(Ok(_))));
}

#[tokio::test]
async fn a_connection_without_requests_is_closed_and_one_with_a_watch_is_not() {
    let options = ServeOptions { idle_timeout: Duration::from_millis(200), ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    let (_idle, idle_connection) = server.http2().await;
    let (mut busy, busy_connection) = server.http2().await;
    let mut watch = within(busy.send_request(get("/watch"))).await.unwrap().into_body();
    within(watch.frame()).await.unwrap().unwrap();
    within(idle_connection).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!busy_connection.is_finished());
    assert_eq!(within(busy.send_request(get("/"))).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_peer_that_never_begins_to_speak_http_2_is_dropped() {
    let options = ServeOptions { idle_timeout: Duration::from_millis(100), ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    let mut stream = server.connect(&Client::speaking("h2")).await.unwrap();
    let mut greeting = vec![];
    let _ = within(stream.read_to_end(&mut greeting)).await;
}

#[tokio::test]
async fn sv_1_who_sends_more_than_is_read_sees_the_answer() {
    let server = Server::start().await;
    for length in [100 << 10, 4 << 20] {
        let mut stream = server.connect(&Client::speaking("http/1.1")).await.unwrap();
        let head = format!("POST /too-large HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..length / 1024 {
            within(stream.write_all(&[b'x'; 1024])).await.unwrap();
        }
        within(stream.flush()).await.unwrap();
        let mut answer = Vec::new();
        within(stream.read_to_end(&mut answer)).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 "), "{length}: {answer}");
        assert!(answer.contains("\r\nconnection: close\r\n"), "{length}: {answer}");
    }
    // In HTTP/2 the rest is not awaited, and others on the connection are not disturbed.
    let (mut http2, _) = server.http2().await;
    let mut request = get("/too-large");
    *request.method_mut() = http::Method::POST;
    let response = within(http2.send_request(request)).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers().get("connection")), (413, None));
    assert_eq!(within(http2.send_request(get("/"))).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn sv_1_who_never_stops_to_send_is_left_in_the_end() {
    let server = Server::start().await;
    let mut stream = server.connect(&Client::speaking("http/1.1")).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
    stream.write_all(head.as_bytes()).await.unwrap();
    let endless = async { while stream.write_all(&[b'x'; 1 << 14]).await.is_ok() {} };
    within(endless).await;
}

#[tokio::test]
async fn px_16_a_connection_can_be_upgraded() {
    let server = Server::start().await;
    let stream = server.connect(&Client::speaking("http/1.1")).await.unwrap();
    let (mut sender, connection) = http1::handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
    tokio::task::spawn(connection.with_upgrades());
    let mut request = get("/echo");
    request.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    request.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
    let response = within(sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut upgraded = TokioIo::new(within(hyper::upgrade::on(response)).await.unwrap());
    upgraded.write_all(b"ping").await.unwrap();
    let mut echoed = [0; 4];
    within(upgraded.read_exact(&mut echoed)).await.unwrap();
    assert_eq!(&echoed, b"ping");
}

#[tokio::test]
async fn a_peer_that_does_not_finish_its_handshake_is_dropped() {
    let options = ServeOptions { handshake_timeout: Duration::from_millis(200), ..ServeOptions::default() };
    let server = Server::start_with(options, TlsOptions::default()).await;
    for start in [&b""[..], &[0x16]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        let read = within(stream.read(&mut [0; 16])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
}
