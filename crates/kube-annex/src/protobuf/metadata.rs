//! Metadata without its objects: what the metadata client asks for, a list of it made of parts that can be kept.

use super::messages::{LIST_META, OBJECT_META};
use super::wire::{Writer, size_of_field};
use super::{Envelope, Frame, write_fields};
use serde_json::Value;

/// Appends the fields of a `PartialObjectMetadata` whose metadata is that JSON object.
pub fn write_partial(metadata: &Value, out: &mut Vec<u8>) {
    let mut fields = Vec::with_capacity(512);
    write_fields(&OBJECT_META, metadata, &mut fields);
    Writer(out).bytes(1, &fields);
}

/// Appends an item of a `PartialObjectMetadataList` of that version.
pub fn write_item(api_version: &str, metadata: &Value, out: &mut Vec<u8>) {
    let mut fields = Vec::with_capacity(512);
    write_fields(&OBJECT_META, metadata, &mut fields);
    let mut out = Writer(out);
    out.head(if is_older(api_version) { 1 } else { 2 }, size_of_field(fields.len()));
    out.bytes(1, &fields);
}

/// What is around the items of a list of that version, which are so many bytes together.
pub fn list_frame(api_version: &str, metadata: &Value, items: usize) -> Frame {
    let mut fields = Vec::new();
    write_fields(&LIST_META, metadata, &mut fields);
    let envelope = Envelope { api_version, kind: "PartialObjectMetadataList", raw: &[] };
    let mut frame = envelope.frame(items + size_of_field(fields.len()));
    if is_older(api_version) {
        let mut tail = Vec::with_capacity(fields.len() + 8);
        Writer(&mut tail).bytes(2, &fields);
        tail.append(&mut frame.tail);
        frame.tail = tail;
    } else {
        Writer(&mut frame.head).bytes(1, &fields);
    }
    frame
}

/// The older version numbers the fields of its list the other way.
fn is_older(api_version: &str) -> bool {
    api_version == "meta.k8s.io/v1beta1"
}
