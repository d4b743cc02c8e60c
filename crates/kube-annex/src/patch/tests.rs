use super::*;
use crate::options::FieldValidation;
use crate::status::Cause;
use proptest::prelude::*;
use serde_json::{Value, json};

fn json_applied(live: &Value, patch: &[u8]) -> Result<Value, Status> {
    json::Patch::decode(patch, FieldValidation::Warn)?.0.apply(live.clone())
}

fn merge_applied(live: &Value, patch: &[u8]) -> Result<Value, Status> {
    Ok(merge::Patch::decode(patch, FieldValidation::Warn)?.0.apply(live.clone()))
}

#[test]
fn p_12_a_patched_object_that_does_not_decode_is_422_on_field_patch() {
    let status = serde_json::to_value(invalid("unknown field \"spec.foo\"")).unwrap();
    assert_eq!(status["code"], 422);
    assert_eq!(status["message"], r#" "" is invalid: patch: Invalid value: "{...}": unknown field "spec.foo""#);
    assert_eq!(status["reason"], "Invalid");
    assert_eq!(
        status["details"],
        json!({"causes": [{
            "reason": "FieldValueInvalid",
            "message": "Invalid value: \"{...}\": unknown field \"spec.foo\"",
            "field": "patch",
        }]})
    );
}

mod json_patch_rules {
    use super::*;

    fn patched(live: &Value, patch: &Value) -> Value {
        json_applied(live, patch.to_string().as_bytes()).unwrap()
    }

    fn refused(live: &Value, patch: &Value) -> Status {
        let bytes = patch.to_string();
        let status = json_applied(live, bytes.as_bytes()).unwrap_err();
        let read = json::Patch::decode(bytes.as_bytes(), FieldValidation::Warn).unwrap().0;
        let (index, message) = read.attempt(live.clone()).unwrap_err();
        assert!(status.details.as_deref().unwrap().causes.is_empty(), "clients are not told");
        status.with_cause(Cause { reason: String::new(), message, field: format!("patch[{index}]") })
    }

    fn cause(status: &Status) -> (&str, &str) {
        let cause = &status.details.as_deref().unwrap().causes[0];
        (&cause.field, &cause.message)
    }

    /// A scalar within `depth` lists.
    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!(1), |inner, _| json!([inner]))
    }

    #[test]
    fn p_9_every_operation_of_rfc_6902_applies_in_order() {
        let live = json!({"spec": {"zoo": "north", "parts": [1, 2], "old": true}});
        let patch = json!([
            {"op": "test", "path": "/spec/zoo", "value": "north"},
            {"op": "replace", "path": "/spec/zoo", "value": "south"},
            {"op": "add", "path": "/spec/parts/-", "value": 3},
            {"op": "add", "path": "/spec/parts/0", "value": 0},
            {"op": "remove", "path": "/spec/old"},
            {"op": "copy", "from": "/spec/parts", "path": "/spec/again"},
            {"op": "move", "from": "/spec/zoo", "path": "/zoo"},
        ]);
        assert_eq!(
            patched(&live, &patch),
            json!({"zoo": "south", "spec": {"parts": [0, 1, 2, 3], "again": [0, 1, 2, 3]}})
        );
    }

    #[test]
    fn p_9_escaped_keys_and_unknown_members_are_understood() {
        let live = json!({"metadata": {"annotations": {"a.b/c~d": "old"}}});
        let patch =
            json!([{"op": "replace", "path": "/metadata/annotations/a.b~1c~0d", "value": "new", "comment": "why"}]);
        assert_eq!(patched(&live, &patch), json!({"metadata": {"annotations": {"a.b/c~d": "new"}}}));
    }

    #[test]
    fn p_9_an_empty_patch_changes_nothing() {
        let live = json!({"spec": {"zoo": "north"}});
        assert_eq!(patched(&live, &json!([])), live);
    }

    #[test]
    fn p_9_not_json_or_not_a_list_of_operations_is_400() {
        for (patch, why) in [
            ("{", "invalid JSON patch"),
            ("", "invalid JSON patch"),
            ("{}", "error decoding patch: a JSON patch is an array of operations, this is an object"),
            (
                "[{\"op\":\"remove\",\"path\":\"/a\"},7]",
                "error decoding patch: operation 1: an operation is an object, this is a number",
            ),
            (
                "[{\"op\":\"remove\",\"path\":7}]",
                "error decoding patch: operation 0: `path` must be a string, this is a number",
            ),
        ] {
            let status = json_applied(&json!({"a": 1}), patch.as_bytes()).unwrap_err();
            assert_eq!((status.code, status.reason), (400, crate::Reason::BadRequest), "{patch}");
            assert_eq!(status.message, why, "{patch}");
        }
    }

    #[test]
    fn p_9_more_than_10000_operations_are_413() {
        let operation = json!({"op": "test", "path": "/a", "value": 1});
        let live = json!({"a": 1});
        assert_eq!(patched(&live, &Value::from(vec![operation.clone(); 10_000])), live);
        let many = Value::from(vec![operation; 10_001]).to_string();
        let status = json_applied(&live, many.as_bytes()).unwrap_err();
        assert_eq!((status.code, status.reason), (413, crate::Reason::RequestEntityTooLarge));
        assert_eq!(
            status.message,
            "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
        );
    }

    #[test]
    fn p_9_a_failing_operation_is_422_with_the_generic_message_alone() {
        let patch = json!([
            {"op": "replace", "path": "/spec/zoo", "value": "south"},
            {"op": "test", "path": "/spec/zoo", "value": "north"},
        ]);
        let status = refused(&json!({"spec": {"zoo": "north"}}), &patch);
        assert_eq!((status.code, status.reason), (422, crate::Reason::Invalid));
        assert_eq!(status.message, "the server rejected our request due to an error in our request");
        assert_eq!(cause(&status), ("patch[1]", "test /spec/zoo: value did not match"));
        let details = status.details.unwrap();
        assert!(details.name.is_empty() && details.kind.is_empty() && details.group.is_empty());
    }

    #[test]
    fn p_9_operations_that_make_no_sense_are_422() {
        let live = json!({"spec": {"zoo": "north", "parts": [1]}});
        for operation in [
            json!({"op": "remove", "path": "/spec/nothing"}),
            json!({"op": "replace", "path": "/spec/parts/1", "value": 1}),
            json!({"op": "replace", "path": "", "value": 1}),
            json!({"op": "add", "path": "/nothing/below", "value": 1}),
            json!({"op": "add", "path": "/spec/zoo/below", "value": 1}),
            json!({"op": "add", "path": "/spec/parts/2", "value": 1}),
            json!({"op": "add", "path": "/spec/parts/x", "value": 1}),
            json!({"op": "remove", "path": "/spec/parts/-"}),
            json!({"op": "remove", "path": ""}),
            json!({"op": "move", "from": "/spec", "path": "/spec/zoo"}),
            json!({"op": "move", "from": "/nothing", "path": "/spec/zoo"}),
            json!({"op": "copy", "from": "/nothing/below", "path": "/spec/zoo"}),
            json!({"op": "copy", "path": "/spec/zoo"}),
            json!({"op": "add", "path": "", "value": {}}),
            json!({"op": "add", "path": "/spec/parts/-3", "value": 1}),
            json!({"op": "test", "path": "/spec/nothing", "value": 1}),
            json!({"op": "add", "value": 1}),
            json!({"op": "add", "path": "spec", "value": 1}),
            json!({"op": "increase", "path": "/spec/zoo"}),
            json!({"path": "/spec/zoo"}),
            json!({}),
            Value::Null,
        ] {
            let status = refused(&live, &json!([operation]));
            assert_eq!(status.code, 422, "{operation}");
            assert_eq!(cause(&status).0, "patch[0]", "{operation}");
        }
    }

    #[test]
    fn p_9_operations_are_as_lenient_as_upstreams() {
        let live = json!({"spec": {"zoo": "north", "parts": [1, 2]}});
        for (operation, spec) in [
            (
                json!({"op": "replace", "path": "/spec/new", "value": 1}),
                json!({"zoo": "north", "parts": [1, 2], "new": 1}),
            ),
            (json!({"op": "add", "path": "/spec/new"}), json!({"zoo": "north", "parts": [1, 2], "new": null})),
            (
                json!({"op": "copy", "from": "/spec/nothing", "path": "/spec/new"}),
                json!({"zoo": "north", "parts": [1, 2], "new": null}),
            ),
            (json!({"op": "add", "path": "/spec/parts/-1", "value": 3}), json!({"zoo": "north", "parts": [1, 2, 3]})),
            (json!({"op": "add", "path": "/spec/parts/-3", "value": 3}), json!({"zoo": "north", "parts": [3, 1, 2]})),
            (json!({"op": "remove", "path": "/spec/parts/-1"}), json!({"zoo": "north", "parts": [1]})),
            (json!({"op": "replace", "path": "/spec/parts/-2", "value": 7}), json!({"zoo": "north", "parts": [7, 2]})),
            (json!({"op": "test", "path": "/spec/nothing", "value": null}), live["spec"].clone()),
            (json!({"op": "test", "path": "/spec/nothing"}), live["spec"].clone()),
            (json!({"op": "remove", "path": "ignored/spec/zoo"}), json!({"parts": [1, 2]})),
        ] {
            assert_eq!(patched(&live, &json!([operation]))["spec"], spec, "{operation}");
        }
        let whole =
            json!([{"op": "test", "path": "", "value": live}, {"op": "replace", "path": "", "value": {"a": 1}}]);
        assert_eq!(patched(&live, &whole), json!({"a": 1}));
    }

    #[test]
    fn p_9_null_is_a_patch_without_operations() {
        let live = json!({"spec": 1});
        assert_eq!(json_applied(&live, b"null").unwrap(), live);
    }

    #[test]
    fn fv_5_what_means_nothing_in_an_operation_is_found() {
        let patch = br#"[{"op":"test","path":"/a","value":1,"why":1},{"path":"/a","op":"test","value":{"b":1,"b":1}}]"#;
        let found = |validation| json::Patch::decode(patch, validation).unwrap().1;
        let told = ["json patch unknown field \"[0].why\"", "json patch duplicate field \"[1].value.b\""];
        assert_eq!(found(FieldValidation::Warn), told);
        assert_eq!(found(FieldValidation::Strict), told);
        assert!(found(FieldValidation::Ignore).is_empty());
    }

    #[test]
    fn p_9_whoever_ignores_fields_meets_a_wrong_member_only_when_its_turn_comes() {
        let patch = br#"[{"op":"test","path":"/a","value":2},{"op":7}]"#;
        let refused = |validation| match json::Patch::decode(patch, validation) {
            Ok((patch, _)) => patch.apply(json!({"a": 1})).unwrap_err().code,
            Err(status) => status.code,
        };
        assert_eq!((refused(FieldValidation::Warn), refused(FieldValidation::Ignore)), (400, 422));
    }

    #[test]
    fn p_9_copies_add_up_to_3_mib_at_most() {
        const MIB: usize = 1024 * 1024;
        // With its quotes the text is exactly one MiB of JSON.
        let live = json!({"text": "x".repeat(MIB - 2)});
        let copies = |count: usize| {
            (0..count)
                .map(|index| json!({"op": "copy", "from": "/text", "path": format!("/copy{index}")}))
                .collect::<Value>()
        };
        assert_eq!(patched(&live, &copies(3)).as_object().unwrap().len(), 4);
        let status = refused(&live, &copies(4));
        assert_eq!(status.code, 422);
        assert_eq!(
            cause(&status),
            ("patch[3]", "copy /copy3: the copies of this patch add up to more than 3145728 bytes")
        );
    }

    #[test]
    fn p_9_copying_an_object_into_itself_over_and_over_is_refused_early() {
        let doubling = Value::from(vec![json!({"op": "copy", "from": "/a", "path": "/a/-"}); 10_000]);
        let status = refused(&json!({"a": ["x".repeat(10_000)]}), &doubling);
        assert!(cause(&status).1.contains("add up to more than"), "{status}");
        assert_eq!(cause(&status).0, "patch[8]");
    }

    #[test]
    fn a_patched_object_is_never_too_deep_to_be_read_again() {
        let add = |depth| json!([{"op": "add", "path": "/a", "value": nested(depth)}]);
        let deepest = patched(&json!({}), &add(MAX_DEPTH - 1 - 2));
        let moved =
            json!([{"op": "add", "path": "/b", "value": {"c": {}}}, {"op": "move", "from": "/a", "path": "/b/c/d"}]);
        let result = patched(&deepest, &moved);
        let written = serde_json::to_vec(&result).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), result);

        let status = refused(&result, &json!([{"op": "move", "from": "/b", "path": "/b2/e"}]));
        assert_eq!(cause(&status).1, "move /b2/e: the object would be nested deeper than 127 levels");
        let copied = refused(&result, &json!([{"op": "copy", "from": "/b", "path": "/b/c/e"}]));
        assert_eq!(copied.code, 422);
        let path = "/a".repeat(200);
        assert_eq!(refused(&result, &json!([{"op": "add", "path": path, "value": 1}])).code, 422);
    }

    #[test]
    fn a_patch_that_shifts_a_long_list_all_the_time_is_refused() {
        let live = json!({"list": vec![0; 100_000]});
        let patch = Value::from(vec![json!({"op": "add", "path": "/list/0", "value": 1}); 10_000]);
        let status = refused(&live, &patch);
        assert_eq!(
            cause(&status).1,
            "add /list/0: this patch moves too much; replace the field as a whole, or send several patches"
        );
    }

    #[test]
    fn an_error_repeats_little_of_a_long_path() {
        let path = format!("/{}", "x".repeat(100_000));
        let status = refused(&json!({}), &json!([{"op": "remove", "path": path}]));
        assert!(cause(&status).1.len() < 300);
    }
}

mod merge_patch_rules {
    use super::*;

    fn patched(live: &Value, patch: &Value) -> Value {
        merge_applied(live, patch.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn p_10_the_examples_of_rfc_7386_hold_for_objects() {
        for (live, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"a": null}), json!({"a": {"b": null, "c": [{"d": null}]}}), json!({"a": {"c": [{}]}})),
            (json!({}), json!({"a": [{"b": null}, null]}), json!({"a": [{}, null]})),
            (json!({"a": {"b": 1}}), json!({"a": [{"c": null}]}), json!({"a": [{"c": null}]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(patched(&live, &patch), result, "{live} with {patch}");
        }
    }

    #[test]
    fn p_10_of_a_key_written_twice_the_last_counts() {
        assert_eq!(merge_applied(&json!({}), br#"{"a": 1, "a": 2}"#).unwrap(), json!({"a": 2}));
    }

    #[test]
    fn p_10_invalid_json_or_a_non_object_is_400() {
        let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
        for (patch, why) in [
            ("{\"a\"", "invalid JSON patch"),
            ("", "invalid JSON patch"),
            ("[]", "error decoding patch: a merge patch is an object, this is an array"),
            ("\"text\"", "error decoding patch: a merge patch is an object, this is a string"),
            ("null", "Invalid JSON Patch"),
            (deep.as_str(), "invalid JSON patch"),
        ] {
            let status = merge_applied(&json!({}), patch.as_bytes()).unwrap_err();
            assert_eq!((status.code, status.reason), (400, crate::Reason::BadRequest), "{patch}");
            assert_eq!(status.message, why);
        }
    }
}

/// JSON objects with few keys, so that two of them often meet. Nulls only when `nulls`.
fn object(nulls: bool) -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
        Just(if nulls { Value::Null } else { json!(0) }),
    ];
    let value = scalar.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-d]", inner, 0..4).prop_map(|members| members.into_iter().collect()),
        ]
    });
    prop::collection::btree_map("[a-d]", value, 0..4).prop_map(|members| members.into_iter().collect())
}

/// Operations with paths that often lead somewhere in an [`object`].
fn operation() -> impl Strategy<Value = Value> {
    let path = || "(/([a-d]|[0-2]|-)){0,4}";
    (prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]), path(), path(), object(true))
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}))
}

fn merged(live: &Value, patch: &Value) -> Value {
    merge_applied(live, patch.to_string().as_bytes()).unwrap()
}

/// The value without nulls of members below lists, which upstream keeps or drops depending on what was there before.
fn lean(value: &Value, in_list: bool) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(_, member)| !in_list || !member.is_null());
            kept.map(|(key, member)| (key.clone(), lean(member, in_list))).collect()
        }
        Value::Array(items) => items.iter().map(|item| lean(item, true)).collect(),
        other => other.clone(),
    }
}

/// Whether `patch` has been applied: what it sets is there, what it nulls is not.
fn fulfils(value: &Value, patch: &Value) -> bool {
    let Some(members) = patch.as_object() else { return lean(value, false) == lean(patch, false) };
    value.is_object()
        && members.iter().all(|(key, wanted)| match value.get(key) {
            None => wanted.is_null(),
            Some(found) => !wanted.is_null() && fulfils(found, wanted),
        })
}

proptest! {
    #[test]
    fn a_merge_patch_applied_twice_is_as_applied_once(live in object(true), patch in object(true)) {
        let once = merged(&live, &patch);
        prop_assert_eq!(lean(&merged(&once, &patch), false), lean(&once, false));
    }

    #[test]
    fn a_merged_object_has_what_the_patch_sets_and_lacks_what_it_nulls(live in object(true), patch in object(true)) {
        prop_assert!(fulfils(&merged(&live, &patch), &patch));
    }

    #[test]
    fn keys_that_a_merge_patch_does_not_name_stay(live in object(true), patch in object(true)) {
        let result = merged(&live, &patch);
        for (key, value) in live.as_object().unwrap() {
            if patch.get(key).is_none() {
                prop_assert_eq!(result.get(key), Some(value));
            }
        }
    }

    #[test]
    fn an_object_without_nulls_is_its_own_merge_patch(live in object(false)) {
        prop_assert_eq!(merged(&live, &live), live.clone());
        prop_assert_eq!(merged(&json!({}), &live), live);
    }

    #[test]
    fn bytes_that_are_no_patch_are_refused_and_never_panic(patch in prop::collection::vec(any::<u8>(), 0..64)) {
        for status in [json_applied(&json!({"a": [1]}), &patch).err(), merge_applied(&json!({}), &patch).err()] {
            prop_assert!(status.is_none_or(|status| [400, 422].contains(&status.code)));
        }
    }

    #[test]
    fn p_9_any_list_of_operations_applies_or_is_422(
        live in object(true),
        operations in prop::collection::vec(operation(), 0..12),
    ) {
        let patch = Value::from(operations);
        match json_applied(&live, patch.to_string().as_bytes()) {
            Ok(patched) => {
                let written = serde_json::to_vec(&patched).unwrap();
                prop_assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), patched);
            }
            Err(status) => prop_assert_eq!(status.code, 422),
        }
    }

    #[test]
    fn texts_that_look_like_a_json_patch_never_panic(patch in r#"\[(\{("op"|"path"|"from"|"value"):("add"|"copy"|"/a"|null|1)[,}]){0,6}\]?"#) {
        let _ = json_applied(&json!({"a": {"b": []}}), patch.as_bytes());
    }
}
