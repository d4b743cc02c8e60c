//! Request bodies: from JSON or YAML bytes to a tree, and from a tree to the type.
//!
//! Nothing is lost silently: fields that are written twice and fields that the type does not know are findings, and
//! [`FieldValidation`] decides what becomes of them.

mod fields;
mod json;
mod kind;
mod order;
mod protobuf;
mod repair;
mod scalar;
mod typed;
mod yaml;

#[cfg(test)]
mod tests;

pub use fields::KnownFields;
pub use kind::Mismatch;
pub use kind::check_type;
pub use kind::describe;
pub(crate) use kind::{group_version, type_text};
pub use order::{in_declared_order, in_document_order};
pub(crate) use protobuf::open;
pub(crate) use typed::misfit;
pub use typed::{applied, declared, other, stored, typed};

use crate::gvk::GroupVersionKind;
use crate::options::FieldValidation;
use crate::resource::AggregatedResource;
use crate::status::Status;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

/// The most findings told of one body.
pub const MAX_FINDINGS: usize = 100;

/// The deepest nesting of a body.
pub const MAX_DEPTH: usize = 127;

/// How a body is written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum MediaType {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
    /// `application/vnd.kubernetes.protobuf`.
    Protobuf,
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
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not a document, or not an object that tells its kind.
    #[error("{0}")]
    Unrecognized(String),
    /// The object does not fit its type.
    #[error("{0}")]
    Misfit(String),
    /// The object violates what its type declares.
    #[error("{}", crate::field::aggregate(errors))]
    Invalid {
        /// The object's metadata, not judged yet.
        metadata: Box<ObjectMeta>,
        /// Every violation, of metadata none.
        errors: crate::field::ErrorList,
    },
}

impl DecodeError {
    /// 400 in upstream's words, 422 for violations. `body` is what was sent; its beginning is repeated when it is not recognizable.
    pub fn into_status(self, expected: &GroupVersionKind, body: &[u8]) -> Status {
        match self {
            Self::Unrecognized(_) => kind::unrecognized(expected, &self, body),
            Self::Misfit(_) => kind::cannot_handle(expected, expected, &self),
            Self::Invalid { metadata, errors } => {
                Status::invalid(&expected.group, &expected.kind, metadata.name.as_deref().unwrap_or_default(), &errors)
            }
        }
    }
}

/// Reads one document.
///
/// * Errors: [`DecodeError`] when the bytes are not one whole document, nest deeper than [`MAX_DEPTH`], or (YAML) expand
///   beyond measure; always for protobuf, which says nothing to those who do not know its kind: see [`body`].
pub fn decode(bytes: &[u8], media: MediaType) -> Result<Decoded, DecodeError> {
    match media {
        MediaType::Json => json::decode(bytes, false),
        MediaType::Yaml => yaml::decode(bytes),
        MediaType::Protobuf => {
            let kind = open(bytes)?.kind;
            Err(DecodeError::Misfit(crate::protobuf::no_form(kind)))
        }
    }
}

/// Reads one document of a kind: its tree, with its type filled in, and what is written twice. `versions` are all in which
/// the kind is served.
///
/// * Errors: 400 when it cannot be read, is of another kind or version, or of a kind that has no such form.
pub fn body(bytes: &[u8], media: MediaType, expected: &GroupVersionKind, versions: &[&str]) -> Result<Decoded, Status> {
    if media == MediaType::Protobuf {
        return protobuf::body(bytes, expected);
    }
    let decoded = if media == MediaType::Json { json::decode(bytes, true) } else { decode(bytes, media) };
    let mut decoded = decoded.map_err(|error| error.into_status(expected, bytes))?;
    check_type(&mut decoded.value, expected, versions).map_err(|other| other.into_status(expected, bytes))?;
    Ok(decoded)
}

/// Reads the body of a create or update as an object of `R`, and answers it with the warnings to send along.
///
/// * Shape: absent `kind` and `apiVersion` are those of `R`. `fields` are the fields of `R`; see [`KnownFields::of`].
/// * Errors: 400 in upstream's words when the body cannot be read, is of another kind, or (`Strict`) has findings.
pub fn object<R: AggregatedResource>(
    body: &[u8],
    media: MediaType,
    fields: &KnownFields,
    validation: FieldValidation,
) -> Result<(R, Vec<String>), Status> {
    let expected = R::DESCRIPTOR.gvk();
    let refused = |error: DecodeError| error.into_status(&expected, body);
    let Decoded { value, duplicates: mut findings } = self::body(body, media, &expected, &[])?;
    let (object, unknown) = typed::<R>(value, fields).map_err(refused)?;
    findings.extend(unknown);
    let findings = in_document_order(body, media, findings);
    match validation {
        FieldValidation::Ignore => Ok((object, Vec::new())),
        FieldValidation::Warn => Ok((object, findings)),
        FieldValidation::Strict if findings.is_empty() => Ok((object, findings)),
        FieldValidation::Strict => Err(refused(strict_error(&findings))),
    }
}

/// What a strict decoding with findings fails with.
pub fn strict_error(findings: &[String]) -> DecodeError {
    DecodeError::Misfit(format!("strict decoding error: {}", findings.join(", ")))
}

/// Remembers findings, each once and not too many. A path may be as long as the body, and every key below it may be a
/// finding: the bytes of all texts, told and repeated, are bounded too.
#[derive(Debug, Default)]
struct Findings {
    told: Vec<String>,
    written: usize,
}

impl Findings {
    fn add(&mut self, finding: impl FnOnce() -> String) {
        if self.told.len() >= MAX_FINDINGS || self.written >= MAX_WRITTEN {
            return;
        }
        let finding = finding();
        self.written += finding.len();
        if self.written < MAX_WRITTEN && !self.told.contains(&finding) {
            self.told.push(finding);
        }
    }
}

/// Bytes of all findings.
const MAX_WRITTEN: usize = 4 << 20;

/// Where in a tree a walk is, without an allocation on the way.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Key(&'p Self, &'p str),
    Index(&'p Self, usize),
}

impl Place<'_> {
    /// Whether it is below the metadata of the object.
    fn is_in_metadata(&self) -> bool {
        match self {
            Self::Root => false,
            Self::Key(Self::Root, key) => *key == "metadata",
            Self::Key(parent, _) | Self::Index(parent, _) => parent.is_in_metadata(),
        }
    }
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
