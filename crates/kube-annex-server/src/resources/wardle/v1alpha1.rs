//! `wardle.example.com/v1alpha1`: the version that is stored.

use super::v1beta1::{self, FISCHER, FLUNDER};
use kube_annex::field::ErrorList;
use kube_annex::strategy::NameRule;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Spoke, Strategy};
use serde::{Deserialize, Serialize};

/// Something that flunders.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "wardle.example.com",
    version = "v1alpha1",
    strategy = FlunderDefaults,
    deprecated(since = "1.3", removed = "1.10"),
)]
pub struct Flunder {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What the Flunder refers to.
    #[serde(default)]
    pub spec: FlunderSpec,
    /// What has been observed of the Flunder.
    #[serde(default)]
    pub status: FlunderStatus,
}

/// What a Flunder refers to.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlunderSpec {
    /// A name of another flunder or fischer, depending on the reference type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reference: String,
    /// The reference type, defaults to "Flunder" if reference is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_type: Option<String>,
}

/// What has been observed of a Flunder: nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FlunderStatus {}

/// The defaults of this version; the rules are those of the hub.
#[derive(Clone, Copy, Debug)]
pub struct FlunderDefaults;

impl Strategy<Flunder> for FlunderDefaults {
    fn default(flunder: &mut Flunder) {
        let spec = &mut flunder.spec;
        if spec.reference_type.as_deref().unwrap_or_default().is_empty() && !spec.reference.is_empty() {
            spec.reference_type = Some(FLUNDER.to_owned());
        }
    }
}

impl Spoke<v1beta1::Flunder> for Flunder {
    fn to_hub(self) -> v1beta1::Flunder {
        let mut spec = v1beta1::FlunderSpec::default();
        // As upstream: a reference type that is neither of the two is lost, and the reference with it.
        match self.spec.reference_type.as_deref() {
            Some(FLUNDER) => (spec.reference_type, spec.flunder_reference) = (FLUNDER.to_owned(), self.spec.reference),
            Some(FISCHER) => (spec.reference_type, spec.fischer_reference) = (FISCHER.to_owned(), self.spec.reference),
            _ => {}
        }
        v1beta1::Flunder { metadata: self.metadata, spec, status: v1beta1::FlunderStatus {} }
    }

    fn from_hub(hub: v1beta1::Flunder) -> Self {
        let reference_type = Some(hub.spec.reference_type);
        let spec = match reference_type.as_deref() {
            Some(FLUNDER) => FlunderSpec { reference_type, reference: hub.spec.flunder_reference },
            Some(FISCHER) => FlunderSpec { reference_type, reference: hub.spec.fischer_reference },
            _ => FlunderSpec::default(),
        };
        Self { metadata: hub.metadata, spec, status: FlunderStatus {} }
    }
}

/// Something that fishes, and says which Flunders there may not be.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "wardle.example.com",
    version = "v1alpha1",
    scope = Cluster,
    strategy = FischerRules,
    deprecated(since = "1.3", removed = "1.10"),
)]
#[serde(rename_all = "camelCase")]
pub struct Fischer {
    /// Standard object metadata.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// DisallowedFlunders holds a list of Flunder.Names that are disallowed.
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disallowed_flunders: Vec<String>,
}

/// The rules of Fischers.
#[derive(Clone, Copy, Debug)]
pub struct FischerRules;

impl Strategy<Fischer> for FischerRules {
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const ALLOW_UNCONDITIONAL_UPDATE: bool = false;

    fn validate_update(_: &Fischer, _: &Fischer) -> ErrorList {
        ErrorList::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flunder(reference: &str, reference_type: Option<&str>) -> Flunder {
        let spec = FlunderSpec { reference: reference.to_owned(), reference_type: reference_type.map(str::to_owned) };
        Flunder { metadata: ObjectMeta::default(), spec, status: FlunderStatus {} }
    }

    #[test]
    fn a_reference_without_a_type_is_to_a_flunder() {
        for (reference, sent, defaulted) in [
            ("a", None, Some("Flunder")),
            ("a", Some(""), Some("Flunder")),
            ("", None, None),
            ("a", Some("Fischer"), Some("Fischer")),
        ] {
            let mut flunder = flunder(reference, sent);
            <FlunderDefaults as Strategy<Flunder>>::default(&mut flunder);
            assert_eq!(flunder.spec.reference_type.as_deref(), defaulted, "{reference} {sent:?}");
        }
    }

    #[test]
    fn references_survive_the_way_to_the_hub_and_back() {
        for (reference, kind) in [("a", Some("Flunder")), ("b", Some("Fischer")), ("", None)] {
            let there = flunder(reference, kind);
            let back = Flunder::from_hub(there.clone().to_hub());
            assert_eq!(back.spec, there.spec);
        }
        assert_eq!(flunder("a", Some("Other")).to_hub().spec, v1beta1::FlunderSpec::default());
    }
}
