//! The trait behind a resource, and what its derive knows about it.

use crate::gvk::{GroupResource, GroupVersion, GroupVersionKind, GroupVersionResource};
use crate::strategy::Strategy;
use crate::verb::Verb;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A kind of object that this server owns, in one version of its group.
///
/// Derive it: `#[derive(AggregatedResource)]` beside `Clone`, `Serialize`, `Deserialize` and `JsonSchema`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an aggregated resource",
    label = "this type has no `AggregatedResource`",
    note = "write `#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]` and `#[aggregated_resource(group = \"example.com\", version = \"v1\")]` on the struct"
)]
pub trait AggregatedResource: Clone + Serialize + DeserializeOwned + Send + Sync + Sized + 'static {
    /// What discovery, routing and storage know of the type.
    const DESCRIPTOR: ResourceDescriptor;

    /// The type's own rules: defaults, validation, what a client may change.
    type Strategy: Strategy<Self>;

    /// The shape of the type as schemars sees it, with every definition it refers to.
    fn schema() -> schemars::Schema;

    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// The object's metadata, to change.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
}

/// What is known of a resource without an object of it. The derive writes it as a constant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ResourceDescriptor {
    /// The API group, such as `wardle.example.com`.
    pub group: &'static str,
    /// The version of the group, such as `v1alpha1`.
    pub version: &'static str,
    /// The type's name in `kind`.
    pub kind: &'static str,
    /// The word in the path, lower case.
    pub plural: &'static str,
    /// The word that stands for one object, lower case.
    pub singular: &'static str,
    /// Abbreviations that kubectl accepts.
    pub short_names: &'static [&'static str],
    /// Groups of resources it belongs to, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects live in namespaces.
    pub scope: Scope,
    /// The verbs served, alphabetically.
    pub verbs: &'static [Verb],
    /// The subresources served, alphabetically.
    pub subresources: &'static [SubresourceDescriptor],
    /// Where the scale subresource finds what it shows; set exactly when `subresources` has a `scale`.
    pub scale: Option<ScaleDescriptor>,
    /// The fields besides name and namespace that objects can be selected by: JSON paths of plain fields such as
    /// `.spec.color`. Clients write them without the first dot.
    pub selectable_fields: &'static [&'static str],
    /// Table columns after the name; empty means upstream's default, NAME and CREATED AT.
    pub columns: &'static [ColumnDescriptor],
    /// Set when clients are warned to leave this version.
    pub deprecated: Option<Deprecation>,
    /// The first paragraph of the type's documentation.
    pub description: &'static str,
}

impl ResourceDescriptor {
    /// The kind with its group and version.
    pub fn gvk(&self) -> GroupVersionKind {
        GroupVersionKind::new(self.group, self.version, self.kind)
    }

    /// The resource with its group and version.
    pub fn gvr(&self) -> GroupVersionResource {
        GroupVersionResource::new(self.group, self.version, self.plural)
    }

    /// The resource without its version.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(self.group, self.plural)
    }

    /// The group and version.
    pub fn group_version(&self) -> GroupVersion {
        GroupVersion::new(self.group, self.version)
    }

    /// `group/version`, as `apiVersion` spells it.
    pub fn api_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// The kind of a list of these objects.
    pub fn list_kind(&self) -> String {
        format!("{}List", self.kind)
    }

    /// Whether the verb is served.
    pub const fn serves(&self, verb: Verb) -> bool {
        let mut index = 0;
        while index < self.verbs.len() {
            if self.verbs[index] as u8 == verb as u8 {
                return true;
            }
            index += 1;
        }
        false
    }

    /// The subresource of that name, if it is served.
    pub fn subresource(&self, name: &str) -> Option<&'static SubresourceDescriptor> {
        self.subresources.iter().find(|subresource| subresource.name == name)
    }
}

/// Where objects of a resource live.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// A path below an object that is served on its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SubresourceDescriptor {
    /// The path word, such as `status`.
    pub name: &'static str,
    /// Group of the kind it speaks; the resource's own for `status`.
    pub group: &'static str,
    /// Version of the kind it speaks.
    pub version: &'static str,
    /// The kind it speaks.
    pub kind: &'static str,
    /// The verbs served, alphabetically.
    pub verbs: &'static [Verb],
}

/// Where in an object the scale subresource finds what it shows: JSON paths of plain fields, such as `.spec.replicas`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ScaleDescriptor {
    /// How many replicas are wanted; a whole number below `.spec`.
    pub spec_replicas: &'static str,
    /// How many replicas there are; a whole number below `.status`.
    pub status_replicas: &'static str,
    /// The label selector of the replicas in its text form, below `.status` or `.spec`; none when not told.
    pub label_selector: Option<&'static str>,
}

/// A column of the table that `kubectl get` prints, after the name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ColumnDescriptor {
    /// The header, such as `Size`.
    pub name: &'static str,
    /// Where the cell's value is, a JSON path such as `.spec.size`.
    pub path: &'static str,
    /// The type of the cell.
    pub r#type: ColumnType,
    /// What the column means; may be empty.
    pub description: &'static str,
    /// 0 is always shown; more only with `-o wide`.
    pub priority: i32,
}

/// The type of a table cell, as OpenAPI names it. `date` cells are printed as ages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ColumnType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A time that kubectl prints as an age.
    Date,
}

impl ColumnType {
    /// The type as a table's `columnDefinitions` spell it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
        }
    }
}

/// Why clients are warned to leave a version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Deprecation {
    /// The release that deprecated it, such as `1.3`; empty when not told.
    pub since: &'static str,
    /// The release that no longer serves it, such as `1.10`; empty when not told.
    pub removed: &'static str,
    /// What to use instead, such as `wardle.example.com/v1beta1 Flunder`; empty when there is nothing.
    pub replacement: &'static str,
    /// The whole warning, when the author wrote one; else it is composed of the others.
    pub warning: &'static str,
}

/// The descriptors of several resources, checked at compile time: two resources that would be served under one path,
/// or two kinds of one name in a group version, do not compile.
///
/// ```
/// # use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, serde::{Deserialize, Serialize}};
/// # #[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
/// # #[serde(crate = "kube_annex::serde")]
/// # #[aggregated_resource(group = "example.com", version = "v1")]
/// # struct Widget { metadata: ObjectMeta }
/// let served = kube_annex::resources![Widget];
/// assert_eq!(served[0].plural, "widgets");
/// ```
#[macro_export]
macro_rules! resources {
    ($($resource:ty),+ $(,)?) => {{
        const RESOURCES: &[$crate::ResourceDescriptor] =
            &[$(<$resource as $crate::resource::AggregatedResource>::DESCRIPTOR),+];
        const _: () = $crate::resource::assert_distinct(RESOURCES);
        RESOURCES
    }};
}

/// Refuses, at compile time, two resources that could not be told apart.
///
/// # Panics
/// When two descriptors share a group, version and plural, or a group, version and kind.
#[doc(hidden)]
pub const fn assert_distinct(resources: &[ResourceDescriptor]) {
    let mut left = 0;
    while left < resources.len() {
        let mut right = left + 1;
        while right < resources.len() {
            let (a, b) = (&resources[left], &resources[right]);
            if same(a.group, b.group) && same(a.version, b.version) {
                assert!(
                    !same(a.plural, b.plural),
                    "two resources of one group and version have the same plural; give one of them `plural = \"...\"`"
                );
                assert!(
                    !same(a.kind, b.kind),
                    "two resources of one group and version have the same kind; give one of them `kind = \"...\"`"
                );
            }
            right += 1;
        }
        left += 1;
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
