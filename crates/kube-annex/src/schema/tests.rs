use super::*;
use crate::resource::Scope;
use crate::verb::Verb;
use k8s_openapi::api::core::v1::LocalObjectReference;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Something with one field of everything.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Gadget {
    metadata: ObjectMeta,
    /// What is wanted.
    spec: GadgetSpec,
    #[serde(default)]
    status: Option<GadgetStatus>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct GadgetSpec {
    /// What it is called.
    #[schemars(length(min = 1, max = 63), pattern("^[a-z]+$"))]
    name: String,
    nick_name: Option<String>,
    #[schemars(extend("nullable" = true))]
    emptied: Option<i32>,
    #[serde(default = "three")]
    size: i32,
    small: u8,
    #[schemars(range(min = 1))]
    large: u64,
    ratio: f64,
    mode: Mode,
    spoken: Option<Spoken>,
    /// How deep.
    depth: Outer,
    choice: Choice,
    tags: BTreeSet<String>,
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    parts: Vec<Part>,
    maybe: Vec<Option<String>>,
    labels: BTreeMap<String, String>,
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    anything: serde_json::Value,
    port: Option<IntOrString>,
    memory: Option<Quantity>,
    selector: Option<LabelSelector>,
    secret: Option<LocalObjectReference>,
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    whole: Option<Part>,
    #[serde(flatten)]
    common: Common,
    #[schemars(extend("x-kubernetes-validations" = [{"rule": "self.size() > 1"}]))]
    checked: String,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Common {
    shared: String,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Part {
    name: String,
    parts: Vec<Self>,
    whole: Option<Box<Gadget>>,
}

/// A depth of something.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Outer(Inner);

#[derive(Deserialize, JsonSchema, Serialize)]
struct Inner(i64);

#[derive(Deserialize, JsonSchema, Serialize)]
enum Mode {
    Fast,
    Slow,
}

/// How it speaks.
#[derive(Deserialize, JsonSchema, Serialize)]
enum Spoken {
    /// So that everybody hears.
    Loud,
    /// So that nobody does.
    Quiet,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "type")]
enum Choice {
    Left { depth: i32, text: String },
    Right { depth: i32 },
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct GadgetStatus {}

fn three() -> i32 {
    3
}

const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor {
    group: "rich.example.com",
    version: "v1",
    kind: "Gadget",
    plural: "gadgets",
    singular: "gadget",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: &Verb::ALL,
    subresources: &[],
    scale: None,
    selectable_fields: &[],
    columns: &[],
    deprecated: None,
    description: "Something with one field of everything.",
};

fn gadget() -> TypeSchema {
    Schema::of_type(&DESCRIPTOR, &schema_of::<Gadget>())
}

fn fields<'a>(schema: &'a TypeSchema, definition: &str) -> &'a ObjectSchema {
    schema.definitions[definition].as_object().unwrap()
}

fn spec_field(name: &str) -> Schema {
    fields(&gadget(), "com.example.rich.v1.GadgetSpec").properties[name].clone()
}

fn referred(schema: &Schema, found: &mut Vec<String>) {
    match &schema.shape {
        Shape::Reference(name) => found.push(name.clone()),
        Shape::Array(array) => referred(&array.items, found),
        Shape::Map(map) => referred(&map.values, found),
        Shape::Object(object) => object.properties.values().for_each(|property| referred(property, found)),
        _ => {}
    }
}

#[test]
fn own_definitions_are_named_by_reversed_group_version_and_type() {
    let schema = gadget();
    assert_eq!(schema.root, "com.example.rich.v1.Gadget");
    assert_eq!(schema.list, "com.example.rich.v1.GadgetList");
    assert!(schema.definitions.contains_key("com.example.rich.v1.GadgetSpec"));
    assert!(schema.definitions.contains_key("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"));
    assert!(schema.definitions.contains_key("io.k8s.api.core.v1.LocalObjectReference"));
}

#[test]
fn every_reference_is_defined_even_of_types_that_contain_themselves() {
    let schema = gadget();
    let mut names = Vec::new();
    schema.definitions.values().for_each(|definition| referred(definition, &mut names));
    names.extend([schema.root.clone(), schema.list.clone()]);
    let missing: Vec<_> = names.iter().filter(|name| !schema.definitions.contains_key(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let part = fields(&schema, "com.example.rich.v1.Part");
    assert_eq!(part.properties["whole"].shape, Shape::Reference("com.example.rich.v1.Gadget".to_owned()));
}

#[test]
fn an_object_has_type_and_metadata_as_upstream_describes_them() {
    let schema = gadget();
    let root = schema.object().unwrap();
    assert_eq!(root.description, "Something with one field of everything.");
    let object = root.as_object().unwrap();
    assert!(object.properties["apiVersion"].description.starts_with("APIVersion defines the versioned schema"));
    assert!(object.properties["kind"].description.starts_with("Kind is a string value"));
    assert_eq!(object.properties["metadata"].default, Some(json!({})));
    assert_eq!(object.required, ["spec"], "metadata is never required");
    let list = fields(&schema, "com.example.rich.v1.GadgetList");
    assert_eq!(list.required, ["items"]);
    let of = Shape::Reference("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta".to_owned());
    assert_eq!(list.properties["metadata"].shape, of);
}

#[test]
fn an_option_is_optional_and_null_only_when_asked() {
    let spec = fields(&gadget(), "com.example.rich.v1.GadgetSpec").clone();
    assert!(!spec.required.contains(&"nickName".to_owned()));
    assert!(!spec.properties["nickName"].nullable);
    assert_eq!(spec.properties["nickName"].shape, Shape::String(StringSchema::default()));
    assert!(spec.properties["emptied"].nullable);
    assert!(!spec.properties["spoken"].nullable && !spec.required.contains(&"spoken".to_owned()));
    let selector = &spec.properties["selector"];
    assert!(
        matches!(&selector.shape, Shape::Reference(name) if name.ends_with(".LabelSelector")) && !selector.nullable
    );
    let Shape::Array(maybe) = &spec.properties["maybe"].shape else { panic!("not an array") };
    assert!(maybe.items.nullable, "an item has no absence, so null is a value");
}

#[test]
fn required_keeps_the_order_of_the_struct() {
    let spec = fields(&gadget(), "com.example.rich.v1.GadgetSpec").clone();
    assert_eq!(spec.required[..3], ["name", "small", "large"]);
}

#[test]
fn integers_have_one_of_two_widths_and_keep_their_bounds() {
    let integer = |name| match spec_field(name).shape {
        Shape::Integer(integer) => integer,
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(integer("size").format, Some(IntegerFormat::Int32));
    let small = integer("small");
    assert_eq!((small.format, small.minimum, small.maximum), (Some(IntegerFormat::Int32), Some(0), Some(255)));
    assert_eq!((integer("large").format, integer("large").minimum), (Some(IntegerFormat::Int64), Some(1)));
    let ratio = Shape::Number(NumberSchema { format: Some(NumberFormat::Double), ..NumberSchema::default() });
    assert_eq!(spec_field("ratio").shape, ratio);
}

#[test]
fn text_keeps_its_lengths_pattern_and_description() {
    let name = spec_field("name");
    assert_eq!(name.description, "What it is called.");
    let expected =
        StringSchema { format: None, min_length: Some(1), max_length: Some(63), pattern: Some("^[a-z]+$".to_owned()) };
    assert_eq!(name.shape, Shape::String(expected));
}

#[test]
fn a_default_is_kept() {
    assert_eq!(spec_field("size").default, Some(json!(3)));
}

#[test]
fn unit_variants_are_the_allowed_values_documented_or_not_where_they_are_used() {
    let mode = spec_field("mode");
    assert_eq!(
        (mode.shape, mode.allowed),
        (Shape::String(StringSchema::default()), vec![json!("Fast"), json!("Slow")])
    );
    let spoken = spec_field("spoken");
    assert_eq!(spoken.allowed, [json!("Loud"), json!("Quiet")]);
    assert_eq!(spoken.description, "How it speaks.");
    assert_eq!(spoken.shape, Shape::String(StringSchema::default()));
    let names: Vec<_> = gadget().definitions.into_keys().filter(|name| name.starts_with("com.")).collect();
    assert!(!names.contains(&"com.example.rich.v1.Mode".to_owned()), "{names:?}");
}

#[test]
fn a_newtype_is_what_is_in_it_and_the_fields_description_goes_first() {
    let spec = spec_field("depth");
    assert_eq!(spec.description, "How deep.");
    let width = IntegerSchema { format: Some(IntegerFormat::Int64), ..IntegerSchema::default() };
    assert_eq!(spec.shape, Shape::Integer(width));
}

#[test]
fn variants_with_fields_become_one_object_with_all_of_them() {
    let schema = gadget();
    let choice = fields(&schema, "com.example.rich.v1.Choice");
    assert_eq!(choice.properties.keys().collect::<Vec<_>>(), ["depth", "text", "type"]);
    assert_eq!(choice.required, ["type", "depth"]);
    assert_eq!(choice.properties["type"].allowed, [json!("Left"), json!("Right")]);
}

#[test]
fn a_flattened_struct_lends_its_fields() {
    let schema = gadget();
    let spec = fields(&schema, "com.example.rich.v1.GadgetSpec");
    assert!(spec.properties.contains_key("shared"));
    assert!(!spec.preserve_unknown_fields);
}

#[test]
fn lists_know_how_they_merge() {
    let list_type = |name| match spec_field(name).shape {
        Shape::Array(array) => array.list_type,
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(list_type("parts"), Some(ListType::Map(vec!["name".to_owned()])));
    assert_eq!(list_type("tags"), Some(ListType::Set));
    assert_eq!(list_type("maybe"), None);
    assert!(matches!(spec_field("labels").shape, Shape::Map(_)));
}

#[test]
fn a_struct_that_is_merged_otherwise_in_one_place_is_written_out_there() {
    let whole = spec_field("whole");
    assert_eq!(
        whole.as_object().map(|object| (object.map_type, object.required.len())),
        Some((Some(MapType::Atomic), 2))
    );
    let parts = match spec_field("parts").shape {
        Shape::Array(array) => array.items.shape,
        other => panic!("{other:?}"),
    };
    assert_eq!(parts, Shape::Reference("com.example.rich.v1.Part".to_owned()));
}

#[test]
fn upstreams_scalars_have_shapes_of_their_own() {
    let schema = gadget();
    let shape = |name: &str| &schema.definitions[&format!("io.k8s.apimachinery.pkg.{name}")].shape;
    assert_eq!(*shape("util.intstr.IntOrString"), Shape::IntOrString);
    assert_eq!(*shape("api.resource.Quantity"), Shape::Quantity);
    assert_eq!(spec_field("anything").shape, Shape::Any);
}

#[test]
fn unknown_extensions_are_carried_along() {
    assert_eq!(spec_field("checked").extensions["x-kubernetes-validations"], json!([{"rule": "self.size() > 1"}]));
}

#[test]
fn o2_5_shared_definitions_say_what_upstreams_say() {
    let common = common();
    let event = common["io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent"].as_object().unwrap();
    assert_eq!(event.required, ["type", "object"], "the order is part of the content");
    assert_eq!(event.properties["type"].default, Some(json!("")));
    let reference = gadget().definitions["io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference"].clone();
    assert_eq!(reference.as_object().unwrap().map_type, Some(MapType::Atomic));
    let metadata = gadget().definitions["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"].clone();
    let owners = &metadata.as_object().unwrap().properties["ownerReferences"];
    assert_eq!(owners.extensions["x-kubernetes-patch-merge-key"], json!("uid"));
}

#[test]
fn references_that_lead_nowhere_end() {
    let circle = |to: &str| Schema::reference(to);
    let definitions = BTreeMap::from([("a".to_owned(), circle("b")), ("b".to_owned(), circle("a"))]);
    let schema = TypeSchema { root: "a".to_owned(), list: "b".to_owned(), definitions };
    assert_eq!(schema.resolve(&Schema::reference("a")), None);
    assert_eq!(schema.resolve(&Schema::reference("c")), None);
}

#[test]
fn a_schema_nested_without_end_is_cut_and_not_followed() {
    let deep = (0..500).fold(json!({"type": "string"}), |inner, _| json!({"type": "array", "items": inner}));
    let schema = schemars::Schema::try_from(deep).unwrap();
    let (mut lowered, _) = lower::lower(&schema, "x", "x.Root");
    let mut depth = 0;
    while let Shape::Array(array) = lowered.shape {
        depth += 1;
        lowered = *array.items;
    }
    assert_eq!(lowered.shape, Shape::Any);
    assert!(depth < 100, "{depth}");
}
