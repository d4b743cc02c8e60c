//! `APIGroupDiscoveryList`: every group with its versions and resources in one document.

use super::legacy::verbs;
use super::{Discovered, Group, Version};
use kube_annex::resource::SubresourceDescriptor;
use kube_annex::{ResourceDescriptor, Scope};
use serde::Serialize;

/// The list with its type. Upstream's `ETag` is of what is in it without the type, and so is the same for each version.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiGroupDiscoveryList<'a> {
    kind: &'static str,
    api_version: String,
    #[serde(flatten)]
    items: &'a Items<'a>,
}

#[derive(Serialize)]
pub(super) struct Items<'a> {
    metadata: Metadata<'a>,
    items: Vec<ApiGroupDiscovery<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

#[derive(Serialize)]
struct ApiGroupDiscovery<'a> {
    metadata: Metadata<'a>,
    versions: Vec<ApiVersionDiscovery<'a>>,
}

#[derive(Serialize)]
struct ApiVersionDiscovery<'a> {
    version: &'a str,
    resources: Vec<ApiResourceDiscovery<'a>>,
    freshness: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResourceDiscovery<'a> {
    resource: &'a str,
    response_kind: ResponseKind<'a>,
    scope: &'static str,
    singular_resource: &'a str,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'a [&'a str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'a [&'a str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subresources: Vec<ApiSubresourceDiscovery<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiSubresourceDiscovery<'a> {
    subresource: &'a str,
    response_kind: ResponseKind<'a>,
    verbs: Vec<&'static str>,
}

/// Group and version are empty when they are those around it.
#[derive(Serialize)]
struct ResponseKind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

pub(super) fn list<'a>(version: &str, items: &'a Items<'a>) -> ApiGroupDiscoveryList<'a> {
    ApiGroupDiscoveryList {
        kind: "APIGroupDiscoveryList",
        api_version: format!("apidiscovery.k8s.io/{version}"),
        items,
    }
}

pub(super) fn items<'a>(groups: &'a [Group<'a>]) -> Items<'a> {
    let group = |group: &'a Group<'a>| ApiGroupDiscovery {
        metadata: Metadata { name: group.name },
        versions: group.versions.iter().map(version).collect(),
    };
    Items { metadata: Metadata { name: "" }, items: groups.iter().map(group).collect() }
}

fn version<'a>(version: &'a Version<'a>) -> ApiVersionDiscovery<'a> {
    let resources = version.resources.iter().map(|resource| self::resource(resource)).collect();
    ApiVersionDiscovery { version: version.name, resources, freshness: "Current" }
}

fn resource(resource: &Discovered) -> ApiResourceDiscovery<'_> {
    let descriptor = resource.descriptor;
    let mut subresources: Vec<_> =
        descriptor.subresources.iter().map(|subresource| self::subresource(descriptor, subresource)).collect();
    subresources.sort_by_key(|subresource| subresource.subresource);
    ApiResourceDiscovery {
        resource: descriptor.plural,
        response_kind: ResponseKind { group: "", version: "", kind: descriptor.kind },
        scope: match descriptor.scope {
            Scope::Namespaced => "Namespaced",
            Scope::Cluster => "Cluster",
        },
        singular_resource: descriptor.singular,
        verbs: verbs(descriptor.verbs),
        short_names: descriptor.short_names,
        categories: descriptor.categories,
        subresources,
    }
}

fn subresource<'a>(parent: &ResourceDescriptor, subresource: &'a SubresourceDescriptor) -> ApiSubresourceDiscovery<'a> {
    let foreign = (subresource.group, subresource.version) != (parent.group, parent.version);
    ApiSubresourceDiscovery {
        subresource: subresource.name,
        response_kind: ResponseKind {
            group: if foreign { subresource.group } else { "" },
            version: if foreign { subresource.version } else { "" },
            kind: subresource.kind,
        },
        verbs: verbs(subresource.verbs),
    }
}
