//! `ObjectMeta` in the order of upstream's struct, with upstream's idea of empty.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Metadata to be written as upstream writes it.
#[derive(Clone, Copy)]
pub(super) struct GoObjectMeta<'a>(pub(super) &'a ObjectMeta);

impl Serialize for GoObjectMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let meta = self.0;
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "name", meta.name.as_deref())?;
        text(&mut map, "generateName", meta.generate_name.as_deref())?;
        text(&mut map, "namespace", meta.namespace.as_deref())?;
        text(&mut map, "selfLink", meta.self_link.as_deref())?;
        text(&mut map, "uid", meta.uid.as_deref())?;
        text(&mut map, "resourceVersion", meta.resource_version.as_deref())?;
        present(&mut map, "generation", meta.generation.filter(|generation| *generation != 0))?;
        present(&mut map, "creationTimestamp", meta.creation_timestamp.as_ref())?;
        present(&mut map, "deletionTimestamp", meta.deletion_timestamp.as_ref())?;
        present(&mut map, "deletionGracePeriodSeconds", meta.deletion_grace_period_seconds)?;
        present(&mut map, "labels", meta.labels.as_ref().filter(|labels| !labels.is_empty()))?;
        present(&mut map, "annotations", meta.annotations.as_ref().filter(|annotations| !annotations.is_empty()))?;
        list(&mut map, "ownerReferences", meta.owner_references.as_deref(), GoOwnerReference)?;
        present(&mut map, "finalizers", meta.finalizers.as_ref().filter(|finalizers| !finalizers.is_empty()))?;
        list(&mut map, "managedFields", meta.managed_fields.as_deref(), GoManagedFieldsEntry)?;
        map.end()
    }
}

struct GoOwnerReference<'a>(&'a OwnerReference);

impl Serialize for GoOwnerReference<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", &self.0.api_version)?;
        map.serialize_entry("kind", &self.0.kind)?;
        map.serialize_entry("name", &self.0.name)?;
        map.serialize_entry("uid", &self.0.uid)?;
        present(&mut map, "controller", self.0.controller)?;
        present(&mut map, "blockOwnerDeletion", self.0.block_owner_deletion)?;
        map.end()
    }
}

struct GoManagedFieldsEntry<'a>(&'a ManagedFieldsEntry);

impl Serialize for GoManagedFieldsEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "manager", self.0.manager.as_deref())?;
        text(&mut map, "operation", self.0.operation.as_deref())?;
        text(&mut map, "apiVersion", self.0.api_version.as_deref())?;
        present(&mut map, "time", self.0.time.as_ref())?;
        text(&mut map, "fieldsType", self.0.fields_type.as_deref())?;
        present(&mut map, "fieldsV1", self.0.fields_v1.as_ref())?;
        text(&mut map, "subresource", self.0.subresource.as_deref())?;
        map.end()
    }
}

fn text<M: SerializeMap>(map: &mut M, key: &str, value: Option<&str>) -> Result<(), M::Error> {
    present(map, key, value.filter(|text| !text.is_empty()))
}

fn present<M: SerializeMap, T: Serialize>(map: &mut M, key: &str, value: Option<T>) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

fn list<'a, M: SerializeMap, T, G: Serialize>(
    map: &mut M,
    key: &str,
    items: Option<&'a [T]>,
    go: fn(&'a T) -> G,
) -> Result<(), M::Error> {
    match items {
        Some(items) if !items.is_empty() => map.serialize_entry(key, &List(items, go)),
        _ => Ok(()),
    }
}

struct List<'a, T, G>(&'a [T], fn(&'a T) -> G);

impl<T, G: Serialize> Serialize for List<'_, T, G> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for item in self.0 {
            seq.serialize_element(&self.1(item))?;
        }
        seq.end()
    }
}
