//! Owner references that say the same twice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::HashSet;

/// Removes owner references that repeat an earlier one; answers the warning to send along, if any was removed. It tells
/// whether plug-ins had seen the object before.
pub fn deduplicate_owner_references(metadata: &mut ObjectMeta, after_admission: bool) -> Option<String> {
    let references = metadata.owner_references.as_mut()?;
    // A client may send as many as a body can hold, so they are told apart by hash.
    let repeated: Vec<bool> = {
        let mut seen = HashSet::with_capacity(references.len());
        references.iter().map(|reference| !seen.insert(identity(reference))).collect()
    };
    let mut repeated = repeated.into_iter();
    let mut removed = Vec::new();
    references.retain(|reference| {
        let repeats = repeated.next().unwrap_or_default();
        if repeats {
            removed.push(reference.uid.clone());
        }
        !repeats
    });
    let when = if after_admission { " after mutating admission happens" } else { "" };
    (!removed.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            removed.join(", ")
        )
    })
}

fn identity(reference: &OwnerReference) -> impl std::hash::Hash + Eq + '_ {
    let OwnerReference { api_version, block_owner_deletion, controller, kind, name, uid } = reference;
    (api_version, block_owner_deletion, controller, kind, name, uid)
}
