//! The order in which a server stops.

use super::signal::{Signal, Waiting};
use tokio_util::sync::CancellationToken;

/// The two signals of a shutdown, shared by everyone who has to do with it.
///
/// First it is *asked for*: readiness fails, and requests are still served so that clients can be told to go elsewhere.
/// Then the server *drains*: nothing new is accepted, what runs may finish, and watches end.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    asked: CancellationToken,
    draining: Signal,
}

impl Shutdown {
    /// A server that nobody has asked to stop.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks the server to stop.
    pub fn ask(&self) {
        self.asked.cancel();
    }

    /// Whether the server was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until the server is asked to stop.
    pub async fn asked(&self) {
        self.asked.cancelled().await;
    }

    /// Whether the server accepts nothing new.
    pub fn is_draining(&self) -> bool {
        self.draining.is_given()
    }

    /// Waits until the server accepts nothing new: the moment at which watches end.
    pub async fn draining(&self) {
        self.draining.given().await;
    }

    /// For a watch, which ends at that moment.
    pub(crate) fn waiting_to_drain(&self) -> Waiting {
        self.draining.waiting()
    }

    /// Cancelled when the server is asked to stop, for tasks beside the server.
    pub fn token(&self) -> CancellationToken {
        self.asked.clone()
    }

    /// Accepts nothing new from now on. A listener does it when its server was asked to stop; a server without one is
    /// told so.
    pub fn begin_draining(&self) {
        self.draining.give();
    }
}
