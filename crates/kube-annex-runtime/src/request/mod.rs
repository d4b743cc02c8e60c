//! The facts of a request: what it asks for, in which form it wants the answer, and its body.

pub(crate) mod accept;
pub mod body;
pub mod duration;
pub mod exchange;
pub mod info;
pub mod negotiate;
