//! The error a client sees, and the answer of a deletion.

use crate::field;
use crate::gvk::{GroupResource, GroupVersionKind};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Upstream's `metav1.Status`: the only error on the wire. Its fields are in upstream's order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// Always `Status`.
    pub kind: String,
    /// Always `v1`.
    #[serde(rename = "apiVersion")]
    pub api_version: String,
    /// Empty, but for the continue token of an expired list.
    #[serde(default)]
    pub metadata: StatusMetadata,
    /// `Success` or `Failure`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What happened, for programs.
    #[serde(default, skip_serializing_if = "Reason::is_unknown")]
    pub reason: Reason,
    /// What it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    /// The HTTP status code; 0 where upstream leaves it out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub code: u16,
}

/// The metadata of a `Status`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct StatusMetadata {
    /// A token with which an expired list can be continued, inconsistently.
    #[serde(rename = "continue", default, skip_serializing_if = "String::is_empty")]
    pub continue_token: String,
}

/// What a `Status` is about.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Details {
    /// The object's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The API group.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The plural resource; the kind only where upstream has it so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The object's uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Each thing that is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds to wait before another try.
    #[serde(rename = "retryAfterSeconds", default, skip_serializing_if = "is_zero_u32")]
    pub retry_after_seconds: u32,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Cause {
    /// What kind of fault, such as `FieldValueInvalid`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The fault in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The field's path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
}

/// Why a request failed, for programs. Clients classify by it before they look at the code.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named as upstream names it")]
pub enum Reason {
    #[default]
    #[serde(rename = "")]
    Unknown,
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    NotAcceptable,
    AlreadyExists,
    Conflict,
    Gone,
    Expired,
    RequestEntityTooLarge,
    UnsupportedMediaType,
    Invalid,
    TooManyRequests,
    InternalError,
    ServerTimeout,
    ServiceUnavailable,
    Timeout,
    StorageReadError,
}

impl Reason {
    /// Whether there is no reason to tell.
    pub fn is_unknown(&self) -> bool {
        *self == Self::Unknown
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(value: &u16) -> bool {
    *value == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero_u32(value: &u32) -> bool {
    *value == 0
}

/// The most violations of one object that are told; the rest are counted.
const MAX_CAUSES: usize = 1000;

impl Status {
    /// A failure with a code, a reason and a message.
    pub fn failure(code: u16, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind: "Status".to_owned(),
            api_version: "v1".to_owned(),
            metadata: StatusMetadata::default(),
            status: "Failure".to_owned(),
            message: message.into(),
            reason,
            details: None,
            code,
        }
    }

    /// The same failure with details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// The same failure, to be tried again after that many seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u32) -> Self {
        self.details.get_or_insert_default().retry_after_seconds = seconds;
        self
    }

    /// The same failure with one more cause.
    #[must_use]
    pub fn with_cause(mut self, cause: Cause) -> Self {
        self.details.get_or_insert_default().causes.push(cause);
        self
    }

    /// 200: what a deletion answers when the object is gone. Upstream leaves the code out.
    pub fn deleted(resource: &GroupResource, name: &str, uid: &str) -> Self {
        let details = Details { uid: uid.to_owned(), ..Details::of(resource, name) };
        Self { status: "Success".to_owned(), code: 0, ..Self::failure(0, Reason::Unknown, "") }.with_details(details)
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::failure(400, Reason::BadRequest, message)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::failure(401, Reason::Unauthorized, "Unauthorized")
    }

    /// 403 for one object or a collection (empty name), with upstream's wording around `why`.
    pub fn forbidden(resource: &GroupResource, name: &str, why: impl fmt::Display) -> Self {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {} is forbidden: {why}", field::quote(name))
        };
        Self::failure(403, Reason::Forbidden, message).with_details(Details::of(resource, name))
    }

    /// 404 for an object.
    pub fn not_found(resource: &GroupResource, name: &str) -> Self {
        Self::failure(404, Reason::NotFound, format!("{resource} {} not found", field::quote(name)))
            .with_details(Details::of(resource, name))
    }

    /// 404 for a path below a served group that leads nowhere.
    pub fn no_such_path() -> Self {
        Self::failure(404, Reason::NotFound, "the server could not find the requested resource")
            .with_details(Details::default())
    }

    /// 405 for a known path.
    pub fn method_not_allowed() -> Self {
        Self::failure(405, Reason::MethodNotAllowed, "the server does not allow this method on the requested resource")
            .with_details(Details::default())
    }

    /// 405 for a verb that a resource does not serve.
    pub fn verb_not_supported(resource: &GroupResource, action: &str) -> Self {
        Self::failure(
            405,
            Reason::MethodNotAllowed,
            format!("{action} is not supported on resources of kind {}", field::quote(&resource.to_string())),
        )
        .with_details(Details::of(resource, ""))
    }

    /// 406.
    pub fn not_acceptable(message: impl Into<String>) -> Self {
        Self::failure(406, Reason::NotAcceptable, message)
    }

    /// 409 on creation.
    pub fn already_exists(resource: &GroupResource, name: &str) -> Self {
        Self::failure(409, Reason::AlreadyExists, format!("{resource} {} already exists", field::quote(name)))
            .with_details(Details::of(resource, name))
    }

    /// 409 on a change.
    pub fn conflict(resource: &GroupResource, name: &str, why: impl fmt::Display) -> Self {
        Self::failure(
            409,
            Reason::Conflict,
            format!("Operation cannot be fulfilled on {resource} {}: {why}", field::quote(name)),
        )
        .with_details(Details::of(resource, name))
    }

    /// 409: somebody else changed the object since the client read it.
    pub fn modified(resource: &GroupResource, name: &str) -> Self {
        Self::conflict(
            resource,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 410: the history that was asked for is gone.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::failure(410, Reason::Expired, message)
    }

    /// 413: the request or a part of it is larger than `why` says.
    pub fn too_large(why: impl fmt::Display) -> Self {
        Self::failure(413, Reason::RequestEntityTooLarge, format!("Request entity too large: {why}"))
    }

    /// 415, with the media types that would have been read.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        Self::failure(
            415,
            Reason::UnsupportedMediaType,
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 422 with every violation. `group` and `kind` name what was sent; `name` may be empty.
    pub fn invalid(group: &str, kind: &str, name: &str, errors: &[field::Error]) -> Self {
        let (errors, more) = errors.split_at(errors.len().min(MAX_CAUSES));
        let qualified = GroupVersionKind::new(group, "", kind).group_kind();
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes: errors.iter().map(field::Error::cause).collect(),
            ..Details::default()
        };
        let told = field::aggregate(errors);
        let told = if more.is_empty() { told } else { format!("{told}, and {} more", more.len()) };
        let message = format!("{qualified} {} is invalid: {told}", field::quote(name));
        Self::failure(422, Reason::Invalid, message).with_details(details)
    }

    /// 429, to be tried again.
    pub fn too_many_requests(message: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::failure(429, Reason::TooManyRequests, message).with_retry_after(retry_after_seconds)
    }

    /// 500 with upstream's wording around `why`, which must not tell a client of other tenants or addresses.
    pub fn internal(why: impl fmt::Display) -> Self {
        let why = why.to_string();
        let cause = Cause { message: why.clone(), ..Cause::default() };
        Self::failure(500, Reason::InternalError, format!("Internal error occurred: {why}")).with_cause(cause)
    }

    /// 500 with the bare text and no reason: upstream's answer where an error has no type.
    pub fn untyped(message: impl Into<String>) -> Self {
        Self::failure(500, Reason::Unknown, message)
    }

    /// 500: the storage did not answer; the client may try again.
    pub fn server_timeout(resource: &GroupResource, verb: &str) -> Self {
        Self::failure(
            500,
            Reason::ServerTimeout,
            format!("The {verb} operation against {resource} could not be completed at this time, please try again."),
        )
        .with_details(Details { retry_after_seconds: 2, ..Details::of(resource, verb) })
    }

    /// 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::failure(503, Reason::ServiceUnavailable, message)
    }

    /// 504.
    pub fn timeout(why: impl fmt::Display) -> Self {
        Self::failure(504, Reason::Timeout, format!("Timeout: {why}"))
    }

    /// 504: the revision that was asked for has not been reached.
    pub fn too_large_resource_version(requested: u64, current: u64) -> Self {
        Self::timeout(format_args!("Too large resource version: {requested}, current: {current}"))
            .with_retry_after(1)
            .with_cause(Cause {
                reason: "ResourceVersionTooLarge".to_owned(),
                message: "Too large resource version".to_owned(),
                field: String::new(),
            })
    }

    /// Whether it tells of a failure.
    pub fn is_failure(&self) -> bool {
        self.status == "Failure"
    }

    /// Seconds after which to try again, if the client is told so.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.details.as_deref().map(|details| details.retry_after_seconds).filter(|seconds| *seconds > 0)
    }
}

impl Details {
    /// Details that name an object of a resource.
    pub fn of(resource: &GroupResource, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            group: resource.group.clone(),
            kind: resource.resource.clone(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Status {}
