//! Whether a body is of the kind that its URL says, and upstream's words when it is not.

use super::DecodeError;
use crate::gvk::{GroupVersion, GroupVersionKind};
use crate::status::Status;
use serde_json::{Map, Value};
use std::fmt;
use std::fmt::Write as _;

/// How much of a body is repeated to the client that sent it.
const SUMMARY: usize = 30;

/// Why a tree is not of the kind that is expected. Its text is upstream's, without what a status tells around it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is not even an object with a kind.
    #[error("{0}")]
    Unrecognized(String),
    /// It is of another kind, or of a version that nobody serves.
    #[error("{why}")]
    OtherKind {
        /// What it says it is.
        says: GroupVersionKind,
        /// What is wrong with that.
        why: String,
    },
    /// It is of another version that is served.
    #[error("the API version in the data ({says}) does not match the expected API version ({expected})")]
    OtherVersion {
        /// The version that it says.
        says: GroupVersion,
        /// The version of the URL.
        expected: GroupVersion,
    },
}

impl Mismatch {
    /// 400 in upstream's words. `body` is what was sent.
    pub fn into_status(self, expected: &GroupVersionKind, body: &[u8]) -> Status {
        match self {
            Self::Unrecognized(why) => unrecognized(expected, &DecodeError::Unrecognized(why), body),
            Self::OtherKind { says, why } => cannot_handle(&says, expected, &DecodeError::Misfit(why)),
            Self::OtherVersion { .. } => Status::bad_request(self.to_string()),
        }
    }
}

/// Checks that a tree is an object of the expected kind and version; what it does not say is filled in.
///
/// * Shape: `null` becomes an empty object. `versions` are all in which the kind is served.
/// * Errors: the tree is no object, or of another kind, or of another version.
pub fn check_type(value: &mut Value, expected: &GroupVersionKind, versions: &[&str]) -> Result<(), Mismatch> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let actual = interpret(value, expected)?;
    let is_known = actual.version == expected.version || versions.contains(&actual.version.as_str());
    if actual.group != expected.group || actual.kind != expected.kind || !is_known {
        let version = actual.group_version();
        let why = format!("no kind {:?} is registered for version {:?}", actual.kind, version.to_string());
        return Err(Mismatch::OtherKind { says: actual, why });
    }
    if actual.version != expected.version {
        return Err(Mismatch::OtherVersion { says: actual.group_version(), expected: expected.group_version() });
    }
    if let Value::Object(map) = value {
        map.insert("apiVersion".into(), expected.group_version().to_string().into());
        map.insert("kind".into(), expected.kind.clone().into());
    }
    Ok(())
}

/// 400: the body has a kind, but is no object that the URL takes.
pub(super) fn cannot_handle(actual: &GroupVersionKind, expected: &GroupVersionKind, error: &DecodeError) -> Status {
    let (kind, version, wanted) = (&actual.kind, crate::field::quote(&actual.version), &expected.kind);
    Status::bad_request(format!("{kind} in version {version} cannot be handled as a {wanted}: {error}"))
}

/// 400: the body is not even an object with a kind.
pub(super) fn unrecognized(expected: &GroupVersionKind, error: &DecodeError, body: &[u8]) -> Status {
    let (kind, summary) = (&expected.kind, Summary(body));
    Status::bad_request(format!("the object provided is unrecognized (must be of type {kind}): {error} ({summary})"))
}

/// The kind that a tree says it is, completed by the expected one.
fn interpret(value: &Value, expected: &GroupVersionKind) -> Result<GroupVersionKind, Mismatch> {
    let Value::Object(map) = value else {
        return Err(parse_error(format_args!("expected an object, found {}", describe(value))));
    };
    let kind = type_text(map, "kind")?;
    let api_version = type_text(map, "apiVersion")?;
    let mut version = group_version(api_version)?;
    if version.version.is_empty() && (version.group.is_empty() || version.group == expected.group) {
        version = expected.group_version();
    }
    let kind = if kind.is_empty() { &expected.kind } else { kind };
    Ok(GroupVersionKind::new(version.group, version.version, kind))
}

/// Reads what a body says of its version.
pub(crate) fn group_version(api_version: &str) -> Result<GroupVersion, Mismatch> {
    GroupVersion::parse(api_version)
        .ok_or_else(|| Mismatch::Unrecognized(format!("unexpected GroupVersion string: {api_version}")))
}

/// The text of `kind` or `apiVersion`. As upstream, which reads these two before anything else and whichever way their
/// names are capitalized, though no object has a field of such a name.
pub(crate) fn type_text<'a>(map: &'a Map<String, Value>, key: &str) -> Result<&'a str, Mismatch> {
    let mut found = "";
    for (_, value) in map.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key)) {
        match value {
            Value::Null => {}
            Value::String(text) => found = text,
            other => return Err(parse_error(format_args!("{key}: expected a string, found {}", describe(other)))),
        }
    }
    Ok(found)
}

fn parse_error(why: fmt::Arguments<'_>) -> Mismatch {
    Mismatch::Unrecognized(format!("couldn't get version/kind; json parse error: {why}"))
}

/// What a value is, in the words of JSON: `a string`, `null`.
pub fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The beginning of a body: as text when it looks like JSON, else in hexadecimal.
struct Summary<'a>(&'a [u8]);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("<empty>");
        }
        let shown = self.0.get(..SUMMARY).unwrap_or(self.0);
        if self.0.starts_with(b"{") {
            f.write_str(&String::from_utf8_lossy(shown))?;
        } else {
            let mut hexadecimal = String::with_capacity(shown.len() * 2);
            for byte in shown {
                write!(hexadecimal, "{byte:02x}")?;
            }
            f.write_str(&hexadecimal)?;
        }
        if shown.len() < self.0.len() { f.write_str(" ...") } else { Ok(()) }
    }
}
