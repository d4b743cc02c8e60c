//! Parsers and functions of objects without a server around them: a hundred inputs in the time of one request.

pub(crate) mod body;
pub(crate) mod fields;
pub(crate) mod patch;
pub(crate) mod protobuf;
pub(crate) mod text;
pub(crate) mod token;

use kube_annex::decode::{self, MediaType};
use kube_annex::encode;
use serde_json::Value;

/// A tree as the server writes it.
fn written(tree: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode::write_json(tree, &mut bytes).expect("a tree is always written");
    bytes
}

/// What is written can be read, and is written alike again. The number 1000.0 is written as 1000, and read as that.
fn assert_readable(tree: &Value) {
    let bytes = written(tree);
    let read = decode::decode(&bytes, MediaType::Json);
    let same = read.as_ref().is_ok_and(|read| written(&read.value) == bytes && read.duplicates.is_empty());
    assert!(same, "{tree} is read as {read:?}");
}
