//! Metadata, errors, the options of a deletion, the scale.

use super::super::Kind::{Boolean, Integer, Json, Message as Inner, Messages, Text, TextMap, Texts, Time};
use super::super::Message;
use super::{always, when_set};

const META_V1: &str = "k8s.io/apimachinery/pkg/apis/meta/v1";

/// `ObjectMeta`.
pub static OBJECT_META: Message = Message {
    source: (META_V1, "ObjectMeta"),
    fields: &[
        always("name", 1, Text),
        always("generateName", 2, Text),
        always("namespace", 3, Text),
        always("selfLink", 4, Text),
        always("uid", 5, Text),
        always("resourceVersion", 6, Text),
        always("generation", 7, Integer),
        always("creationTimestamp", 8, Time),
        when_set("deletionTimestamp", 9, Time),
        when_set("deletionGracePeriodSeconds", 10, Integer),
        when_set("labels", 11, TextMap),
        when_set("annotations", 12, TextMap),
        when_set("ownerReferences", 13, Messages(&OWNER_REFERENCE)),
        when_set("finalizers", 14, Texts),
        when_set("managedFields", 17, Messages(&MANAGED_FIELDS_ENTRY)),
    ],
};

static OWNER_REFERENCE: Message = Message {
    source: (META_V1, "OwnerReference"),
    fields: &[
        always("kind", 1, Text),
        always("name", 3, Text),
        always("uid", 4, Text),
        always("apiVersion", 5, Text),
        when_set("controller", 6, Boolean),
        when_set("blockOwnerDeletion", 7, Boolean),
    ],
};

static MANAGED_FIELDS_ENTRY: Message = Message {
    source: (META_V1, "ManagedFieldsEntry"),
    fields: &[
        always("manager", 1, Text),
        always("operation", 2, Text),
        always("apiVersion", 3, Text),
        when_set("time", 4, Time),
        always("fieldsType", 6, Text),
        when_set("fieldsV1", 7, Json),
        always("subresource", 8, Text),
    ],
};

/// `ListMeta`.
pub static LIST_META: Message = Message {
    source: (META_V1, "ListMeta"),
    fields: &[
        always("selfLink", 1, Text),
        always("resourceVersion", 2, Text),
        always("continue", 3, Text),
        when_set("remainingItemCount", 4, Integer),
    ],
};

/// `PartialObjectMetadata`, the same in both of its versions.
pub static PARTIAL_OBJECT_METADATA: Message =
    Message { source: (META_V1, "PartialObjectMetadata"), fields: &[always("metadata", 1, Inner(&OBJECT_META))] };

/// `PartialObjectMetadataList`.
pub static PARTIAL_OBJECT_METADATA_LIST: Message = Message {
    source: (META_V1, "PartialObjectMetadataList"),
    fields: &[always("metadata", 1, Inner(&LIST_META)), when_set("items", 2, Messages(&PARTIAL_OBJECT_METADATA))],
};

/// `PartialObjectMetadataList` of the older version, whose fields are numbered the other way.
pub static PARTIAL_OBJECT_METADATA_LIST_V1BETA1: Message = Message {
    source: ("k8s.io/apimachinery/pkg/apis/meta/v1beta1", "PartialObjectMetadataList"),
    fields: &[when_set("items", 1, Messages(&PARTIAL_OBJECT_METADATA)), always("metadata", 2, Inner(&LIST_META))],
};

/// `Status`.
pub static STATUS: Message = Message {
    source: (META_V1, "Status"),
    fields: &[
        always("metadata", 1, Inner(&LIST_META)),
        always("status", 2, Text),
        always("message", 3, Text),
        always("reason", 4, Text),
        when_set("details", 5, Inner(&STATUS_DETAILS)),
        always("code", 6, Integer),
    ],
};

static STATUS_DETAILS: Message = Message {
    source: (META_V1, "StatusDetails"),
    fields: &[
        always("name", 1, Text),
        always("group", 2, Text),
        always("kind", 3, Text),
        when_set("causes", 4, Messages(&STATUS_CAUSE)),
        always("retryAfterSeconds", 5, Integer),
        always("uid", 6, Text),
    ],
};

static STATUS_CAUSE: Message = Message {
    source: (META_V1, "StatusCause"),
    fields: &[always("reason", 1, Text), always("message", 2, Text), always("field", 3, Text)],
};

/// `DeleteOptions`.
pub static DELETE_OPTIONS: Message = Message {
    source: (META_V1, "DeleteOptions"),
    fields: &[
        when_set("gracePeriodSeconds", 1, Integer),
        when_set("preconditions", 2, Inner(&PRECONDITIONS)),
        when_set("orphanDependents", 3, Boolean),
        when_set("propagationPolicy", 4, Text),
        when_set("dryRun", 5, Texts),
        when_set("ignoreStoreReadErrorWithClusterBreakingPotential", 6, Boolean),
    ],
};

static PRECONDITIONS: Message = Message {
    source: (META_V1, "Preconditions"),
    fields: &[when_set("uid", 1, Text), when_set("resourceVersion", 2, Text)],
};

/// `Scale` of autoscaling/v1: a subresource of any type, whose own kind it is.
pub static SCALE: Message = Message {
    source: (AUTOSCALING_V1, "Scale"),
    fields: &[
        always("metadata", 1, Inner(&OBJECT_META)),
        always("spec", 2, Inner(&SCALE_SPEC)),
        always("status", 3, Inner(&SCALE_STATUS)),
    ],
};

static SCALE_SPEC: Message =
    Message { source: (AUTOSCALING_V1, "ScaleSpec"), fields: &[always("replicas", 1, Integer)] };

static SCALE_STATUS: Message = Message {
    source: (AUTOSCALING_V1, "ScaleStatus"),
    fields: &[always("replicas", 1, Integer), always("selector", 2, Text)],
};

const AUTOSCALING_V1: &str = "k8s.io/api/autoscaling/v1";
