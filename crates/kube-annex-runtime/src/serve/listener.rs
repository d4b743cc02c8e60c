//! The accept loop.

use super::connection::{self, Shared, Streams};
use super::drain::Shutdown;
use super::tls::TlsHandle;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// How connections are served and ended.
#[derive(Clone, Copy, Debug)]
pub struct ServeOptions {
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// After how long without a request a connection is closed.
    pub idle_timeout: Duration,
    /// How many requests one HTTP/2 connection may carry at once.
    pub max_concurrent_streams: u32,
    /// Whether what a connection has to write is gathered and written at once, rather than frame by frame.
    pub coalesce_writes: bool,
    /// `--shutdown-delay-duration`: how long a server that was asked to stop still accepts.
    pub shutdown_delay: Duration,
    /// How long requests may take to finish once nothing new is accepted.
    pub grace_period: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(90),
            max_concurrent_streams: 1000,
            coalesce_writes: true,
            shutdown_delay: Duration::ZERO,
            grace_period: Duration::from_mins(1),
        }
    }
}

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{address} is in use by another process; choose another --secure-port, or stop that process")]
    InUse {
        /// Where.
        address: SocketAddr,
    },
    /// The port is reserved.
    #[error("this process may not listen on {address}; choose a --secure-port of 1024 or above")]
    NotPermitted {
        /// Where.
        address: SocketAddr,
    },
    /// The address is of another machine.
    #[error("{} is no address of this machine; choose another --bind-address", address.ip())]
    NoSuchAddress {
        /// Where.
        address: SocketAddr,
    },
    /// Another cause.
    #[error("cannot listen on {address}: {source}")]
    Other {
        /// Where.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// Why serving ended before it was asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The listener is broken.
    #[error("the listener on {address} is broken: {source}")]
    Listener {
        /// Where.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

/// Listens. Port 0 is a free one. As upstream has it, `0.0.0.0` and `::` both mean every address of IPv4 and IPv6.
///
/// * Errors: [`BindError`] says what to change.
pub fn bind(address: IpAddr, port: u16) -> Result<TcpListener, BindError> {
    let address = SocketAddr::new(address, port);
    listen_everywhere(address).map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::InUse { address },
        ErrorKind::PermissionDenied => BindError::NotPermitted { address },
        ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { address },
        _ => BindError::Other { address, source },
    })
}

/// Serves until `shutdown` is asked for and what runs has finished.
///
/// * `service` finds the peer in each request's extensions, as a [`Connection`](crate::authn::Connection).
/// * A response over HTTP/2 with `Connection: close` makes the server say GOAWAY.
/// * After the grace period what still runs is cut off.
/// * Errors: the listener broke; what runs is then cut off too.
pub async fn serve<S, B>(
    listener: TcpListener,
    tls: TlsHandle,
    service: S,
    shutdown: Shutdown,
    options: ServeOptions,
) -> Result<(), ServeError>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let shared = Shared { options: Arc::new(options), draining: CancellationToken::new(), streams: Streams::default() };
    let mut connections = JoinSet::new();
    let stopped = async {
        shutdown.asked().await;
        tokio::time::sleep(options.shutdown_delay).await;
    };
    tokio::pin!(stopped);
    let outcome = loop {
        tokio::select! {
            () = &mut stopped => break Ok(()),
            Some(ended) = connections.join_next(), if !connections.is_empty() => report(ended),
            accepted = accept(&listener) => match accepted {
                Ok((stream, peer)) => {
                    let connection = connection::run(stream, peer, tls.current(), service.clone(), shared.clone());
                    connections.spawn(connection);
                }
                Err(error) => break Err(error),
            },
        }
    };
    drop(listener);
    shutdown.begin_draining();
    drain(connections, shared, if outcome.is_ok() { options.grace_period } else { Duration::ZERO }).await;
    outcome
}

async fn drain(mut connections: JoinSet<()>, shared: Shared, grace: Duration) {
    shared.draining.cancel();
    shared.streams.tasks.close();
    let finished = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
        shared.streams.tasks.wait().await;
    };
    if tokio::time::timeout(grace, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "cutting off what has not finished within {grace:?}");
    }
    shared.streams.cut.give();
    connections.shutdown().await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection's task failed");
    }
}

/// The next connection. Running out of file descriptors or memory passes; the listener itself failing does not.
async fn accept(listener: &TcpListener) -> Result<(TcpStream, SocketAddr), ServeError> {
    let mut wait = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                prepare(&stream);
                return Ok((stream, peer));
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
                return Err(ServeError::Listener { address, source: error });
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection; trying again in {wait:?}");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn is_of_the_peer(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

fn prepare(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE);
    let set = stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        tracing::debug!(%error, "a new connection's socket options could not be set");
    }
}

fn listen_everywhere(address: SocketAddr) -> std::io::Result<TcpListener> {
    if address.ip() == IpAddr::V4(Ipv4Addr::UNSPECIFIED) {
        let both = listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port()));
        if !both.as_ref().is_err_and(lacks_ipv6) {
            return both;
        }
    }
    listen(address)
}

fn lacks_ipv6(error: &std::io::Error) -> bool {
    !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    TcpListener::from_std(socket.into())
}

const BACKLOG: i32 = 4096;
const KEEPALIVE: Duration = Duration::from_secs(30);
