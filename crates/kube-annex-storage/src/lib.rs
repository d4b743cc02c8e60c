//! Keys, revisions and watches: where objects are kept, below the life of an object and above any backend.
//!
//! [`Storage`] is the trait; [`memory`] is the reference backend. A backend keeps bytes and never looks into them.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod key;
pub mod memory;
mod storage;

pub use error::{BoxError, Error};
pub use key::{Key, Prefix};
pub use storage::{
    BoxFuture, Entry, Event, EventKind, ListRequest, Page, Precondition, Revision, Storage, WatchStream,
};
