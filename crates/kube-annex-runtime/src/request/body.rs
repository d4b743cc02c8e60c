//! Reading a request's body, never more than the limit.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kube_annex::Status;

/// The most bytes a request body may have: 3 MiB, as upstream.
pub const LIMIT: usize = 3 * 1024 * 1024;

/// The whole body.
///
/// * Errors: 413 for a body over [`LIMIT`]; 400 when the client stops sending.
pub async fn read(body: Body) -> Result<Bytes, Status> {
    match Limited::new(body, LIMIT).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(Status::too_large(format_args!("limit is {LIMIT}")))
        }
        Err(error) => Err(Status::bad_request(format!("the request body ended early: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sv_1_a_body_of_exactly_the_limit_is_read_and_one_byte_more_is_not() {
        let whole = read(Body::from(vec![b' '; LIMIT])).await.unwrap();
        assert_eq!(whole.len(), LIMIT);
        let status = read(Body::from(vec![b' '; LIMIT + 1])).await.unwrap_err();
        assert_eq!((status.code, status.message.as_str()), (413, "Request entity too large: limit is 3145728"));
    }
}
