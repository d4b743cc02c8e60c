//! What is served, and the life of its objects: born, changed, deleted.

#[doc(hidden)]
pub mod continue_token;
pub(crate) mod item;
pub(crate) mod lifecycle;
pub(crate) mod list;
pub mod reader;
pub mod registration;
pub(crate) mod resource;
pub(crate) mod scale;
pub(crate) mod selectable;
pub(crate) mod selection;
pub(crate) mod store;
pub(crate) mod unreadable;
pub(crate) mod watch;

pub use reader::Reader;
pub use registration::{Registration, StoredRegistration};
