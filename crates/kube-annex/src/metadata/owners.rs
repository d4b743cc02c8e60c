//! Owner references that say the same twice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

/// Removes owner references that repeat an earlier one; answers the warning to send along, if any was removed.
pub fn deduplicate_owner_references(metadata: &mut ObjectMeta) -> Option<String> {
    let references = metadata.owner_references.as_mut()?;
    let mut kept: Vec<OwnerReference> = Vec::with_capacity(references.len());
    let mut removed = Vec::new();
    for reference in references.drain(..) {
        if kept.contains(&reference) {
            removed.push(reference.uid);
        } else {
            kept.push(reference);
        }
    }
    *references = kept;
    (!removed.is_empty()).then(|| {
        format!(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may \
             reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}",
            removed.join(", ")
        )
    })
}
