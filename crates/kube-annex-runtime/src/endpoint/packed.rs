//! A stream whose frames are compressed one by one.

use axum::body::Body;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;
use std::io::{self, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A body whose frames are gzip, each a whole member: a client reads it to the end of what it was sent, and nothing is
/// kept between frames.
pub(super) struct Packed(pub(super) Body);

impl http_body::Body for Packed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(frame) = ready!(Pin::new(&mut self.0).poll_frame(context)?) else { return Poll::Ready(None) };
        let Ok(plain) = frame.into_data() else { return Poll::Ready(None) };
        Poll::Ready(Some(member(&plain).map(|packed| Frame::data(packed.into())).map_err(axum::Error::new)))
    }
}

/// A gzip member whose data is all there before its last block: Go's reader hands out what it has of a last block only
/// when the next member has come.
fn member(plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain)?;
    encoder.flush()?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::BodyExt as _;
    use std::convert::Infallible;
    use std::io::Read as _;

    #[tokio::test]
    async fn cn_19_each_frame_is_a_whole_member_and_all_of_them_are_one_stream() {
        let lines = ["{\"type\":\"ADDED\"}\n".repeat(900), "{\"type\":\"BOOKMARK\"}\n".to_owned()];
        let frames = lines.clone().map(|line| Ok::<_, Infallible>(Bytes::from(line)));
        let mut body = Body::new(Packed(Body::from_stream(stream::iter(frames))));
        let mut whole = Vec::new();
        for line in &lines {
            let packed = body.frame().await.unwrap().unwrap().into_data().unwrap();
            assert!(line.len() < 100 || packed.len() < line.len() / 10);
            let mut plain = String::new();
            let mut member = flate2::bufread::GzDecoder::new(&packed[..]);
            member.read_to_string(&mut plain).unwrap();
            assert_eq!(plain, *line);
            assert!(member.into_inner().is_empty());
            whole.extend(packed);
        }
        assert!(body.frame().await.is_none());
        let mut plain = String::new();
        flate2::read::MultiGzDecoder::new(&whole[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, lines.concat());
    }
}
