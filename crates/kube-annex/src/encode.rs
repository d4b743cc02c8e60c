//! Objects as compact JSON, byte for byte in the order and with the escapes of upstream's typed encoder.
//!
//! An object is written in one pass: `kind`, `apiVersion`, `metadata`, then the type's other fields as declared. No
//! tree is built on the way.

mod go_json;
mod meta;
mod number;
mod stored;
#[cfg(test)]
mod tests;
mod top;

pub use go_json::write_json;
pub use stored::{Malformed, Stored, with_resource_version};

use crate::resource::AggregatedResource;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use meta::GoObjectMeta;
use serde::Serialize;
use serde_json::Value;
use std::fmt::Display;

/// The API version of `PartialObjectMetadata` and `Table`.
pub const META_API_VERSION: &str = "meta.k8s.io/v1";

/// An object that its type's `Serialize` could not turn into a JSON object.
#[derive(Debug, thiserror::Error)]
#[error("the object could not be written as JSON")]
pub struct Error(#[from] serde_json::Error);

/// A moment as every object's metadata tells it: RFC 3339 in UTC, to the second.
pub(crate) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The object as a JSON tree with `apiVersion` and `kind`.
///
/// * Shape: what [`write_object`] writes, parsed; keys are sorted.
/// * Errors: [`Error`] when the type's own `Serialize` fails or does not write an object.
pub fn to_value<R: AggregatedResource>(object: &R) -> Result<Value, Error> {
    let mut bytes = Vec::new();
    write_object(object, &mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// The whole number at a path such as `.spec.replicas`, with nothing written but what is on the way to it.
///
/// * Shape: none where [`to_value`] has nothing, or something else. Metadata is as the type itself writes it.
/// * Errors: [`Error`] when the type's own `Serialize` fails.
pub fn number_at<R: AggregatedResource>(object: &R, path: &str) -> Result<Option<i64>, Error> {
    let path: Vec<&str> = path.trim_start_matches('.').split('.').collect();
    Ok(number::at(object, &path)?)
}

/// Appends the object as compact JSON in upstream's key order.
///
/// * Shape: `kind`, `apiVersion`, `metadata`, then the struct's other fields in declaration order; `<`, `>`, `&`,
///   U+2028 and U+2029 are escaped as upstream escapes them. Empty metadata fields are left out.
/// * Errors: [`Error`] when the type's own `Serialize` fails or does not write an object; `out` is then as before.
pub fn write_object<R: AggregatedResource>(object: &R, out: &mut Vec<u8>) -> Result<(), Error> {
    let head = top::Head {
        kind: R::DESCRIPTOR.kind,
        api_version: ApiVersion(R::DESCRIPTOR.group, R::DESCRIPTOR.version),
        metadata: GoObjectMeta(object.metadata()),
    };
    let before = out.len();
    go_json::with_serializer(out, |serializer| object.serialize(top::Top::new(serializer, &head)))
        .inspect_err(|_| out.truncate(before))?;
    Ok(())
}

/// Appends metadata as compact JSON in upstream's key order, empty fields left out.
pub fn write_metadata(metadata: &ObjectMeta, out: &mut Vec<u8>) {
    // Only types of our own are written into memory here: strings, numbers and string-keyed maps, which cannot fail.
    let _ = write_json(&GoObjectMeta(metadata), out);
}

/// Appends a `PartialObjectMetadata`: the metadata and nothing else of an object. `api_version` is
/// [`META_API_VERSION`], or `meta.k8s.io/v1beta1` for a client that asked for that.
pub fn write_partial_object_metadata(api_version: &str, metadata: &ObjectMeta, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":");
    let _ = write_json(api_version, out);
    out.extend_from_slice(b",\"metadata\":");
    write_metadata(metadata, out);
    out.push(b'}');
}

/// `group/version` without building the text first.
#[derive(Clone, Copy)]
struct ApiVersion(&'static str, &'static str);

impl Serialize for ApiVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Display for ApiVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { f.write_str(self.1) } else { write!(f, "{}/{}", self.0, self.1) }
    }
}
