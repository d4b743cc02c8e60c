//! Kubernetes' protobuf: the few messages that every server writes and reads, whatever its own types are.
//!
//! Types declared here have no protobuf form, as those of other aggregated servers have none. What the machinery itself
//! says has one: errors, metadata without its object, discovery, the options of a deletion, the scale. Each of these
//! exists as JSON first; [`write()`] turns that tree into the message of its kind.
//!
//! On the wire a message is in an envelope, upstream's `runtime.Unknown` behind four bytes that nothing else begins
//! with. The messages are tables ([`messages`]): names and numbers are those of upstream's `generated.proto` files, and a
//! test compares them wherever Go's module cache is at hand. Bytes are upstream's: fields in the order of their numbers,
//! empty ones written where Go's struct has no way to leave them out.

mod envelope;
pub mod messages;
pub mod metadata;
mod read;
#[cfg(test)]
mod tests;
pub mod wire;
mod write;

pub use envelope::{Envelope, Frame, event, is_enveloped, open};
pub use read::read;
pub use write::{write, write_fields};

/// The media type of messages in their envelope.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

/// The media type of a watch in this form: each event is its length as four bytes, most significant first, and a
/// `WatchEvent` whose object is in an envelope.
pub const STREAM_MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf;stream=watch";

/// What upstream says of a kind that has no such form, but for the name of its type in Go.
pub fn no_form(kind: &str) -> String {
    format!(
        "object {kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"
    )
}

/// A message: its fields in the order of their numbers.
#[derive(Debug)]
pub struct Message {
    /// The file that upstream declares it in, and its name there.
    pub source: (&'static str, &'static str),
    /// Its fields, ascending.
    pub fields: &'static [Field],
}

/// A field of a message, and of the JSON object that says the same.
#[derive(Debug)]
pub struct Field {
    /// Its name, in JSON as in upstream's declaration.
    pub name: &'static str,
    /// Its number.
    pub number: u32,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is written when JSON leaves it out.
    pub presence: Presence,
}

/// Whether a field is written when JSON leaves it out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// Go's struct has a plain value, which is written though it be empty.
    Always,
    /// Go's struct has a pointer, a list or a map.
    WhenSet,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number; negative ones take ten bytes.
    Integer,
    /// A boolean.
    Boolean,
    /// Another message.
    Message(&'static Message),
    /// Any number of strings.
    Texts,
    /// Any number of messages.
    Messages(&'static Message),
    /// A map of strings, in the order of its keys.
    TextMap,
    /// Strings in a message of their own, whose only field they are: Go's way to tell an empty list from none.
    Wrapped,
    /// RFC 3339 in JSON, seconds since 1970 here.
    Time,
    /// Any JSON, as its text in a message of its own.
    Json,
}

/// Why bytes are no message.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin as an envelope does.
    #[error("it does not begin with the four bytes of a Kubernetes protobuf message")]
    NoEnvelope,
    /// The bytes end within a field.
    #[error("it ends in the middle of a field")]
    Truncated,
    /// A number is longer than 64 bits.
    #[error("a number in it is longer than 64 bits")]
    Overlong,
    /// A field has the number zero or is of a kind that there is not.
    #[error("a field in it is none")]
    BadField,
    /// A field is of another kind than its message declares.
    #[error("field {0} is of another type than declared")]
    WrongType(&'static str),
    /// A string is not UTF-8.
    #[error("field {0} is not UTF-8")]
    NotText(&'static str),
    /// The JSON in a field is none.
    #[error("field {0} is not JSON")]
    NotJson(&'static str),
    /// Groups, which nobody writes any more, are nested deeper than they are followed.
    #[error("it is nested too deep")]
    TooDeep,
}
