//! Sockets, certificates and shutdown: from a listening address to calls of a service.

mod activity;
mod coalesce;
mod connection;
mod drain;
mod listener;
mod signal;
mod tls;

pub use activity::TrackedBody;
pub use drain::Shutdown;
pub use listener::{BindError, ServeError, ServeOptions, bind, serve};
pub(crate) use signal::Waiting;
pub use tls::{TlsError, TlsHandle, TlsOptions, TlsVersion};
