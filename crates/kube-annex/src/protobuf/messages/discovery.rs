//! Groups, versions and resources: both generations of discovery.

use super::super::Kind::{Boolean, Message as Inner, Messages, Text, Texts, Wrapped};
use super::super::Message;
use super::meta::{LIST_META, OBJECT_META};
use super::{always, when_set};

const META_V1: &str = "k8s.io/apimachinery/pkg/apis/meta/v1";
const DISCOVERY_V2: &str = "k8s.io/api/apidiscovery/v2";

/// `APIGroupList`.
pub static API_GROUP_LIST: Message =
    Message { source: (META_V1, "APIGroupList"), fields: &[when_set("groups", 1, Messages(&API_GROUP))] };

/// `APIGroup`.
pub static API_GROUP: Message = Message {
    source: (META_V1, "APIGroup"),
    fields: &[
        always("name", 1, Text),
        when_set("versions", 2, Messages(&GROUP_VERSION)),
        always("preferredVersion", 3, Inner(&GROUP_VERSION)),
    ],
};

static GROUP_VERSION: Message = Message {
    source: (META_V1, "GroupVersionForDiscovery"),
    fields: &[always("groupVersion", 1, Text), always("version", 2, Text)],
};

/// `APIResourceList`.
pub static API_RESOURCE_LIST: Message = Message {
    source: (META_V1, "APIResourceList"),
    fields: &[always("groupVersion", 1, Text), when_set("resources", 2, Messages(&API_RESOURCE))],
};

static API_RESOURCE: Message = Message {
    source: (META_V1, "APIResource"),
    fields: &[
        always("name", 1, Text),
        always("namespaced", 2, Boolean),
        always("kind", 3, Text),
        when_set("verbs", 4, Wrapped),
        when_set("shortNames", 5, Texts),
        always("singularName", 6, Text),
        when_set("categories", 7, Texts),
        always("group", 8, Text),
        always("version", 9, Text),
        always("storageVersionHash", 10, Text),
    ],
};

/// `APIGroupDiscoveryList`, the same in both of its versions.
pub static API_GROUP_DISCOVERY_LIST: Message = Message {
    source: (DISCOVERY_V2, "APIGroupDiscoveryList"),
    fields: &[always("metadata", 1, Inner(&LIST_META)), when_set("items", 2, Messages(&API_GROUP_DISCOVERY))],
};

static API_GROUP_DISCOVERY: Message = Message {
    source: (DISCOVERY_V2, "APIGroupDiscovery"),
    fields: &[always("metadata", 1, Inner(&OBJECT_META)), when_set("versions", 2, Messages(&API_VERSION_DISCOVERY))],
};

static API_VERSION_DISCOVERY: Message = Message {
    source: (DISCOVERY_V2, "APIVersionDiscovery"),
    fields: &[
        always("version", 1, Text),
        when_set("resources", 2, Messages(&API_RESOURCE_DISCOVERY)),
        always("freshness", 3, Text),
    ],
};

static API_RESOURCE_DISCOVERY: Message = Message {
    source: (DISCOVERY_V2, "APIResourceDiscovery"),
    fields: &[
        always("resource", 1, Text),
        when_set("responseKind", 2, Inner(&GROUP_VERSION_KIND)),
        always("scope", 3, Text),
        always("singularResource", 4, Text),
        when_set("verbs", 5, Texts),
        when_set("shortNames", 6, Texts),
        when_set("categories", 7, Texts),
        when_set("subresources", 8, Messages(&API_SUBRESOURCE_DISCOVERY)),
    ],
};

static API_SUBRESOURCE_DISCOVERY: Message = Message {
    source: (DISCOVERY_V2, "APISubresourceDiscovery"),
    fields: &[
        always("subresource", 1, Text),
        when_set("responseKind", 2, Inner(&GROUP_VERSION_KIND)),
        when_set("acceptedTypes", 3, Messages(&GROUP_VERSION_KIND)),
        when_set("verbs", 4, Texts),
    ],
};

static GROUP_VERSION_KIND: Message = Message {
    source: (META_V1, "GroupVersionKind"),
    fields: &[always("group", 1, Text), always("version", 2, Text), always("kind", 3, Text)],
};
