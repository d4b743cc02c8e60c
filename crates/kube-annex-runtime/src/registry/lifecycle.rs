//! What happens to an object between the client's words and the store: born, changed, marked for deletion.

use crate::admission::{Chain, Operation};
use crate::registry::registration::Registration;
use crate::registry::store::Write;
use crate::request::exchange::Warnings;
use crate::seams::Seams;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, Time};
use kube_annex::gvk::GroupResource;
use kube_annex::options::DeleteOptions;
use kube_annex::strategy::NameRule;
use kube_annex::{Object, ResourceDescriptor, Status, field, metadata};
use serde_json::Value;

/// Lets the plug-ins change an object. Managed fields that they leave in disorder are restored, with a warning.
pub(crate) async fn admit(
    admission: &Chain,
    write: &Write<'_>,
    operation: Operation,
    name: &str,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), Status> {
    if admission.handles(operation) {
        let before = object.metadata().managed_fields.clone();
        admission.admit(&mut write.attributes(operation, name, Some(object), old)).await?;
        restore_managers(object, before, &write.exchange.warnings);
    }
    if let Some(warning) = metadata::deduplicate_owner_references(object.metadata_mut(), true) {
        write.exchange.warnings.add(warning);
    }
    Ok(())
}

fn restore_managers(object: &mut Object, before: Option<Vec<ManagedFieldsEntry>>, warnings: &Warnings) {
    if object.metadata().managed_fields == before {
        return;
    }
    let errors = metadata::validate_managed_fields(object.metadata().managed_fields.as_deref().unwrap_or_default());
    if errors.is_empty() {
        return;
    }
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let why = if let [one] = texts.as_slice() { one.clone() } else { format!("[{}]", texts.join(", ")) };
    object.metadata_mut().managed_fields = before;
    warnings.add(format!(
        ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating \
         admission controller; please fix your requests: {why}"
    ));
}

/// Prepares a new object: system metadata, then the type's own rules. The name may still be generated.
pub(crate) fn before_create(registration: &Registration, seams: &Seams, mut object: Object) -> Result<Object, Status> {
    if registration.has_status() {
        object = without_status(registration, object)?;
    }
    prepare_new_metadata(registration, seams, object.metadata_mut());
    registration.rules.prepare_for_create(&mut object);
    Ok(object)
}

fn prepare_new_metadata(registration: &Registration, seams: &Seams, metadata: &mut ObjectMeta) {
    metadata::prepare_for_create(metadata, Time(seams.clock.now()), seams.ids.uid());
    if tracks_generation(registration.descriptor()) {
        metadata.generation = Some(1);
    }
}

/// Judges a new object. Every violation at once, as 422.
pub(crate) fn validate_create(
    registration: &Registration,
    object: &mut Object,
    warnings: &Warnings,
) -> Result<(), Status> {
    let descriptor = object.descriptor();
    let rule = registration.rules.name_rule();
    let of_metadata = |object: &Object| metadata::validate(object.metadata(), descriptor.scope, rule);
    let errors = if rule == NameRule::PathSegment {
        // Rules that say nothing of names come first, and with a violation of theirs the rest is not looked at.
        let errors = registration.rules.validate(object);
        if errors.is_empty() { of_metadata(object) } else { errors }
    } else {
        let mut errors = of_metadata(object);
        errors.extend(registration.rules.validate(object));
        errors.extend(judge_scale(object));
        errors
    };
    refuse(descriptor, object.name(), &errors)?;
    finish(registration, object, warnings);
    Ok(())
}

/// Judges an object that is only asked: by the type's own rules, since it is nothing that could have a name.
pub(crate) fn validate_question(
    registration: &Registration,
    object: &mut Object,
    warnings: &Warnings,
) -> Result<(), Status> {
    let errors = registration.rules.validate(object);
    refuse(object.descriptor(), object.name(), &errors)?;
    finish(registration, object, warnings);
    Ok(())
}

/// Prepares a changed object: what the client may not change is restored, then the type's own rules.
pub(crate) fn before_update(
    registration: &Registration,
    subresource: &str,
    mut object: Object,
    old: &Object,
) -> Result<Object, Status> {
    if registration.has_status() {
        object = if subresource == "status" {
            with_status_alone(registration, &object, old)?
        } else {
            with_old_status(registration, object, old)?
        };
    }
    metadata::prepare_for_update(object.metadata_mut(), old.metadata());
    registration.rules.prepare_for_update(&mut object, old);
    Ok(object)
}

/// Judges a changed object, every violation at once, as 422, and brings it into the form that is stored.
pub(crate) fn validate_update(
    registration: &Registration,
    write: &Write<'_>,
    object: &mut Object,
    old: &Object,
) -> Result<(), Status> {
    let descriptor = object.descriptor();
    let mut errors = judge_changes(registration, object.metadata(), old.metadata());
    errors.extend(registration.rules.validate_update(object, old));
    errors.extend(judge_scale(object));
    refuse(descriptor, object.name(), &errors)?;
    finish(registration, object, &write.exchange.warnings);
    if write.subresource != "status" {
        count_generation(object, old);
    }
    Ok(())
}

fn judge_changes(registration: &Registration, new: &ObjectMeta, old: &ObjectMeta) -> field::ErrorList {
    let mut errors = metadata::validate_update(new, old, registration.descriptor().scope);
    if registration.rules.name_rule() != NameRule::PathSegment && !errors.is_empty() {
        // Rules that judge names judge metadata once more, as upstream's do.
        errors.extend(metadata::validate_changes(new, old));
    }
    errors
}

/// What is wrong with the metadata of an object whose content is wrong too: it is prepared as if all were well.
pub(crate) fn judge_beside(
    registration: &Registration,
    seams: &Seams,
    new: &mut ObjectMeta,
    old: Option<&ObjectMeta>,
) -> field::ErrorList {
    if let Some(old) = old {
        metadata::prepare_for_update(new, old);
        return judge_changes(registration, new, old);
    }
    metadata::clear_system_fields(new);
    prepare_new_metadata(registration, seams, new);
    let base = new.generate_name.clone().filter(|base| !base.is_empty());
    if let (Some(base), "") = (base, new.name.as_deref().unwrap_or_default()) {
        new.name = Some(metadata::generated_name(&base, &seams.ids.name_suffix()));
    }
    match registration.rules.name_rule() {
        // Rules that say nothing of names come first, and with a violation of theirs the rest is not looked at.
        NameRule::PathSegment => field::ErrorList::new(),
        rule => metadata::validate(new, registration.descriptor().scope, rule),
    }
}

/// One more generation when another state is desired. Forms of one state are no difference, so this comes last.
fn count_generation(object: &mut Object, old: &Object) {
    if tracks_generation(object.descriptor()) && desired_state(object) != desired_state(old) {
        let generation = old.metadata().generation.unwrap_or_default();
        object.metadata_mut().generation = Some(generation.saturating_add(1));
    }
}

/// The object that a client may create: one without a status.
fn without_status(registration: &Registration, object: Object) -> Result<Object, Status> {
    let mut tree = tree_of(&object)?;
    let has_one =
        tree.as_object_mut().and_then(|fields| fields.remove("status")).is_some_and(|status| !status.is_null());
    if has_one { read(registration, tree) } else { Ok(object) }
}

/// The object with the status that it had: what a write to the object itself may change.
fn with_old_status(registration: &Registration, object: Object, old: &Object) -> Result<Object, Status> {
    let (mut tree, old) = (tree_of(&object)?, tree_of(old)?);
    if tree.get("status") == old.get("status") {
        return Ok(object);
    }
    set_status(&mut tree, old.get("status"));
    read(registration, tree)
}

/// The old object with the new status and the new record of who wrote it: what a write to the status may change.
fn with_status_alone(registration: &Registration, object: &Object, old: &Object) -> Result<Object, Status> {
    let (tree, mut changed) = (tree_of(object)?, tree_of(old)?);
    let mut result = if tree.get("status") == changed.get("status") {
        old.clone()
    } else {
        set_status(&mut changed, tree.get("status"));
        read(registration, changed)?
    };
    result.metadata_mut().managed_fields.clone_from(&object.metadata().managed_fields);
    Ok(result)
}

fn set_status(tree: &mut Value, status: Option<&Value>) {
    let Some(fields) = tree.as_object_mut() else { return };
    match status {
        Some(status) => fields.insert("status".to_owned(), status.clone()),
        None => fields.remove("status"),
    };
}

fn tree_of(object: &Object) -> Result<Value, Status> {
    object.to_value().map_err(|error| Status::internal(format_args!("{object:?}: {error}")))
}

fn read(registration: &Registration, tree: Value) -> Result<Object, Status> {
    let codec = registration.hub_codec();
    codec.trust(tree).map_err(|error| Status::internal(format_args!("a changed object: {error}")))
}

/// The managed fields that an object had, when those it has now differ from them in nothing but times.
pub(crate) fn times_alone_differ(new: &ObjectMeta, old: &ObjectMeta) -> Option<Vec<ManagedFieldsEntry>> {
    let (new, old) = (new.managed_fields.as_deref()?, old.managed_fields.as_deref()?);
    let same = |(new, old): (&ManagedFieldsEntry, &ManagedFieldsEntry)| {
        new.manager == old.manager
            && new.operation == old.operation
            && new.api_version == old.api_version
            && new.subresource == old.subresource
            && new.fields_type == old.fields_type
            && new.fields_v1 == old.fields_v1
    };
    let differ = new.len() == old.len()
        && new.iter().zip(old).any(|(new, old)| new.time != old.time)
        && new.iter().zip(old).all(same);
    differ.then(|| old.to_vec())
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

/// What an object says of its scale is no less than nothing.
///
/// * Source: upstream's custom resources, whose paths begin with a point here.
fn judge_scale(object: &Object) -> field::ErrorList {
    let Some(scale) = object.descriptor().scale else { return field::ErrorList::new() };
    let negative = |path: &str| {
        let number = object.number_at(path).ok().flatten().filter(|number| *number < 0)?;
        Some(field::Error::invalid(&field::Path::new(path), number, "should be a non-negative integer"))
    };
    [scale.spec_replicas, scale.status_replicas].into_iter().filter_map(negative).collect()
}

fn refuse(descriptor: &ResourceDescriptor, name: &str, errors: &[field::Error]) -> Result<(), Status> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(descriptor.group, descriptor.kind, name, errors))
}

fn finish(registration: &Registration, object: &mut Object, warnings: &Warnings) {
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
