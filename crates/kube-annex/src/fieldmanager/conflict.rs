//! Why an apply was refused.

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
