//! The rules of `ObjectMeta` that hold for every resource: what the server fills in, what a client may set, and what
//! becomes of an object that is to be deleted.

mod delete;
mod owners;
mod prepare;
#[cfg(test)]
mod tests;
mod validate;

pub use delete::{finalizers_for, mark_deleted};
pub use owners::deduplicate_owner_references;
pub use prepare::{MAX_NAME_PREFIX, clear_system_fields, generated_name, prepare_for_create, prepare_for_update};
pub use validate::{resource_version_required, validate, validate_changes, validate_managed_fields, validate_update};

/// The finalizer that keeps an object until its dependents no longer refer to it.
pub const ORPHAN: &str = "orphan";

/// The finalizer that keeps an object until its dependents are gone.
pub const FOREGROUND_DELETION: &str = "foregroundDeletion";
