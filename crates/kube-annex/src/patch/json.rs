//! JSON patch, RFC 6902: a list of operations that succeed together or not at all.
//!
//! Operations do what upstream's library makes of them, which is more than the RFC says: `replace` sets a member that
//! is not there, an index below zero counts from the end, a missing `value` is `null`.

mod budget;
mod document;
mod operation;

use super::{findings, read, type_name, undecodable};
use crate::decode::{self, MediaType};
use crate::options::FieldValidation;
use crate::status::{Details, Reason, Status};
use budget::Budget;
use operation::Operation;
use serde_json::Value;
use std::fmt;

/// Operations that one patch may have.
const MAX_OPERATIONS: usize = 10_000;

/// A JSON patch that has been read.
#[derive(Clone, Debug)]
pub struct Patch {
    operations: Vec<Operation>,
}

impl Patch {
    /// Reads a JSON patch, and answers it with the members that are written twice or have no meaning.
    ///
    /// * Shape: a JSON array of operations; `null` is none.
    /// * Errors: 400 when the patch is not JSON, not an array, or an item is not an operation's shape, where
    ///   [`FieldValidation::Ignore`] leaves the last to the operation; 413 for more than 10000 operations.
    pub fn decode(patch: &[u8], validation: FieldValidation) -> Result<(Self, Vec<String>), Status> {
        let decoded = read(patch)?;
        let lenient = validation == FieldValidation::Ignore;
        let items = match decoded.value {
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            other => {
                let why = format!("a JSON patch is an array of operations, this is {}", type_name(&other));
                return Err(if lenient { Status::bad_request(why) } else { undecodable(why) });
            }
        };
        let count = items.len();
        let mut found = decoded.duplicates;
        let mut operations = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let (operation, unknown) =
                Operation::of(item, lenient).map_err(|why| undecodable(format_args!("operation {index}: {why}")))?;
            if found.len() + unknown.len() <= decode::MAX_FINDINGS {
                found.extend(unknown.into_iter().map(|name| format!("unknown field \"[{index}].{name}\"")));
            }
            operations.push(operation);
        }
        if count > MAX_OPERATIONS {
            return Err(Status::too_large(format_args!(
                "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {count}"
            )));
        }
        let found = decode::in_document_order(patch, MediaType::Json, findings(validation, found));
        let twice: Vec<String> = found.iter().filter_map(|finding| twice_in_object(finding, &operations)).collect();
        let mut found: Vec<String> = found.into_iter().map(|finding| format!("json patch {finding}")).collect();
        found.extend(twice);
        Ok((Self { operations }, found))
    }

    /// The live object with the operations applied, in order.
    ///
    /// * Errors: 422 when an operation fails, or when together they copy more than 3 MiB, nest too deep or cost too
    ///   much. As upstream, it does not tell which operation, nor why.
    pub fn apply(&self, live: Value) -> Result<Value, Status> {
        self.attempt(live).map_err(|_| {
            Status::failure(422, Reason::Invalid, "the server rejected our request due to an error in our request")
                .with_details(Details::default())
        })
    }

    /// As [`Patch::apply`]; fails with the index of the operation that does not apply, and why.
    pub(super) fn attempt(&self, mut live: Value) -> Result<Value, (usize, String)> {
        let mut budget = Budget::default();
        for (index, operation) in self.operations.iter().enumerate() {
            operation
                .apply(&mut live, &mut budget)
                .map_err(|failure| (index, format!("{}: {failure}", operation.label())))?;
        }
        Ok(live)
    }
}

/// What is written twice in a value is written twice in the object that it is added to: that is told once more.
fn twice_in_object(finding: &str, operations: &[Operation]) -> Option<String> {
    let place = finding.strip_prefix("duplicate field \"[")?.strip_suffix('"')?;
    let (index, place) = place.split_once("].value.")?;
    let target = operations.get(index.parse::<usize>().ok()?)?.member()?;
    Some(format!("duplicate field \"{target}.{place}\""))
}

/// Why an operation does not apply, in words.
#[derive(Debug)]
struct Failure(String);

impl Failure {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
