//! JSON patch, RFC 6902: a list of operations that succeed together or not at all.

mod budget;
mod operation;

use super::{not_json, type_name, undecodable};
use crate::status::{Cause, Details, Reason, Status};
use budget::Budget;
use operation::Operation;
use serde_json::Value;
use std::fmt;

/// Operations that one patch may have.
const MAX_OPERATIONS: usize = 10_000;

/// The live object with the patch applied.
///
/// * Shape: `patch` is a JSON array of operations, applied in order.
/// * Errors: 400 when the patch is not JSON, not an array, or an item is not an operation's shape; 413 for more than
///   10000 operations; 422 when an operation fails, or when together they copy more than 3 MiB, nest too deep or cost
///   too much. The cause tells which operation failed and why.
pub fn apply(live: &Value, patch: &[u8]) -> Result<Value, Status> {
    let operations = decode(patch)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(Status::too_large(format_args!(
            "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
            operations.len()
        )));
    }
    let mut patched = live.clone();
    let mut budget = Budget::default();
    for (index, operation) in operations.into_iter().enumerate() {
        let label = operation.label();
        step(&mut patched, operation, &mut budget).map_err(|failure| failed(index, &label, &failure))?;
    }
    Ok(patched)
}

fn decode(patch: &[u8]) -> Result<Vec<Operation>, Status> {
    match serde_json::from_slice(patch).map_err(|_| not_json())? {
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, item)| {
                Operation::of(item).map_err(|why| undecodable(format_args!("operation {index}: {why}")))
            })
            .collect(),
        other => {
            Err(undecodable(format_args!("a JSON patch is an array of operations, this is {}", type_name(&other))))
        }
    }
}

/// One operation on `patched`, which is abandoned when it fails: no undo is needed.
fn step(patched: &mut Value, operation: Operation, budget: &mut Budget) -> Result<(), Failure> {
    let operation = operation.into_patch_operation()?;
    budget.charge(patched, &operation)?;
    json_patch::patch_unsafe(patched, std::slice::from_ref(&operation))
        .map_err(|error| Failure::new(error.kind.to_string()))
}

/// 422 with upstream's generic text and, where upstream is silent, the cause.
fn failed(index: usize, label: &str, failure: &Failure) -> Status {
    Status::failure(422, Reason::Invalid, "the server rejected our request due to an error in our request")
        .with_details(Details::default())
        .with_cause(Cause {
            reason: "FieldValueInvalid".to_owned(),
            message: format!("{label}: {failure}"),
            field: format!("patch[{index}]"),
        })
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
