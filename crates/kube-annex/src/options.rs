//! The parameters of each verb: read from the query or the body, and valid.
//!
//! Each `parse` function takes the query as sent, without the question mark. Unknown parameters are ignored, and of a
//! parameter that is repeated the first counts. They refuse with a [`Status`]: 400 for what cannot be
//! read, 422 with every violation for what must not be.

mod delete;
pub mod query;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use delete::{DeleteOptions, Preconditions};
pub use read::{GetOptions, ListOptions};
pub use write::{
    CreateOptions, FieldValidation, PatchOptions, UpdateOptions, manager_of_user_agent, validate_field_manager,
};

use crate::Status;
use crate::field::{Error, ErrorList, Path};

/// 422 for options of that kind, unless there is nothing to complain about.
fn refuse_if_any(kind: &str, errors: &[Error]) -> Result<(), Status> {
    if errors.is_empty() { Ok(()) } else { Err(Status::invalid("meta.k8s.io", kind, "", errors)) }
}

/// What is wrong with the values of `dryRun`.
fn validate_dry_run(values: &[String]) -> ErrorList {
    if values.iter().all(|value| value == DRY_RUN_ALL) {
        return ErrorList::new();
    }
    vec![Error::not_supported(&Path::new("dryRun"), values.to_vec(), &[DRY_RUN_ALL])]
}

/// The one value of `dryRun`: every stage runs, and nothing is kept.
const DRY_RUN_ALL: &str = "All";
