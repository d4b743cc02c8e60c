//! The messages that there are.

mod discovery;
mod meta;

pub use discovery::{API_GROUP, API_GROUP_DISCOVERY_LIST, API_GROUP_LIST, API_RESOURCE_LIST};
pub use meta::{
    DELETE_OPTIONS, LIST_META, OBJECT_META, PARTIAL_OBJECT_METADATA, PARTIAL_OBJECT_METADATA_LIST,
    PARTIAL_OBJECT_METADATA_LIST_V1BETA1, SCALE, STATUS,
};

use super::{Field, Kind, Message, Presence};

/// The message of a kind; `None` for kinds that have none.
pub fn of_kind(api_version: &str, kind: &str) -> Option<&'static Message> {
    Some(match (api_version, kind) {
        ("v1", "Status") => &STATUS,
        // Upstream's list of groups tells no version.
        ("" | "v1", "APIGroupList") => &API_GROUP_LIST,
        ("v1", "APIGroup") => &API_GROUP,
        ("v1", "APIResourceList") => &API_RESOURCE_LIST,
        ("apidiscovery.k8s.io/v2" | "apidiscovery.k8s.io/v2beta1", "APIGroupDiscoveryList") => {
            &API_GROUP_DISCOVERY_LIST
        }
        ("meta.k8s.io/v1" | "meta.k8s.io/v1beta1", "PartialObjectMetadata") => &PARTIAL_OBJECT_METADATA,
        ("meta.k8s.io/v1", "PartialObjectMetadataList") => &PARTIAL_OBJECT_METADATA_LIST,
        ("meta.k8s.io/v1beta1", "PartialObjectMetadataList") => &PARTIAL_OBJECT_METADATA_LIST_V1BETA1,
        ("autoscaling/v1", "Scale") => &SCALE,
        _ => return None,
    })
}

/// A field of a plain value in Go's struct.
const fn always(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, presence: Presence::Always }
}

/// A field that can be unset.
const fn when_set(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, presence: Presence::WhenSet }
}
