//! What deletion writes into metadata while finalizers are waited for.

use super::{FOREGROUND_DELETION, ORPHAN};
use crate::options::DeleteOptions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use std::collections::BTreeSet;

/// The finalizers that an object has once its deletion is asked for with these options.
///
/// The precedence is: `orphanDependents`, `propagationPolicy`, the finalizers that the object has, and by default
/// deletion in the background, which adds none. The collector's two finalizers exclude each other.
pub fn finalizers_for(options: &DeleteOptions, metadata: &ObjectMeta) -> Vec<String> {
    let old = metadata.finalizers.as_deref().unwrap_or_default();
    let of_collector = |finalizer: &String| finalizer == ORPHAN || finalizer == FOREGROUND_DELETION;
    let mut new: Vec<String> = old.iter().filter(|finalizer| !of_collector(finalizer)).cloned().collect();
    let wanted = match (options.orphan_dependents, options.propagation_policy.as_deref()) {
        (Some(true), _) | (None, Some("Orphan")) => Some(ORPHAN),
        (None, Some("Foreground")) => Some(FOREGROUND_DELETION),
        (Some(false), _) | (None, Some("Background")) => None,
        (None, _) => old.iter().find(|finalizer| of_collector(finalizer)).map(String::as_str),
    };
    new.extend(wanted.map(str::to_owned));
    let same = old.iter().collect::<BTreeSet<_>>() == new.iter().collect::<BTreeSet<_>>();
    if same { old.to_vec() } else { new }
}

/// Marks an object as to be deleted. A second marking never moves the time later; the generation counts the first one.
pub fn mark_deleted(metadata: &mut ObjectMeta, now: &Time) {
    let now = whole_seconds(now.clone());
    if metadata.deletion_timestamp.is_none() {
        metadata.generation =
            metadata.generation.map(|generation| generation.saturating_add(i64::from(generation > 0)));
    }
    if metadata.deletion_timestamp.as_ref().is_none_or(|marked| *marked > now) {
        metadata.deletion_timestamp = Some(now);
    }
    metadata.deletion_grace_period_seconds = Some(0);
}

/// Times in metadata have seconds and nothing finer.
pub(super) fn whole_seconds(mut time: Time) -> Time {
    time.0 = Timestamp::from_second(time.0.as_second()).unwrap_or(time.0);
    time
}
