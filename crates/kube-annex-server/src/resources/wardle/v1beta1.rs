//! `wardle.example.com/v1beta1`, the hub of the group: the rules of Flunders are stated in its terms.

use kube_annex::field::{Error, ErrorList, Path};
use kube_annex::strategy::NameRule;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Strategy};
use serde::{Deserialize, Serialize};

/// Something that flunders.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "wardle.example.com", version = "v1beta1", strategy = FlunderRules)]
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
    /// A name of another flunder, mutually exclusive to the FischerReference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub flunder_reference: String,
    /// A name of a fischer, mutually exclusive to the FlunderReference.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fischer_reference: String,
    /// The reference type.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reference_type: String,
}

/// What has been observed of a Flunder: nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub struct FlunderStatus {}

/// The rules of Flunders.
#[derive(Clone, Copy, Debug)]
pub struct FlunderRules;

impl Strategy<Flunder> for FlunderRules {
    const NAME_RULE: NameRule = NameRule::PathSegment;
    const ALLOW_UNCONDITIONAL_UPDATE: bool = false;

    fn validate(flunder: &Flunder) -> ErrorList {
        validate_spec(&flunder.spec, &Path::new("spec"))
    }

    fn validate_update(_: &Flunder, _: &Flunder) -> ErrorList {
        ErrorList::new()
    }
}

pub(super) const FLUNDER: &str = "Flunder";
pub(super) const FISCHER: &str = "Fischer";

fn validate_spec(spec: &FlunderSpec, path: &Path) -> ErrorList {
    let mut errors = ErrorList::new();
    let (flunder, fischer) = (spec.flunder_reference.as_str(), spec.fischer_reference.as_str());
    let kind = spec.reference_type.as_str();
    let wrong_flunder = |why| Error::invalid(&path.child("flunderReference"), flunder, why);
    let wrong_fischer = |why| Error::invalid(&path.child("fischerReference"), fischer, why);
    if !flunder.is_empty() && !fischer.is_empty() {
        errors.push(wrong_fischer("cannot be set with flunderReference at the same time"));
    } else if !flunder.is_empty() && kind != FLUNDER {
        errors.push(wrong_flunder("cannot be set if referenceType is not Flunder"));
    } else if !fischer.is_empty() && kind != FISCHER {
        errors.push(wrong_fischer("cannot be set if referenceType is not Fischer"));
    } else if fischer.is_empty() && kind == FISCHER {
        errors.push(wrong_fischer("cannot be empty if referenceType is Fischer"));
    } else if flunder.is_empty() && kind == FLUNDER {
        errors.push(wrong_flunder("cannot be empty if referenceType is Flunder"));
    }
    if !matches!(kind, "" | FLUNDER | FISCHER) {
        errors.push(Error::invalid(&path.child("referenceType"), kind, "must be Flunder or Fischer"));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_combination_has_upstreams_text() {
        for (flunder, fischer, kind, expected) in [
            (
                "a",
                "b",
                "Flunder",
                "[spec.fischerReference: Invalid value: \"b\": cannot be set with flunderReference at the same time]",
            ),
            (
                "a",
                "",
                "Fischer",
                "[spec.flunderReference: Invalid value: \"a\": cannot be set if referenceType is not Flunder]",
            ),
            (
                "",
                "b",
                "Flunder",
                "[spec.fischerReference: Invalid value: \"b\": cannot be set if referenceType is not Fischer]",
            ),
            (
                "",
                "",
                "Fischer",
                "[spec.fischerReference: Invalid value: \"\": cannot be empty if referenceType is Fischer]",
            ),
            (
                "",
                "",
                "Flunder",
                "[spec.flunderReference: Invalid value: \"\": cannot be empty if referenceType is Flunder]",
            ),
            ("", "", "x", "[spec.referenceType: Invalid value: \"x\": must be Flunder or Fischer]"),
            (
                "a",
                "",
                "x",
                "[spec.flunderReference: Invalid value: \"a\": cannot be set if referenceType is not Flunder, spec.referenceType: Invalid value: \"x\": must be Flunder or Fischer]",
            ),
            ("a", "", "Flunder", "[]"),
            ("", "b", "Fischer", "[]"),
            ("", "", "", "[]"),
        ] {
            let spec = FlunderSpec {
                flunder_reference: flunder.into(),
                fischer_reference: fischer.into(),
                reference_type: kind.into(),
            };
            let texts: Vec<String> = validate_spec(&spec, &Path::new("spec")).iter().map(ToString::to_string).collect();
            assert_eq!(format!("[{}]", texts.join(", ")), expected);
        }
    }
}
