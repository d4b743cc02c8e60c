//! Rules of server-side apply, one at a time.

use super::super::{ApplyError, FieldManager, Writer, manager_name, validate_managed_fields};
use super::world::World;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

pub(super) const V1: &str = "t.example.com/v1";

pub(super) fn manager() -> FieldManager {
    let text = json!({ "type": "string" });
    let number = json!({ "type": "integer" });
    let item = json!({ "type": "object", "properties": { "name": text, "value": text } });
    let port = json!({ "type": "object", "properties": {
        "port": number, "protocol": { "type": "string", "default": "TCP" }, "name": text,
    } });
    let spec = json!({ "type": "object", "properties": {
        "color": text,
        "size": number,
        "items": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": item },
        "ports": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"], "items": port },
        "words": { "type": "array", "x-kubernetes-list-type": "set", "items": text },
        "plain": { "type": "array", "items": text },
        "limits": { "type": "object", "additionalProperties": text },
        "point": { "type": "object", "x-kubernetes-map-type": "atomic", "properties": { "x": number, "y": number } },
    } });
    let status = json!({ "type": "object", "properties": { "ready": number } });
    let schema = json!({ "type": "object", "properties": { "spec": spec, "status": status } });
    World::new(json!({ "v1": schema }).as_object().expect("an object")).manager()
}

pub(super) fn at(manager: &str, second: i64) -> Writer<'_> {
    let now = Timestamp::from_second(1_000_000_000 + second).expect("a time");
    Writer { manager, api_version: V1, subresource: "", now }
}

pub(super) fn thing(spec: Value) -> Value {
    let mut thing = json!({ "apiVersion": V1, "kind": "Thing", "metadata": { "name": "a", "namespace": "b" } });
    thing["spec"] = spec;
    thing
}

/// As stored: with a uid.
pub(super) fn stored(mut object: Value) -> Value {
    object["metadata"]["uid"] = "u".into();
    object
}

/// Who manages what: `manager operation subresource: fields`.
pub(super) fn managed(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let entry = |entry: &Value| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (format!("{} {}", text("operation"), text("manager")), entry["fieldsV1"].clone())
    };
    entries.iter().map(entry).collect()
}

fn spec_fields(fields: Value) -> Value {
    Value::Object([("f:spec".to_owned(), fields)].into_iter().collect())
}

#[test]
fn ssa_8_a_value_that_somebody_else_owns_is_a_conflict_and_an_equal_one_is_shared() {
    let manager = manager();
    let live = manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied");
    let live = stored(live);
    let error = manager.apply(Some(&live), thing(json!({ "color": "blue" })), &at("b", 1), false);
    assert!(matches!(error, Err(ApplyError::Conflict { .. })), "{error:?}");
    let live = manager.apply(Some(&live), thing(json!({ "color": "red" })), &at("b", 1), false).expect("shared");
    let own = spec_fields(json!({ "f:color": {} }));
    assert_eq!(managed(&live), [("Apply b".to_owned(), own.clone()), ("Apply a".to_owned(), own.clone())]);
    let live = manager.apply(Some(&live), thing(json!({ "color": "blue" })), &at("b", 2), true).expect("forced");
    assert_eq!(managed(&live), [("Apply b".to_owned(), own)]);
    assert_eq!(live["spec"]["color"], "blue");
}

#[test]
fn ssa_9_a_conflict_tells_every_field_and_who_owns_it() {
    let manager = manager();
    let owned = json!({ "color": "red", "ports": [{ "port": 80, "name": "x" }], "words": ["w"] });
    let live = stored(manager.apply(None, thing(owned), &at("a \"quoted\"", 0), false).expect("applied"));
    let mut changed = live.clone();
    changed["spec"]["size"] = 1.into();
    let live = manager.update(Some(&live), changed, &Writer { subresource: "scale", ..at("b", 1) });
    let wanted = json!({ "color": "blue", "ports": [{ "port": 80, "name": "y" }], "size": 2 });
    let error = manager.apply(Some(&live), thing(wanted), &at("c", 2), false).expect_err("a conflict");
    let status: crate::Status = error.into();
    assert_eq!(status.code, 409);
    assert_eq!(
        status.message,
        "Apply failed with 3 conflicts: conflicts with \"a \\\"quoted\\\"\":\n- .spec.color\n\
         - .spec.ports[port=80,protocol=\"TCP\"].name\n\
         conflicts with \"b\" with subresource \"scale\" using t.example.com/v1:\n- .spec.size"
    );
    let causes = status.details.expect("details").causes;
    assert_eq!(causes.len(), 3);
    assert_eq!(causes[2].message, "conflict with \"b\" with subresource \"scale\" using t.example.com/v1");
    assert_eq!((causes[2].reason.as_str(), causes[2].field.as_str()), ("FieldManagerConflict", ".spec.size"));
    let one = manager.apply(Some(&live), thing(json!({ "size": 2 })), &at("c", 2), false).expect_err("a conflict");
    assert_eq!(
        one.to_string(),
        "Apply failed with 1 conflict: conflict with \"b\" with subresource \"scale\" using t.example.com/v1: .spec.size"
    );
}

#[test]
fn ssa_7_what_is_no_longer_applied_goes_unless_somebody_else_has_it() {
    let manager = manager();
    let items = |names: &[&str]| Value::Array(names.iter().map(|name| json!({ "name": name })).collect());
    let first = thing(json!({ "items": items(&["x", "y"]), "words": ["p", "q"], "limits": { "cpu": "1" } }));
    let live = stored(manager.apply(None, first, &at("a", 0), false).expect("applied"));
    let live =
        manager.apply(Some(&live), thing(json!({ "items": items(&["y"]) })), &at("b", 1), false).expect("shared");
    let live = manager.apply(Some(&live), thing(json!({ "words": ["q"] })), &at("a", 2), false).expect("less");
    assert_eq!(live["spec"], json!({ "items": [{ "name": "y" }], "words": ["q"] }));
    assert_eq!(
        managed(&live),
        [
            (
                "Apply b".to_owned(),
                spec_fields(json!({ "f:items": { "k:{\"name\":\"y\"}": { ".": {}, "f:name": {} } } }))
            ),
            ("Apply a".to_owned(), spec_fields(json!({ "f:words": { "v:\"q\"": {} } }))),
        ]
    );
}

#[test]
fn ssa_28_atomic_values_have_one_owner() {
    let manager = manager();
    let first = thing(json!({ "plain": ["a"], "point": { "x": 1, "y": 2 } }));
    let live = stored(manager.apply(None, first, &at("a", 0), false).expect("applied"));
    assert_eq!(managed(&live)[0].1, spec_fields(json!({ "f:plain": {}, "f:point": {} })));
    let error = manager.apply(Some(&live), thing(json!({ "point": { "x": 1 } })), &at("b", 1), false);
    assert_eq!(
        error.expect_err("a conflict").to_string(),
        "Apply failed with 1 conflict: conflict with \"a\": .spec.point"
    );
}

#[test]
fn ssa_13_a_write_that_changes_nothing_keeps_the_times() {
    let manager = manager();
    let object = || thing(json!({ "color": "red" }));
    let live = stored(manager.apply(None, object(), &at("a", 0), false).expect("applied"));
    let again = manager.apply(Some(&live), object(), &at("a", 99), false).expect("applied");
    assert_eq!(again, live);
    let updated = manager.update(Some(&live), live.clone(), &at("b", 99));
    assert_eq!(updated, live);
}

#[test]
fn ssa_15_an_update_takes_what_it_changes_and_others_lose_it() {
    let manager = manager();
    let live =
        stored(manager.apply(None, thing(json!({ "color": "red", "size": 1 })), &at("a", 0), false).expect("applied"));
    let new = stored(thing(json!({ "color": "blue", "size": 1 })));
    let live = manager.update(Some(&live), new, &at("", 1));
    assert_eq!(
        managed(&live),
        [
            ("Apply a".to_owned(), spec_fields(json!({ "f:size": {} }))),
            ("Update unknown".to_owned(), spec_fields(json!({ "f:color": {} }))),
        ]
    );
    let times: Vec<_> =
        live["metadata"]["managedFields"].as_array().expect("entries").iter().map(|e| &e["time"]).collect();
    assert_eq!(times, ["2001-09-09T01:46:40Z", "2001-09-09T01:46:41Z"]);
}

#[test]
fn ssa_16_the_oldest_of_more_than_ten_updaters_become_one() {
    let manager = manager();
    let mut live = stored(thing(json!({})));
    live["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    live = manager.update(None, live, &at("m0", 0));
    for n in 1..13 {
        let mut new = live.clone();
        new["spec"]["limits"][format!("l{n}")] = "1".into();
        live = manager.update(Some(&live), new, &at(&format!("m{n}"), n));
    }
    let managed = managed(&live);
    assert_eq!(managed.len(), 10);
    assert_eq!(managed[0].0, "Update ancient-changes");
    assert_eq!(managed[1].0, "Update m4");
}

#[test]
fn ssa_17_fields_from_before_the_first_apply_have_an_owner() {
    let manager = manager();
    let live = stored(thing(json!({ "color": "red", "size": 1 })));
    let error =
        manager.apply(Some(&live), thing(json!({ "color": "blue" })), &at("a", 1), false).expect_err("a conflict");
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using t.example.com/v1: .spec.color"
    );
}

#[test]
fn ssa_19_clients_can_clear_managed_fields_and_cannot_lose_them_by_accident() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    for (sent, kept) in [
        (json!([]), false),
        (json!([{}]), false),
        (json!([{ "manager": "x", "operation": "Wrong" }]), true),
        (Value::Null, true),
        (
            json!([{ "manager": "x", "operation": "Update", "apiVersion": V1, "fieldsType": "FieldsV1", "fieldsV1": 1 }]),
            true,
        ),
    ] {
        let mut new = live.clone();
        new["metadata"]["managedFields"] = sent.clone();
        let updated = manager.update(Some(&live), new, &at("b", 1));
        assert_eq!(!managed(&updated).is_empty(), kept, "{sent}");
    }
    let mut cleared = live.clone();
    cleared["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    let mut changed = cleared.clone();
    changed["spec"]["color"] = "blue".into();
    let updated = manager.update(Some(&cleared), changed, &at("b", 1));
    assert!(managed(&updated).is_empty(), "SSA-20: tracking resumes with an apply only");
}

#[test]
fn ssa_19_managed_fields_that_are_sent_are_the_new_base() {
    let manager = manager();
    let live = stored(manager.apply(None, thing(json!({ "color": "red" })), &at("a", 0), false).expect("applied"));
    let mut new = live.clone();
    new["metadata"]["managedFields"][0]["manager"] = "renamed".into();
    let updated = manager.update(Some(&live), new.clone(), &at("b", 1));
    assert_eq!(managed(&updated)[0].0, "Apply renamed");
    let through_status = manager.update(Some(&live), new, &Writer { subresource: "status", ..at("b", 1) });
    assert_eq!(managed(&through_status)[0].0, "Apply a", "SSA-21");
}

#[test]
fn ssa_5_what_the_schema_does_not_know_is_refused() {
    let manager = manager();
    let refuse = |spec: Value| {
        let error = manager.apply(None, thing(spec), &at("a", 0), false).expect_err("refused");
        let status: crate::Status = error.into();
        assert_eq!((status.code, status.reason), (500, crate::Reason::Unknown));
        status.message
    };
    let about = "failed to create typed patch object (b/a; t.example.com/v1, Kind=Thing): ";
    assert_eq!(refuse(json!({ "foo": 1 })), format!("{about}.spec.foo: field not declared in schema"));
    assert_eq!(
        refuse(json!({ "ports": [{ "port": 1 }, { "port": 1, "protocol": "TCP" }] })),
        format!("{about}.spec.ports: duplicate entries for key [port=1,protocol=\"TCP\"]")
    );
    assert_eq!(
        refuse(json!({ "items": [{ "value": "1" }] })),
        format!(
            "{about}.spec.items: element 0: associative list with keys has an element that omits all key fields \
             [\"name\"] (and doesn't have default values for any key fields)"
        )
    );
    assert_eq!(refuse(json!({ "color": 1 })), format!("{about}.spec.color: expected string, got a number"));
    assert_eq!(
        refuse(json!({ "color": 1, "size": "a" })),
        format!(
            "{about}errors:\n  .spec.color: expected string, got a number\n  .spec.size: expected numeric (int or float), got a string"
        )
    );
}

#[test]
fn ssa_3_managed_fields_are_not_applied() {
    let manager = manager();
    let mut object = thing(json!({}));
    object["metadata"]["managedFields"] = json!([]);
    let error = manager.apply(None, object, &at("a", 0), false).expect_err("refused");
    let status: crate::Status = error.into();
    assert_eq!((status.code, status.message.as_str()), (400, "metadata.managedFields must be nil"));
}

#[test]
fn ssa_1_another_version_is_not_applied() {
    let mut object = thing(json!({}));
    object["apiVersion"] = "t.example.com/v2".into();
    let error = manager().apply(None, object, &at("a", 0), false).expect_err("refused");
    assert_eq!(error.to_string(), "invalid object type: t.example.com/v2, Kind=Thing");
}

#[test]
fn ssa_25_kubectl_takes_over_what_it_applied_on_its_own_side() {
    let manager = manager();
    let mut object = thing(json!({ "color": "red" }));
    let last = object.to_string();
    object["metadata"]["annotations"] = json!({ "kubectl.kubernetes.io/last-applied-configuration": last });
    let live = stored(manager.update(None, object, &at("kubectl-client-side-apply", 0)));
    let wanted = || thing(json!({ "color": "blue" }));
    assert!(manager.apply(Some(&live), wanted(), &at("other", 1), false).is_err());
    let live = manager.apply(Some(&live), wanted(), &at("kubectl", 1), false).expect("taken over");
    let annotation = &live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
    assert_eq!(annotation.as_str(), Some(format!("{}\n", wanted()).as_str()));
}

#[test]
fn ssa_15_a_manager_that_is_not_named_is_the_program() {
    for (parameter, agent, name) in [
        ("given", "kubectl/v1", "given"),
        ("", "kubectl/v1.37 (linux)", "kubectl"),
        ("", "a b\u{7}\"\\'é/x", "a b\"\\'é"),
        ("", "", ""),
    ] {
        assert_eq!(manager_name(parameter, agent), name);
    }
    assert_eq!(manager_name("", &"é".repeat(100)).len(), 128);
}

#[test]
fn ssa_26_managed_fields_of_others_can_be_checked() {
    assert_eq!(validate_managed_fields(&json!([])), Ok(()));
    let entry = |fields: Value| json!([{ "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields }]);
    assert_eq!(validate_managed_fields(&entry(json!({ "f:a": {} }))), Ok(()));
    for wrong in
        [json!({ "a": {} }), json!({ "f:a": 1 }), json!({ "k:{": {} }), json!({ "v:1 2": {} }), json!({ "i:x": {} })]
    {
        assert!(validate_managed_fields(&entry(wrong.clone())).is_err(), "{wrong}");
    }
    let operation = json!([{ "operation": "Patch" }]);
    assert_eq!(validate_managed_fields(&operation), Err("operation must be `Apply` or `Update`".to_owned()));
}

#[test]
fn ssa_11_sets_are_written_as_upstream_writes_them() {
    let manager = manager();
    let fields = json!({ "f:spec": {
        "f:words": { "v:\"a\"": {}, "v: \"b<\"": {}, "v:1.0": {}, "x:later": {} },
        "f:items": { "k:{ \"name\": \"x\" }": { ".": {}, "f:name": {}, "f:value": { ".": {} } }, "i:3": {} },
        "f:odd": { "q:1": {} },
    } });
    let entry =
        json!({ "manager": "m", "operation": "Apply", "apiVersion": V1, "fieldsType": "FieldsV1", "fieldsV1": fields });
    let mut live = stored(thing(json!({})));
    live["metadata"]["managedFields"] = json!([entry]);
    let updated = manager.update(Some(&live), live.clone(), &at("b", 1));
    assert_eq!(
        managed(&updated)[0].1,
        spec_fields(json!({
            "f:words": { "v:\"a\"": {}, "v:\"b\\u003c\"": {}, "v:1": {} },
            "f:items": { "k:{\"name\":\"x\"}": { ".": {}, "f:name": {}, "f:value": {} }, "i:3": {} },
            "f:odd": {},
        }))
    );
}
