//! A value of another JSON type than the schema says, as a violation in the words of custom resources.

use super::expected;
use crate::field::{Error, ErrorList, Path};
use crate::schema::model::{IntegerFormat, NumberFormat, Shape};
use serde_json::Value;

/// What is told of such a value.
///
/// * Source: the type validator of `k8s.io/kube-openapi`: where a format is declared, it stands for the type unless the
///   value is a text or a list.
pub(super) fn misfit(shape: &Shape, value: &Value, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    let format = format_of(shape).filter(|_| !matches!(value, Value::Null | Value::String(_) | Value::Array(_)));
    let (wanted, found) = match format {
        Some(format) => (format, format_of_value(value)),
        None => (type_of(shape), type_of_value(value)),
    };
    if let (Shape::Integer(_), Some(format), Value::Number(number)) = (shape, format, value) {
        let why = format!("Checked value must be of type integer with format {format} in {path}");
        errors.push(Error::invalid(path, Value::Number(number.clone()), why));
    }
    let why = format!("{path} in body must be of type {wanted}: {}", crate::field::quote(found));
    errors.push(Error::type_invalid(path, found, why));
    errors
}

fn type_of(shape: &Shape) -> &'static str {
    match shape {
        Shape::Boolean => "boolean",
        Shape::Integer(_) => "integer",
        Shape::Number(_) => "number",
        Shape::String(_) => "string",
        Shape::IntOrString | Shape::Quantity => "integer,string",
        Shape::Array(_) => "array",
        Shape::Map(_) | Shape::Object(_) => "object",
        Shape::Any | Shape::Reference(_) => expected(shape),
    }
}

fn format_of(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Integer(rules) => rules.format.map(IntegerFormat::as_str),
        Shape::Number(rules) => rules.format.map(NumberFormat::as_str),
        Shape::String(rules) => rules.format.as_deref(),
        _ => None,
    }
}

fn type_of_value(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn format_of_value(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int64",
        _ => "",
    }
}
