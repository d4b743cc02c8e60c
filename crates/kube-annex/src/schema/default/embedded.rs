//! The metadata of an object within an object, brought to the form in which every object's metadata is kept.

use crate::encode;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

/// Drops what says nothing, writes times in seconds of UTC, and gives owners the members that all of them have. What is
/// of another type than it should be stays, to be told.
///
/// * Source: upstream reads such metadata as `ObjectMeta` and writes it again, which leaves its zeros out.
pub(super) fn settle(metadata: &mut Value) {
    if metadata.is_null() {
        *metadata = Value::Object(Map::new());
    }
    let Some(fields) = metadata.as_object_mut() else { return };
    fields.retain(|name, value| match name.as_str() {
        "deletionGracePeriodSeconds" => !value.is_null(),
        "creationTimestamp" | "deletionTimestamp" => {
            settle_time(value);
            !value.is_null()
        }
        "generation" => !value.is_null() && value != 0,
        _ => !says_nothing(value),
    });
    for text in texts(fields) {
        if text.is_null() {
            *text = Value::from("");
        }
    }
    for owner in items(fields, "ownerReferences") {
        let Some(owner) = settled_item(owner) else { continue };
        owner.retain(|_, value| !value.is_null());
        for name in ["apiVersion", "kind", "name", "uid"] {
            owner.entry(name).or_insert_with(|| Value::from(""));
        }
    }
    for entry in items(fields, "managedFields") {
        let Some(entry) = settled_item(entry) else { continue };
        entry.retain(|name, value| match name.as_str() {
            "time" => {
                settle_time(value);
                !value.is_null()
            }
            "fieldsV1" => !value.is_null(),
            _ => !says_nothing(value),
        });
    }
}

/// The texts among them that a null stands for an empty one of.
fn texts(fields: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    fields.iter_mut().flat_map(|(name, value)| -> Box<dyn Iterator<Item = &mut Value> + '_> {
        match (name.as_str(), value) {
            ("labels" | "annotations", Value::Object(entries)) => Box::new(entries.values_mut()),
            ("finalizers", Value::Array(items)) => Box::new(items.iter_mut()),
            _ => Box::new(std::iter::empty()),
        }
    })
}

fn items<'f>(fields: &'f mut Map<String, Value>, name: &str) -> impl Iterator<Item = &'f mut Value> {
    fields.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn settled_item(item: &mut Value) -> Option<&mut Map<String, Value>> {
    if item.is_null() {
        *item = Value::Object(Map::new());
    }
    item.as_object_mut()
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn settle_time(value: &mut Value) {
    if let Some(time) = value.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
        *value = Value::from(encode::time(time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn settles(mut metadata: Value, settled: &Value) {
        settle(&mut metadata);
        assert_eq!(metadata, *settled);
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        settles(Value::Null, &json!({}));
        settles(
            json!({"name": "", "labels": {}, "annotations": null, "finalizers": [], "generation": 0, "uid": null}),
            &json!({}),
        );
        settles(json!({"deletionGracePeriodSeconds": 0}), &json!({"deletionGracePeriodSeconds": 0}));
    }

    #[test]
    fn texts_that_are_null_are_empty() {
        settles(
            json!({"labels": {"a": null}, "finalizers": [null]}),
            &json!({"labels": {"a": ""}, "finalizers": [""]}),
        );
    }

    #[test]
    fn times_are_told_in_seconds_of_utc() {
        settles(
            json!({"creationTimestamp": "2026-01-01T02:00:00.5+02:00", "deletionTimestamp": null}),
            &json!({"creationTimestamp": "2026-01-01T00:00:00Z"}),
        );
        settles(json!({"creationTimestamp": "yesterday"}), &json!({"creationTimestamp": "yesterday"}));
    }

    #[test]
    fn owners_have_their_four_members() {
        settles(
            json!({"ownerReferences": [{"name": "a", "controller": null}, null]}),
            &json!({"ownerReferences": [
                {"apiVersion": "", "kind": "", "name": "a", "uid": ""},
                {"apiVersion": "", "kind": "", "name": "", "uid": ""},
            ]}),
        );
    }

    #[test]
    fn what_is_of_another_type_stays() {
        for metadata in [json!([]), json!("x"), json!({"labels": 5}), json!({"ownerReferences": ["x"]})] {
            settles(metadata.clone(), &metadata);
        }
    }
}
