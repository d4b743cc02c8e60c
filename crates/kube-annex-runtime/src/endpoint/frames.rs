//! Long bodies as a few large frames: each costs a write of its own on its way out.

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Pieces below this size are joined with their neighbours.
const SMALL: usize = 16 << 10;

/// A body whose length is known, made of bytes that others share.
#[derive(Debug, Default)]
pub(super) struct Frames {
    ready: VecDeque<Bytes>,
    small: BytesMut,
    length: u64,
}

impl Frames {
    /// Appends a piece; large ones are not copied.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.length += piece.len() as u64;
        if piece.len() < SMALL {
            self.small.extend_from_slice(&piece);
        } else {
            self.flush();
            self.ready.push_back(piece);
        }
        if self.small.len() >= SMALL * 4 {
            self.flush();
        }
    }

    /// How many bytes there are in all.
    pub(super) fn len(&self) -> u64 {
        self.length
    }

    /// The same bytes as a body.
    pub(super) fn into_body(mut self) -> axum::body::Body {
        self.flush();
        axum::body::Body::new(self)
    }

    fn flush(&mut self) {
        if !self.small.is_empty() {
            self.ready.push_back(self.small.split().freeze());
        }
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.ready.pop_front();
        self.length -= next.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(next.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;

    #[tokio::test]
    async fn small_pieces_are_joined_and_large_ones_are_not_copied() {
        let large = Bytes::from(vec![b'x'; SMALL]);
        let mut frames = Frames::default();
        for piece in ["head", "["] {
            frames.push(Bytes::from_static(piece.as_bytes()));
        }
        frames.push(large.clone());
        frames.push(Bytes::from_static(b"]"));
        assert_eq!(frames.len(), 4 + 1 + SMALL as u64 + 1);
        let mut body = frames.into_body();
        assert_eq!(body.size_hint().exact(), Some(4 + 1 + SMALL as u64 + 1));
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            seen.push(frame.unwrap().into_data().unwrap());
        }
        assert_eq!(seen.len(), 3);
        assert_eq!((&seen[0][..], &seen[2][..]), (&b"head["[..], &b"]"[..]));
        assert_eq!(seen[1].as_ptr(), large.as_ptr());
    }
}
