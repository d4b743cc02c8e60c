//! Waits that end: every one has a limit, and says what it waited for.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep, timeout};

/// Tries until an attempt succeeds or `limit` has passed.
///
/// * Shape: the attempts are a quarter of a second apart, and none outlives the limit.
/// * Errors: after the limit, what was waited for and why the last attempt failed.
pub async fn until<T>(what: &str, limit: Duration, mut attempt: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + limit;
    let mut last = String::from("no attempt finished");
    while let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        match timeout(left, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => last = format!("{error:#}"),
            Err(_) => break,
        }
        sleep(INTERVAL).await;
    }
    bail!("waited {} s for {what}; the last attempt: {last}", limit.as_secs())
}

const INTERVAL: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;

    #[tokio::test]
    async fn an_attempt_that_never_finishes_is_bounded_too() {
        let error = until("nothing", Duration::from_millis(50), async || {
            std::future::pending::<()>().await;
            Ok(())
        })
        .await
        .unwrap_err();
        assert!(error.to_string().contains("for nothing"), "{error}");
    }

    #[tokio::test]
    async fn the_last_reason_is_in_the_error_and_a_late_success_counts() {
        let mut attempts = 0;
        let third = until("the third", Duration::from_secs(5), async || {
            attempts += 1;
            ensure!(attempts > 2, "only {attempts}");
            Ok(attempts)
        });
        assert_eq!(third.await.unwrap(), 3);

        let error = until("never", Duration::from_millis(20), async || -> Result<()> { bail!("the reason") }).await;
        assert!(error.unwrap_err().to_string().contains("the reason"));
    }
}
