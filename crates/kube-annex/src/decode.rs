//! Request bodies: from JSON or YAML bytes to a tree, and from a tree to the type.
//!
//! Nothing is lost silently: fields that are written twice and fields that the type does not know are findings, and
//! [`FieldValidation`] decides what becomes of them.

mod fields;
mod json;
mod kind;
mod scalar;
mod typed;
mod yaml;

#[cfg(test)]
mod tests;

pub use fields::Fields;
pub use kind::{check_type, refusal};
pub use typed::typed;

use crate::options::FieldValidation;
use crate::resource::AggregatedResource;
use crate::status::Status;
use serde_json::Value;

/// The most findings told of one body.
pub const MAX_FINDINGS: usize = 100;

/// The deepest nesting of a body.
pub const MAX_DEPTH: usize = 127;

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Media {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
}

/// A body as a tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The tree. Of a key that is written twice, the last value.
    pub value: Value,
    /// What is written twice, as upstream says it: `duplicate field "spec.foo"`, or of YAML `line 3: key "foo" already
    /// set in map`. At most [`MAX_FINDINGS`], each once.
    pub duplicates: Vec<String>,
}

/// Why a body cannot be read. The text is for the client.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl DecodeError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Reads one document.
///
/// * Errors: [`DecodeError`] when the bytes are not one whole document, nest deeper than [`MAX_DEPTH`], or (YAML) expand
///   beyond measure.
pub fn decode(bytes: &[u8], media: Media) -> Result<Decoded, DecodeError> {
    match media {
        Media::Json => json::decode(bytes),
        Media::Yaml => yaml::decode(bytes),
    }
}

/// Reads the body of a create or update as an object of `R`, and answers it with the warnings to send along.
///
/// * Shape: absent `kind` and `apiVersion` are those of `R`. `fields` are the fields of `R`; see [`Fields::of`].
/// * Errors: 400 in upstream's words when the body cannot be read, is of another kind, or (`Strict`) has findings.
pub fn object<R: AggregatedResource>(
    body: &[u8],
    media: Media,
    fields: &Fields,
    validation: FieldValidation,
) -> Result<(R, Vec<String>), Status> {
    let expected = R::DESCRIPTOR.gvk();
    let Decoded { mut value, duplicates } =
        decode(body, media).map_err(|error| kind::unrecognized(&expected, &error, body))?;
    check_type(&mut value, &expected, body)?;
    let (object, unknown) = typed::<R>(value, fields).map_err(|error| refusal(&expected, &error))?;
    let findings = findings(duplicates, unknown);
    match validation {
        FieldValidation::Ignore => Ok((object, Vec::new())),
        FieldValidation::Warn => Ok((object, findings)),
        FieldValidation::Strict if findings.is_empty() => Ok((object, findings)),
        FieldValidation::Strict => Err(refusal(&expected, &strict_error(&findings))),
    }
}

/// Duplicates, then unknown fields as `unknown field "spec.foo"`: what is warned of, or refused when strict.
pub fn findings(duplicates: Vec<String>, unknown: Vec<String>) -> Vec<String> {
    let unknown = unknown.into_iter().map(|path| format!("unknown field {}", crate::field::quote(&path)));
    duplicates.into_iter().chain(unknown).take(MAX_FINDINGS).collect()
}

/// What a strict decoding with findings fails with.
pub fn strict_error(findings: &[String]) -> DecodeError {
    DecodeError(format!("strict decoding error: {}", findings.join(", ")))
}

/// Remembers findings, each once and not too many.
#[derive(Debug, Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, finding: String) {
        if self.0.len() < MAX_FINDINGS && !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}

/// Where in a tree a walk is, without an allocation on the way.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Key(&'p Self, &'p str),
    Index(&'p Self, usize),
}

impl std::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => f.write_str(key),
            Self::Key(parent, key) => write!(f, "{parent}.{key}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}
