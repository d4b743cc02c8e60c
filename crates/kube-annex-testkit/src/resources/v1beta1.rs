//! The version of widgets that is stored, and that clients are to leave.

use super::{Part, WidgetSpec, WidgetStatus};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Spoke};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Something to test with. Its size is called width.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "toys.example.com",
    version = "v1beta1",
    short_names("wd"),
    status = true,
    deprecated(since = "1.2", removed = "1.9", replacement = "toys.example.com/v1 Widget")
)]
pub struct Widget {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: WideSpec,
    /// What is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<WidgetStatus>,
}

/// What is wanted.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WideSpec {
    /// How wide.
    pub width: i64,
    /// Which color.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub color: String,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What is to be remembered.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

impl Spoke<super::Widget> for Widget {
    fn to_hub(self) -> super::Widget {
        let WideSpec { width: size, color, parts, notes } = self.spec;
        let mut hub = super::Widget {
            metadata: self.metadata,
            spec: WidgetSpec { size, color, parts, notes },
            status: self.status,
        };
        if hub.spec.color.is_empty() {
            "grey".clone_into(&mut hub.spec.color);
        }
        hub
    }

    fn from_hub(hub: super::Widget) -> Self {
        let WidgetSpec { size: width, color, parts, notes } = hub.spec;
        Self { metadata: hub.metadata, spec: WideSpec { width, color, parts, notes }, status: hub.status }
    }
}
