//! What the server writes into metadata before it judges an object.

use super::delete::whole_seconds;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

/// How many bytes of a `generateName` are kept, so that the suffix fits a label.
pub const MAX_NAME_PREFIX: usize = 63 - 5;

/// Clears what only the server may set: what a client sends of it with a new object is not even looked at.
pub fn clear_system_fields(metadata: &mut ObjectMeta) {
    metadata.uid = None;
    metadata.creation_timestamp = None;
    metadata.deletion_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.self_link = None;
}

/// Makes metadata that of a new object: what only the server may set is set or cleared.
///
/// `now` is cut to seconds; `uid` is a random version 4 UUID, lower case. The generation is kept: a resource that
/// tracks it sets 1.
pub fn prepare_for_create(metadata: &mut ObjectMeta, now: Time, uid: String) {
    clear_system_fields(metadata);
    metadata.uid = Some(uid);
    metadata.creation_timestamp = Some(whole_seconds(now));
}

/// Restores what an update cannot change, whatever the client sent.
pub fn prepare_for_update(metadata: &mut ObjectMeta, old: &ObjectMeta) {
    metadata.generation = old.generation;
    metadata.self_link = None;
    if metadata.uid.as_deref().unwrap_or_default().is_empty() {
        metadata.uid.clone_from(&old.uid);
    }
    if old.creation_timestamp.is_some() {
        metadata.creation_timestamp.clone_from(&old.creation_timestamp);
    }
    if old.deletion_timestamp.is_some() {
        metadata.deletion_timestamp.clone_from(&old.deletion_timestamp);
    }
    if metadata.deletion_grace_period_seconds.is_none() {
        metadata.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    }
}

/// A name of a prefix, cut to [`MAX_NAME_PREFIX`] bytes, and a random suffix.
pub fn generated_name(prefix: &str, suffix: &str) -> String {
    let end = prefix.floor_char_boundary(MAX_NAME_PREFIX);
    format!("{}{suffix}", prefix.get(..end).unwrap_or(prefix))
}
