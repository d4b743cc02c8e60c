//! gRPC over one HTTP/2 connection: a request and its answer, or a stream of both.

use super::connection::{Connection, InUse};
use crate::error::BoxError;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version};
use prost::Message;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nothing was asked: asking again, elsewhere too, is safe.
    #[error("{0}")]
    Unsent(BoxError),
    /// The server answered that it will not, or did not.
    #[error("{0}")]
    Refused(Status),
    /// Asked, and not answered: what happened is unknown.
    #[error("{0}")]
    Lost(BoxError),
}

/// The end of a call that failed, in etcd's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Status {
    pub(super) code: Code,
    pub(super) message: String,
}

/// The codes of gRPC that are told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    InvalidArgument,
    DeadlineExceeded,
    ResourceExhausted,
    OutOfRange,
    Unavailable,
    Other(u32),
}

impl From<u32> for Code {
    fn from(code: u32) -> Self {
        match code {
            3 => Self::InvalidArgument,
            4 => Self::DeadlineExceeded,
            8 => Self::ResourceExhausted,
            11 => Self::OutOfRange,
            14 => Self::Unavailable,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.message.as_str(), self.code) {
            ("", code) => write!(f, "gRPC status {code:?} without a message"),
            (message, _) => f.write_str(message),
        }
    }
}

/// One request, one answer.
pub(super) async fn unary<A: Message + Default>(
    connection: &Arc<Connection>,
    path: &'static str,
    request: &impl Message,
) -> Result<A, CallError> {
    let connection = connection.in_use();
    let (response, mut sending) = begin(&connection, path, false).await?;
    sending.send_data(frame(request), true).map_err(|error| lost_or_refused(error, true))?;
    let mut received = Received::from(response.await.map_err(|error| lost_or_refused(error, false))?)?;
    let answer = received.message::<A>().await?;
    // What follows the answer says whether it is one.
    received.end().await?;
    answer.ok_or_else(|| CallError::Lost("the call ended without an answer".into()))
}

/// A stream of answers, and the way to ask more.
pub(super) struct Stream<A> {
    received: Received,
    asking: Asking,
    answers: PhantomData<fn() -> A>,
    /// The streams of a connection end with it.
    connection: InUse,
}

/// Where the requests of a stream go. Its copies may outlive the stream, and then ask nobody.
#[derive(Clone)]
pub(super) struct Asking(Arc<Mutex<SendStream<Bytes>>>);

impl Asking {
    /// Sends a request, without waiting. A stream that has ended says so where its answers are read.
    pub(super) fn ask(&self, request: &impl Message) {
        let mut sending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = sending.send_data(frame(request), false);
    }
}

impl<A: Message + Default> Stream<A> {
    /// Opens a stream with its first request; ready when the server has taken it.
    pub(super) async fn open(
        connection: &Arc<Connection>,
        path: &'static str,
        request: &impl Message,
    ) -> Result<Self, CallError> {
        let (response, mut sending) = begin(connection, path, true).await?;
        sending.send_data(frame(request), false).map_err(|error| lost_or_refused(error, true))?;
        let received = Received::from(response.await.map_err(|error| lost_or_refused(error, false))?)?;
        let asking = Asking(Arc::new(Mutex::new(sending)));
        Ok(Self { received, asking, answers: PhantomData, connection: connection.in_use() })
    }

    /// The next answer. Whoever stops waiting loses nothing: what came in parts is kept.
    pub(super) async fn next(&mut self) -> Result<A, CallError> {
        match self.received.message().await? {
            Some(answer) => Ok(answer),
            None => match self.received.end().await {
                Ok(()) => Err(CallError::Lost("the stream ended".into())),
                Err(error) => Err(error),
            },
        }
    }

    pub(super) fn asking(&self) -> Asking {
        self.asking.clone()
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

/// The server's side of a call.
struct Received {
    body: RecvStream,
    /// What came of a message that is not whole yet.
    begun: BytesMut,
    /// What is whole and not read.
    rest: Bytes,
}

impl Received {
    /// A call that failed at once has its end where others have their beginning.
    fn from(response: http::Response<RecvStream>) -> Result<Self, CallError> {
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            let text = format!("it answers HTTP {}: is it an etcd?", head.status);
            return Err(CallError::Refused(Status { code: Code::Unavailable, message: text }));
        }
        if head.headers.contains_key(GRPC_STATUS) {
            status(&head.headers)?;
        }
        Ok(Self { body, begun: BytesMut::new(), rest: Bytes::new() })
    }

    /// The next message; `None` when there is none left.
    async fn message<A: Message + Default>(&mut self) -> Result<Option<A>, CallError> {
        loop {
            if let Some(message) = self.whole()? {
                return A::decode(message).map(Some).map_err(|error| CallError::Lost(error.into()));
            }
            let Some(data) = self.body.data().await else {
                let cut = !self.begun.is_empty() || !self.rest.is_empty();
                return if cut { Err(CallError::Lost("a message ended early".into())) } else { Ok(None) };
            };
            let data = data.map_err(|error| lost_or_refused(error, false))?;
            // Taken from the connection: the server may send as much again.
            let _ = self.body.flow_control().release_capacity(data.len());
            self.take(data);
        }
    }

    fn take(&mut self, data: Bytes) {
        if self.begun.is_empty() && self.rest.is_empty() {
            self.rest = data;
            return;
        }
        let rest = std::mem::take(&mut self.rest);
        self.begun.extend_from_slice(&rest);
        if let Some(length) = length(&self.begun) {
            self.begun.reserve((PREFIX + length).saturating_sub(self.begun.len()).min(MOST_RESERVED));
        }
        self.begun.extend_from_slice(&data);
    }

    /// The first message that is here in one piece, without its prefix.
    fn whole(&mut self) -> Result<Option<Bytes>, CallError> {
        let here = if self.begun.is_empty() { &self.rest[..] } else { &self.begun[..] };
        if here.first().is_some_and(|compressed| *compressed != 0) {
            return Err(CallError::Lost("a compressed message was not asked for".into()));
        }
        let Some(end) = length(here).map(|length| PREFIX + length).filter(|end| *end <= here.len()) else {
            return Ok(None);
        };
        if !self.begun.is_empty() {
            self.rest = std::mem::take(&mut self.begun).freeze();
        }
        let mut message = self.rest.split_to(end);
        message.advance(PREFIX);
        Ok(Some(message))
    }

    /// Reads to the end, which says whether the call succeeded.
    async fn end(&mut self) -> Result<(), CallError> {
        while let Some(data) = self.body.data().await {
            let data = data.map_err(|error| lost_or_refused(error, false))?;
            let _ = self.body.flow_control().release_capacity(data.len());
        }
        let trailers = self.body.trailers().await.map_err(|error| lost_or_refused(error, false))?;
        let trailers = trailers.ok_or_else(|| CallError::Lost("the call ended without a status".into()))?;
        status(&trailers)
    }
}

async fn begin(
    connection: &Arc<Connection>,
    path: &'static str,
    needs_leader: bool,
) -> Result<(h2::client::ResponseFuture, SendStream<Bytes>), CallError> {
    let unsent = |error: h2::Error| CallError::Unsent(error.into());
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.version_mut() = Version::HTTP_2;
    *request.uri_mut() = uri(connection, path).map_err(|error| CallError::Unsent(error.into()))?;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if needs_leader {
        // A member that no leader talks to has nothing new to tell: it then ends the stream.
        headers.insert("hasleader", HeaderValue::from_static("true"));
    }
    let mut ready = connection.requests().ready().await.map_err(unsent)?;
    ready.send_request(request, false).map_err(unsent)
}

fn uri(connection: &Connection, path: &'static str) -> Result<Uri, http::Error> {
    Uri::builder()
        .scheme(connection.scheme().clone())
        .authority(connection.authority().clone())
        .path_and_query(path)
        .build()
}

/// A message behind its prefix: not compressed, and how long.
fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut frame = BytesMut::with_capacity(PREFIX + length);
    frame.put_u8(0);
    frame.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    message.encode_raw(&mut frame);
    frame.freeze()
}

/// How long the message is whose beginning is here.
fn length(here: &[u8]) -> Option<usize> {
    let digits: [u8; 4] = here.get(1..PREFIX)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(digits)).ok()
}

fn status(headers: &HeaderMap) -> Result<(), CallError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(code) = text(GRPC_STATUS).and_then(|code| code.parse::<u32>().ok()) else {
        return Err(CallError::Lost("the call ended without a status".into()));
    };
    if code == 0 {
        return Ok(());
    }
    let message = percent_encoding::percent_decode_str(text(GRPC_MESSAGE).unwrap_or_default());
    Err(CallError::Refused(Status { code: code.into(), message: message.decode_utf8_lossy().into_owned() }))
}

/// A server that refuses a stream as such has not looked at it.
fn lost_or_refused(error: h2::Error, sending: bool) -> CallError {
    let refused = error.is_remote() && error.reason() == Some(Reason::REFUSED_STREAM);
    let unsent = refused || (sending && error.is_go_away());
    if unsent { CallError::Unsent(error.into()) } else { CallError::Lost(error.into()) }
}

/// A byte for compression, four for the length.
const PREFIX: usize = 5;
/// A length is believed that far before the bytes are there.
const MOST_RESERVED: usize = 16 << 20;
const GRPC_STATUS: &str = "grpc-status";
const GRPC_MESSAGE: &str = "grpc-message";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_framed_by_its_length() {
        let request = super::super::proto::CompactionRequest { revision: 1 };
        assert_eq!(&frame(&request)[..], [0, 0, 0, 0, 2, 8, 1]);
        assert_eq!(length(&frame(&request)), Some(2));
        assert_eq!(length(&[0, 0, 0, 0]), None);
    }

    #[test]
    fn a_status_is_told_in_the_words_of_the_server() {
        let headers = |code: &str, message: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_STATUS, code.parse().unwrap());
            headers.insert(GRPC_MESSAGE, message.parse().unwrap());
            headers
        };
        status(&headers("0", "")).unwrap();
        let error = status(&headers("14", "etcdserver: 100%25 gone")).unwrap_err();
        let CallError::Refused(Status { code, message }) = error else { unreachable!("{error:?}") };
        assert_eq!((code, message.as_str()), (Code::Unavailable, "etcdserver: 100% gone"));
        assert!(matches!(status(&HeaderMap::new()), Err(CallError::Lost(_))));
        let nameless = Status { code: Code::Other(2), message: String::new() };
        assert_eq!(nameless.to_string(), "gRPC status Other(2) without a message");
    }
}
