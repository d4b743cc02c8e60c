//! Watches in the two less usual forms, through the aggregator and at the server itself: over a WebSocket, as dashboards
//! have them, and packed, as a client has them that lists by a stream.

use std::io::Read as _;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::read::MultiGzDecoder;
use futures_util::StreamExt as _;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use kube::client::Body;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use xtask::control_plane::User;

use crate::harness::{Cluster, Place};

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("w_26_a_watch_over_a_websocket", w_26_a_watch_over_a_websocket),
    ("an_13_a_websocket_whose_token_is_a_subprotocol", an_13_a_token_is_a_subprotocol),
    ("w_26_a_websocket_is_refused_before_it_is_one", w_26_a_websocket_is_refused_before_it_is_one),
    ("cn_19_a_streaming_list_is_packed", cn_19_a_streaming_list_is_packed),
];

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Who opens a socket.
#[derive(Clone, Copy)]
enum As {
    /// The admin, by certificate.
    Certificate,
    /// A user, by the header of HTTP.
    Token(User),
    /// The admin, by a subprotocol, as pages in a browser have to.
    Subprotocol,
    /// Nobody.
    Nobody,
}

fn w_26_a_watch_over_a_websocket(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("w-26")?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("before"))?;
    for (place, who, name) in [
        (cluster.front(), As::Certificate, "one"),
        (cluster.front(), As::Token(User::Admin), "two"),
        (cluster.direct()?, As::Certificate, "three"),
        (cluster.direct()?, As::Token(User::Admin), "four"),
    ] {
        let mut socket = cluster.block_on(open(&place, &format!("{}?watch=true", flunders("w-26")), who))?;
        let first = cluster.block_on(event(&mut socket))?;
        ensure!(first["type"] == "ADDED" && first["object"]["metadata"]["name"] == "before", "{first}");
        kubectl.ok_with(&["create", "-f", "-"], &flunder(name))?;
        kubectl.ok(&["label", "flunder", name, "a=b"])?;
        kubectl.ok(&["delete", "flunder", name])?;
        for expected in ["ADDED", "MODIFIED", "DELETED"] {
            let event = cluster.block_on(event(&mut socket))?;
            ensure!(event["type"] == expected && event["object"]["metadata"]["name"] == name, "{expected}: {event}");
            ensure!(event["object"]["kind"] == "Flunder", "{event}");
        }
        // The socket ends when the watch does.
        let path = format!("{}?watch=true&timeoutSeconds=1", flunders("w-26"));
        let mut timed = cluster.block_on(open(&place, &path, who))?;
        cluster.block_on(event(&mut timed))?;
        cluster.block_on(ended(&mut timed))?;
    }
    Ok(())
}

fn an_13_a_token_is_a_subprotocol(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("an-13")?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    for place in [cluster.front(), cluster.direct()?] {
        let path = format!("{}?watch=true", flunders("an-13"));
        let mut socket = cluster.block_on(open(&place, &path, As::Subprotocol))?;
        let first = cluster.block_on(event(&mut socket))?;
        ensure!(first["object"]["metadata"]["name"] == "one", "{first}");
    }
    Ok(())
}

fn w_26_a_websocket_is_refused_before_it_is_one(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("w-26-refused")?;
    let watch = format!("{}?watch=true", flunders("w-26-refused"));
    for place in [cluster.front(), cluster.direct()?] {
        for (path, who, code) in [
            (watch.as_str(), As::Token(User::Alice), 403),
            (watch.as_str(), As::Nobody, 403),
            (&format!("{watch}&labelSelector=,"), As::Certificate, 400),
            (&format!("{watch}&resourceVersion=x"), As::Certificate, 500),
        ] {
            match cluster.block_on(try_open(&place, path, who))? {
                Err(Error::Http(response)) => {
                    let told = response.body().as_deref().unwrap_or_default();
                    ensure!(response.status() == code, "{path}: {}: {}", response.status(), lossy(told));
                }
                other => bail!("{path}: {other:?}"),
            }
        }
    }
    Ok(())
}

fn cn_19_a_streaming_list_is_packed(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("cn-19")?;
    for name in ["one", "two"] {
        kubectl.ok_with(&["create", "-f", "-"], &flunder(name))?;
    }
    let client = cluster.client(User::Admin)?;
    let query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan";
    let request = Request::get(format!("{}?{query}", flunders("cn-19"))).header("accept-encoding", "gzip");
    let request = request.body(Body::empty()).context("not a request")?;
    let response = cluster.block_on(client.send(request)).context("the stream")?;
    let packed = response.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
    ensure!(response.status() == 200 && packed, "{} {:?}", response.status(), response.headers());
    let mut stream = Packed { body: response.into_body(), packed: Vec::new() };
    let initial = cluster.block_on(stream.until(3))?;
    let types: Vec<&Value> = initial.iter().map(|event| &event["type"]).collect();
    ensure!(types == ["ADDED", "ADDED", "BOOKMARK"], "{initial:?}");
    ensure!(initial[2]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true", "{initial:?}");
    kubectl.ok(&["delete", "flunder", "one"])?;
    let all = cluster.block_on(stream.until(4))?;
    ensure!(all[3]["type"] == "DELETED" && all[3]["object"]["metadata"]["name"] == "one", "{all:?}");
    Ok(())
}

/// A packed stream as it comes.
struct Packed {
    body: Body,
    packed: Vec<u8>,
}

impl Packed {
    /// The events so far, which are at least so many. What has come must be readable without what follows it.
    async fn until(&mut self, count: usize) -> Result<Vec<Value>> {
        loop {
            let mut plain = Vec::new();
            // The end of what has come is in the middle of a member, perhaps.
            let _ = MultiGzDecoder::new(&self.packed[..]).read_to_end(&mut plain);
            let events: Result<Vec<Value>, _> =
                plain.split_inclusive(|byte| *byte == b'\n').map(serde_json::from_slice).collect();
            match events {
                Ok(events) if events.len() >= count => return Ok(events),
                _ => {}
            }
            let frame = timeout(PATIENCE, self.body.frame()).await.context("nothing more came")?;
            let frame = frame.context("the stream ended")?.context("the stream broke")?;
            self.packed.extend_from_slice(frame.data_ref().context("a frame without data")?);
        }
    }
}

async fn open(place: &Place, path: &str, who: As) -> Result<Socket> {
    try_open(place, path, who).await?.map_err(|error| match error {
        Error::Http(response) => {
            let told = lossy(response.body().as_deref().unwrap_or_default());
            anyhow::anyhow!("{path}: {}: {told}", response.status())
        }
        error => error.into(),
    })
}

/// Opens a socket there, on a connection of its own.
async fn try_open(place: &Place, path: &str, who: As) -> Result<Result<Socket, Error>> {
    let authority = place.url.strip_prefix("https://").context("no address of a server")?;
    let stream = TcpStream::connect(authority).await.context("cannot connect")?;
    let connector = TlsConnector::from(Arc::new(tls(place, who)?));
    let stream = connector.connect(ServerName::try_from("127.0.0.1")?, stream).await.context("no TLS")?;
    let mut request = Request::builder()
        .uri(format!("wss://{authority}{path}"))
        .header("host", authority)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("origin", format!("https://{authority}"))
        .body(())
        .context("not a request")?;
    request.headers_mut().extend(credential(who)?);
    let opened = timeout(PATIENCE, client_async(request, stream)).await.context("no answer")?;
    Ok(opened.map(|(socket, _)| socket))
}

fn tls(place: &Place, who: As) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&place.ca).context("no authority")?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots);
    let As::Certificate = who else { return Ok(config.with_no_client_auth()) };
    let certificate = CertificateDer::from_pem_file(&place.certificate).context("no certificate")?;
    let key = PrivateKeyDer::from_pem_file(&place.key).context("no key")?;
    Ok(config.with_client_auth_cert(vec![certificate], key)?)
}

fn credential(who: As) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    match who {
        As::Token(user) => {
            headers.insert("authorization", format!("Bearer {}", user.token()).parse()?);
        }
        As::Subprotocol => {
            let token = URL_SAFE_NO_PAD.encode(User::Admin.token());
            // The token goes no further than to who checks it; the other is what the two speak.
            let protocols = format!("base64url.bearer.authorization.k8s.io.{token}, v1.events");
            headers.insert("sec-websocket-protocol", protocols.parse()?);
        }
        As::Certificate | As::Nobody => {}
    }
    Ok(headers)
}

/// The next event, which is one message.
async fn event(socket: &mut Socket) -> Result<Value> {
    loop {
        let message = timeout(PATIENCE, socket.next()).await.context("no event came")?;
        match message.context("the socket ended")?.context("the socket broke")? {
            Message::Text(text) => return serde_json::from_str(&text).with_context(|| format!("no event: {text}")),
            Message::Ping(_) => {}
            other => bail!("no event: {other:?}"),
        }
    }
}

/// Waits until the other side ends the socket: by a message, or by its connection alone.
async fn ended(socket: &mut Socket) -> Result<()> {
    loop {
        match timeout(PATIENCE, socket.next()).await.context("the socket does not end")? {
            None | Some(Err(_) | Ok(Message::Close(_))) => return Ok(()),
            Some(Ok(Message::Ping(_))) => {}
            Some(Ok(other)) => bail!("no end: {other:?}"),
        }
    }
}

fn flunders(namespace: &str) -> String {
    format!("/apis/wardle.example.com/v1beta1/namespaces/{namespace}/flunders")
}

fn flunder(name: &str) -> String {
    let metadata = json!({ "name": name });
    json!({ "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": metadata, "spec": {} })
        .to_string()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const PATIENCE: Duration = Duration::from_secs(30);
