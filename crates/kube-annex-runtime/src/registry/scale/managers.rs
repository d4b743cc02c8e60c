//! Whoever manages the replicas of an object manages those of its `Scale`, and the other way around.

use super::API_VERSION;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where each served version has its replicas; nowhere when it cannot be scaled.
pub(super) type Paths = BTreeMap<String, Option<Vec<String>>>;

/// The managers of an object's `Scale`: those who manage its replicas.
pub(super) fn of_scale(parent: &[ManagedFieldsEntry], paths: &Paths) -> Vec<ManagedFieldsEntry> {
    let manages = |entry: &&ManagedFieldsEntry| {
        paths.get(version(entry)).is_some_and(|path| path.as_ref().is_some_and(|path| has(entry, path)))
    };
    let parent = told_apart(parent);
    let entries = parent.iter().copied().filter(manages).map(|entry| scaled(entry, API_VERSION, &replicas()));
    sorted(entries.collect())
}

/// The managers of an object after a write to its `Scale`: who is no longer among the scale's managers has lost the
/// replicas, and who is new there has them.
pub(super) fn of_parent(
    parent: &[ManagedFieldsEntry],
    scale: &[ManagedFieldsEntry],
    api_version: &str,
    paths: &Paths,
) -> Vec<ManagedFieldsEntry> {
    let mut of_scale: BTreeMap<String, &ManagedFieldsEntry> =
        scale.iter().map(|entry| (identity(entry), entry)).collect();
    let parent = told_apart(parent);
    let mut entries = Vec::with_capacity(parent.len() + 1);
    for entry in parent.iter().copied() {
        // Of a version that is no longer served nothing is known.
        let Some(path) = paths.get(version(entry)) else { continue };
        match path.as_ref().filter(|path| has(entry, path)) {
            None => entries.push(entry.clone()),
            Some(_) if of_scale.remove(&identity(entry)).is_some() => entries.push(entry.clone()),
            Some(path) => entries.extend(without(entry, path)),
        }
    }
    let path = paths.get(api_version).cloned().flatten().unwrap_or_default();
    // Upstream takes the time from the object's own entry: a manager that has none there begins without a time.
    let times: BTreeMap<String, _> = parent.iter().map(|entry| (identity(entry), entry.time.clone())).collect();
    let gained = of_scale.into_iter().filter(|(_, entry)| has(entry, &replicas()));
    entries.extend(gained.map(|(manager, entry)| ManagedFieldsEntry {
        time: times.get(&manager).cloned().flatten(),
        ..scaled(entry, api_version, &path)
    }));
    sorted(entries)
}

/// Of entries of one manager the last, as upstream reads them: a scale that parts the replicas from their manager's other
/// fields leaves two.
fn told_apart(entries: &[ManagedFieldsEntry]) -> Vec<&ManagedFieldsEntry> {
    let last: BTreeMap<String, usize> = entries.iter().enumerate().map(|(at, entry)| (identity(entry), at)).collect();
    entries
        .iter()
        .enumerate()
        .filter(|(at, entry)| last.get(&identity(entry)) == Some(at))
        .map(|(_, entry)| entry)
        .collect()
}

fn replicas() -> Vec<String> {
    ["spec", "replicas"].map(str::to_owned).to_vec()
}

fn version(entry: &ManagedFieldsEntry) -> &str {
    entry.api_version.as_deref().unwrap_or_default()
}

/// What tells managers apart: who applies is one in all versions.
fn identity(entry: &ManagedFieldsEntry) -> String {
    let version = if entry.operation.as_deref() == Some("Apply") { None } else { entry.api_version.as_deref() };
    json!([entry.manager, entry.operation, version, entry.subresource]).to_string()
}

/// The same manager, who manages that one field in that version.
fn scaled(entry: &ManagedFieldsEntry, api_version: &str, path: &[String]) -> ManagedFieldsEntry {
    let leaf = Value::Object(Map::new());
    let fields = path.iter().rev().fold(leaf, |below, name| json!({ (format!("f:{name}")): below }));
    ManagedFieldsEntry { api_version: Some(api_version.to_owned()), fields_v1: Some(FieldsV1(fields)), ..entry.clone() }
}

fn has(entry: &ManagedFieldsEntry, path: &[String]) -> bool {
    let mut fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
    for name in path {
        fields = fields.and_then(|fields| fields.get(format!("f:{name}")));
    }
    fields.and_then(Value::as_object).is_some_and(|fields| fields.is_empty() || fields.contains_key("."))
}

/// The entry without that field; `None` when nothing is left.
fn without(entry: &ManagedFieldsEntry, path: &[String]) -> Option<ManagedFieldsEntry> {
    let mut fields = entry.fields_v1.as_ref()?.0.clone();
    remove(&mut fields, path);
    let left = fields.as_object().is_some_and(|fields| !fields.is_empty());
    left.then(|| ManagedFieldsEntry { fields_v1: Some(FieldsV1(fields)), ..entry.clone() })
}

fn remove(fields: &mut Value, path: &[String]) {
    let (Some((name, rest)), Some(members)) = (path.split_first(), fields.as_object_mut()) else { return };
    let key = format!("f:{name}");
    let Some(below) = members.get_mut(&key) else { return };
    if rest.is_empty() {
        if let Some(leaf) = below.as_object_mut() {
            leaf.remove(".");
        }
    } else {
        remove(below, rest);
    }
    let below = below.as_object();
    if below.is_none_or(Map::is_empty) {
        members.remove(&key);
    } else if below.is_some_and(|below| below.len() == 1 && below.contains_key(".")) {
        // A field without fields of its own is written as such.
        members.insert(key, Value::Object(Map::new()));
    }
}

/// In the order of upstream's encoder.
fn sorted(mut entries: Vec<ManagedFieldsEntry>) -> Vec<ManagedFieldsEntry> {
    let key = |entry: &ManagedFieldsEntry| {
        let time = entry.time.as_ref().map_or(i64::MIN, |time| time.0.as_second());
        let ManagedFieldsEntry { operation, manager, api_version, subresource, .. } = entry.clone();
        (operation, time, manager, api_version, subresource)
    };
    entries.sort_by_key(key);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths() -> Paths {
        BTreeMap::from([("g/v1".to_owned(), Some(replicas())), ("g/v2".to_owned(), None)])
    }

    fn entry(manager: &str, operation: &str, version: &str, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.to_owned()),
            operation: Some(operation.to_owned()),
            api_version: Some(version.to_owned()),
            fields_type: Some("FieldsV1".to_owned()),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn scaler(manager: &str, operation: &str) -> ManagedFieldsEntry {
        entry(manager, operation, API_VERSION, json!({"f:spec": {"f:replicas": {}}}))
    }

    #[test]
    fn ssa_22_who_manages_the_replicas_manages_the_scale() {
        let parent = [
            entry("a", "Apply", "g/v1", json!({"f:spec": {"f:replicas": {}, "f:color": {}}})),
            entry("b", "Apply", "g/v1", json!({"f:spec": {"f:color": {}}})),
            entry("c", "Update", "g/v2", json!({"f:spec": {"f:replicas": {}}})),
            entry("d", "Update", "g/v0", json!({"f:spec": {"f:replicas": {}}})),
        ];
        assert_eq!(of_scale(&parent, &paths()), [scaler("a", "Apply")]);
    }

    #[test]
    fn ssa_22_an_applier_who_still_manages_the_scale_keeps_the_entry() {
        let parent = [entry("a", "Apply", "g/v1", json!({"f:spec": {"f:replicas": {}, "f:color": {}}}))];
        assert_eq!(of_parent(&parent, &[scaler("a", "Apply")], "g/v1", &paths()), parent);
    }

    #[test]
    fn ssa_22_the_replicas_go_to_who_scales() {
        let parent = [
            entry("a", "Apply", "g/v1", json!({"f:spec": {".": {}, "f:replicas": {}}})),
            entry("b", "Update", "g/v1", json!({"f:spec": {"f:replicas": {}}})),
        ];
        let mut by_scale = scaler("c", "Update");
        by_scale.subresource = Some("scale".to_owned());
        let mut gained = entry("c", "Update", "g/v1", json!({"f:spec": {"f:replicas": {}}}));
        gained.subresource = Some("scale".to_owned());
        let kept = entry("a", "Apply", "g/v1", json!({"f:spec": {}}));
        assert_eq!(of_parent(&parent, &[by_scale], "g/v1", &paths()), [kept, gained]);
    }

    #[test]
    fn ssa_22_of_two_entries_of_one_manager_the_first_is_forgotten() {
        let replicas = entry("a", "Update", "g/v1", json!({"f:spec": {"f:replicas": {}}}));
        let others = entry("a", "Update", "g/v1", json!({"f:spec": {"f:color": {}}}));
        let parent = [replicas, others.clone()];
        assert_eq!(of_scale(&parent, &paths()), []);
        assert_eq!(of_parent(&parent, &[], "g/v1", &paths()), [others]);
    }

    #[test]
    fn ssa_22_entries_of_versions_that_are_not_served_are_dropped() {
        let parent =
            [entry("a", "Update", "g/v0", json!({"f:spec": {}})), entry("b", "Update", "g/v2", json!({"f:spec": {}}))];
        assert_eq!(of_parent(&parent, &[], "g/v1", &paths()), [parent[1].clone()]);
    }
}
