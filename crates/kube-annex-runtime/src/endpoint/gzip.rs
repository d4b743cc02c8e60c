//! gzip of bodies whose pieces are shared: a piece is compressed once, by itself, and compressed pieces are joined.
//!
//! A deflate stream that is flushed ends on a whole byte and refers to nothing before it, so that such streams in a row
//! are one stream.

use crate::endpoint::frames::Frames;
use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

/// One gzip member that is put together from pieces.
#[derive(Debug)]
pub(super) struct Gzip {
    frames: Frames,
    sum: Crc,
}

impl Gzip {
    pub(super) fn new() -> Self {
        let mut frames = Frames::default();
        frames.push(Bytes::from_static(HEADER));
        Self { frames, sum: Crc::new() }
    }

    /// Appends a piece, given as it is and as [`deflate`] made it.
    pub(super) fn push(&mut self, plain: &[u8], deflated: Bytes) {
        self.sum.update(plain);
        self.frames.push(deflated);
    }

    pub(super) fn finish(mut self) -> Frames {
        let mut end = LAST_BLOCK.to_vec();
        end.extend(self.sum.sum().to_le_bytes());
        end.extend(self.sum.amount().to_le_bytes());
        self.frames.push(end.into());
        self.frames
    }
}

/// Compresses a piece so that others can follow it. Fast rather than small, as upstream does.
pub(super) fn deflate(plain: &[u8]) -> Bytes {
    let mut compress = Compress::new(Compression::fast(), false);
    let mut out = Vec::with_capacity(plain.len() / 4 + 64);
    loop {
        let taken = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
        let rest = plain.get(taken..).unwrap_or_default();
        // Without a dictionary and with room for more nothing can go wrong.
        let failed = compress.compress_vec(rest, &mut out, FlushCompress::Sync).is_err();
        let all_taken = compress.total_in() == plain.len() as u64;
        // Room that is left says that the flush is complete.
        if failed || (all_taken && out.len() < out.capacity()) {
            return out.into();
        }
        out.reserve(plain.len() / 4 + 64);
    }
}

/// Magic, deflate, no flags, no time, no hints, unknown system.
const HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty block that is marked as the last.
const LAST_BLOCK: [u8; 2] = [3, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt as _;
    use std::io::Read as _;

    async fn round_trip(pieces: &[Vec<u8>]) -> Vec<u8> {
        let mut gzip = Gzip::new();
        for piece in pieces {
            gzip.push(piece, deflate(piece));
        }
        let packed = gzip.finish().into_body().collect().await.unwrap().to_bytes();
        let mut plain = Vec::new();
        // One member and nothing after it: not every client reads on.
        let mut decoder = flate2::bufread::GzDecoder::new(&packed[..]);
        decoder.read_to_end(&mut plain).unwrap();
        assert!(decoder.into_inner().is_empty());
        plain
    }

    #[tokio::test]
    async fn cn_18_pieces_in_a_row_are_one_gzip_stream() {
        let text: Vec<u8> = (0..40_000_u32).flat_map(|number| format!("{{\"n\":{number}}},").into_bytes()).collect();
        let noise: Vec<u8> = (0..70_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        for pieces in [vec![], vec![b"x".to_vec()], vec![text.clone()], vec![noise.clone(), text, Vec::new(), noise]] {
            assert_eq!(round_trip(&pieces).await, pieces.concat());
        }
    }
}
