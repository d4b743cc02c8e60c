//! JSON bodies: one walk gives the tree and everything that is written twice.

use super::repair;
use super::{DecodeError, Decoded, Findings, Place};
use crate::field::quote;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads one JSON document; serde bounds its depth.
///
/// Of a member that is written twice the last value counts, or where a `typed` object is read both objects together, as Go's
/// decoder fills one struct.
///
/// As upstream, what is no character is the replacement character: bytes that are no UTF-8, and halves of a surrogate pair.
pub(super) fn decode(bytes: &[u8], typed: bool) -> Result<Decoded, DecodeError> {
    read(bytes, typed).or_else(|error| repair::characters(bytes).map_or(Err(error), |repaired| read(&repaired, typed)))
}

fn read(bytes: &[u8], typed: bool) -> Result<Decoded, DecodeError> {
    let mut findings = Findings::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let walk = Walk { place: Place::Root, findings: &mut findings, typed };
    let value = walk
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| DecodeError::Unrecognized(format!("couldn't get version/kind; json parse error: {error}")))?;
    Ok(Decoded { value, duplicates: findings.told })
}

struct Walk<'a> {
    place: Place<'a>,
    findings: &'a mut Findings,
    typed: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // `-0` is a whole number, which this reader has no integer for.
        if value == 0.0 && value.is_sign_negative() {
            return Ok(0.into());
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            let place = Place::Index(&self.place, list.len());
            let Some(item) =
                items.next_element_seed(Walk { place, findings: &mut *self.findings, typed: self.typed })?
            else {
                break;
            };
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let place = Place::Key(&self.place, &key);
            if map.contains_key(&key) {
                self.findings.add(|| format!("duplicate field {}", quote(&place.to_string())));
            }
            let walk = Walk { place, findings: &mut *self.findings, typed: self.typed };
            let value = entries.next_value_seed(walk)?;
            match (map.get_mut(&key), value) {
                // Metadata, spec and status are structs within the object, which stay what they were.
                (Some(Value::Object(_)), Value::Null) if self.typed && matches!(self.place, Place::Root) => {}
                (Some(before), after) if self.typed => fill(before, after),
                (_, value) => drop(map.insert(key, value)),
            }
        }
        Ok(Value::Object(map))
    }
}

/// What a struct's field is once it has been read a second time. Recursion is bounded by the depth of what was read.
fn fill(before: &mut Value, after: Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in after {
                match before.get_mut(&key) {
                    Some(before) => fill(before, value),
                    None => drop(before.insert(key, value)),
                }
            }
        }
        // The list is the second one's, and its items are those of the first, filled.
        (Value::Array(before), Value::Array(after)) => {
            let mut first = std::mem::take(before).into_iter();
            before.extend(after.into_iter().map(|item| match first.next() {
                Some(mut filled) => {
                    fill(&mut filled, item);
                    filled
                }
                None => item,
            }));
        }
        // A text that is nothing the second time stays what it was.
        (Value::String(_), Value::Null) => {}
        (before, after) => *before = after,
    }
}
