//! Reading a request's body, never more than the limit.

use axum::body::Body;
use bytes::Bytes;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube_annex::Status;

/// The most bytes a request body may have: 3 MiB, as upstream.
pub const LIMIT: usize = 3 * 1024 * 1024;

/// The whole body.
///
/// * Errors: 413 for a body over [`LIMIT`]; 400 when the client stops sending.
pub async fn read(body: Body) -> Result<Bytes, Status> {
    // A client that tells the length need not send it all.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|told| told > LIMIT) {
        return Err(too_large());
    }
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large()),
        Err(error) => Err(Status::bad_request(format!("the request body ended early: {error}"))),
    }
}

fn too_large() -> Status {
    Status::too_large(format_args!("limit is {LIMIT}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::{Frame, SizeHint};
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body that tells its length and never comes.
    struct Promised(u64);

    impl http_body::Body for Promised {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn sv_1_a_length_over_the_limit_is_refused_before_anything_is_sent() {
        let status = read(Body::new(Promised(LIMIT as u64 + 1))).await.unwrap_err();
        assert_eq!(status.code, 413);
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), read(Body::new(Promised(LIMIT as u64))));
        assert!(waiting.await.is_err());
    }

    #[tokio::test]
    async fn sv_1_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
        let whole = read(Body::from(vec![b' '; LIMIT])).await.unwrap();
        assert_eq!(whole.len(), LIMIT);
        let status = read(Body::from(vec![b' '; LIMIT + 1])).await.unwrap_err();
        assert_eq!((status.code, status.message.as_str()), (413, "Request entity too large: limit is 3145728"));
    }
}
