//! What upstream's own definitions say beyond what k8s-openapi knows of them.
//!
//! kube-apiserver merges the documents of every server; a shared definition that differs from its own, in the order
//! of `required` even, is served twice under two names. So the shared ones are word for word upstream's.

use super::lower::lower;
use super::model::{ListType, MapType, ObjectSchema, Schema, Shape};
use k8s_openapi::apimachinery::pkg;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as meta;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The definitions that operations of every group version refer to: `DeleteOptions`, `Patch`, `Status`, `WatchEvent`
/// and the discovery kinds, with all they refer to.
pub fn common() -> BTreeMap<String, Schema> {
    definitions(|generator| {
        generator.subschema_for::<meta::APIGroupList>();
        generator.subschema_for::<meta::APIResourceList>();
        generator.subschema_for::<meta::DeleteOptions>();
        generator.subschema_for::<meta::Patch>();
        generator.subschema_for::<meta::Status>();
        generator.subschema_for::<meta::WatchEvent<()>>();
        generator.subschema_for::<pkg::version::Info>();
    })
}

/// `Scale`, which scale subresources speak, with all it refers to.
pub fn scale() -> BTreeMap<String, Schema> {
    definitions(|generator| {
        generator.subschema_for::<k8s_openapi::api::autoscaling::v1::Scale>();
    })
}

/// `ObjectMeta` and `ListMeta` with all they refer to.
pub(super) fn object_metadata() -> BTreeMap<String, Schema> {
    definitions(|generator| {
        generator.subschema_for::<meta::ObjectMeta>();
        generator.subschema_for::<meta::ListMeta>();
    })
}

/// Gives an object's schema the fields that every Kubernetes object has, as upstream describes them.
pub(super) fn complete_object(object: &mut Schema) {
    if object.as_object().is_none() {
        object.shape = Shape::Object(ObjectSchema::default());
    }
    let Some(fields) = object.as_object_mut() else { return };
    insert_type_meta(fields);
    fields.properties.insert("metadata".to_owned(), metadata_of::<meta::ObjectMeta>());
    fields.required.retain(|name| !TYPE_AND_METADATA.contains(&name.as_str()));
}

/// An embedded object with the fields that every object has, as upstream publishes it: of an object whose other fields
/// nobody declares these are what is known.
pub fn embedded(object: &ObjectSchema) -> ObjectSchema {
    let mut whole = object.clone();
    for (name, description) in [("apiVersion", EMBEDDED_API_VERSION), ("kind", EMBEDDED_KIND)] {
        let schema = Schema::new(Shape::String(super::StringSchema::default())).described(description);
        whole.properties.insert(name.to_owned(), schema);
    }
    let metadata = Schema::reference(meta::ObjectMeta::schema_name()).described(EMBEDDED_METADATA);
    whole.properties.insert("metadata".to_owned(), metadata);
    for name in ["kind", "apiVersion"] {
        if !whole.required.iter().any(|required| required == name) {
            whole.required.push(name.to_owned());
        }
    }
    whole
}

/// The schema of a list of the objects whose definition is `item`.
pub(super) fn list_of(kind: &str, item: &str) -> Schema {
    let mut fields = ObjectSchema::default();
    insert_type_meta(&mut fields);
    let items = super::ArraySchema {
        items: Box::new(Schema::reference(item)),
        min_items: None,
        max_items: None,
        list_type: None,
    };
    fields.properties.insert("metadata".to_owned(), metadata_of::<meta::ListMeta>());
    fields.properties.insert("items".to_owned(), Schema::new(Shape::Array(items)));
    fields.required.push("items".to_owned());
    Schema::new(Shape::Object(fields)).described(format!("{kind}List is a list of {kind} objects."))
}

/// The definition of quantities.
pub(super) const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";

/// The definition of what is a number or a text.
pub(super) const INT_OR_STRING: &str = "io.k8s.apimachinery.pkg.util.intstr.IntOrString";

/// Corrects a definition of upstream's that k8s-openapi describes incompletely. Definitions of others stay.
pub(super) fn correct(name: &str, schema: &mut Schema) {
    if !name.starts_with("io.k8s.") {
        return;
    }
    match name {
        QUANTITY => schema.shape = Shape::Quantity,
        "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent" => describe_watch_event(schema),
        _ => {}
    }
    let Some(fields) = schema.as_object_mut() else { return };
    // k8s-openapi's structs always have their metadata; upstream requires it nowhere.
    fields.required.retain(|name| name != "metadata");
    let type_name = name.strip_prefix(META).unwrap_or_default();
    if let Some((_, order)) = REQUIRED.iter().find(|(of, _)| *of == type_name) {
        fields.required = order.iter().map(|&name| name.to_owned()).collect();
    } else if name == VERSION_INFO {
        fields.required = VERSION_REQUIRED.iter().map(|&name| name.to_owned()).collect();
    }
    if ATOMIC_OBJECTS.contains(&type_name) {
        fields.map_type = Some(MapType::Atomic);
    }
    default_required_scalars(fields);
    for (of, field, list_type) in LIST_TYPES {
        if let Some(Schema { shape: Shape::Array(array), .. }) =
            fields.properties.get_mut(*field).filter(|_| *of == type_name)
        {
            array.list_type = Some(list_type());
        }
    }
    for (of, field, extension, value) in EXTENSIONS {
        if let Some(property) = fields.properties.get_mut(*field).filter(|_| *of == type_name) {
            property.extensions.insert((*extension).to_owned(), (*value).into());
        }
    }
    for (of, field, default) in DEFAULTS {
        if let Some(property) = fields.properties.get_mut(*field).filter(|_| *of == name) {
            property.default = Some(default());
        }
    }
}

/// k8s-openapi says of the event what upstream says of the object in it.
fn describe_watch_event(event: &mut Schema) {
    let text = std::mem::take(&mut event.description);
    let (of_event, of_object) = text.split_once("\n\n").unwrap_or((&text, ""));
    of_event.clone_into(&mut event.description);
    let object = event.as_object_mut().and_then(|fields| fields.properties.get_mut("object"));
    if let Some(object) = object.filter(|_| !of_object.is_empty()) {
        of_object.trim_end().clone_into(&mut object.description);
    }
}

/// Upstream's generator gives every required scalar its zero as default.
fn default_required_scalars(fields: &mut ObjectSchema) {
    for name in &fields.required {
        let Some(property) = fields.properties.get_mut(name) else { continue };
        let zero = match property.shape {
            Shape::String(_) => json!(""),
            Shape::Boolean => json!(false),
            Shape::Integer(_) | Shape::Number(_) => json!(0),
            _ => continue,
        };
        property.default.get_or_insert(zero);
    }
}

fn insert_type_meta(fields: &mut ObjectSchema) {
    for (name, description) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let schema = Schema::new(Shape::String(super::StringSchema::default())).described(description);
        fields.properties.insert(name.to_owned(), schema);
    }
}

/// A `metadata` field: never required, and an object without one has an empty one.
fn metadata_of<M: JsonSchema>() -> Schema {
    Schema::reference(M::schema_name()).defaulting_to(Value::Object(serde_json::Map::new()))
}

fn definitions(refer: impl FnOnce(&mut SchemaGenerator)) -> BTreeMap<String, Schema> {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    refer(&mut generator);
    let root = json!({ "$defs": generator.take_definitions(true) });
    schemars::Schema::try_from(root).map(|root| lower(&root, "", "").1).unwrap_or_default()
}

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const VERSION_INFO: &str = "io.k8s.apimachinery.pkg.version.Info";
const TYPE_AND_METADATA: &[&str] = &["apiVersion", "kind", "metadata"];

const API_VERSION: &str = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const KIND: &str = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const EMBEDDED_API_VERSION: &str = "apiVersion defines the versioned schema of this representation of an object. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
const EMBEDDED_KIND: &str = "kind is a string value representing the type of this object. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
const EMBEDDED_METADATA: &str = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// Required fields in the order of upstream's structs.
const REQUIRED: &[(&str, &[&str])] = &[
    ("APIResource", &["name", "singularName", "namespaced", "kind", "verbs"]),
    ("Condition", &["type", "status", "lastTransitionTime", "reason", "message"]),
    ("GroupVersionForDiscovery", &["groupVersion", "version"]),
    ("LabelSelectorRequirement", &["key", "operator"]),
    ("OwnerReference", &["apiVersion", "kind", "name", "uid"]),
    ("ServerAddressByClientCIDR", &["clientCIDR", "serverAddress"]),
    ("WatchEvent", &["type", "object"]),
];

const VERSION_REQUIRED: &[&str] =
    &["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];

const ATOMIC_OBJECTS: &[&str] = &["LabelSelector", "OwnerReference"];

type MakeListType = fn() -> ListType;

const LIST_TYPES: &[(&str, &str, MakeListType)] = &[
    ("APIGroup", "serverAddressByClientCIDRs", || ListType::Atomic),
    ("APIGroup", "versions", || ListType::Atomic),
    ("APIGroupList", "groups", || ListType::Atomic),
    ("APIResource", "categories", || ListType::Atomic),
    ("APIResource", "shortNames", || ListType::Atomic),
    ("APIResourceList", "resources", || ListType::Atomic),
    ("DeleteOptions", "dryRun", || ListType::Atomic),
    ("LabelSelector", "matchExpressions", || ListType::Atomic),
    ("LabelSelectorRequirement", "values", || ListType::Atomic),
    ("ObjectMeta", "finalizers", || ListType::Set),
    ("ObjectMeta", "managedFields", || ListType::Atomic),
    ("ObjectMeta", "ownerReferences", || ListType::Map(vec!["uid".to_owned()])),
    ("StatusDetails", "causes", || ListType::Atomic),
];

const EXTENSIONS: &[(&str, &str, &str, &str)] = &[
    ("ObjectMeta", "finalizers", "x-kubernetes-patch-strategy", "merge"),
    ("ObjectMeta", "ownerReferences", "x-kubernetes-patch-merge-key", "uid"),
    ("ObjectMeta", "ownerReferences", "x-kubernetes-patch-strategy", "merge"),
];

type MakeDefault = fn() -> Value;

/// What upstream says an absent field stands for, beyond the zeros of required scalars.
const DEFAULTS: &[(&str, &str, MakeDefault)] = &[
    ("io.k8s.api.autoscaling.v1.Scale", "metadata", || json!({})),
    ("io.k8s.api.autoscaling.v1.Scale", "spec", || json!({})),
    ("io.k8s.api.autoscaling.v1.Scale", "status", || json!({})),
    ("io.k8s.api.autoscaling.v1.ScaleSpec", "replicas", || json!(0)),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup", "preferredVersion", || json!({})),
    ("io.k8s.apimachinery.pkg.apis.meta.v1.Status", "metadata", || json!({})),
];
