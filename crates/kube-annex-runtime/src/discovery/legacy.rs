//! `APIGroupList`, `APIGroup` and `APIResourceList`.

use super::{Discovered, Group, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube_annex::gvk::GroupVersionKind;
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::{Scope, Verb};
use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiGroupList<'a> {
    // Upstream's list has no apiVersion.
    kind: &'static str,
    groups: Vec<ApiGroup<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiGroup<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    api_version: &'static str,
    name: &'a str,
    versions: Vec<GroupVersionForDiscovery<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_version: Option<GroupVersionForDiscovery<'a>>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersionForDiscovery<'a> {
    group_version: String,
    version: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiResourceList<'a> {
    kind: &'static str,
    api_version: &'static str,
    group_version: String,
    resources: Vec<ApiResource<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResource<'a> {
    name: String,
    singular_name: &'a str,
    namespaced: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'a str,
    kind: &'a str,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'a [&'a str],
    #[serde(skip_serializing_if = "String::is_empty")]
    storage_version_hash: String,
}

pub(super) fn group_list<'a>(groups: &'a [Group<'a>]) -> ApiGroupList<'a> {
    ApiGroupList { kind: "APIGroupList", groups: groups.iter().map(untyped_group).collect() }
}

pub(super) fn group<'a>(group: &'a Group<'a>) -> ApiGroup<'a> {
    ApiGroup { kind: "APIGroup", api_version: "v1", ..untyped_group(group) }
}

/// A group as an entry of the list, where it carries no type.
fn untyped_group<'a>(group: &'a Group<'a>) -> ApiGroup<'a> {
    let version = |version: &Version<'a>| GroupVersionForDiscovery {
        group_version: format!("{}/{}", group.name, version.name),
        version: version.name,
    };
    let versions: Vec<_> = group.versions.iter().map(version).collect();
    let preferred_version = versions.first().cloned();
    ApiGroup { kind: "", api_version: "", name: group.name, versions, preferred_version }
}

pub(super) fn resource_list<'a>(group: &str, version: &'a Version<'a>) -> ApiResourceList<'a> {
    let mut resources: Vec<_> = version.resources.iter().flat_map(|resource| entries(resource)).collect();
    resources.sort_by(|left, right| left.name.cmp(&right.name));
    ApiResourceList {
        kind: "APIResourceList",
        api_version: "v1",
        group_version: format!("{group}/{}", version.name),
        resources,
    }
}

/// The resource and its subresources.
fn entries(resource: &Discovered) -> impl Iterator<Item = ApiResource<'_>> {
    let descriptor = resource.descriptor;
    let namespaced = descriptor.scope == Scope::Namespaced;
    let main = ApiResource {
        name: descriptor.plural.to_owned(),
        singular_name: descriptor.singular,
        namespaced,
        group: "",
        version: "",
        kind: descriptor.kind,
        verbs: verbs(descriptor.verbs),
        short_names: descriptor.short_names,
        categories: descriptor.categories,
        storage_version_hash: resource.storage.as_ref().map(storage_version_hash).unwrap_or_default(),
    };
    let subresource = move |subresource: &'static SubresourceDescriptor| {
        let foreign = (subresource.group, subresource.version) != (descriptor.group, descriptor.version);
        ApiResource {
            name: format!("{}/{}", descriptor.plural, subresource.name),
            singular_name: "",
            namespaced,
            group: if foreign { subresource.group } else { "" },
            version: if foreign { subresource.version } else { "" },
            kind: subresource.kind,
            verbs: verbs(subresource.verbs),
            short_names: &[],
            categories: &[],
            storage_version_hash: String::new(),
        }
    };
    std::iter::once(main).chain(descriptor.subresources.iter().map(subresource))
}

/// The verbs as discovery spells them, alphabetically.
pub(super) fn verbs(verbs: &[Verb]) -> Vec<&'static str> {
    let mut names: Vec<_> = verbs.iter().map(|verb| verb.as_str()).collect();
    names.sort_unstable();
    names
}

/// What the storage-version migrator compares: it changes when objects are to be written anew.
fn storage_version_hash(storage: &GroupVersionKind) -> String {
    let digest = Sha256::digest(format!("{}/{}/{}", storage.group, storage.version, storage.kind));
    STANDARD.encode(&digest[..8])
}
