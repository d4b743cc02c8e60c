//! The type that uses everything a declared type can say: `rich.example.com/v1`.
//!
//! The same type as a custom resource is `tests/differential/gadget-crd.yaml`; both behave the same.

use kube_annex::k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube_annex::schema::{Nullable, RawObject};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy, aggregated_type};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Gadget uses every feature of a declared type.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "rich.example.com",
    version = "v1",
    short_names("gd"),
    categories("all", "rich"),
    status = true,
    scale(spec_replicas = ".spec.replicas", status_replicas = ".status.replicas", label_selector = ".status.selector"),
    selectable_fields(".spec.color", ".spec.replicas"),
    columns(
        (name = "Color", path = ".spec.color", type = string, description = "What it looks like."),
        (name = "Desired", path = ".spec.replicas", type = integer),
        (name = "Ready", path = ".status.conditions[?(@.type=='Ready')].status", type = string),
        (name = "Mode", path = ".spec.mode", type = string, priority = 1),
        (name = "Age", path = ".metadata.creationTimestamp", type = date),
    ),
    strategy = GadgetRules,
)]
pub struct Gadget {
    /// Standard object metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GadgetSpec,
    /// What is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<GadgetStatus>,
}

/// As custom resources: a write says which state it was made for.
#[derive(Clone, Copy, Debug)]
pub struct GadgetRules;

impl Strategy<Gadget> for GadgetRules {
    const ALLOW_UNCONDITIONAL_UPDATE: bool = false;
}

/// What a gadget is to be.
#[aggregated_type]
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GadgetSpec {
    /// What it looks like.
    pub color: Color,
    /// Who decides.
    #[field(default = Mode::Auto)]
    pub mode: Mode,
    /// How many there are to be.
    #[field(minimum = 0, maximum = 1000, default = 1)]
    pub replicas: i32,
    /// A part of one.
    #[field(minimum = 0, exclusive_maximum = 1)]
    #[schemars(extend("format" = null))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Whether it is on.
    #[field(default = true)]
    pub enabled: bool,
    /// What friends call it.
    #[field(min_length = 2, max_length = 8, pattern = "^[a-z]+$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nickname: Option<String>,
    /// What there is to say, if only that there is nothing.
    #[serde(default, skip_serializing_if = "Nullable::is_absent")]
    pub note: Nullable<String>,
    /// When it must be ready.
    #[field(format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// The number or the name of a port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<IntOrString>,
    /// How much it may use, key by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<BTreeMap<String, IntOrString>>,
    /// Labels of one writer.
    #[field(map = atomic)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_atomic: Option<BTreeMap<String, String>>,
    /// Where it listens, each port and protocol once.
    #[field(list = map(keys("port", "protocol")), max_items = 16)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<GadgetPort>>,
    /// What it is made of, each name once.
    #[field(list = map(keys("name")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<Part>>,
    /// Words, each once.
    #[field(list = set)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Vec<String>>,
    /// Numbers of one writer.
    #[field(list = atomic)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<i64>>,
    /// A list of which nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<Vec<String>>,
    /// Whatever fields there are.
    #[field(preserve_unknown_fields)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anything: Option<RawObject>,
    /// A whole object of another kind.
    #[field(embedded)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<RawObject>,
}

/// What a gadget looks like.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the colors say themselves what they are")]
pub enum Color {
    Red,
    Green,
    Blue,
}

/// Who decides what a gadget does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum Mode {
    /// It decides itself.
    Auto,
    /// Somebody decides.
    Manual,
}

/// Where a gadget listens.
#[aggregated_type]
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct GadgetPort {
    /// The number.
    #[field(minimum = 1, maximum = 65535)]
    pub port: i32,
    /// What is spoken there.
    #[field(default = Protocol::Tcp)]
    pub protocol: Protocol,
    /// What it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Words about it, each once.
    #[field(list = set)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

/// What is spoken at a port.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[allow(missing_docs, reason = "the protocols are known by their names")]
pub enum Protocol {
    Tcp,
    Udp,
}

/// What a gadget is made of.
#[aggregated_type]
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Part {
    /// What it is called.
    pub name: String,
    /// What it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// How much it counts.
    #[field(default = 10)]
    pub weight: i64,
    /// Its variables, each name once.
    #[field(list = map(keys("name")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<Variable>>,
    /// Where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A variable of a part.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Variable {
    /// What it is called.
    pub name: String,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Where a part comes from, told by one writer.
#[aggregated_type(map = atomic)]
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Origin {
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Which one it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
}

/// What a gadget is.
#[aggregated_type]
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GadgetStatus {
    /// How many there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// How they are found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The generation that this is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// What is known of it, each type once.
    #[field(list = map(keys("type")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<GadgetCondition>>,
}

/// Something that is known of a gadget.
#[aggregated_type]
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GadgetCondition {
    /// What it is about.
    pub r#type: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Since when.
    #[field(format = "date-time")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the words say themselves what they mean")]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

#[cfg(test)]
mod tests;
