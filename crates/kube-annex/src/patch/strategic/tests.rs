use super::*;
use crate::schema::{ArraySchema, ListType, MapSchema, ObjectSchema, Schema, Shape};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

fn array(items: Schema, list_type: Option<ListType>) -> Schema {
    Schema::new(Shape::Array(ArraySchema { items: Box::new(items), min_items: None, max_items: None, list_type }))
}

fn object(fields: Vec<(&str, Schema)>) -> Schema {
    let properties = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    Schema::new(Shape::Object(ObjectSchema { properties, ..ObjectSchema::default() }))
}

fn text() -> Schema {
    Schema::new(Shape::String(crate::schema::StringSchema::default()))
}

fn map_of(values: Schema) -> Schema {
    let map = MapSchema { values: Box::new(values), min_properties: None, max_properties: None, map_type: None };
    Schema::new(Shape::Map(map))
}

/// A type with a field for each way to be merged.
fn types() -> TypeSchema {
    let key = |name: &str| Some(ListType::Map(vec![name.to_owned()]));
    let part = object(vec![
        ("name", text()),
        ("value", text()),
        ("other", text()),
        ("set", array(text(), Some(ListType::Set))),
        ("inner", array(object(vec![("name", text()), ("value", text())]), key("name"))),
    ]);
    let mut explicit = array(Schema::reference("example.Part"), None);
    explicit.extensions.insert("x-kubernetes-patch-strategy".to_owned(), "merge,retainKeys".into());
    explicit.extensions.insert("x-kubernetes-patch-merge-key".to_owned(), "name".into());
    let mut replaced = Schema::reference("example.Part");
    replaced.extensions.insert("x-kubernetes-patch-strategy".to_owned(), "replace".into());
    let root = object(vec![
        ("parts", array(Schema::reference("example.Part"), key("name"))),
        ("explicit", explicit),
        ("ports", array(Schema::default(), Some(ListType::Map(vec!["port".to_owned(), "protocol".to_owned()])))),
        ("plain", array(Schema::reference("example.Part"), None)),
        ("set", array(text(), Some(ListType::Set))),
        ("lists", array(array(text(), None), Some(ListType::Set))),
        ("labels", map_of(text())),
        ("named", map_of(Schema::reference("example.Part"))),
        ("part", Schema::reference("example.Part")),
        ("replaced", replaced),
        ("anything", Schema::default()),
    ]);
    let definitions = BTreeMap::from([("example.Root".to_owned(), root), ("example.Part".to_owned(), part)]);
    TypeSchema { root: "example.Root".to_owned(), list: String::new(), definitions }
}

fn applied(live: &Value, patch: &Value) -> Result<Value, Status> {
    let (patch, _) = Patch::decode(patch.to_string().as_bytes(), FieldValidation::Warn)?;
    patch.apply(live.clone(), &types())
}

fn merged(live: &Value, patch: &Value) -> Value {
    applied(live, patch).unwrap()
}

fn refused(live: &Value, patch: &Value) -> (u16, String) {
    let status = applied(live, patch).unwrap_err();
    (status.code, status.message)
}

#[test]
fn p_11_metadata_of_an_embedded_object_is_merged_as_that_of_any_object() {
    let mut finalizers = array(text(), None);
    finalizers.extensions.insert("x-kubernetes-patch-strategy".to_owned(), "merge".into());
    let embedded = ObjectSchema { embedded_resource: true, preserve_unknown_fields: true, ..ObjectSchema::default() };
    let root = object(vec![("template", Schema::new(Shape::Object(embedded)))]);
    let metadata = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned();
    let definitions =
        BTreeMap::from([("example.Root".to_owned(), root), (metadata, object(vec![("finalizers", finalizers)]))]);
    let types = TypeSchema { root: "example.Root".to_owned(), list: String::new(), definitions };
    let live = json!({"template": {"kind": "Pod", "metadata": {"finalizers": ["a", "b"]}, "spec": {"x": [1], "y": 1}}});
    let patch = json!({"template": {
        "metadata": {
            "$setElementOrder/finalizers": ["b", "c"], "$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"],
        },
        "spec": {"x": [2]},
    }});
    let (patch, _) = Patch::decode(patch.to_string().as_bytes(), FieldValidation::Warn).unwrap();
    let expected =
        json!({"template": {"kind": "Pod", "metadata": {"finalizers": ["b", "c"]}, "spec": {"x": [2], "y": 1}}});
    assert_eq!(patch.apply(live, &types).unwrap(), expected);
}

#[test]
fn p_11_objects_are_merged_and_null_deletes() {
    let live =
        json!({"part": {"name": "a", "value": "1"}, "labels": {"x": "1", "y": "2"}, "anything": {"a": {"b": 1}}});
    let patch =
        json!({"part": {"value": null, "other": "o"}, "labels": {"y": "3", "z": null}, "anything": {"a": {"c": 2}}});
    let expected = json!({"part": {"name": "a", "other": "o"}, "labels": {"x": "1", "y": "3"}, "anything": {"a": {"b": 1, "c": 2}}});
    assert_eq!(merged(&live, &patch), expected);
}

#[test]
fn p_11_nulls_of_new_members_are_dropped() {
    let patch = json!({"part": {"name": "a", "value": null, "inner": [{"name": "x", "value": null}]}});
    assert_eq!(merged(&json!({}), &patch), json!({"part": {"name": "a", "inner": [{"name": "x"}]}}));
}

#[test]
fn p_11_items_of_a_map_list_are_merged_by_their_key() {
    let live = json!({"parts": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]});
    let patch = json!({"parts": [{"name": "b", "other": "o"}, {"name": "c"}]});
    let parts = json!([{"name": "a", "value": "1"}, {"name": "b", "value": "2", "other": "o"}, {"name": "c"}]);
    assert_eq!(merged(&live, &patch), json!({"parts": parts}));
    let explicit = |tree: &Value| json!({"explicit": tree["parts"]});
    assert_eq!(merged(&explicit(&live), &explicit(&patch)), json!({"explicit": parts}));
}

#[test]
fn p_11_items_are_deleted_by_their_key() {
    let live = json!({"parts": [{"name": "a"}, {"name": "b"}, {"name": "c"}]});
    let patch = json!({"parts": [{"name": "b", "$patch": "delete"}, {"name": "nothing", "$patch": "delete"}]});
    assert_eq!(merged(&live, &patch), json!({"parts": [{"name": "a"}, {"name": "c"}]}));
}

#[test]
fn p_11_a_list_is_replaced_as_a_whole_when_the_patch_says_so() {
    let live = json!({"parts": [{"name": "a"}, {"name": "b"}]});
    let patch = json!({"parts": [{"name": "z", "value": "1"}, {"$patch": "replace"}]});
    assert_eq!(merged(&live, &patch), json!({"parts": [{"name": "z", "value": "1"}]}));
}

#[test]
fn p_11_an_object_is_replaced_or_emptied_when_the_patch_says_so() {
    let live = json!({"part": {"name": "a", "value": "1"}});
    let replace = json!({"part": {"$patch": "replace", "other": "o"}});
    assert_eq!(merged(&live, &replace), json!({"part": {"other": "o"}}));
    assert_eq!(merged(&live, &json!({"part": {"$patch": "delete"}})), json!({"part": {}}));
    assert_eq!(merged(&live, &json!({"$patch": "replace", "labels": {"x": "1"}})), json!({"labels": {"x": "1"}}));
    assert_eq!(merged(&json!({}), &replace), json!({}), "there is nothing to replace");
}

#[test]
fn p_11_lists_without_a_merge_key_of_their_own_are_replaced() {
    let live = json!({"plain": [{"name": "a"}], "ports": [{"port": 1, "protocol": "TCP"}], "replaced": {"name": "a"}});
    let patch =
        json!({"plain": [{"name": "b"}], "ports": [{"port": 1, "protocol": "UDP"}], "replaced": {"value": "1"}});
    assert_eq!(merged(&live, &patch), patch);
}

#[test]
fn p_11_sets_are_united_and_values_are_taken_out() {
    let live = json!({"set": ["a", "b", "c"], "plain": []});
    assert_eq!(merged(&live, &json!({"set": ["d", "b"]}))["set"], json!(["d", "a", "b", "c"]));
    assert_eq!(merged(&live, &json!({"$deleteFromPrimitiveList/set": ["b", "x"]}))["set"], json!(["a", "c"]));
    let both = json!({"$deleteFromPrimitiveList/set": ["a"], "set": ["d"]});
    assert_eq!(merged(&live, &both)["set"], json!(["d", "b", "c"]));
    assert_eq!(merged(&json!({}), &json!({"$deleteFromPrimitiveList/set": ["a"]})), json!({}));
}

#[test]
fn p_11_lists_come_in_the_order_that_the_patch_sets() {
    let live = json!({"parts": [{"name": "a"}, {"name": "b"}, {"name": "c"}], "set": ["a", "b", "c"]});
    let patch = json!({
        "$setElementOrder/parts": [{"name": "d"}, {"name": "c"}, {"name": "a"}],
        "parts": [{"name": "d", "value": "1"}],
        "$setElementOrder/set": ["c", "a"],
    });
    let result = merged(&live, &patch);
    let names = json!([{"name": "d", "value": "1"}, {"name": "b"}, {"name": "c"}, {"name": "a"}]);
    assert_eq!(result, json!({"parts": names, "set": ["b", "c", "a"]}));
    let new =
        json!({"$setElementOrder/parts": [{"name": "b"}, {"name": "a"}], "parts": [{"name": "b"}, {"name": "a"}]});
    assert_eq!(merged(&json!({}), &new), json!({"parts": [{"name": "b"}, {"name": "a"}]}));
}

#[test]
fn p_11_an_order_without_a_list_changes_nothing() {
    assert_eq!(
        merged(&json!({"labels": {}}), &json!({"$setElementOrder/parts": [{"name": "a"}]})),
        json!({"labels": {}})
    );
}

#[test]
fn p_11_only_the_retained_keys_stay() {
    let live = json!({"part": {"name": "a", "value": "1", "other": "o"}});
    let patch = json!({"part": {"$retainKeys": ["name", "value"], "value": "2"}});
    assert_eq!(merged(&live, &patch), json!({"part": {"name": "a", "value": "2"}}));
    let wrong = json!({"part": {"$retainKeys": ["name"], "value": "2"}});
    assert_eq!(refused(&live, &wrong), (400, "invalid patch format of retainKeys".to_owned()));
    let no_list = json!({"part": {"$retainKeys": "name"}});
    assert_eq!(refused(&live, &no_list), (400, "invalid patch format of retainKeys".to_owned()));
}

#[test]
fn p_11_wrong_directives_are_told_in_upstreams_words() {
    let live = json!({"parts": [{"name": "a"}], "set": ["a"], "part": {"name": "a"}, "lists": [["a"]]});
    for (patch, code, text) in [
        (json!({"part": {"$patch": "x"}}), 500, "unknown patch type: x in map: map[$patch:x]"),
        (json!({"parts": [{"name": "a", "$patch": "x"}]}), 500, "unknown patch type: x in map: map[$patch:x name:a]"),
        (
            json!({"parts": [{"name": "a", "$patch": "merge"}]}),
            500,
            "merging lists cannot yet be specified in the patch",
        ),
        (json!({"parts": [{"value": "1"}]}), 500, "map: map[value:1] does not contain declared merge key: name"),
        (
            json!({"parts": [{"$patch": "delete"}]}),
            500,
            "map: map[$patch:delete] does not contain declared merge key: name",
        ),
        (json!({"set": ["a", 1]}), 500, "list element types are not identical: [[a] [a 1]]"),
        (json!({"$setElementOrder": []}), 400, "invalid patch format of setElementOrder list"),
        (json!({"$deleteFromPrimitiveList": ["a"]}), 400, "invalid patch format of primitive list"),
        (json!({"$setElementOrder/set": "a"}), 500, "expected an array, but received a string"),
        (
            json!({"$setElementOrder/parts": [{"name": "b"}], "parts": [{"name": "a"}]}),
            500,
            "The order in patch list:\n[map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n",
        ),
        (
            json!({"$setElementOrder/foo": []}),
            500,
            "unable to find api field in struct Root for the json field \"foo\"",
        ),
        (json!({"lists": [["b"]]}), 500, "unexpected slice of slice"),
    ] {
        assert_eq!(refused(&live, &patch), (code, text.to_owned()), "{patch}");
    }
}

#[test]
fn p_11_a_patch_that_is_no_object_is_400() {
    for patch in ["[]", "3", "\"text\"", "{", ""] {
        let status = Patch::decode(patch.as_bytes(), FieldValidation::Warn).unwrap_err();
        assert_eq!((status.code, status.reason), (400, Reason::BadRequest), "{patch}");
    }
    let (patch, _) = Patch::decode(b"null", FieldValidation::Warn).unwrap();
    assert_eq!(patch.apply(json!({"labels": {}}), &types()).unwrap(), json!({"labels": {}}));
}

#[test]
fn fv_5_keys_that_are_written_twice_are_found() {
    let found = |validation| Patch::decode(br#"{"labels":{"a":"1","a":"2"}}"#, validation).unwrap().1;
    assert_eq!(found(FieldValidation::Warn), ["duplicate field \"labels.a\""]);
    assert!(found(FieldValidation::Ignore).is_empty());
}

#[test]
fn a_long_list_is_merged_in_time_that_grows_with_its_length() {
    let names: Vec<Value> = (0..50_000).map(|index| json!({"name": index.to_string()})).collect();
    let live = json!({"parts": names, "set": (0..50_000).map(|index| index.to_string()).collect::<Vec<_>>()});
    let result = merged(&live, &live);
    assert_eq!(result, live);
}

/// Patches and objects with few keys, so that they often meet; directives included.
fn tree() -> impl proptest::strategy::Strategy<Value = Value> {
    let scalar = prop_oneof![Just(Value::Null), Just(json!(1)), "[a-c]".prop_map(Value::from)];
    let key = prop::sample::select(vec![
        "name",
        "value",
        "parts",
        "set",
        "part",
        "labels",
        "$patch",
        "$retainKeys",
        "$setElementOrder/parts",
        "$setElementOrder/set",
        "$deleteFromPrimitiveList/set",
    ]);
    let value = scalar.prop_recursive(5, 40, 4, move |inner| {
        prop_oneof![
            Just(json!("delete")),
            Just(json!("replace")),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| members.into_iter().collect()),
        ]
    });
    let field = prop::sample::select(vec!["parts", "set", "part", "labels", "named", "anything"]);
    prop::collection::btree_map(field.prop_map(str::to_owned), value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn any_patch_of_any_object_is_merged_or_refused(live in tree(), patch in tree()) {
        if let Err(status) = applied(&live, &patch) {
            prop_assert!([400, 422, 500].contains(&status.code));
        }
    }

    #[test]
    fn bytes_that_are_no_patch_are_refused_and_never_panic(patch in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(status) = Patch::decode(&patch, FieldValidation::Warn) {
            prop_assert_eq!(status.code, 400);
        }
    }
}
