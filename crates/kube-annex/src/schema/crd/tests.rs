use super::*;
use crate::resource::{ColumnType, ScaleDescriptor, SubresourceDescriptor};
use crate::verb::Verb;
use k8s_openapi::api::core::v1::LocalObjectReference;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A widget.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Widget {
    metadata: ObjectMeta,
    spec: WidgetSpec,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct WidgetSpec {
    #[schemars(extend("exclusiveMaximum" = 1.5))]
    ratio: f64,
    port: Option<IntOrString>,
    memory: Option<Quantity>,
    selector: Option<LabelSelector>,
    secret: Option<LocalObjectReference>,
    parts: Option<Vec<Part>>,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Part {
    parts: Option<Vec<Self>>,
}

const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor {
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    singular: "widget",
    short_names: &["wd"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: &Verb::ALL,
    subresources: &[SubresourceDescriptor {
        name: "status",
        group: "example.com",
        version: "v1",
        kind: "Widget",
        verbs: &[Verb::Get],
    }],
    scale: Some(ScaleDescriptor {
        spec_replicas: ".spec.replicas",
        status_replicas: ".status.replicas",
        label_selector: None,
    }),
    selectable_fields: &[".spec.ratio"],
    columns: &[ColumnDescriptor {
        name: "Ratio",
        path: ".spec.ratio",
        r#type: ColumnType::Number,
        description: "",
        priority: 1,
    }],
    deprecated: None,
    description: "",
};

fn widget() -> Value {
    let schema = Schema::of_type(&DESCRIPTOR, &crate::schema::schema_of::<Widget>());
    definition(&[Version { descriptor: &DESCRIPTOR, schema: &schema, storage: true }]).unwrap()
}

#[test]
fn what_is_written_is_a_definition() {
    let definition: CustomResourceDefinition = serde_json::from_value(widget()).unwrap();
    assert_eq!(definition.metadata.name.as_deref(), Some("widgets.example.com"));
    assert_eq!((definition.spec.scope.as_str(), definition.spec.names.kind.as_str()), ("Cluster", "Widget"));
    let version = &definition.spec.versions[0];
    assert!(version.served && version.storage);
    let column = &version.additional_printer_columns.as_ref().unwrap()[0];
    assert_eq!((column.json_path.as_str(), column.priority), (".spec.ratio", Some(1)));
    let scale = version.subresources.as_ref().unwrap().scale.as_ref().unwrap();
    assert_eq!(scale.label_selector_path, None);
}

#[test]
fn nothing_is_referred_to_and_a_type_within_itself_ends() {
    let text = widget().to_string();
    assert!(!text.contains("$ref"), "{text}");
    let spec = widget()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
    let inner = &spec["properties"]["parts"]["items"]["properties"]["parts"]["items"];
    assert_eq!(*inner, json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}));
    assert_eq!(spec["properties"]["port"]["x-kubernetes-int-or-string"], json!(true));
    assert_eq!(spec["properties"]["ratio"]["exclusiveMaximum"], json!(true));
    assert_eq!(spec["properties"]["memory"]["anyOf"], json!([{"type": "integer"}, {"type": "string"}]));
}

#[test]
fn upstreams_zeros_are_no_defaults_of_a_custom_resource() {
    let spec = widget()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
    let requirement = &spec["properties"]["selector"]["properties"]["matchExpressions"]["items"];
    assert_eq!(requirement["required"], json!(["key", "operator"]));
    assert_eq!(requirement["properties"]["key"].get("default"), None);
}
