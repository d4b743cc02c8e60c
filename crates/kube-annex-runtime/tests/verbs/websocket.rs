//! Watches over a `WebSocket`, and streams that are packed.

use crate::{WIDGETS, at, revision, sized, widget, with_widgets};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};
use std::io::Read as _;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

type Socket = WebSocketStream<DuplexStream>;

/// Opens a socket there, on a connection of its own.
async fn open(server: &TestServer, path: &str, headers: &[(&'static str, &'static str)]) -> Result<Socket, Error> {
    let (ours, theirs) = tokio::io::duplex(16 << 10);
    let service = TowerToHyperService::new(server.server.clone());
    let serving = hyper::server::conn::http1::Builder::new();
    let serving = serving.serve_connection(TokioIo::new(theirs), service).with_upgrades();
    kube_annex_runtime::seams::Tasks::default().spawn(async move { drop(serving.await) });
    let mut request = Request::builder()
        .uri(format!("ws://localhost{path}"))
        .header("host", "localhost")
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("origin", "https://localhost")
        .body(())
        .expect("a request");
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().expect("the value of a header"));
    }
    let (socket, response) = tokio_tungstenite::client_async(request, ours).await?;
    assert_eq!(response.status(), 101);
    Ok(socket)
}

async fn event(socket: &mut Socket) -> Value {
    let message = tokio::time::timeout(Duration::from_mins(1), socket.next()).await.expect("an event in time");
    match message.expect("no end").expect("a message") {
        Message::Text(text) => {
            assert!(text.ends_with('\n') && text.trim_end().lines().count() == 1, "{text}");
            serde_json::from_str(&text).expect("JSON")
        }
        other => unreachable!("{other:?}"),
    }
}

async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code),
            Some(Ok(Message::Pong(_))) => {}
            other => unreachable!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn w_26_a_websocket_carries_an_event_in_each_message() {
    let server = with_widgets(&["a", "b"]).await;
    let mut socket = open(&server, &format!("{WIDGETS}?watch=true"), &[]).await.unwrap();
    for name in ["a", "b"] {
        let event = event(&mut socket).await;
        assert_eq!((&event["type"], &event["object"]["metadata"]["name"]), (&json!("ADDED"), &json!(name)));
    }
    server.put(&at(WIDGETS, "a"), &sized("a", 5)).await.ok();
    let changed = event(&mut socket).await;
    assert_eq!((&changed["type"], &changed["object"]["spec"]["size"]), (&json!("MODIFIED"), &json!(5)));
}

#[tokio::test(start_paused = true)]
async fn w_26_what_a_client_says_is_ignored_but_for_pings_and_its_leave() {
    let server = with_widgets(&[]).await;
    let mut socket = open(&server, &format!("{WIDGETS}?watch=true"), &[]).await.unwrap();
    socket.send(Message::text("hello")).await.unwrap();
    socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    socket.send(Message::Ping(b"here?"[..].into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(b"here?"[..].into()));
    server.made(WIDGETS, &widget("a")).await;
    assert_eq!(event(&mut socket).await["type"], "ADDED");
    socket.send(Message::Close(None)).await.unwrap();
    closed(&mut socket).await;
    assert!(socket.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn w_26_the_end_of_a_watch_closes_its_socket() {
    let server = with_widgets(&[]).await;
    let mut timed = open(&server, &format!("{WIDGETS}?watch=true&timeoutSeconds=5"), &[]).await.unwrap();
    assert_eq!(closed(&mut timed).await, Some(CloseCode::Normal));
    let mut drained = open(&server, &format!("{WIDGETS}?watch=true"), &[]).await.unwrap();
    server.shutdown.begin_draining();
    assert_eq!(closed(&mut drained).await, Some(CloseCode::Normal));
}

#[tokio::test(start_paused = true)]
async fn w_26_an_error_within_a_watch_is_an_event() {
    let server = with_widgets(&["a"]).await;
    let accept = ("accept", "application/json;as=Table;g=meta.k8s.io;v=v1");
    let path = format!("{WIDGETS}?watch=true&resourceVersion=1");
    let mut socket = open(&server, &path, &[accept]).await.unwrap();
    let first = event(&mut socket).await;
    assert_eq!((&first["type"], &first["object"]["kind"]), (&json!("ADDED"), &json!("Table")));
}

#[tokio::test(start_paused = true)]
async fn w_26_what_is_refused_is_refused_before_protocols_are_switched() {
    let server = with_widgets(&[]).await;
    let watch = format!("{WIDGETS}?watch=true");
    for (path, headers, code) in [
        (format!("{WIDGETS}?watch=true&resourceVersion=x"), &[][..], 500),
        (format!("{WIDGETS}?watch=true&labelSelector=,"), &[], 400),
        (format!("{WIDGETS}?watch=true&limit=x"), &[], 400),
        (watch.clone(), &[("x-test-user", "nobody")][..], 401),
        (watch.clone(), &[("origin", "null")], 403),
        (watch.clone(), &[("sec-websocket-protocol", "a, b")], 400),
        (WIDGETS.to_owned(), &[], 200),
    ] {
        match open(&server, &path, headers).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), code, "{path}: {headers:?}"),
            other => unreachable!("{path}: {other:?}"),
        }
    }
    let mut one = open(&server, &watch, &[("sec-websocket-protocol", "v1.any")]).await.unwrap();
    server.made(WIDGETS, &widget("a")).await;
    assert_eq!(event(&mut one).await["type"], "ADDED");
}

#[tokio::test(start_paused = true)]
async fn cn_19_a_streaming_list_is_packed_for_who_says_so_and_other_watches_are_not() {
    let server = with_widgets(&["a", "b"]).await;
    let list = format!(
        "{WIDGETS}?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    );
    let (status, headers, mut body) = server.get(&list).header("accept-encoding", "br, gzip").open().await;
    assert_eq!((status, &headers["content-encoding"]), (200, &"gzip".parse().unwrap()));
    assert!(headers.get_all("vary").iter().any(|value| value == "Accept-Encoding"), "{headers:?}");
    let mut told = String::new();
    let mut next = async |until: &str| {
        while !told.contains(until) {
            let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap().into_data().unwrap();
            // What has arrived can be read to its end.
            flate2::read::MultiGzDecoder::new(&frame[..]).read_to_string(&mut told).unwrap();
        }
        told.clone()
    };
    let initial = next("initial-events-end").await;
    assert_eq!(initial.lines().count(), 3, "{initial}");
    let made = server.made(WIDGETS, &widget("c")).await;
    next(&format!("\"resourceVersion\":\"{}\"", revision(&made))).await;
    for (path, accepted) in [(format!("{WIDGETS}?watch=true"), "gzip"), (list.clone(), "gzip;q=0"), (list, "*")] {
        let (_, headers, _) = server.get(&path).header("accept-encoding", accepted).open().await;
        assert_eq!(headers.get("content-encoding"), None, "{path} {accepted}");
    }
}
