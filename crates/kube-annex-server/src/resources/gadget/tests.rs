use super::*;
use kube_annex::decode::{self, MediaType};
use kube_annex_runtime::Registration;
use serde_json::{Value, json};

/// The type as a person wrote it for kube-apiserver.
const DEFINITION: &str = include_str!("../../../../../tests/differential/gadget-crd.yaml");

fn registration() -> Registration {
    Registration::stored::<Gadget>().into()
}

/// Descriptions are compared where the hand-written definition has them: it describes two fields, the derive all.
fn without_more_descriptions(value: &mut Value, like: &Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| name != "description" || !value.is_string() || like.get(name).is_some());
            for (name, below) in fields {
                without_more_descriptions(below, like.get(name).unwrap_or(&Value::Null));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                without_more_descriptions(item, like.get(index).unwrap_or(&Value::Null));
            }
        }
        _ => {}
    }
}

#[test]
fn the_derive_writes_the_definition_that_a_person_wrote() {
    let written = decode::decode(DEFINITION.as_bytes(), MediaType::Yaml).unwrap().value;
    let mut derived = registration().custom_resource_definition().unwrap();
    without_more_descriptions(&mut derived, &written);
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(pretty(&derived), pretty(&written));
}

#[test]
fn a_gadget_comes_out_as_it_went_in() {
    let object = json!({
        "apiVersion": "rich.example.com/v1",
        "kind": "Gadget",
        "metadata": {"name": "a"},
        "spec": {
            "color": "red", "mode": "Manual", "replicas": 3, "ratio": 0.5, "enabled": false, "nickname": "abc",
            "note": null, "deadline": "2026-01-02T03:04:05.678+02:00", "port": "http", "limits": {"a": 1, "b": "x"},
            "labelsAtomic": {}, "ports": [{"port": 80, "protocol": "UDP", "tags": []}],
            "parts": [{"name": "p", "weight": 10, "env": [{"name": "e"}], "origin": {"vendor": "v"}}],
            "words": [], "numbers": [3, 1], "plain": ["x", "x"], "anything": {"deep": {"er": [null, 1.5]}},
            "template": {"apiVersion": "v1", "kind": "Pod", "spec": {"x": 1}},
        },
        "status": {"replicas": 2, "conditions": [{"type": "Ready", "status": "True"}]},
    });
    let gadget: Gadget = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(gadget.spec.note, Nullable::Null);
    assert_eq!(kube_annex::Object::new(gadget).to_value().unwrap(), object);
}

#[test]
fn absent_fields_are_absent_and_declared_defaults_hold_for_stored_objects_too() {
    let gadget: Gadget =
        serde_json::from_value(json!({"metadata": {}, "spec": {"color": "blue", "parts": [{"name": "p"}]}})).unwrap();
    let spec = serde_json::to_value(&gadget.spec).unwrap();
    let expected = json!({
        "color": "blue", "mode": "Auto", "replicas": 1, "enabled": true, "parts": [{"name": "p", "weight": 10}],
    });
    assert_eq!(spec, expected);
    assert_eq!(Gadget::DESCRIPTOR.selectable_fields, [".spec.color", ".spec.replicas"]);
}
