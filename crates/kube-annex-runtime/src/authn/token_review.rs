//! Tokens: the cluster says whose they are.

use super::Error;
use super::ca_bundle::crypto;
use super::review::{Backoff, Reviews};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus};
use kube_annex::request::UserInfo;
use moka::future::Cache;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// How tokens are reviewed.
#[derive(Clone, Copy, Debug)]
pub struct TokenReviewOptions {
    /// How long an answer is kept, good or bad; zero keeps none.
    pub cache_ttl: Duration,
    /// How long the cluster may take, all tries together.
    pub timeout: Duration,
    /// How to try again.
    pub backoff: Backoff,
}

impl Default for TokenReviewOptions {
    fn default() -> Self {
        Self { cache_ttl: Duration::from_secs(10), timeout: Duration::from_secs(10), backoff: Backoff::default() }
    }
}

/// Asks the cluster whose a token is, and remembers the answer for a while.
pub struct TokenReviews {
    reviews: Reviews,
    answers: Option<Cache<Key, Result<UserInfo, Error>>>,
    salt: [u8; 32],
}

/// A salted hash: tokens are not kept, and nobody can choose keys that collide.
type Key = [u8; 32];

impl TokenReviews {
    /// Asks through `client`, which needs `system:auth-delegator`; make it with [`reviewing_client`](super::reviewing_client).
    ///
    /// * Errors: the system has no randomness to give.
    pub fn new(client: kube::Client, options: &TokenReviewOptions) -> Result<Self, rustls::Error> {
        let mut salt = [0; 32];
        crypto().secure_random.fill(&mut salt).map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        let reviews = Reviews { client, path: PATH, backoff: options.backoff, timeout: options.timeout };
        let cache = Cache::builder().max_capacity(MOST_ANSWERS).time_to_live(options.cache_ttl);
        let answers = (!options.cache_ttl.is_zero()).then(|| cache.build());
        Ok(Self { reviews, answers, salt })
    }

    /// Whose the token is.
    ///
    /// * Errors: the cluster does not believe it (kept as long as a good answer), or could not be asked (not kept).
    pub async fn review(&self, token: &str) -> Result<UserInfo, Error> {
        let Some(answers) = &self.answers else { return self.ask(token).await? };
        let known = answers.try_get_with(self.key(token), self.ask(token)).await;
        known.unwrap_or_else(|error| Err(Arc::unwrap_or_clone(error)))
    }

    /// The outer error is the question's, the inner one the token's.
    async fn ask(&self, token: &str) -> Result<Result<UserInfo, Error>, Error> {
        let spec = TokenReviewSpec { token: token.to_owned(), audiences: None };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = self.reviews.create(&review).await.map_err(|error| Error::Review(Arc::new(error)))?;
        Ok(user_of(answer.status.unwrap_or_default()))
    }

    fn key(&self, token: &str) -> Key {
        Sha256::new().chain_update(self.salt).chain_update(token).finalize().into()
    }
}

fn user_of(status: TokenReviewStatus) -> Result<UserInfo, Error> {
    let reason = status.error.unwrap_or_default();
    let user = status.user.unwrap_or_default();
    match (status.authenticated.unwrap_or_default(), user.username) {
        (true, Some(name)) if !name.is_empty() => Ok(UserInfo {
            name,
            uid: user.uid.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
            extra: user.extra.unwrap_or_default(),
        }),
        _ if reason.is_empty() => Err(Error::InvalidToken),
        _ => Err(Error::RejectedToken { reason }),
    }
}

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const MOST_ANSWERS: u64 = 32_768;
