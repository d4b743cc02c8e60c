//! Where in an object something is wrong, and what. Upstream's `field.Error` and `field.Path`.

use crate::status::Cause;
use serde_json::Value;
use std::collections::HashSet;
use std::fmt;

/// Every violation found, in the order found.
pub type ErrorList = Vec<Error>;

/// A place in an object: `spec.ports[0].name`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(String);

impl Path {
    /// A path of one field.
    pub fn new(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The field of that name below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self::new(name) } else { Self(format!("{}.{name}", self.0)) }
    }

    /// The list item at that index.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The map entry of that key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of violation it is. The wire spells it as the cause's reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorType {
    /// The value breaks a rule.
    Invalid,
    /// The value is missing.
    Required,
    /// The value is not one of a fixed set.
    NotSupported,
    /// The value must be unique and is not.
    Duplicate,
    /// What the value refers to does not exist.
    NotFound,
    /// The value may not be set here.
    Forbidden,
    /// The value has too many bytes.
    TooLong,
    /// The value has too few bytes.
    TooShort,
    /// The list has too many items.
    TooMany,
    /// The list has too few items.
    TooFew,
    /// The value has the wrong JSON type.
    TypeInvalid,
    /// The server failed.
    Internal,
}

/// One violation: what, where, and the value that caused it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    /// What kind of violation.
    pub r#type: ErrorType,
    /// Where.
    pub field: String,
    /// The offending value; `Null` where there is none to show.
    pub bad_value: Value,
    /// Why, in words.
    pub detail: String,
}

impl Error {
    /// The value breaks a rule.
    pub fn invalid(field: &Path, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Invalid, field, value.into(), detail.into())
    }

    /// The value is missing.
    pub fn required(field: &Path, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Required, field, Value::String(String::new()), detail.into())
    }

    /// The value is not one of `supported`.
    pub fn not_supported(field: &Path, value: impl Into<Value>, supported: &[&str]) -> Self {
        let quoted: Vec<String> = supported.iter().map(|value| quote(value)).collect();
        let detail = if quoted.is_empty() { String::new() } else { format!("supported values: {}", quoted.join(", ")) };
        Self::of(ErrorType::NotSupported, field, value.into(), detail)
    }

    /// The value must be unique and is not.
    pub fn duplicate(field: &Path, value: impl Into<Value>) -> Self {
        Self::of(ErrorType::Duplicate, field, value.into(), String::new())
    }

    /// The value may not be set here.
    pub fn forbidden(field: &Path, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::Forbidden, field, Value::String(String::new()), detail.into())
    }

    /// The value has more than `max` bytes. The value itself is not repeated.
    pub fn too_long(field: &Path, max: usize) -> Self {
        Self::of(ErrorType::TooLong, field, Value::Null, format!("may not be more than {max} bytes"))
    }

    /// The list has `actual` items, more than `max`.
    pub fn too_many(field: &Path, actual: usize, max: usize) -> Self {
        Self::of(ErrorType::TooMany, field, Value::from(actual), format!("must have at most {max} items"))
    }

    /// The list has `actual` items, fewer than `min`.
    pub fn too_few(field: &Path, actual: usize, min: usize) -> Self {
        Self::of(ErrorType::TooFew, field, Value::from(actual), format!("must have at least {min} items"))
    }

    /// What the value refers to does not exist.
    pub fn not_found(field: &Path, value: impl Into<Value>) -> Self {
        Self::of(ErrorType::NotFound, field, value.into(), String::new())
    }

    /// The value has the wrong JSON type.
    pub fn type_invalid(field: &Path, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::of(ErrorType::TypeInvalid, field, value.into(), detail.into())
    }

    /// The server failed while it judged the value.
    pub fn internal(field: &Path, why: impl fmt::Display) -> Self {
        Self::of(ErrorType::Internal, field, Value::Null, why.to_string())
    }

    fn of(r#type: ErrorType, field: &Path, bad_value: Value, detail: String) -> Self {
        Self { r#type, field: field.to_string(), bad_value, detail }
    }

    /// The error without its field: `Invalid value: "x": why`.
    pub fn body(&self) -> String {
        let head = match self.r#type {
            ErrorType::Required => "Required value".to_owned(),
            ErrorType::Forbidden => "Forbidden".to_owned(),
            ErrorType::TooLong => "Too long".to_owned(),
            ErrorType::TooShort => "Too short".to_owned(),
            ErrorType::Internal => "Internal error".to_owned(),
            ErrorType::Invalid | ErrorType::TypeInvalid => format!("Invalid value: {}", show(&self.bad_value)),
            ErrorType::NotSupported => format!("Unsupported value: {}", show(&self.bad_value)),
            ErrorType::Duplicate => format!("Duplicate value: {}", show(&self.bad_value)),
            ErrorType::NotFound => format!("Not found: {}", show(&self.bad_value)),
            ErrorType::TooMany => format!("Too many: {}", show(&self.bad_value)),
            ErrorType::TooFew => format!("Too few: {}", show(&self.bad_value)),
        };
        if self.detail.is_empty() { head } else { format!("{head}: {}", self.detail) }
    }

    /// The error as a cause of a `Status`.
    pub fn cause(&self) -> Cause {
        let reason = match self.r#type {
            ErrorType::Invalid => "FieldValueInvalid",
            ErrorType::Required => "FieldValueRequired",
            ErrorType::NotSupported => "FieldValueNotSupported",
            ErrorType::Duplicate => "FieldValueDuplicate",
            ErrorType::NotFound => "FieldValueNotFound",
            ErrorType::Forbidden => "FieldValueForbidden",
            ErrorType::TooLong => "FieldValueTooLong",
            ErrorType::TooShort => "FieldValueTooShort",
            ErrorType::TooMany => "FieldValueTooMany",
            ErrorType::TooFew => "FieldValueTooFew",
            ErrorType::TypeInvalid => "FieldValueTypeInvalid",
            ErrorType::Internal => "InternalError",
        };
        Cause { reason: reason.to_owned(), message: self.body(), field: self.field.clone() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

impl std::error::Error for Error {}

/// Several errors as upstream prints them: one verbatim, more as `[a, b]` without textual repetition.
pub fn aggregate(errors: &[Error]) -> String {
    let texts: Vec<String> = errors.iter().map(Error::to_string).collect();
    let mut told = HashSet::with_capacity(texts.len());
    let distinct: Vec<&str> = texts.iter().map(String::as_str).filter(|text| told.insert(*text)).collect();
    if let [only] = distinct[..] { only.to_owned() } else { format!("[{}]", distinct.join(", ")) }
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        // As Go prints a float: without a point where it is whole.
        Value::Number(number) if number.is_f64() => go_float(number.as_f64().unwrap_or_default()),
        other => other.to_string(),
    }
}

/// A float as Go prints it: the shortest digits, with an exponent below 1e-4 and from 1e21 on.
pub(crate) fn go_float(number: f64) -> String {
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(("+", exponent), |rest| ("-", rest));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{number}")
}

/// Quotes as Go's `%q` does: double quotes, backslash escapes, what cannot be printed escaped.
pub fn quote(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c if is_printable(c) => out.push(c),
            c if (c as u32) < 0x1_0000 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\U{:08x}", c as u32);
            }
        }
    }
    out.push('"');
    out
}

/// Whether Go prints a character as itself. That is what the standard library shows unescaped when it debugs text, except
/// that it escapes single quotes, and a mark at the beginning, where there is nothing to combine it with.
pub(crate) fn is_printable(character: char) -> bool {
    character == '\'' || String::from_iter(['a', character]).escape_debug().nth(1) == Some(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn om_2_each_violation_is_worded_as_upstream_words_it() {
        let path = Path::new("spec").child("ports").index(0).key("a");
        let cases = [
            (Error::invalid(&path, "x\"y", "why"), r#"Invalid value: "x\"y": why"#, "FieldValueInvalid"),
            (
                Error::invalid(&path, json!({"a": [1, true]}), "why"),
                r#"Invalid value: {"a":[1,true]}: why"#,
                "FieldValueInvalid",
            ),
            (Error::required(&path, ""), "Required value", "FieldValueRequired"),
            (Error::required(&path, "why"), "Required value: why", "FieldValueRequired"),
            (
                Error::not_supported(&path, "z", &["a", "b"]),
                r#"Unsupported value: "z": supported values: "a", "b""#,
                "FieldValueNotSupported",
            ),
            (Error::duplicate(&path, 3), "Duplicate value: 3", "FieldValueDuplicate"),
            (Error::not_found(&path, "z"), r#"Not found: "z""#, "FieldValueNotFound"),
            (Error::forbidden(&path, "why"), "Forbidden: why", "FieldValueForbidden"),
            (Error::too_long(&path, 5), "Too long: may not be more than 5 bytes", "FieldValueTooLong"),
            (Error::too_many(&path, 7, 5), "Too many: 7: must have at most 5 items", "FieldValueTooMany"),
            (Error::too_few(&path, 1, 2), "Too few: 1: must have at least 2 items", "FieldValueTooFew"),
            (Error::type_invalid(&path, true, "why"), "Invalid value: true: why", "FieldValueTypeInvalid"),
            (Error::internal(&path, "why"), "Internal error: why", "InternalError"),
        ];
        for (error, message, reason) in cases {
            let cause = error.cause();
            assert_eq!((cause.message.as_str(), cause.reason.as_str()), (message, reason));
            assert_eq!(cause.field, "spec.ports[0][a]");
            assert_eq!(error.to_string(), format!("spec.ports[0][a]: {message}"));
        }
    }

    #[test]
    fn om_3_several_violations_are_listed_without_repetition() {
        let (a, b) = (Error::required(&Path::new("a"), ""), Error::required(&Path::new("b"), ""));
        assert_eq!(aggregate(&[a.clone(), a.clone()]), "a: Required value");
        assert_eq!(aggregate(&[a.clone(), b, a]), "[a: Required value, b: Required value]");
    }

    #[test]
    fn text_is_quoted_as_go_quotes_it() {
        let text = "a'\"\\\n\t\u{7}\u{1}\u{7f}\u{85}\u{a0}\u{200b}\u{feff}\u{e0001}\u{e9} e\u{301}😀";
        let quoted = r#""a'\"\\\n\t\a\x01\x7f\u0085\u00a0\u200b\ufeff\U000e0001"#.to_owned() + "\u{e9} e\u{301}😀\"";
        assert_eq!(quote(text), quoted);
    }
}
