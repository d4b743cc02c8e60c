//! A namespaced resource with a status, columns, defaults and rules. It is the hub; objects are stored as v1beta1.

use kube_annex::field::{Error, ErrorList, Path};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something to test with.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1",
    short_names("wd"),
    status = true,
    strategy = WidgetRules,
    columns(
        (name = "Size", path = ".spec.size", type = integer),
        (name = "Phase", path = ".status.phase", type = string, priority = 1),
        (name = "Age", path = ".metadata.creationTimestamp", type = date),
    ),
)]
pub struct Widget {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: WidgetSpec,
    /// What is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<WidgetStatus>,
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WidgetSpec {
    /// How large; not negative.
    pub size: i64,
    /// Grey unless told; cannot be changed.
    pub color: String,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What is to be remembered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

/// A part.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct Part {
    /// What it is called.
    pub name: String,
}

/// What is.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default)]
pub struct WidgetStatus {
    /// How far it is.
    pub phase: String,
}

/// The rules of widgets.
#[derive(Clone, Copy, Debug)]
pub struct WidgetRules;

impl Strategy<Widget> for WidgetRules {
    fn default(widget: &mut Widget) {
        if widget.spec.color.is_empty() {
            "grey".clone_into(&mut widget.spec.color);
        }
    }

    fn validate(widget: &Widget) -> ErrorList {
        let spec = Path::new("spec");
        let mut errors = ErrorList::new();
        if widget.spec.size < 0 {
            errors.push(Error::invalid(&spec.child("size"), widget.spec.size, "must be greater than or equal to 0"));
        }
        for (index, part) in widget.spec.parts.iter().enumerate() {
            if part.name.is_empty() {
                errors.push(Error::required(&spec.child("parts").index(index).child("name"), "name it"));
            }
        }
        errors
    }

    fn validate_update(widget: &Widget, old: &Widget) -> ErrorList {
        let mut errors = Self::validate(widget);
        if widget.spec.color != old.spec.color {
            let path = Path::new("spec").child("color");
            errors.push(Error::invalid(&path, widget.spec.color.as_str(), "field is immutable"));
        }
        errors
    }

    fn warnings(widget: &Widget) -> Vec<String> {
        if widget.spec.size > 1000 { vec!["spec.size: hard to carry".to_owned()] } else { Vec::new() }
    }

    fn canonicalize(widget: &mut Widget) {
        widget.spec.parts.sort_by(|a, b| a.name.cmp(&b.name));
    }
}
