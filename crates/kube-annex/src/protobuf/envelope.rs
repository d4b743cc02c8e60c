//! What a message travels in: upstream's `runtime.Unknown`, and the frames of a watch.

use super::Error;
use super::wire::{Fields, Value, Writer, size_of_field};

/// What every envelope begins with.
const PREFIX: &[u8] = b"k8s\0";

/// A message and what it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Envelope<'a> {
    /// Group and version of the kind.
    pub api_version: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The message's fields.
    pub raw: &'a [u8],
}

/// What is around something that is written in parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// What comes before it.
    pub head: Vec<u8>,
    /// What comes after it.
    pub tail: Vec<u8>,
}

/// Two empty strings: how the message is encoded, and what it is, when it is not protobuf.
const TAIL: &[u8] = &[0x1a, 0, 0x22, 0];

impl Envelope<'_> {
    /// The bytes that are sent.
    pub fn seal(&self) -> Vec<u8> {
        let Frame { head: mut out, tail } = self.frame(self.raw.len());
        out.extend_from_slice(self.raw);
        out.extend_from_slice(&tail);
        out
    }

    /// What is around a message of so many bytes; `raw` does not count.
    pub fn frame(&self, length: usize) -> Frame {
        let mut head = PREFIX.to_vec();
        head.reserve(self.api_version.len() + self.kind.len() + length + 32);
        let mut out = Writer(&mut head);
        out.head(1, size_of_field(self.api_version.len()) + size_of_field(self.kind.len()));
        out.bytes(1, self.api_version.as_bytes());
        out.bytes(2, self.kind.as_bytes());
        out.head(2, length);
        Frame { head, tail: TAIL.to_vec() }
    }
}

/// Whether bytes begin as those in an envelope do.
pub fn is_enveloped(bytes: &[u8]) -> bool {
    bytes.starts_with(PREFIX)
}

/// Opens an envelope.
///
/// * Errors: bytes that are none. An empty message is one, as for upstream it is not.
pub fn open(bytes: &[u8]) -> Result<Envelope<'_>, Error> {
    let mut envelope = Envelope { api_version: "", kind: "", raw: &[] };
    for field in Fields::of(bytes.strip_prefix(PREFIX).ok_or(Error::NoEnvelope)?) {
        match field? {
            (1, Value::Bytes(types)) => {
                for field in Fields::of(types) {
                    match field? {
                        (1, Value::Bytes(text)) => envelope.api_version = utf8("apiVersion", text)?,
                        (2, Value::Bytes(text)) => envelope.kind = utf8("kind", text)?,
                        _ => {}
                    }
                }
            }
            (2, Value::Bytes(raw)) => envelope.raw = raw,
            _ => {}
        }
    }
    Ok(envelope)
}

fn utf8<'b>(name: &'static str, bytes: &'b [u8]) -> Result<&'b str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::NotText(name))
}

/// Appends an event of a watch, its length before it, around an object in its envelope.
pub fn event(r#type: &str, object: &[u8], out: &mut Vec<u8>) {
    let embedded = size_of_field(object.len());
    let length = size_of_field(r#type.len()) + size_of_field(embedded);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    let mut out = Writer(out);
    out.bytes(1, r#type.as_bytes());
    out.head(2, embedded);
    out.bytes(1, object);
}
