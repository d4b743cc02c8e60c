//! From the bytes of a message to the JSON tree that says the same.

use super::wire::{Fields, Value as Wire};
use super::{Error, Field, Kind, Message, Presence};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// What a message says, as JSON. Fields that the message does not declare are passed over; of those that appear several
/// times the last one counts, unless they are lists. Empty values of fields that are always written say nothing.
///
/// * Errors: bytes that are no message, a field of another type than declared, a string that is not UTF-8.
pub fn read(message: &Message, bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    let mut object = Map::new();
    for field in Fields::of(bytes) {
        let (number, wire) = field?;
        if let Some(field) = message.fields.iter().find(|field| field.number == number) {
            read_field(field, wire, &mut object)?;
        }
    }
    Ok(object)
}

/// The tables are nested a few messages deep and never within themselves, so that bytes do not decide how deep this goes.
fn read_field(field: &Field, wire: Wire<'_>, object: &mut Map<String, Value>) -> Result<(), Error> {
    let name = field.name;
    let value = match field.kind {
        Kind::Text => Value::from(text(name, wire)?),
        Kind::Integer => Value::from(integer(name, wire)?),
        Kind::Boolean => Value::from(integer(name, wire)? != 0),
        Kind::Message(message) => {
            let inner = read(message, bytes(name, wire)?)?;
            // As Go reads it: what comes again is added to what was there.
            if let Some(Value::Object(before)) = object.get_mut(name) {
                before.extend(inner);
                return Ok(());
            }
            Value::Object(inner)
        }
        Kind::Texts => {
            push(object, name, Value::from(text(name, wire)?));
            return Ok(());
        }
        Kind::Messages(message) => {
            push(object, name, Value::Object(read(message, bytes(name, wire)?)?));
            return Ok(());
        }
        Kind::TextMap => {
            let (key, value) = entry(name, bytes(name, wire)?)?;
            let map = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(map) = map {
                map.insert(key, Value::from(value));
            }
            return Ok(());
        }
        Kind::Wrapped => {
            let mut items = Vec::new();
            for field in Fields::of(bytes(name, wire)?) {
                if let (1, wire) = field? {
                    items.push(Value::from(text(name, wire)?));
                }
            }
            Value::Array(items)
        }
        Kind::Time => time(name, bytes(name, wire)?)?,
        Kind::Json => {
            let mut json = Value::Null;
            for field in Fields::of(bytes(name, wire)?) {
                if let (1, wire) = field? {
                    json = serde_json::from_slice(bytes(name, wire)?).map_err(|_| Error::NotJson(name))?;
                }
            }
            json
        }
    };
    if field.presence == Presence::Always && says_nothing(&value) {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    Ok(())
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn push(object: &mut Map<String, Value>, name: &str, item: Value) {
    if let Value::Array(items) = object.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        items.push(item);
    }
}

fn entry(name: &'static str, bytes: &[u8]) -> Result<(String, String), Error> {
    let (mut key, mut value) = ("", "");
    for field in Fields::of(bytes) {
        match field? {
            (1, wire) => key = text(name, wire)?,
            (2, wire) => value = text(name, wire)?,
            _ => {}
        }
    }
    Ok((key.to_owned(), value.to_owned()))
}

/// Nothing, for a time that is none.
fn time(name: &'static str, bytes: &[u8]) -> Result<Value, Error> {
    let mut seconds = None;
    for field in Fields::of(bytes) {
        if let (1, wire) = field? {
            seconds = Some(integer(name, wire)?);
        }
    }
    let Some(seconds) = seconds else { return Ok(Value::Null) };
    let time = Timestamp::from_second(seconds).map_err(|_| Error::WrongType(name))?;
    Ok(Value::from(time.to_string()))
}

fn bytes<'b>(name: &'static str, wire: Wire<'b>) -> Result<&'b [u8], Error> {
    match wire {
        Wire::Bytes(bytes) => Ok(bytes),
        _ => Err(Error::WrongType(name)),
    }
}

fn text<'b>(name: &'static str, wire: Wire<'b>) -> Result<&'b str, Error> {
    std::str::from_utf8(bytes(name, wire)?).map_err(|_| Error::NotText(name))
}

fn integer(name: &'static str, wire: Wire<'_>) -> Result<i64, Error> {
    match wire {
        Wire::Varint(value) => Ok(value.cast_signed()),
        _ => Err(Error::WrongType(name)),
    }
}
