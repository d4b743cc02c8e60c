//! What the runtime takes from the world around it: time, ids and tasks. Tests give their own.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio_util::task::TaskTracker;

/// The time of day. Waiting is tokio's business; this is only what is written down.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> jiff::Timestamp;
}

/// Where ids that must not be guessed or repeated come from.
pub trait Ids: Send + Sync + 'static {
    /// A random UUID, version 4, lower case.
    fn uid(&self) -> String;

    /// Five characters of upstream's vowel-free alphabet, for `generateName`.
    fn name_suffix(&self) -> String;
}

/// Time, ids and tasks, handed to everything that needs one of them.
#[derive(Clone)]
pub struct Seams {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Fresh ids.
    pub ids: Arc<dyn Ids>,
    /// Background tasks, waited for at shutdown.
    pub tasks: Tasks,
}

impl Default for Seams {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), ids: Arc::new(RandomIds), tasks: Tasks::default() }
    }
}

impl fmt::Debug for Seams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seams").finish_non_exhaustive()
    }
}

/// Background tasks that shutdown can wait for.
#[derive(Clone, Debug, Default)]
pub struct Tasks(TaskTracker);

impl Tasks {
    /// Runs a task in the background.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.0.spawn(task);
    }

    /// Waits until every task has ended. The caller bounds the wait.
    pub async fn finished(&self) {
        self.0.close();
        self.0.wait().await;
    }
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        #[allow(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
        jiff::Timestamp::now()
    }
}

struct RandomIds;

const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

impl Ids for RandomIds {
    fn uid(&self) -> String {
        #[allow(clippy::disallowed_methods, reason = "the one place that makes uids")]
        uuid::Uuid::new_v4().to_string()
    }

    fn name_suffix(&self) -> String {
        std::iter::repeat_with(|| fastrand::choice(SUFFIX_ALPHABET).copied().map_or('x', char::from)).take(5).collect()
    }
}
