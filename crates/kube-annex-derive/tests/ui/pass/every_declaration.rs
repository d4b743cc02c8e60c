use kube_annex::k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube_annex::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_annex::schema::{Nullable, RawObject};
use kube_annex::{JsonSchema, aggregated_type};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Declares one of everything.
#[aggregated_type]
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct GizmoSpec {
    /// How many.
    #[field(default = 1, minimum = 0, maximum = 1000)]
    replicas: i32,
    #[field(exclusive_minimum = -0.5, exclusive_maximum = 1, multiple_of = 0.25)]
    ratio: Option<f64>,
    #[field(default = "none", min_length = 2, max_length = 8, pattern = "^[a-z]+$")]
    nickname: String,
    #[field(default = Mode::Auto)]
    mode: Mode,
    #[field(default = vec![1, 2])]
    numbers: Vec<i64>,
    #[field(enum("Left", "Right"))]
    side: Option<String>,
    #[field(format = "date-time")]
    deadline: Option<String>,
    #[field(nullable)]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    word: Nullable<String>,
    #[field(list = map(keys("port", "protocol")), min_items = 1, max_items = 16)]
    ports: Vec<Port>,
    #[field(list = set)]
    words: Vec<String>,
    #[field(list = atomic)]
    plain: Vec<String>,
    #[field(map = atomic, min_properties = 1, max_properties = 3)]
    labels: BTreeMap<String, String>,
    #[field(map = granular)]
    notes: BTreeMap<String, String>,
    #[field(map = atomic)]
    origin: Option<Origin>,
    #[field(preserve_unknown_fields)]
    anything: Option<RawObject>,
    #[field(embedded)]
    template: Option<RawObject>,
    port: Option<IntOrString>,
    memory: Option<Quantity>,
    #[field(default = true)]
    r#type: bool,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
enum Mode {
    Auto,
}

#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct Port {
    port: i32,
    protocol: String,
}

#[aggregated_type(map = atomic)]
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
struct Origin {
    vendor: Option<String>,
}

fn main() {
    let schema = kube_annex::schema::schema_of::<GizmoSpec>();
    let spec = &schema.as_value()["properties"];
    assert_eq!(spec["replicas"]["default"], 1);
    assert_eq!(spec["replicas"]["maximum"], 1000);
    assert_eq!(spec["ratio"]["exclusiveMinimum"], -0.5);
    assert_eq!(spec["nickname"]["default"], "none");
    assert_eq!(spec["mode"]["default"], "Auto");
    assert_eq!(spec["ports"]["x-kubernetes-list-map-keys"][1], "protocol");
    assert_eq!(spec["origin"]["x-kubernetes-map-type"], "atomic");
    assert_eq!(spec["template"]["x-kubernetes-embedded-resource"], true);
    assert_eq!(spec["word"]["nullable"], true);
    let read: GizmoSpec = serde_json::from_str(r#"{"ports": [], "words": [], "plain": [], "labels": {}, "notes": {}}"#).unwrap();
    assert_eq!((read.replicas, read.nickname.as_str(), read.r#type), (1, "none", true));
}
