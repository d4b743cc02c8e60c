//! Why an apply was refused.

use super::managed::Identity;
use super::path::Path;
use super::set::Set;
use crate::field::quote;
use crate::status::{Cause, Details, Reason, Status};

/// Why an object was not converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// That version is not served; who manages fields in it is forgotten.
    #[error("no corresponding type for {api_version}")]
    NotServed {
        /// The version as `group/version`.
        api_version: String,
    },
    /// The conversion itself failed.
    #[error("{0}")]
    Failed(String),
}

/// Why an apply was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The request itself is wrong: 400.
    #[error("{0}")]
    BadRequest(String),
    /// Other managers own what would change: 409 with a cause for each field.
    #[error("{message}")]
    Conflict {
        /// What is told to people.
        message: String,
        /// Each field and who owns it.
        causes: Vec<Cause>,
    },
    /// The objects do not fit their schema, or were not converted: 500 with this text, as upstream.
    #[error("{0}")]
    Failed(String),
}

impl From<ApplyError> for Status {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::BadRequest(message) => Self::bad_request(message),
            ApplyError::Conflict { message, causes } => {
                let details = Details { causes, ..Details::default() };
                Self::failure(409, Reason::Conflict, message).with_details(details)
            }
            ApplyError::Failed(message) => Self::untyped(message),
        }
    }
}

/// What a manager owns and an apply would change.
#[derive(Debug)]
pub(super) struct Overlap<'a> {
    pub(super) identity: Identity<'a>,
    pub(super) set: Set<'a>,
}

/// The refusal that tells of all overlaps.
pub(super) fn conflict(mut overlaps: Vec<Overlap<'_>>) -> ApplyError {
    overlaps.sort_by_cached_key(|overlap| overlap.identity.sort_key());
    let mut causes: Vec<Cause> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for Overlap { identity, set } in &overlaps {
        let manager = name(identity);
        lines.push(format!("conflicts with {manager}:"));
        set.for_each(&mut |path| {
            let field = Path(path).to_string();
            lines.push(format!("- {field}"));
            let message = format!("conflict with {manager}");
            causes.push(Cause { reason: "FieldManagerConflict".to_owned(), message, field });
        });
    }
    let message = match causes.as_slice() {
        [Cause { message, field, .. }] => format!("Apply failed with 1 conflict: {message}: {field}"),
        causes => format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n")),
    };
    ApplyError::Conflict { message, causes }
}

fn name(identity: &Identity<'_>) -> String {
    let mut name = quote(&identity.manager);
    if !identity.subresource.is_empty() {
        name = format!("{name} with subresource {}", quote(&identity.subresource));
    }
    if !identity.applies {
        name = format!("{name} using {}", identity.api_version);
    }
    name
}
