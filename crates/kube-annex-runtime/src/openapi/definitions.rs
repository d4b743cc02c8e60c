//! The named schemas of all documents, and the kinds they stand for.

use super::Served;
use super::operations::{Path, group_versions};
use kube_annex::gvk::GroupVersionKind;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::schema::{self, Schema, TypeSchema};
use std::collections::{BTreeMap, BTreeSet};

/// Every definition by name, with the kinds that look like it.
#[derive(Debug)]
pub(super) struct Definitions {
    schemas: BTreeMap<String, Schema>,
    kinds: BTreeMap<String, Vec<GroupVersionKind>>,
}

/// The definitions of the served types and of what operations on all types need.
pub(super) fn collect(served: &[Served]) -> Definitions {
    let mut all = Definitions { schemas: schema::common(), kinds: BTreeMap::new() };
    all.schemas.extend(schema::scale());
    for name in [API_GROUP, API_GROUP_LIST, API_RESOURCE_LIST, STATUS, DELETE_OPTIONS, WATCH_EVENT] {
        let kind = name.rsplit('.').next().unwrap_or_default();
        all.name_kind(name, GroupVersionKind::new("", "v1", kind));
    }
    all.name_kind(SCALE, GroupVersionKind::new("autoscaling", "v1", "Scale"));
    for (group, version) in group_versions(served) {
        all.name_kind(DELETE_OPTIONS, GroupVersionKind::new(group, version, "DeleteOptions"));
        all.name_kind(WATCH_EVENT, GroupVersionKind::new(group, version, "WatchEvent"));
    }
    for served in served {
        all.add(&served.schema);
        all.name_kind(&served.schema.root, served.descriptor.gvk());
        let list = GroupVersionKind { kind: served.descriptor.list_kind(), ..served.descriptor.gvk() };
        all.name_kind(&served.schema.list, list);
    }
    all
}

/// The definition of what a subresource speaks: the resource itself, a scale, or an object not told more of.
pub(super) fn of_subresource<'a>(served: &'a Served, subresource: &SubresourceDescriptor) -> &'a str {
    let own = served.descriptor;
    match (subresource.group, subresource.version, subresource.kind) {
        (group, version, kind) if (group, version, kind) == (own.group, own.version, own.kind) => &served.schema.root,
        ("autoscaling", "v1", "Scale") => SCALE,
        _ => RAW_EXTENSION,
    }
}

impl Definitions {
    fn name_kind(&mut self, name: &str, kind: GroupVersionKind) {
        self.kinds.entry(name.to_owned()).or_default().push(kind);
    }

    /// Adds the definitions of a type. Two types of a group version that share a Rust name keep their own shapes:
    /// the later one's is found below its kind.
    fn add(&mut self, schema: &TypeSchema) {
        let mut schema = schema.clone();
        let clashes: Vec<String> = schema
            .definitions
            .iter()
            .filter(|(name, definition)| self.schemas.get(*name).is_some_and(|known| known != *definition))
            .map(|(name, _)| name.clone())
            .filter(|name| !name.starts_with("io.k8s.") && *name != schema.root && *name != schema.list)
            .collect();
        for name in clashes {
            let own = name.rsplit('.').next().unwrap_or_default();
            let renamed = format!("{}_{own}", schema.root);
            schema.rename(&name, &renamed);
        }
        for (name, definition) in schema.definitions {
            self.schemas.entry(name).or_insert(definition);
        }
    }

    /// What these paths refer to, directly or through other definitions, with the kinds of `group_version`, or of all.
    pub(super) fn of_paths(
        &self,
        paths: &[Path],
        group_version: Option<(&str, &str)>,
    ) -> BTreeMap<&str, (&Schema, Vec<&GroupVersionKind>)> {
        let mut wanted: Vec<&str> = Vec::new();
        for operation in paths.iter().flat_map(|path| &path.operations) {
            wanted.extend(operation.body.iter().map(|body| body.definition.as_str()));
            wanted.extend(operation.responses.iter().map(|(_, _, definition)| definition.as_str()));
        }
        let mut seen = BTreeSet::new();
        let mut found = BTreeMap::new();
        while let Some(name) = wanted.pop() {
            let Some((name, schema)) = self.schemas.get_key_value(name).filter(|(name, _)| seen.insert(name.as_str()))
            else {
                continue;
            };
            schema.for_each_reference(&mut |reference| wanted.push(reference));
            found.insert(name.as_str(), (schema, self.kinds_of(name, group_version)));
        }
        found
    }

    fn kinds_of(&self, name: &str, group_version: Option<(&str, &str)>) -> Vec<&GroupVersionKind> {
        let concerns = |kind: &&GroupVersionKind| {
            let shared = name == DELETE_OPTIONS || name == WATCH_EVENT;
            let told = (kind.group.as_str(), kind.version.as_str());
            !shared || kind.group.is_empty() || group_version.is_none_or(|group_version| group_version == told)
        };
        self.kinds.get(name).into_iter().flatten().filter(concerns).collect()
    }
}

pub(super) const API_GROUP: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup";
pub(super) const API_GROUP_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList";
pub(super) const API_RESOURCE_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList";
pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(super) const VERSION_INFO: &str = "io.k8s.apimachinery.pkg.version.Info";
const RAW_EXTENSION: &str = "io.k8s.apimachinery.pkg.runtime.RawExtension";
const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";
pub(super) const WATCH_EVENT: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent";
