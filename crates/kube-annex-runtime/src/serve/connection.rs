//! One connection, from the first byte to the last.

use super::activity::{Activity, TrackedBody};
use super::coalesce::coalesce;
use super::listener::ServeOptions;
use super::signal::Signal;
use crate::authn::Connection;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::Service as HyperService;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service as TowerService;

/// What is the same for every connection.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) options: Arc<ServeOptions>,
    /// Cancelled when connections are to finish what they do.
    pub(super) draining: CancellationToken,
    /// The tasks of HTTP/2 streams.
    pub(super) streams: Streams,
}

/// Where hyper puts the streams of HTTP/2 connections, so that the server can wait for them and cut them off.
#[derive(Clone, Default)]
pub(super) struct Streams {
    pub(super) tasks: TaskTracker,
    pub(super) cut: Signal,
}

impl<F: Future + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let mut cut = self.cut.waiting();
        self.tasks.spawn(async move {
            let mut stream = pin!(stream);
            std::future::poll_fn(|context| {
                if cut.is_over() || stream.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                cut.poll(context)
            })
            .await;
        });
    }
}

/// Speaks TLS and then HTTP with a peer until either is done.
pub(super) async fn run<S, B>(stream: TcpStream, peer: SocketAddr, tls: Arc<ServerConfig>, service: S, shared: Shared)
where
    S: TowerService<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let handshake = tokio::time::timeout(shared.options.handshake_timeout, handshake(stream, tls));
    let stream = match shared.draining.run_until_cancelled(handshake).await {
        Some(Ok(Ok(Some(stream)))) => stream,
        Some(Ok(Ok(None))) | None => return,
        Some(Ok(Err(error))) => return tracing::debug!(%peer, %error, "TLS handshake error"),
        Some(Err(_)) => return tracing::debug!(%peer, "TLS handshake timed out"),
    };
    let session = stream.get_ref().1;
    let http2 = session.alpn_protocol() == Some(b"h2");
    let certificates = session.peer_certificates().unwrap_or_default();
    let certificates = certificates.iter().map(|certificate| certificate.clone().into_owned()).collect();
    let activity = Activity::new();
    let closing = CancellationToken::new();
    let uploads = Arc::new(AtomicBool::new(false));
    let service = PerConnection {
        service,
        connection: Connection::new(peer, certificates, http2),
        activity: activity.clone(),
        closing: closing.clone(),
        uploads: uploads.clone(),
    };
    let http = http(&shared, http2);
    let (stream, drain) = coalesce(stream, shared.options.coalesce_writes);
    let mut exchange = pin!(http.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let finish = async {
        tokio::select! {
            () = shared.draining.cancelled() => {}
            () = closing.cancelled() => {}
            () = activity.idle_for(shared.options.idle_timeout) => {}
        }
    };
    let outcome = tokio::select! {
        outcome = drain.drive(exchange.as_mut()) => outcome,
        () = finish => {
            exchange.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = drain.drive(exchange) => outcome,
                () = abandoned(&activity, shared.options.idle_timeout) => return tracing::debug!(%peer, "abandoned"),
            }
        }
    };
    let outcome = match outcome {
        Ok(()) => {
            let finished = drain.finish().await;
            if finished.is_ok() && uploads.load(Ordering::Relaxed) {
                drain.linger().await;
            }
            finished.map_err(Into::into)
        }
        broken => broken,
    };
    if let Err(error) = outcome {
        tracing::debug!(%peer, %error, "the connection broke");
    }
}

/// Waits until a connection that was asked to end has nothing left to do and still has not ended, as when the peer
/// never began to speak HTTP/2.
async fn abandoned(activity: &Activity, limit: Duration) {
    tokio::time::sleep(limit).await;
    activity.idle_for(limit).await;
}

/// `None` when the peer does not speak TLS; it has been told so.
async fn handshake(stream: TcpStream, tls: Arc<ServerConfig>) -> std::io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first[0].is_ascii_uppercase() {
        refuse_plain_http(stream).await?;
        return Ok(None);
    }
    TlsAcceptor::from(tls).accept(stream).await.map(Some)
}

async fn refuse_plain_http(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(PLAIN_HTTP_ANSWER).await?;
    stream.shutdown().await?;
    // Closing with the request unread would reset the connection, and the peer might never see the answer.
    let mut sink = [0; 1024];
    let rest = async {
        for _ in 0..64 {
            if !matches!(stream.read(&mut sink).await, Ok(1..)) {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), rest).await;
    Ok(())
}

/// What the handshake agreed on decides the protocol; there is no guessing by first bytes, on which a peer could stall.
fn http(shared: &Shared, http2: bool) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(shared.streams.clone());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(LARGEST_HEADERS)
        .max_headers(MOST_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(LARGEST_HEADERS).unwrap_or(u32::MAX))
        .max_concurrent_streams(shared.options.max_concurrent_streams)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW * CONNECTION_WINDOWS)
        .max_frame_size(WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    if http2 { builder.http2_only() } else { builder.http1_only() }
}

/// The service as one connection sees it.
struct PerConnection<S> {
    service: S,
    connection: Connection,
    activity: Activity,
    closing: CancellationToken,
    /// Whether the last request of HTTP/1 has a body, which its answer need not wait for.
    uploads: Arc<AtomicBool>,
}

impl<S, B> HyperService<Request<Incoming>> for PerConnection<S>
where
    S: TowerService<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<TrackedBody<B>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let exchange = self.activity.begin();
        self.uploads.store(request.version() < Version::HTTP_2 && !request.body().is_end_stream(), Ordering::Relaxed);
        request.extensions_mut().insert(self.connection.clone());
        let mut service = self.service.clone();
        let closing = self.closing.clone();
        Box::pin(async move {
            let Ok(()) = std::future::poll_fn(|cx| service.poll_ready(cx)).await;
            let http2 = request.version() == Version::HTTP_2;
            let Ok(mut response) = service.call(request).await;
            if http2 && asks_to_close(&response) {
                response.headers_mut().remove(header::CONNECTION);
                closing.cancel();
            }
            if !http2 && response.status() == StatusCode::PAYLOAD_TOO_LARGE {
                // What is left of the body is not read: the peer is told, so that it asks nothing more on this connection.
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(response.map(|body| TrackedBody::new(body, exchange)))
        })
    }
}

/// In HTTP/2 the header means nothing on the wire; upstream's servers take it as the wish to say GOAWAY.
fn asks_to_close<B>(response: &Response<B>) -> bool {
    response.headers().get(header::CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Of the head of one request. Groups and extra values of a user come in headers, one line each. HTTP/1 holds as much of
/// an answer that its peer does not read.
const LARGEST_HEADERS: usize = 1 << 20;
const MOST_HEADERS: usize = 1024;
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(32);
/// Of one stream, and of one frame.
const WINDOW: u32 = 256 << 10;
/// How many streams may upload at full speed at once. Upstream allows all of them, which lets one connection make the
/// server hold 250 MiB.
const CONNECTION_WINDOWS: u32 = 64;
/// Per stream: with the library's default of 400 KiB, ten thousand stalled watches would hold 4 GB.
const SEND_BUFFER: usize = 128 << 10;
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);
