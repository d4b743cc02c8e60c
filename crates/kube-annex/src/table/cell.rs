//! From a value of an object to a cell of its column's type.

use super::human_duration;
use crate::encode;
use crate::resource::ColumnType;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Number, Value};

/// The value as a cell of that type; null when it is of another. A date becomes its age at `now`.
pub(super) fn convert(r#type: ColumnType, value: &Value, now: Timestamp) -> Value {
    match (r#type, value) {
        (ColumnType::Integer, Value::Number(number)) => integer(number),
        (ColumnType::Number, Value::Number(_)) | (ColumnType::Boolean, Value::Bool(_)) => value.clone(),
        (ColumnType::String, Value::Null) => Value::Null,
        (ColumnType::String, value) => text(value),
        (ColumnType::Date, Value::String(text)) => Value::from(age(text, now)),
        _ => Value::Null,
    }
}

/// When the object was made. Without that, upstream prints the time that its zero stands for.
pub(super) fn created_at(creation_timestamp: Option<&Value>) -> Value {
    match creation_timestamp {
        Some(Value::String(text)) => date(text),
        _ => Value::from("0001-01-01T00:00:00Z"),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the fraction is to be cut off; what is too large saturates")]
fn integer(number: &Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => Value::from(whole),
        (None, Some(float)) => Value::from(float as i64),
        (None, None) => Value::Null,
    }
}

/// A string as it is, all else as upstream prints it: lists and objects as JSON.
fn text(value: &Value) -> Value {
    match value {
        Value::String(_) => value.clone(),
        Value::Number(number) => Value::from(number_text(number)),
        other => {
            let mut json = Vec::new();
            let written = encode::write_json(other, &mut json).ok().and_then(|()| String::from_utf8(json).ok());
            written.map_or(Value::Null, Value::from)
        }
    }
}

/// A number as Go prints it: a float with an exponent when that is below -4 or above 5.
fn number_text(number: &Number) -> String {
    let plain = number.to_string();
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return plain };
    let scientific = format!("{float:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return plain };
    match exponent.parse::<i32>() {
        Ok(-4..=5) => float.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => plain,
    }
}

/// How long ago a time was, for people.
fn age(text: &str, now: Timestamp) -> String {
    if text.is_empty() {
        return "<unknown>".to_owned();
    }
    match text.parse::<Timestamp>() {
        Ok(time) => human_duration(now.duration_since(time)),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// RFC 3339 in UTC, to the second.
fn date(text: &str) -> Value {
    if text.is_empty() {
        return Value::from("<unknown>");
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Value::from(encode::time(time)),
        Err(_) => Value::from("<invalid>"),
    }
}
