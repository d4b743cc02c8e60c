//! From the JSON tree of a document to its message.

use super::messages::of_kind;
use super::wire::Writer;
use super::{Envelope, Field, Kind, Message, Presence};
use crate::encode::write_json;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// The message that says what a JSON document says, in its envelope. `None` when the document's kind has no such form.
pub fn write(document: &Value) -> Option<Vec<u8>> {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let message = of_kind(api_version, kind)?;
    let mut raw = Vec::new();
    write_fields(message, document, &mut raw);
    Some(Envelope { api_version, kind, raw: &raw }.seal())
}

/// Appends the fields of a message that a JSON object says. What it says beyond them is left out.
pub fn write_fields(message: &Message, object: &Value, out: &mut Vec<u8>) {
    let nothing = Map::new();
    let object = object.as_object().unwrap_or(&nothing);
    for field in message.fields {
        let value = object.get(field.name).filter(|value| !value.is_null());
        match (value, field.presence) {
            (None, Presence::WhenSet) => {}
            (value, _) => write_field(field, value.unwrap_or(&Value::Null), &mut Writer(out)),
        }
    }
}

fn write_field(field: &Field, value: &Value, out: &mut Writer<'_>) {
    let number = field.number;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = || value.as_array().map(Vec::as_slice).unwrap_or_default();
    match field.kind {
        Kind::Text => out.bytes(number, value.as_str().unwrap_or_default().as_bytes()),
        Kind::Integer => out.integer(number, value.as_i64().unwrap_or_default()),
        Kind::Boolean => out.boolean(number, value.as_bool().unwrap_or_default()),
        Kind::Message(message) => inner(number, out, |out| write_fields(message, value, out)),
        Kind::Texts => {
            for item in items() {
                out.bytes(number, text(item).as_bytes());
            }
        }
        Kind::Messages(message) => {
            for item in items() {
                inner(number, out, |out| write_fields(message, item, out));
            }
        }
        Kind::TextMap => {
            for (key, value) in value.as_object().into_iter().flatten() {
                inner(number, out, |out| {
                    let mut entry = Writer(out);
                    entry.bytes(1, key.as_bytes());
                    entry.bytes(2, text(value).as_bytes());
                });
            }
        }
        Kind::Wrapped => inner(number, out, |out| {
            for item in items() {
                Writer(out).bytes(1, text(item).as_bytes());
            }
        }),
        Kind::Time => inner(number, out, |out| {
            // A time that is none is told as Go tells its zero: by nothing.
            if let Some(time) = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
                Writer(out).integer(1, time.as_second());
                Writer(out).integer(2, 0);
            }
        }),
        Kind::Json => inner(number, out, |out| {
            let mut json = Vec::new();
            // A tree of JSON, written into memory: it cannot fail.
            let _ = write_json(value, &mut json);
            Writer(out).bytes(1, &json);
        }),
    }
}

fn inner(number: u32, out: &mut Writer<'_>, write: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    write(&mut inner);
    out.bytes(number, &inner);
}
