//! What happens to an object between the client's words and the store: born, changed, marked for deletion.

use crate::registry::registration::Registration;
use crate::request::exchange::Warnings;
use crate::seams::Seams;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube_annex::gvk::GroupResource;
use kube_annex::options::DeleteOptions;
use kube_annex::{Object, ResourceDescriptor, Status, field, metadata};
use serde_json::Value;

/// Prepares a new object: system metadata, then the type's own rules. The name may still be generated.
pub(crate) fn before_create(registration: &Registration, seams: &Seams, object: &mut Object) {
    let now = Time(seams.clock.now());
    metadata::prepare_for_create(object.metadata_mut(), now, seams.ids.uid());
    if tracks_generation(object.descriptor()) {
        object.metadata_mut().generation = Some(1);
    }
    registration.rules.prepare_for_create(object);
}

/// Judges a new object. Every violation at once, as 422.
pub(crate) fn validate_create(
    registration: &Registration,
    object: &mut Object,
    warnings: &Warnings,
) -> Result<(), Status> {
    let descriptor = object.descriptor();
    let mut errors = metadata::validate(object.metadata(), descriptor.scope, registration.rules.name_rule());
    errors.extend(registration.rules.validate(object));
    refuse(descriptor, object.name(), &errors)?;
    finish(registration, object, warnings);
    Ok(())
}

/// Prepares a changed object: what the client may not change is restored, then the type's own rules.
pub(crate) fn before_update(registration: &Registration, object: &mut Object, old: &Object) {
    metadata::prepare_for_update(object.metadata_mut(), old.metadata());
    registration.rules.prepare_for_update(object, old);
}

/// Judges a changed object, every violation at once, as 422, and brings it into the form that is stored.
pub(crate) fn validate_update(
    registration: &Registration,
    object: &mut Object,
    old: &Object,
    warnings: &Warnings,
) -> Result<(), Status> {
    let descriptor = object.descriptor();
    let mut errors = metadata::validate_update(object.metadata(), old.metadata());
    errors.extend(registration.rules.validate_update(object, old));
    refuse(descriptor, object.name(), &errors)?;
    finish(registration, object, warnings);
    count_generation(object, old);
    Ok(())
}

/// One more generation when another state is desired. Forms of one state are no difference, so this comes last.
fn count_generation(object: &mut Object, old: &Object) {
    if tracks_generation(object.descriptor()) && desired_state(object) != desired_state(old) {
        let generation = old.metadata().generation.unwrap_or_default();
        object.metadata_mut().generation = Some(generation.saturating_add(1));
    }
}

/// Refuses the deletion of another object than the client meant. Upstream puts the kind where other conflicts have the resource.
pub(crate) fn check_preconditions(live: &Object, options: &DeleteOptions) -> Result<(), Status> {
    let Some(preconditions) = &options.preconditions else { return Ok(()) };
    let descriptor = live.descriptor();
    let kind = GroupResource::new(descriptor.group, descriptor.kind);
    if let Some(uid) = &preconditions.uid
        && uid != live.uid()
    {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({}). The object might have been deleted and then recreated",
            live.uid()
        );
        return Err(Status::conflict(&kind, live.name(), why));
    }
    let version = live.metadata().resource_version.as_deref().unwrap_or_default();
    if let Some(wanted) = &preconditions.resource_version
        && wanted != version
    {
        let why = format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record ({version}). The object might have been modified"
        );
        return Err(Status::conflict(&kind, live.name(), why));
    }
    Ok(())
}

/// Whether an object that was marked for deletion has nothing left to wait for.
pub(crate) fn may_be_removed(object: &Object) -> bool {
    let metadata = object.metadata();
    metadata.deletion_timestamp.is_some()
        && metadata.finalizers.as_ref().is_none_or(Vec::is_empty)
        && metadata.deletion_grace_period_seconds.unwrap_or_default() == 0
}

fn refuse(descriptor: &ResourceDescriptor, name: &str, errors: &[field::Error]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(descriptor.group, descriptor.kind, name, errors))
}

fn finish(registration: &Registration, object: &mut Object, warnings: &Warnings) {
    if let Some(warning) = metadata::deduplicate_owner_references(object.metadata_mut()) {
        warnings.add(warning);
    }
    for warning in registration.rules.warnings(object) {
        warnings.add(warning);
    }
    registration.rules.canonicalize(object);
}

/// Resources with a status subresource count the changes of their desired state.
fn tracks_generation(descriptor: &ResourceDescriptor) -> bool {
    descriptor.subresource("status").is_some()
}

/// Everything but metadata and status.
fn desired_state(object: &Object) -> Value {
    let mut tree = object.to_value().unwrap_or_default();
    if let Value::Object(fields) = &mut tree {
        fields.remove("metadata");
        fields.remove("status");
    }
    tree
}
