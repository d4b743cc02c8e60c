//! Asking the cluster's kube-apiserver: one POST of a review, tried again where that helps.

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long to wait between tries.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Before the second try.
    pub initial: Duration,
    /// How much longer before each one after.
    pub factor: f64,
    /// Up to which share each wait is lengthened at random.
    pub jitter: f64,
    /// How many tries there are.
    pub tries: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), factor: 1.5, jitter: 0.2, tries: 5 }
    }
}

/// Why the cluster did not answer a review.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// It answered with a failure.
    #[error("kube-apiserver answered POST {path} with {status}: {message}")]
    Refused {
        /// What was asked.
        path: &'static str,
        /// The answer's code.
        status: StatusCode,
        /// The answer's words.
        message: String,
        /// Whether it asked to be tried again.
        retry_after: bool,
    },
    /// It could not be reached.
    #[error("kube-apiserver did not answer POST {path}")]
    Unreachable {
        /// What was asked.
        path: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("kube-apiserver did not answer POST {path} within {limit:?}")]
    TimedOut {
        /// What was asked.
        path: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// Its answer cannot be read.
    #[error("kube-apiserver's answer to POST {path} cannot be read")]
    Malformed {
        /// What was asked.
        path: &'static str,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A client for reviews: it leaves trying again to them, which do as upstream does, and bound it.
///
/// * Errors: the configuration's credentials or authorities are of no use.
pub fn reviewing_client(mut config: kube::Config) -> Result<kube::Client, kube::Error> {
    config.default_retry = false;
    kube::Client::try_from(config)
}

/// The reviews of one kind.
pub(crate) struct Reviews {
    pub(crate) client: kube::Client,
    pub(crate) path: &'static str,
    pub(crate) backoff: Backoff,
    /// For all tries together.
    pub(crate) timeout: Duration,
}

impl Reviews {
    /// Posts a review and returns it with its status.
    pub(crate) async fn create<T: Serialize + DeserializeOwned>(&self, review: &T) -> Result<T, ReviewError> {
        let body = serde_json::to_vec(review).map_err(|error| self.malformed(error))?;
        let limit = self.timeout;
        let answer = tokio::time::timeout(limit, self.try_repeatedly(Bytes::from(body))).await;
        let answer = answer.unwrap_or(Err(ReviewError::TimedOut { path: self.path, limit }))?;
        serde_json::from_slice(&answer).map_err(|error| self.malformed(error))
    }

    async fn try_repeatedly(&self, body: Bytes) -> Result<Bytes, ReviewError> {
        let mut wait = self.backoff.initial;
        for _ in 1..self.backoff.tries {
            match self.try_once(body.clone()).await {
                Err(error) if error.is_passing() => tracing::debug!(%error, "asking again"),
                outcome => return outcome,
            }
            tokio::time::sleep(wait.mul_f64(1.0 + fastrand::f64() * self.backoff.jitter)).await;
            wait = wait.mul_f64(self.backoff.factor);
        }
        self.try_once(body).await
    }

    async fn try_once(&self, body: Bytes) -> Result<Bytes, ReviewError> {
        let request = Request::post(self.path)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(kube::client::Body::from(body))
            .map_err(|error| self.malformed(error))?;
        let response = self.client.send(request).await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let retry_after = response.headers().contains_key(header::RETRY_AFTER);
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|source| ReviewError::Unreachable { path: self.path, source })?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(ReviewError::Refused { path: self.path, status, message: message_of(&body), retry_after })
    }

    fn malformed(&self, source: impl std::error::Error + Send + Sync + 'static) -> ReviewError {
        ReviewError::Malformed { path: self.path, source: Box::new(source) }
    }

    fn unreachable(&self, source: impl std::error::Error + Send + Sync + 'static) -> ReviewError {
        ReviewError::Unreachable { path: self.path, source: Box::new(source) }
    }
}

impl ReviewError {
    /// Whether another try may do better.
    fn is_passing(&self) -> bool {
        match self {
            Self::Refused { status, retry_after, .. } => *retry_after || matches!(status.as_u16(), 429 | 500 | 504),
            Self::Unreachable { source, .. } => was_reset(&**source),
            Self::TimedOut { .. } | Self::Malformed { .. } => false,
        }
    }
}

/// The message of a `Status`, or else the text itself, cut to a length for logs.
fn message_of(body: &[u8]) -> String {
    let status = serde_json::from_slice::<kube_annex::Status>(body);
    let text = status.map_or_else(|_| String::from_utf8_lossy(body).into_owned(), |status| status.message);
    text.chars().take(LONGEST_MESSAGE).collect()
}

fn was_reset(error: &(dyn std::error::Error + 'static)) -> bool {
    std::iter::successors(Some(error), |error| error.source()).any(|error| {
        let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        let closed = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message);
        closed || matches!(io, Some(std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe))
    })
}

/// Bytes. A review comes back with what was asked, which may carry a large header's worth of groups.
const LARGEST_ANSWER: usize = 4 << 20;
/// Characters.
const LONGEST_MESSAGE: usize = 1024;
