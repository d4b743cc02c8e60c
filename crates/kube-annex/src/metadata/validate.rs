//! Every violation in metadata, in upstream's words.

use super::{FOREGROUND_DELETION, ORPHAN};
use crate::field::{Error, ErrorList, Path, quote};
use crate::gvk::GroupVersion;
use crate::options;
use crate::resource::Scope;
use crate::strategy::NameRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use kube_annex_names::dns;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes that all annotations of an object may have, keys and values together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The most bytes of a subresource's name in `managedFields`.
const MAX_SUBRESOURCE: usize = 256;

/// Up to so many owner references, each controller too many is told of with the whole list.
const MAX_OWNERS_SHOWN: usize = 16;

const IMMUTABLE: &str = "field is immutable";

/// Judges the metadata of a new object, whose name has been generated if it had to be.
pub fn validate(metadata: &ObjectMeta, scope: Scope, rule: NameRule) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("metadata");
    let prefix = metadata.generate_name.as_deref().unwrap_or_default();
    if !prefix.is_empty() {
        add_all(&mut errors, &path.child("generateName"), prefix, prefix_errors(rule, prefix));
    }
    match metadata.name.as_deref().unwrap_or_default() {
        "" => errors.push(Error::required(&path.child("name"), "name or generateName is required")),
        name => add_all(&mut errors, &path.child("name"), name, name_errors(rule, name)),
    }
    validate_namespace(metadata, scope, &path, &mut errors);
    validate_generation(metadata, &path, &mut errors);
    validate_contents(metadata, Some(metadata.finalizers.as_deref().unwrap_or_default()), &path, &mut errors);
    errors
}

/// Judges changed metadata, as that of an object of any name and against what it was.
///
/// * Shape: what is wrong in itself is told twice, as upstream does; a message repeats no text, but causes do.
pub fn validate_update(new: &ObjectMeta, old: &ObjectMeta, scope: Scope) -> ErrorList {
    let mut errors = validate(new, scope, NameRule::PathSegment);
    errors.extend(validate_changes(new, old));
    errors
}

/// Judges changed metadata against what it was. Names are not judged anew: they are immutable.
pub fn validate_changes(new: &ObjectMeta, old: &ObjectMeta) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("metadata");
    if old.deletion_timestamp.is_some() {
        let finalizers = new.finalizers.as_deref().unwrap_or_default();
        refuse_new_finalizers(finalizers, old.finalizers.as_deref().unwrap_or_default(), &path, &mut errors);
    }
    validate_generation(new, &path, &mut errors);
    if new.generation.unwrap_or_default() < old.generation.unwrap_or_default() {
        let generation = new.generation.unwrap_or_default();
        errors.push(Error::invalid(&path.child("generation"), generation, "must not be decremented"));
    }
    refuse_changes(new, old, &path, &mut errors);
    validate_contents(new, None, &path, &mut errors);
    errors
}

/// What an update without a resourceVersion is told where it needs one.
pub fn resource_version_required() -> Error {
    Error::invalid(&Path::new("metadata").child("resourceVersion"), 0, "must be specified for an update")
}

fn name_errors(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::DnsSubdomain => dns::subdomain(name),
        NameRule::DnsLabel => dns::label(name),
        NameRule::Dns1035Label => dns::label_1035(name),
        NameRule::PathSegment => dns::path_segment(name),
    }
}

fn prefix_errors(rule: NameRule, prefix: &str) -> Vec<String> {
    match rule {
        NameRule::PathSegment => dns::path_segment_prefix(prefix),
        _ => name_errors(rule, &dns::mask_trailing_dash(prefix)),
    }
}

fn validate_namespace(metadata: &ObjectMeta, scope: Scope, path: &Path, errors: &mut ErrorList) {
    let path = path.child("namespace");
    match (scope, metadata.namespace.as_deref().unwrap_or_default()) {
        (Scope::Namespaced, "") => errors.push(Error::required(&path, "")),
        (Scope::Namespaced, namespace) => add_all(errors, &path, namespace, dns::label(namespace)),
        (Scope::Cluster, "") => {}
        (Scope::Cluster, _) => errors.push(Error::forbidden(&path, "not allowed on this type")),
    }
}

fn validate_generation(metadata: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    if let Some(generation) = metadata.generation.filter(|generation| *generation < 0) {
        errors.push(Error::invalid(&path.child("generation"), generation, "must be greater than or equal to 0"));
    }
}

/// What is judged in the same way on create and on update; finalizers only when they are given.
fn validate_contents(metadata: &ObjectMeta, finalizers: Option<&[String]>, path: &Path, errors: &mut ErrorList) {
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    validate_labels(metadata.labels.iter().flatten(), &path.child("labels"), errors);
    validate_annotations(metadata.annotations.as_ref(), &path.child("annotations"), errors);
    validate_owner_references(owners, &path.child("ownerReferences"), errors);
    if let Some(finalizers) = finalizers {
        validate_finalizers(finalizers, &path.child("finalizers"), errors);
    }
    errors.extend(validate_managed_fields(metadata.managed_fields.as_deref().unwrap_or_default()));
}

/// Judges what an object says of who manages its fields.
pub fn validate_managed_fields(managed: &[ManagedFieldsEntry]) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("metadata").child("managedFields");
    for (index, entry) in managed.iter().enumerate() {
        validate_managed_entry(entry, &path.index(index), &mut errors);
    }
    errors
}

fn validate_labels<'a>(labels: impl Iterator<Item = (&'a String, &'a String)>, path: &Path, errors: &mut ErrorList) {
    for (key, value) in labels {
        add_all(errors, path, key, dns::label_key(key));
        add_all(errors, path, value, dns::label_value(value));
    }
}

fn validate_annotations(annotations: Option<&BTreeMap<String, String>>, path: &Path, errors: &mut ErrorList) {
    let mut size = 0;
    for (key, value) in annotations.into_iter().flatten() {
        add_all(errors, path, key, dns::label_key(&key.to_lowercase()));
        size += key.len() + value.len();
    }
    if size > MAX_ANNOTATIONS {
        errors.push(Error::too_long(path, MAX_ANNOTATIONS));
    }
}

fn validate_finalizers(finalizers: &[String], path: &Path, errors: &mut ErrorList) {
    for finalizer in finalizers {
        add_all(errors, path, finalizer, dns::label_key(finalizer));
    }
    let has = |wanted: &str| finalizers.iter().any(|finalizer| finalizer == wanted);
    if has(ORPHAN) && has(FOREGROUND_DELETION) {
        let why = format!("finalizer {ORPHAN} and {FOREGROUND_DELETION} cannot be both set");
        errors.push(Error::invalid(path, finalizers.to_vec(), why));
    }
}

fn refuse_new_finalizers(new: &[String], old: &[String], path: &Path, errors: &mut ErrorList) {
    let old: BTreeSet<&String> = old.iter().collect();
    let added: BTreeSet<&String> = new.iter().filter(|finalizer| !old.contains(finalizer)).collect();
    if added.is_empty() {
        return;
    }
    let quoted: Vec<String> = added.into_iter().map(|finalizer| quote(finalizer)).collect();
    let why = "no new finalizers can be added if the object is being deleted, found new finalizers";
    errors.push(Error::forbidden(&path.child("finalizers"), format!("{why} []string{{{}}}", quoted.join(", "))));
}

fn validate_owner_references(owners: &[OwnerReference], path: &Path, errors: &mut ErrorList) {
    let mut controller: Option<String> = None;
    let mut shown = false;
    for (index, owner) in owners.iter().enumerate() {
        validate_owner_reference(owner, &path.index(index), errors);
        if owner.controller != Some(true) {
            continue;
        }
        let name = format!("{}/{}", owner.kind, owner.name);
        match &controller {
            None => controller = Some(name),
            // Each shows the whole list, which may be as long as a body.
            Some(_) if owners.len() > MAX_OWNERS_SHOWN && shown => {}
            Some(first) => {
                shown = true;
                let why = format!(
                    "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
                );
                errors.push(Error::invalid(path, serde_json::to_value(owners).unwrap_or_default(), why));
            }
        }
    }
}

fn validate_owner_reference(owner: &OwnerReference, path: &Path, errors: &mut ErrorList) {
    let version = GroupVersion::parse(&owner.api_version).filter(|version| !version.version.is_empty());
    if owner.api_version.is_empty() {
        errors.push(Error::required(&path.child("apiVersion"), "must not be empty"));
    } else if version.is_none() {
        let why = "must be <group>/<version> or <version>";
        errors.push(Error::invalid(&path.child("apiVersion"), owner.api_version.clone(), why));
    }
    for (name, value) in [("kind", &owner.kind), ("name", &owner.name), ("uid", &owner.uid)] {
        if value.is_empty() {
            errors.push(Error::required(&path.child(name), "must not be empty"));
        }
    }
    if version.is_some_and(|version| version == GroupVersion::new("", "v1")) && owner.kind == "Event" {
        let why = "/v1, Kind=Event is disallowed from being an owner";
        errors.push(Error::invalid(path, serde_json::to_value(owner).unwrap_or_default(), why));
    }
}

fn validate_managed_entry(entry: &ManagedFieldsEntry, path: &Path, errors: &mut ErrorList) {
    match entry.operation.as_deref().unwrap_or_default() {
        "" => errors.push(Error::required(&path.child("operation"), "must not be empty")),
        "Apply" | "Update" => {}
        other => errors.push(Error::not_supported(&path.child("operation"), other, &["Apply", "Update"])),
    }
    let fields_type = entry.fields_type.as_deref().unwrap_or_default();
    if !matches!(fields_type, "" | "FieldsV1") {
        errors.push(Error::invalid(&path.child("fieldsType"), fields_type, "must be `FieldsV1`"));
    }
    let manager = entry.manager.as_deref().unwrap_or_default();
    errors.extend(options::validate_field_manager(manager, &path.child("manager")));
    if entry.subresource.as_deref().unwrap_or_default().len() > MAX_SUBRESOURCE {
        errors.push(Error::too_long(&path.child("subresource"), MAX_SUBRESOURCE));
    }
}

fn refuse_changes(new: &ObjectMeta, old: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    let texts =
        [("name", &new.name, &old.name), ("namespace", &new.namespace, &old.namespace), ("uid", &new.uid, &old.uid)];
    for (field, new, old) in texts {
        let new = new.as_deref().unwrap_or_default();
        if new != old.as_deref().unwrap_or_default() {
            errors.push(Error::invalid(&path.child(field), new, IMMUTABLE));
        }
    }
    let times = [
        ("creationTimestamp", &new.creation_timestamp, &old.creation_timestamp),
        ("deletionTimestamp", &new.deletion_timestamp, &old.deletion_timestamp),
    ];
    for (field, new, old) in times {
        if new != old {
            let value = serde_json::to_value(new).unwrap_or_default();
            errors.push(Error::invalid(&path.child(field), value, IMMUTABLE));
        }
    }
    if new.deletion_grace_period_seconds != old.deletion_grace_period_seconds {
        let value = new.deletion_grace_period_seconds.map_or(Value::Null, Value::from);
        errors.push(Error::invalid(&path.child("deletionGracePeriodSeconds"), value, IMMUTABLE));
    }
}

fn add_all(errors: &mut ErrorList, path: &Path, value: &str, why: Vec<String>) {
    errors.extend(why.into_iter().map(|why| Error::invalid(path, value, why)));
}
