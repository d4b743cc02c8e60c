//! Kinds of lists and maps: what they merge to, how paths into them read, and what happens when they change.

use super::super::{FieldManager, Writer};
use super::rules::{at, managed, stored, thing};
use super::world::World;
use serde_json::{Value, json};

/// The manager of things whose `spec.it` has this schema.
fn of(it: &Value) -> FieldManager {
    let spec = json!({ "type": "object", "properties": { "it": it } });
    let schemas = json!({ "v1": { "type": "object", "properties": { "spec": spec } } });
    World::new(schemas.as_object().expect("schemas")).manager()
}

fn list(kind: Option<&str>) -> Value {
    let text = json!({ "type": "string" });
    let item = json!({ "type": "object", "properties": { "name": text, "zone": text, "value": text } });
    match kind {
        None => json!({ "type": "array", "items": item }),
        Some("map") => json!({
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["zone", "name"], "items": item,
        }),
        Some(kind) => json!({ "type": "array", "x-kubernetes-list-type": kind, "items": text }),
    }
}

fn map(kind: Option<&str>) -> Value {
    let mut map = json!({ "type": "object", "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } } });
    if let Some(kind) = kind {
        map["x-kubernetes-map-type"] = kind.into();
    }
    map
}

/// What is there after two managers applied one after the other, or why the second could not.
fn both(manager: &FieldManager, first: Value, second: Value) -> Result<Value, String> {
    let of = |it: Value| {
        let mut thing = thing(json!({}));
        thing["spec"]["it"] = it;
        thing
    };
    let live = stored(manager.apply(None, of(first), &at("a", 0), false).expect("applied"));
    let merged = manager.apply(Some(&live), of(second), &at("b", 1), false);
    merged.map(|object| object["spec"]["it"].clone()).map_err(|error| error.to_string())
}

const ATOMIC: &str = "Apply failed with 1 conflict: conflict with \"a\": .spec.it";

#[test]
fn ssa_27_lists_merge_as_their_type_says() {
    let atomic = of(&list(None));
    assert_eq!(both(&atomic, json!([{ "name": "x" }]), json!([{ "name": "y" }])), Err(ATOMIC.to_owned()));
    let set = of(&list(Some("set")));
    assert_eq!(both(&set, json!(["x", "y"]), json!(["z", "x"])), Ok(json!(["z", "x", "y"])));
    let map = of(&list(Some("map")));
    let item = |name: &str, value: &str| json!({ "zone": "z", "name": name, "value": value });
    assert_eq!(
        both(&map, json!([item("x", "1")]), json!([item("y", "2")])),
        Ok(json!([item("x", "1"), item("y", "2")]))
    );
    assert_eq!(
        both(&map, json!([item("x", "1")]), json!([item("x", "2")])),
        Err("Apply failed with 1 conflict: conflict with \"a\": .spec.it[name=\"x\",zone=\"z\"].value".to_owned())
    );
}

#[test]
fn ssa_27_maps_merge_as_their_type_says() {
    for granular in [None, Some("granular")] {
        let merged = both(&of(&map(granular)), json!({ "x": 1 }), json!({ "y": 2 }));
        assert_eq!(merged, Ok(json!({ "x": 1, "y": 2 })), "{granular:?}");
    }
    assert_eq!(both(&of(&map(Some("atomic"))), json!({ "x": 1 }), json!({ "y": 2 })), Err(ATOMIC.to_owned()));
}

#[test]
fn ssa_27_what_no_schema_describes_is_merged_by_what_it_is() {
    let any = of(&json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }));
    assert_eq!(
        both(&any, json!({ "m": { "x": 1 } }), json!({ "m": { "y": 2 } })),
        Ok(json!({ "m": { "x": 1, "y": 2 } }))
    );
    let lists = both(&any, json!({ "l": [1] }), json!({ "l": [2] }));
    assert_eq!(lists, Err("Apply failed with 1 conflict: conflict with \"a\": .spec.it.l".to_owned()));
}

#[test]
fn ssa_10_paths_name_all_keys_in_order_and_items_of_sets_by_value() {
    let map = of(&list(Some("map")));
    let item = |value: &str| json!([{ "zone": "z", "name": "a\"b", "value": value }]);
    assert_eq!(
        both(&map, item("1"), item("2")),
        Err("Apply failed with 1 conflict: conflict with \"a\": .spec.it[name=\"a\\\"b\",zone=\"z\"].value".to_owned())
    );
    let set = of(&list(Some("set")));
    let duplicated = both(&set, json!(["x"]), json!(["y", "y"])).expect_err("refused");
    assert!(duplicated.ends_with(".spec.it: duplicate entries for key [=\"y\"]"), "{duplicated}");
}

#[test]
fn ssa_29_a_list_or_map_that_becomes_atomic_keeps_its_owners() {
    let apply = |manager: &FieldManager, it: Value| {
        let mut object = thing(json!({}));
        object["spec"]["it"] = it;
        stored(manager.apply(None, object, &at("a", 0), false).expect("applied"))
    };
    let item = json!([{ "zone": "z", "name": "x", "value": "1" }]);
    let atomic = json!({ "f:spec": { "f:it": {} } });
    for (old, new, value) in [
        (list(Some("map")), list(None), item),
        (list(Some("set")), list(Some("atomic")), json!(["x"])),
        (map(None), map(Some("atomic")), json!({ "x": 1 })),
    ] {
        let live = apply(&of(&old), value);
        assert_ne!(managed(&live)[0].1, atomic, "before: {old}");
        let updated = of(&new).update(Some(&live), live.clone(), &at("b", 1));
        assert_eq!(managed(&updated), [("Apply a".to_owned(), atomic.clone())], "after: {new}");
    }
}

#[test]
fn ssa_29_a_map_that_becomes_granular_keeps_its_owners() {
    let mut object = thing(json!({}));
    object["spec"]["it"] = json!({ "x": 1 });
    let atomic = of(&map(Some("atomic")));
    let live = stored(atomic.apply(None, object.clone(), &at("a", 0), false).expect("applied"));
    let granular = of(&map(None));
    let updated = granular.update(Some(&live), live.clone(), &at("b", 1));
    assert_eq!(managed(&updated), [("Apply a".to_owned(), json!({ "f:spec": { "f:it": {} } }))]);
    let applied = granular.apply(Some(&live), object, &at("a", 1), false).expect("applied");
    assert_eq!(managed(&applied), [("Apply a".to_owned(), json!({ "f:spec": { "f:it": { "f:x": {} } } }))]);
}

#[test]
fn ssa_7_what_has_nothing_left_goes_and_is_still_told_to_be_anothers() {
    let text = json!({ "type": "string" });
    let limits = json!({ "type": "object", "additionalProperties": text });
    let schema = json!({ "type": "object", "properties": { "spec": { "type": "object", "properties": {
        "limits": limits, "color": text,
    } } } });
    let schemas = json!({ "v1": schema, "v2": schema });
    let manager = World::new(schemas.as_object().expect("schemas")).manager();
    let whole = thing(json!({ "limits": { "cpu": "1" } }));
    let live = stored(manager.apply(None, whole, &at("a", 0), false).expect("applied"));
    let mut own = thing(json!({ "limits": {} }));
    own["apiVersion"] = "t.example.com/v2".into();
    let v2 = |name, second| Writer { api_version: "t.example.com/v2", ..at(name, second) };
    let mut in_v2 = live.clone();
    in_v2["apiVersion"] = "t.example.com/v2".into();
    let shared = manager.apply(Some(&in_v2), own, &v2("b", 1), false).expect("shared");
    let mut without = thing(json!({ "color": "red" }));
    without["apiVersion"] = "t.example.com/v2".into();
    let left = manager.apply(Some(&shared), without, &v2("a", 2), false).expect("taken back");
    assert_eq!(left["spec"], json!({ "color": "red" }));
    let entries = managed(&left);
    assert_eq!(
        entries,
        [
            ("Apply b".to_owned(), json!({ "f:spec": { "f:limits": {} } })),
            ("Apply a".to_owned(), json!({ "f:spec": { "f:color": {} } })),
        ]
    );
}
