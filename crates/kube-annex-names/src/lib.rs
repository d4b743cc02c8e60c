//! What a legal Kubernetes API name is.
//!
//! The derive macro judges names with this crate at compile time and the server judges them with it at run time, so what
//! the macro accepts the server can serve. Nothing here allocates unless a name is wrong.

pub mod dns;
pub mod kind;
pub mod version;
