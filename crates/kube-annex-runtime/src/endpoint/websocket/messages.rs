//! The events of a stream as messages: what framed them there is taken off.

use axum::body::BodyDataStream;
use axum::response::Response;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use tokio_tungstenite::tungstenite::Message;

/// The messages of one stream.
#[derive(Debug)]
pub(super) struct Messages {
    stream: BodyDataStream,
    rest: BytesMut,
    framing: Framing,
}

/// How events are told apart in a stream.
#[derive(Clone, Copy, Debug)]
enum Framing {
    /// Each is a line.
    Lines,
    /// Each has its length before it, in four bytes.
    Lengths,
}

impl Messages {
    pub(super) fn of(streaming: Response) -> Self {
        let media_type = streaming.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        let framing = if media_type.starts_with(b"application/json") { Framing::Lines } else { Framing::Lengths };
        Self { stream: streaming.into_body().into_data_stream(), rest: BytesMut::new(), framing }
    }

    /// The next message; `None` when the stream has ended. Nothing is lost when this is not waited for.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(event) = self.framing.split(&mut self.rest) {
                return Some(self.framing.message(event));
            }
            match self.stream.next().await {
                Some(Ok(chunk)) => self.rest.extend_from_slice(&chunk),
                Some(Err(_)) | None => return None,
            }
        }
    }
}

impl Framing {
    fn split(self, rest: &mut BytesMut) -> Option<Bytes> {
        match self {
            // As upstream sends them: with the end of the line.
            Self::Lines => {
                let end = rest.iter().position(|byte| *byte == b'\n')?;
                Some(rest.split_to(end + 1).freeze())
            }
            Self::Lengths => {
                let length = u32::from_be_bytes(*rest.first_chunk()?);
                let length = usize::try_from(length).ok().filter(|length| rest.len() - 4 >= *length)?;
                rest.advance(4);
                Some(rest.split_to(length).freeze())
            }
        }
    }

    fn message(self, event: Bytes) -> Message {
        match self {
            Self::Lines => event.clone().try_into().map_or(Message::Binary(event), Message::Text),
            Self::Lengths => Message::Binary(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use futures_util::stream;
    use std::convert::Infallible;

    async fn messages(media_type: &'static str, chunks: &[&'static [u8]]) -> Vec<Message> {
        let chunks: Vec<_> = chunks.iter().map(|chunk| Ok::<_, Infallible>(Bytes::from_static(chunk))).collect();
        let mut response = Response::new(Body::from_stream(stream::iter(chunks)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        let mut messages = Messages::of(response);
        let mut all = Vec::new();
        while let Some(message) = messages.next().await {
            all.push(message);
        }
        all
    }

    #[tokio::test]
    async fn w_26_lines_are_texts_however_they_arrive() {
        let found = messages("application/json", &[b"{}\n{\"a\":", b"1}\n", b"{}\n{}\n"]).await;
        assert_eq!(found, ["{}\n", "{\"a\":1}\n", "{}\n", "{}\n"].map(Message::text));
    }

    #[tokio::test]
    async fn w_26_what_has_lengths_is_binary_and_goes_without_them() {
        let media_type = "application/vnd.kubernetes.protobuf;stream=watch";
        let found = messages(media_type, &[&[0, 0, 0, 2, 7], &[8, 0, 0, 0, 0, 0, 0], &[0, 1, 9]]).await;
        assert_eq!(found, [&[7, 8][..], &[], &[9]].map(|bytes| Message::binary(bytes.to_vec())));
    }
}
