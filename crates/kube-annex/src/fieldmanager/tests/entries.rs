//! Entries of managed fields: how they are told apart and ordered, when they come and go.

use super::super::Writer;
use super::rules::{V1, at, managed, manager, stored, thing};
use super::world::World;
use serde_json::{Value, json};

fn names(object: &Value) -> Vec<String> {
    managed(object).into_iter().map(|(name, _)| name).collect()
}

#[test]
fn ssa_12_appliers_have_one_entry_updaters_one_for_each_version() {
    let versions = json!({ "v1": spec(&json!({ "size": number() })), "v2": spec(&json!({ "count": number() })) });
    let manager = World::new(versions.as_object().expect("schemas")).manager();
    let v2 = |name, second| Writer { api_version: "t.example.com/v2", ..at(name, second) };
    let in_v2 = |fields: Value| {
        let mut thing = thing(fields);
        thing["apiVersion"] = "t.example.com/v2".into();
        thing
    };
    let live = stored(manager.apply(None, thing(json!({ "size": 1 })), &at("a", 0), false).expect("applied"));
    let live = manager.update(Some(&live), stored_with(&live, "size", 2), &at("b", 1));
    let live = manager.apply(Some(&live), in_v2(json!({ "count": 2 })), &v2("a", 2), false).expect("applied");
    let mut more = live.clone();
    more["spec"]["count"] = 3.into();
    let live = manager.update(Some(&live), more, &v2("b", 3));
    let entries = live["metadata"]["managedFields"].as_array().expect("entries");
    let told: Vec<_> = entries.iter().map(|entry| (&entry["manager"], &entry["apiVersion"])).collect();
    assert_eq!(told, [(&json!("b"), &json!("t.example.com/v2"))], "others lose what b changes");

    let live = manager.apply(Some(&live), in_v2(json!({ "count": 3 })), &v2("a", 4), false).expect("applied");
    let live = manager.apply(Some(&live), in_v2(json!({ "count": 3 })), &v2("a", 5), false).expect("applied");
    assert_eq!(names(&live), ["Apply a", "Update b"], "appliers come first");
}

#[test]
fn ssa_12_entries_are_ordered_by_time_then_manager() {
    let manager = manager();
    let mut live = stored(thing(json!({})));
    live = manager.update(None, live, &at("first", 0));
    for (name, field, second) in [("z", "a", 1), ("y", "b", 2), ("x", "c", 2)] {
        let mut new = live.clone();
        new["spec"]["limits"][field] = "1".into();
        live = manager.update(Some(&live), new, &at(name, second));
    }
    let live = manager.apply(Some(&live), thing(json!({ "color": "red" })), &at("last", 9), false).expect("applied");
    assert_eq!(names(&live), ["Apply last", "Update first", "Update z", "Update x", "Update y"]);
}

#[test]
fn ssa_14_system_metadata_is_nobodys() {
    let manager = manager();
    let mut object = thing(json!({ "color": "red" }));
    for (name, value) in [
        ("generation", json!(1)),
        ("resourceVersion", json!("5")),
        ("creationTimestamp", json!("2020-01-01T00:00:00Z")),
        ("selfLink", json!("/x")),
        ("uid", json!("u")),
        ("labels", json!({ "a": "b" })),
    ] {
        object["metadata"][name] = value;
    }
    let live = manager.update(None, object, &at("a", 0));
    let fields = json!({
        "f:metadata": { "f:labels": { ".": {}, "f:a": {} } },
        "f:spec": { ".": {}, "f:color": {} },
    });
    assert_eq!(managed(&live), [("Update a".to_owned(), fields)]);
}

#[test]
fn ssa_18_an_entry_that_has_nothing_left_is_removed() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    let live = manager.apply(Some(&live), thing(json!({ "color": "blue" })), &at("b", 1), true).expect("forced");
    assert_eq!(names(&live), ["Apply b"]);
    let mut nothing = thing(Value::Null);
    nothing.as_object_mut().expect("an object").remove("spec");
    let live = manager.apply(Some(&live), nothing, &at("b", 2), false).expect("taken back");
    assert!(live["metadata"].get("managedFields").is_none(), "{live}");
    assert!(live["spec"].get("color").is_none(), "{live}");
}

#[test]
fn ssa_18_an_entry_of_a_version_that_is_gone_is_removed() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    let mut old = live.clone();
    let mut entry = live["metadata"]["managedFields"][0].clone();
    entry["manager"] = "old".into();
    entry["apiVersion"] = "t.example.com/v0".into();
    old["metadata"]["managedFields"].as_array_mut().expect("entries").push(entry);
    let updated = manager.update(Some(&old), old.clone(), &at("b", 1));
    assert_eq!(names(&updated), ["Apply a"]);
    let applied = manager.apply(Some(&old), thing(json!({ "color": "blue" })), &at("a", 1), false);
    assert_eq!(names(&applied.expect("nobody is in the way")), ["Apply a"]);
}

#[test]
fn ssa_20_who_creates_is_tracked_from_the_start() {
    let created = manager().update(None, thing(json!({ "color": "red" })), &at("a", 0));
    assert_eq!(names(&created), ["Update a"]);
}

#[test]
fn ssa_20_after_a_reset_tracking_resumes_with_an_apply() {
    let manager = manager();
    let live = stored(manager.update(None, thing(json!({ "color": "red" })), &at("a", 0)));
    let mut cleared = live.clone();
    cleared["metadata"]["managedFields"] = json!([{}]);
    let live = manager.update(Some(&live), cleared, &at("a", 1));
    assert!(names(&live).is_empty());
    let live = manager.update(Some(&live), stored_with(&live, "color", "blue"), &at("a", 2));
    assert!(names(&live).is_empty());
    let live = manager.apply(Some(&live), thing(json!({ "size": 1 })), &at("b", 3), false).expect("applied");
    assert_eq!(names(&live), ["Apply b", "Update before-first-apply"]);
}

#[test]
fn ssa_21_the_same_manager_has_another_entry_for_a_subresource() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    let mut status = thing(json!({}));
    status["status"] = json!({ "ready": 1 });
    let through = Writer { subresource: "status", ..at("a", 1) };
    let live = manager.apply(Some(&live), status, &through, false).expect("applied");
    assert_eq!(names(&live), ["Apply a", "Apply a"]);
    let entries = &live["metadata"]["managedFields"];
    assert_eq!((entries[0].get("subresource"), &entries[1]["subresource"]), (None, &json!("status")));
    assert_eq!(entries[1]["fieldsV1"], json!({ "f:status": { "f:ready": {} } }));
    assert_eq!(live["spec"]["color"], "red", "what the endpoint resets is not removed through it");
}

#[test]
fn ssa_21_managed_fields_that_are_sent_to_a_subresource_are_ignored() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    for sent in [json!([]), json!([{}]), json!([{ "manager": "x", "operation": "Update", "apiVersion": V1 }])] {
        let mut new = live.clone();
        new["metadata"]["managedFields"] = sent;
        new["status"]["ready"] = 1.into();
        let updated = manager.update(Some(&live), new, &Writer { subresource: "status", ..at("b", 1) });
        assert_eq!(names(&updated), ["Apply a", "Update b"]);
    }
}

fn stored_with(live: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut new = live.clone();
    new["spec"][field] = value.into();
    new
}

fn number() -> Value {
    json!({ "type": "integer" })
}

fn spec(properties: &Value) -> Value {
    json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": properties } } })
}
