//! Which objects of a collection are wanted: by their labels and by their fields.

pub mod field;
pub mod label;
