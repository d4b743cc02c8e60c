//! Where in an object something is wrong, and what. Upstream's `field.Error` and `field.Path`.

use crate::status::Cause;
use serde_json::Value;
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
    /// The list has too many items.
    TooMany,
    /// The value has the wrong JSON type.
    TypeInvalid,
    /// The server failed.
    Internal,
}

/// One violation: what, where, and the value that caused it.
#[derive(Clone, Debug, PartialEq)]
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

    fn of(r#type: ErrorType, field: &Path, bad_value: Value, detail: String) -> Self {
        Self { r#type, field: field.to_string(), bad_value, detail }
    }

    /// The error without its field: `Invalid value: "x": why`.
    pub fn body(&self) -> String {
        let head = match self.r#type {
            ErrorType::Required => "Required value".to_owned(),
            ErrorType::Forbidden => "Forbidden".to_owned(),
            ErrorType::TooLong => "Too long".to_owned(),
            ErrorType::Internal => "Internal error".to_owned(),
            ErrorType::Invalid | ErrorType::TypeInvalid => format!("Invalid value: {}", show(&self.bad_value)),
            ErrorType::NotSupported => format!("Unsupported value: {}", show(&self.bad_value)),
            ErrorType::Duplicate => format!("Duplicate value: {}", show(&self.bad_value)),
            ErrorType::NotFound => format!("Not found: {}", show(&self.bad_value)),
            ErrorType::TooMany => format!("Too many: {}", show(&self.bad_value)),
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
            ErrorType::TooMany => "FieldValueTooMany",
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
    let mut texts: Vec<String> = Vec::with_capacity(errors.len());
    for error in errors {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    if texts.len() == 1 { texts.swap_remove(0) } else { format!("[{}]", texts.join(", ")) }
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        other => other.to_string(),
    }
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
            c if c.is_control() || (c.is_whitespace() && c != ' ') || c == '\u{feff}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
