//! The signals that stop a server.

use anyhow::Context as _;
use kube_annex_runtime::serve::Shutdown;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT, which no longer end the process by themselves.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes the signals over.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let take = |kind| signal(kind).context("this process may not handle signals");
        Ok(Self { terminate: take(SignalKind::terminate())?, interrupt: take(SignalKind::interrupt())? })
    }

    /// Asks for the shutdown at the first signal, and returns at the second: whoever sends it will not wait.
    pub(crate) async fn obey(mut self, shutdown: &Shutdown) {
        self.next().await;
        tracing::info!("stopping: requests may finish, watches end; another signal ends the process at once");
        shutdown.ask();
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
