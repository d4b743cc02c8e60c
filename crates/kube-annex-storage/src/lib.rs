//! Keys, revisions and watches: where objects are kept, below the life of an object and above any backend.
//!
//! [`Storage`] is the trait; [`memory`] is the reference backend; [`Cached`] serves reads and watches from memory, over
//! any backend; with the feature `redb`, the module of
//! that name keeps a store in a folder. A backend keeps bytes and never looks into them.
//!
//! ```
//! use bytes::Bytes;
//! use futures_util::StreamExt;
//! use kube_annex_storage::memory::Memory;
//! use kube_annex_storage::{Error, EventKind, ListRequest, Precondition, Prefix, Storage};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Error> {
//! let store = Memory::new();
//! let widgets = Prefix::of_resource("example.com", "widgets");
//! let key = widgets.in_namespace("default").key("one");
//!
//! let created = store.create(&key, Bytes::from_static(b"small")).await?;
//!
//! // Whoever lists and then watches from the page's revision misses nothing and sees nothing twice.
//! let page = store.list(&widgets, ListRequest::default()).await?;
//! assert_eq!((page.entries.len(), page.revision), (1, created));
//! let mut events = store.watch(&widgets, page.revision).await?;
//!
//! // A writer that says which revision it knows never overwrites what it has not seen.
//! let known = Precondition::at(created);
//! let updated = store.update(&key, Bytes::from_static(b"large"), known).await?;
//! let late = store.update(&key, Bytes::from_static(b"tiny"), known).await;
//! assert!(matches!(late, Err(Error::Conflict { current, .. }) if current == updated));
//!
//! let event = events.next().await.expect("the store lives")?.event().expect("nobody asked for progress");
//! assert_eq!((event.kind, event.revision), (EventKind::Updated, updated));
//! assert_eq!(event.previous, Some((Bytes::from_static(b"small"), created)));
//! # Ok(())
//! # }
//! ```
//!
//! A backend of one's own implements [`Storage`] and proves it with one line: with the feature `conformance`, the macro
//! `conformance!` runs every law against it.

pub mod cache;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "encryption")]
pub mod encryption;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
mod history;
mod key;
pub mod memory;
#[cfg(feature = "redb")]
pub mod redb;
mod storage;

pub use cache::Cached;
pub use error::{BoxError, Error, Unreadable};
pub use key::{Key, Prefix};
pub use storage::{
    BoxFuture, Entry, Event, EventKind, ListRequest, Page, Precondition, Revision, Storage, WatchItem, WatchStream,
};
