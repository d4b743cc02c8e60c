//! A watch over a WebSocket: one event in each message.

mod handshake;
mod messages;

use crate::seams::Tasks;
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use handshake::Handshake;
use http::HeaderMap;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use messages::Messages;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Switches protocols and sends what the streaming answer would have said; or says why it does not.
///
/// * Shape: text messages of one JSON event each, binary ones of what else is framed by lengths. What the client sends
///   is read and forgotten, but for pings and the wish to close. The end of the events closes the socket.
/// * Source: `WatchServer.HandleWS` of k8s.io/apiserver.
pub(super) fn answer(headers: &HeaderMap, upgrade: OnUpgrade, tasks: &Tasks, streaming: Response) -> Response {
    let handshake = match Handshake::read(headers) {
        Ok(handshake) => handshake,
        Err(refusal) => return refusal.into_response(),
    };
    let messages = Messages::of(streaming);
    tasks.spawn(async move {
        match upgrade.await {
            Ok(connection) => run(connection, messages).await,
            Err(error) => tracing::debug!(%error, "a client of a WebSocket went before it was one"),
        }
    });
    handshake.into_response()
}

async fn run(connection: Upgraded, mut messages: Messages) {
    let config = WebSocketConfig::default()
        .write_buffer_size(0)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(connection), Role::Server, Some(config)).await;
    let code = loop {
        tokio::select! {
            received = socket.next() => match received {
                None | Some(Ok(Message::Close(_))) => break CloseCode::Normal,
                Some(Err(Error::Protocol(_))) => break CloseCode::Protocol,
                Some(Err(_)) => return,
                Some(Ok(_)) => {}
            },
            message = messages.next() => match message {
                None => break CloseCode::Normal,
                Some(message) => {
                    if socket.send(message).await.is_err() {
                        return;
                    }
                }
            },
        }
    };
    let closed = async {
        // Where the other side closed first there is nothing more to say than the answer to that.
        let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
        let _ = socket.flush().await;
        socket.get_mut().shutdown().await
    };
    let _ = tokio::time::timeout(LAST_WORDS, closed).await;
}

/// Of what a client sends, which is nothing that is needed.
const LARGEST_MESSAGE: usize = 64 << 10;
const LAST_WORDS: Duration = Duration::from_secs(5);
