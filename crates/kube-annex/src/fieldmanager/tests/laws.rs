//! What holds whatever is applied.

use super::rules::{at, managed, manager, stored, thing};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A `spec` of what the schema of the rules allows.
fn spec() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["a", "b", "c"]);
    let names = || prop::sample::subsequence(vec!["x", "y", "z"], 0..=3).prop_shuffle();
    let items = (names(), prop::collection::vec(prop::option::of(word()), 3)).prop_map(|(names, values)| {
        let item = |(name, value): (&str, Option<&str>)| match value {
            Some(value) => json!({ "name": name, "value": value }),
            None => json!({ "name": name }),
        };
        Value::Array(names.into_iter().zip(values).map(item).collect())
    });
    let words = names().prop_map(|words| json!(words));
    let plain = prop::collection::vec(word(), 0..3).prop_map(|words| json!(words));
    let limits = prop::collection::btree_map(word(), word(), 0..3).prop_map(|limits| json!(limits));
    let point = (0..3, prop::option::of(0..3)).prop_map(|(x, y)| json!({ "x": x, "y": y }));
    let fields = (
        prop::option::of(word().prop_map(Value::from)),
        prop::option::of((0..3).prop_map(Value::from)),
        prop::option::of(items),
        prop::option::of(words),
        prop::option::of(plain),
        prop::option::of(limits),
        prop::option::of(point),
    );
    fields.prop_map(|(color, size, items, words, plain, limits, point)| {
        let fields = [
            ("color", color),
            ("size", size),
            ("items", items),
            ("words", words),
            ("plain", plain),
            ("limits", limits),
            ("point", point),
        ];
        let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(fields.collect::<Map<_, _>>())
    })
}

/// The paths of a set, as text.
fn paths(fields: &Value, prefix: &str, out: &mut Vec<String>) {
    for (key, below) in fields.as_object().into_iter().flatten() {
        let path = format!("{prefix}/{key}");
        if key != "." {
            paths(below, &path, out);
        }
        if below.as_object().is_some_and(Map::is_empty) {
            out.push(path.trim_end_matches("/.").to_owned());
        }
    }
}

/// Without what holds nothing: a container goes with the last item of who takes it back, whoever else has it empty.
fn without_empty(value: &Value) -> Option<Value> {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), without_empty(value)?)));
            Some(Value::Object(fields.collect())).filter(|object| *object != json!({}))
        }
        Value::Array(items) => {
            Some(Value::Array(items.iter().filter_map(without_empty).collect())).filter(|items| *items != json!([]))
        }
        other => Some(other.clone()),
    }
}

proptest! {
    #[test]
    fn ssa_24_applying_again_changes_nothing(first in spec(), second in spec()) {
        let manager = manager();
        let live = stored(manager.apply(None, thing(first), &at("a", 0), false).expect("applied"));
        let once = manager.apply(Some(&live), thing(second.clone()), &at("b", 1), true).expect("forced");
        let twice = manager.apply(Some(&once), thing(second), &at("b", 2), false).expect("nothing is in the way");
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn ssa_7_what_is_applied_is_there_and_owned(first in spec(), second in spec()) {
        let manager = manager();
        let alone = manager.apply(None, thing(second.clone()), &at("b", 0), false).expect("applied");
        let live = stored(manager.apply(None, thing(first), &at("a", 0), false).expect("applied"));
        let live = manager.apply(Some(&live), thing(second.clone()), &at("b", 1), true).expect("forced");
        let of = |object: &Value| managed(object).into_iter().find(|(name, _)| name == "Apply b");
        prop_assert_eq!(of(&live), of(&alone));
        for name in ["color", "size", "plain", "point"] {
            if let Some(value) = second.get(name) {
                prop_assert_eq!(live["spec"].get(name), Some(value));
            }
        }
    }

    #[test]
    fn ssa_7_applying_and_taking_back_leaves_what_others_own(first in spec(), second in spec()) {
        let manager = manager();
        let (Some(first), Some(second)) = (without_empty(&first), without_empty(&second)) else { return Ok(()) };
        let before = stored(manager.apply(None, thing(first), &at("a", 0), false).expect("applied"));
        let Ok(with) = manager.apply(Some(&before), thing(second), &at("b", 1), false) else { return Ok(()) };
        let mut nothing = thing(json!({}));
        nothing.as_object_mut().expect("an object").remove("spec");
        let after = manager.apply(Some(&with), nothing, &at("b", 2), false).expect("taken back");
        prop_assert_eq!(managed(&after), managed(&before));
        let owned = |object: &Value| {
            let spec = without_empty(&object["spec"]).filter(|spec| !spec.is_null()).unwrap_or_else(|| json!({}));
            let again = manager.apply(None, thing(spec), &at("c", 0), false).expect("applied");
            let mut out = Vec::new();
            for (_, fields) in managed(&again) {
                paths(&fields, "", &mut out);
            }
            out.sort();
            out
        };
        prop_assert_eq!(owned(&after), owned(&before));
    }

    #[test]
    fn ssa_15_an_update_that_changes_nothing_keeps_everything(first in spec()) {
        let manager = manager();
        let live = stored(manager.update(None, thing(first), &at("a", 0)));
        let again = manager.update(Some(&live), live.clone(), &at("b", 1));
        prop_assert_eq!(again, live);
    }

    #[test]
    fn ssa_7_hostile_managed_fields_never_panic(key in "[fkvi.]:?[\\{\\}\"a1,:]{0,8}", below in spec()) {
        let manager = manager();
        let mut live = stored(thing(json!({})));
        let entry = |fields: Value| json!({
            "manager": "m", "operation": "Apply", "apiVersion": super::rules::V1, "fieldsType": "FieldsV1", "fieldsV1": fields,
        });
        live["metadata"]["managedFields"] = json!([entry(json!({ "f:spec": { key: below } }))]);
        manager.update(Some(&live), live.clone(), &at("b", 1));
        let _ = manager.apply(Some(&live), thing(json!({ "color": "a" })), &at("m", 1), true);
    }
}
