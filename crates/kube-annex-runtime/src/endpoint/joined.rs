//! A stream of lines as a body: what is there at once goes out in one frame.

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body::{Body, Frame};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A frame is sent when it is as long, though more may be there.
const FRAME: usize = 64 << 10;

/// A body that sends each line as soon as it is there, and a backlog in frames of [`FRAME`].
///
/// A line that is alone is not copied, and between lines nothing is held.
pub(super) struct Joined<S> {
    lines: S,
    ended: bool,
}

impl<S> Joined<S> {
    pub(super) fn new(lines: S) -> Self {
        Self { lines, ended: false }
    }
}

impl<S: Stream<Item = Bytes> + Unpin> Body for Joined<S> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        // A line that is alone stays as it is; `more` is what several were joined to.
        let mut first: Option<Bytes> = None;
        let mut more = BytesMut::new();
        while !this.ended && first.as_ref().map_or(more.len(), Bytes::len) < FRAME {
            match Pin::new(&mut this.lines).poll_next(context) {
                Poll::Ready(Some(line)) if first.is_none() && more.is_empty() => first = Some(line),
                Poll::Ready(Some(line)) => {
                    more.extend_from_slice(&first.take().unwrap_or_default());
                    more.extend_from_slice(&line);
                }
                Poll::Ready(None) => this.ended = true,
                Poll::Pending => break,
            }
        }
        let frame = first.unwrap_or_else(|| more.freeze());
        match (frame.is_empty(), this.ended) {
            (false, _) => Poll::Ready(Some(Ok(Frame::data(frame)))),
            (true, true) => Poll::Ready(None),
            (true, false) => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt as _, stream};
    use http_body_util::BodyExt as _;

    async fn frames(lines: Vec<Bytes>) -> Vec<Bytes> {
        let mut body = Joined::new(stream::iter(lines));
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        frames
    }

    #[tokio::test]
    async fn a_backlog_goes_out_in_frames_of_64_kib() {
        let lines: Vec<Bytes> = (0..200_u8).map(|index| Bytes::from(vec![index; 1000])).collect();
        let frames = frames(lines.clone()).await;
        assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), [66_000, 66_000, 66_000, 2_000]);
        assert_eq!(frames.concat(), lines.concat());
    }

    #[tokio::test]
    async fn a_line_that_is_alone_is_not_copied_and_does_not_wait() {
        let line = Bytes::from_static(b"line");
        let mut body = Joined::new(stream::iter([line.clone()]).chain(stream::pending()));
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(frame.as_ptr(), line.as_ptr());
        assert!(futures_util::FutureExt::now_or_never(body.frame()).is_none());
    }
}
