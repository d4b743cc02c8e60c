use super::*;
use crate::fixtures::{Gizmo, GizmoChoice};
use proptest::prelude::*;
use serde_json::json;
use std::fmt::Write as _;

fn from_json(text: &str) -> Decoded {
    decode(text.as_bytes(), MediaType::Json).unwrap()
}

fn from_yaml(text: &str) -> Decoded {
    decode(text.as_bytes(), MediaType::Yaml).unwrap()
}

fn yaml_error(text: &str) -> String {
    decode(text.as_bytes(), MediaType::Yaml).unwrap_err().to_string()
}

fn fields() -> KnownFields {
    KnownFields::of(&Gizmo::schema())
}

fn gizmo(text: &str, validation: FieldValidation) -> Result<(Gizmo, Vec<String>), Status> {
    object(text.as_bytes(), MediaType::Json, &fields(), validation)
}

fn refused(text: &str, validation: FieldValidation) -> String {
    let status = gizmo(text, validation).unwrap_err();
    assert_eq!((status.code, status.reason), (400, crate::Reason::BadRequest));
    status.message
}

#[test]
fn cn_4_whole_numbers_stay_whole_and_the_last_of_two_keys_wins() {
    let decoded = from_json(r#"{"a":1,"a":2,"big":9223372036854775807,"f":1.0,"e":1e2}"#);
    assert_eq!(decoded.value, json!({"a": 2, "big": 9_223_372_036_854_775_807_i64, "f": 1.0, "e": 100.0}));
    assert!(decoded.value["a"].is_i64());
}

#[test]
fn a_number_comes_back_as_it_was_sent() {
    for number in ["23.948868122789026", "-1.8093891105195534e-11", "-4.376619867103219e-286", "5e-324"] {
        let mut out = Vec::new();
        crate::encode::write_json(&from_json(number).value, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), number);
    }
}

#[test]
fn cn_4_trailing_data_is_refused() {
    assert!(decode(b"{} {}", MediaType::Json).is_err());
    assert!(decode(b"{}x", MediaType::Json).is_err());
    assert!(decode(b"{} \n", MediaType::Json).is_ok());
}

#[test]
fn a_body_that_nests_too_deep_is_refused() {
    for (media, open, close) in [(MediaType::Json, "[", "]"), (MediaType::Yaml, "[", "]")] {
        let nested = |depth: usize| format!("{}{}", open.repeat(depth), close.repeat(depth));
        assert!(decode(nested(MAX_DEPTH).as_bytes(), media).is_ok(), "{media:?}");
        assert!(decode(nested(MAX_DEPTH + 1).as_bytes(), media).is_err(), "{media:?}");
        assert!(decode(nested(100_000).as_bytes(), media).is_err(), "{media:?}");
    }
}

#[test]
fn fv_2_every_duplicate_is_told_with_its_path_once() {
    let decoded = from_json(r#"{"a":1,"a":2,"a":3,"spec":{"foo":1,"foo":2,"list":[{},{"x":1,"x":{"y":1,"y":2}}]}}"#);
    let expected = [
        r#"duplicate field "a""#,
        r#"duplicate field "spec.foo""#,
        r#"duplicate field "spec.list[1].x""#,
        r#"duplicate field "spec.list[1].x.y""#,
    ];
    assert_eq!(decoded.duplicates, expected);
}

#[test]
fn fv_2_at_most_a_hundred_findings_are_told() {
    let twice: Vec<String> = (0..150).map(|n| format!(r#""k{n}":1,"k{n}":2"#)).collect();
    assert_eq!(from_json(&format!("{{{}}}", twice.join(","))).duplicates.len(), MAX_FINDINGS);
}

#[test]
fn fv_2_a_yaml_duplicate_is_told_with_its_line() {
    let decoded = from_yaml("spec:\n  foo: 1\n  bar: 2\n  foo: 3\n");
    assert_eq!(decoded.duplicates, [r#"line 4: key "foo" already set in map"#]);
    assert_eq!(decoded.value, json!({"spec": {"foo": 3, "bar": 2}}));
}

#[test]
fn cn_4_yaml_scalars_are_read_as_yaml_1_1() {
    let cases = [
        ("yes", json!(true)),
        ("on", json!(true)),
        ("N", json!(false)),
        ("Off", json!(false)),
        ("~", json!(null)),
        ("0777", json!(511)),
        ("0o17", json!(15)),
        ("-0x1F", json!(-31)),
        ("0b101", json!(5)),
        ("1_000", json!(1000)),
        ("+12", json!(12)),
        ("0778", json!(778)),
        ("1.0", json!(1)),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        ("1e3", json!(1000)),
        ("1e18", json!(1_000_000_000_000_000_000_i64)),
        ("1e19", json!(1e19)),
        ("-9223372036854775809", json!(-9_223_372_036_854_775_808.0)),
        ("1e-3", json!(0.001)),
        ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("1.2.3", json!("1.2.3")),
        ("2020-01-01", json!("2020-01-01")),
        ("12:30", json!("12:30")),
        ("-", json!([null])),
        ("0x", json!("0x")),
        ("1e999", json!("1e999")),
        ("'yes'", json!("yes")),
        ("\"0777\"", json!("0777")),
        ("!!str 12", json!("12")),
        ("!!int '12'", json!(12)),
        ("!own thing", json!("thing")),
    ];
    for (text, expected) in cases {
        assert_eq!(from_yaml(text).value, expected, "{text}");
    }
    assert!(yaml_error(".inf").contains("unsupported value"));
    assert!(yaml_error("!!binary aGVsbG8=").contains("!!binary is not supported"));
    assert!(yaml_error("!!int x").contains("cannot decode `x` as a !!int"));
}

#[test]
fn cn_4_yaml_keys_that_are_not_text_become_text() {
    assert_eq!(from_yaml("1: a\non: b\n1.5: c\n").value, json!({"1": "a", "true": "b", "1.5": "c"}));
    assert!(yaml_error("? [a]\n: b\n").contains("invalid map key"));
}

#[test]
fn yaml_aliases_and_merge_keys_are_expanded() {
    let text = "base: &b {x: 1, w: 2}\nsame: *b\nmore:\n  <<: *b\n  w: 3\nmany:\n  <<: [{z: 1}, *b]\n";
    let expected = json!({
        "base": {"x": 1, "w": 2}, "same": {"x": 1, "w": 2}, "more": {"x": 1, "w": 3}, "many": {"x": 1, "w": 2, "z": 1},
    });
    assert_eq!(from_yaml(text).value, expected);
    // Merging happens in place, as in upstream's library.
    let (before, after) = ("a: &x {b: 1}\nc:\n  b: 3\n  <<: *x", "a: &x {b: 1}\nc:\n  <<: *x\n  b: 3");
    assert_eq!((&from_yaml(before).value["c"]["b"], &from_yaml(after).value["c"]["b"]), (&json!(1), &json!(3)));
    assert_eq!(from_yaml(after).duplicates, [r#"line 4: key "b" already set in map"#]);
    assert!(yaml_error("a: &a [*a]\n").contains("contains itself"));
    assert!(yaml_error("a: *nobody\n").contains("yaml: "));
    assert!(yaml_error("<<: 1\n").contains("map merge requires map"));
}

#[test]
fn a_yaml_bomb_is_refused() {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let alias = format!("*a{}", n - 1);
        writeln!(text, "a{n}: &a{n} [{}]", [alias.as_str(); 10].join(",")).unwrap();
    }
    assert!(yaml_error(&text).contains("excessive aliasing"));
}

#[test]
fn aliases_do_not_nest_deeper_than_anything_else() {
    let mut text = "a0: &a0 [x]\n".to_owned();
    for n in 1..MAX_DEPTH {
        writeln!(text, "a{n}: &a{n} [*a{}]", n - 1).unwrap();
    }
    assert!(yaml_error(&text).contains("exceeded max depth"));
}

#[test]
fn of_several_yaml_documents_the_first_is_read() {
    assert_eq!(from_yaml("a: 1\n---\nb: 2\n").value, json!({"a": 1}));
    assert_eq!(from_yaml("---\na: 1\n---\n{").value, json!({"a": 1}));
    assert_eq!(from_yaml("---\na: 1\n...\n").value, json!({"a": 1}));
    assert_eq!(from_yaml("a: 1\n---\n").value, json!({"a": 1}));
    assert_eq!(from_yaml("").value, Value::Null);
}

#[test]
fn fv_2_unknown_fields_are_told_with_their_paths() {
    let value = json!({
        "apiVersion": "x", "kind": "y", "bogus": 1,
        "metadata": {"name": "a", "bar": 1, "labels": {"any": "thing"}, "managedFields": [{"fieldsV1": {"f:x": {}}, "odd": 1}]},
        "spec": {
            "foo": 1,
            "parts": [{"weight": 1.0}, {"foo": 1, "inner": [{"inner": [{"wrong": 1}]}]}],
            "notes": {"free": "text"},
            "named": {"one": {"label": "x", "nope": 1}},
            "maybe": {"nah": 1},
            "anything": {"goes": [{"here": 1}]},
            "choice": {"round": {"radius": 1, "edge": 2}},
        },
    });
    let expected = [
        "bogus",
        "metadata.bar",
        "metadata.managedFields[0].odd",
        "spec.choice.round.edge",
        "spec.foo",
        "spec.maybe.nah",
        "spec.named.one.nope",
        "spec.parts[1].foo",
        "spec.parts[1].inner[0].inner[0].wrong",
    ];
    assert_eq!(fields().unknown(&value), expected);
}

#[test]
fn fv_2_a_struct_without_fields_knows_none() {
    let schema = schemars::json_schema!({
        "type": "object",
        "properties": {"status": {"$ref": "#/$defs/Empty"}, "any": {"type": "object", "additionalProperties": true}},
        "$defs": {"Empty": {"type": "object"}},
    });
    let unknown = KnownFields::of(&schema).unknown(&json!({"status": {"foo": 1}, "any": {"foo": 1}}));
    assert_eq!(unknown, ["status.foo"]);
}

#[test]
fn fv_7_fields_below_a_preserving_subtree_are_exempt() {
    let schema = schemars::json_schema!({
        "type": "object",
        "properties": {"raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    });
    assert!(KnownFields::of(&schema).unknown(&json!({"raw": {"foo": {"bar": null}}})).is_empty());
}

#[test]
fn a_schema_that_refers_to_itself_or_to_nothing_is_no_loop() {
    let schema = schemars::json_schema!({"allOf": [{"$ref": "#"}, {"$ref": "#/nowhere"}], "type": "object"});
    assert!(KnownFields::of(&schema).unknown(&json!({"foo": 1})).is_empty());
}

#[test]
fn a_null_is_the_default_of_its_field() {
    let (object, unknown) = typed::<Gizmo>(
        json!({"metadata": {"name": "a", "labels": null}, "spec": {"zoo": null, "animals": null, "maybe": null, "anything": null}}),
        &fields(),
    )
    .unwrap();
    assert_eq!(object.spec, crate::fixtures::GizmoSpec::default());
    assert_eq!((object.metadata.labels, unknown), (None, Vec::new()));
}

#[test]
fn a_field_of_another_type_is_told_with_its_path() {
    let cases = [
        (json!({"spec": {"zoo": 3}}), "spec.zoo: expected a string, found a number"),
        (json!({"spec": {"animals": "x"}}), "spec.animals: expected a whole number, found a string"),
        (json!({"spec": {"parts": [{"label": []}]}}), "spec.parts[0].label: expected a string, found a list"),
        (json!({"spec": []}), "spec: expected an object, found a list"),
        (json!({"metadata": {"labels": "x"}}), "metadata.labels: expected an object, found a string"),
        (
            json!({"spec": {"animals": 3_000_000_000_i64}}),
            "spec.animals: expected a whole number of 32 bits, found 3000000000",
        ),
    ];
    for (value, expected) in cases {
        let error = typed::<Gizmo>(value, &fields()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn rq_9_absent_kind_and_version_are_those_of_the_url() {
    for body in ["{}", "null", r#"{"kind":null,"apiVersion":""}"#, r#"{"apiVersion":"toys.example.com/"}"#] {
        let mut value = from_json(body).value;
        check_type(&mut value, &Gizmo::DESCRIPTOR.gvk(), &[]).unwrap();
        assert_eq!(value, json!({"kind": "Gizmo", "apiVersion": "toys.example.com/v1"}));
    }
    assert_eq!(gizmo("{}", FieldValidation::Strict).unwrap(), (Gizmo::default(), Vec::new()));
}

#[test]
fn c_3_another_version_or_kind_is_refused_in_upstreams_words() {
    let cases = [
        (
            r#"{"apiVersion":"toys.example.com/v2","kind":"Gizmo"}"#,
            r#"Gizmo in version "v2" cannot be handled as a Gizmo: no kind "Gizmo" is registered for version "toys.example.com/v2""#,
        ),
        (
            r#"{"apiVersion":"toys.example.com/v1","kind":"Gadget"}"#,
            r#"Gadget in version "v1" cannot be handled as a Gizmo: no kind "Gadget" is registered for version "toys.example.com/v1""#,
        ),
        (
            r#"{"spec":{"zoo":[]}}"#,
            r#"Gizmo in version "v1" cannot be handled as a Gizmo: spec.zoo: expected a string, found a list"#,
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(refused(body, FieldValidation::Warn), expected);
    }
    let mut served = json!({"apiVersion": "toys.example.com/v2", "kind": "Gizmo"});
    let other = check_type(&mut served, &Gizmo::DESCRIPTOR.gvk(), &["v2"]).unwrap_err();
    assert_eq!(
        other.into_status(&Gizmo::DESCRIPTOR.gvk(), b"").message,
        "the API version in the data (toys.example.com/v2) does not match the expected API version (toys.example.com/v1)"
    );
}

#[test]
fn c_3_the_kind_is_read_whichever_way_its_name_is_capitalized() {
    let message = refused(r#"{"Kind":"Gadget","spec":{}}"#, FieldValidation::Warn);
    assert!(message.ends_with(r#"no kind "Gadget" is registered for version "toys.example.com/v1""#), "{message}");
    let (_, findings) = gizmo(r#"{"KIND":"Gizmo"}"#, FieldValidation::Warn).unwrap();
    assert_eq!(findings, [r#"unknown field "KIND""#]);
}

#[test]
fn c_3_a_kind_that_is_no_text_is_told_with_the_body_as_it_was_sent() {
    let message = refused(r#"{"kind":1,"apiVersion":2}"#, FieldValidation::Warn);
    assert!(message.ends_with(r#"({"kind":1,"apiVersion":2})"#), "{message}");
}

#[test]
fn cn_4_a_text_that_is_null_the_second_time_stays() {
    let (gizmo, findings) = gizmo(r#"{"metadata":{"name":"a","name":null}}"#, FieldValidation::Warn).unwrap();
    assert_eq!(gizmo.metadata.name.as_deref(), Some("a"));
    assert_eq!(findings, [r#"duplicate field "metadata.name""#]);
}

#[test]
fn cn_4_minus_zero_is_a_whole_number() {
    let (gizmo, _) = gizmo(r#"{"metadata":{"generation":-0},"spec":{"animals":-0}}"#, FieldValidation::Strict).unwrap();
    assert_eq!((gizmo.metadata.generation, gizmo.spec.animals), (Some(0), 0));
    assert!(from_json("0.0").value.is_f64());
}

#[test]
fn om_3_a_time_is_written_as_go_reads_it_or_it_is_none() {
    for time in ["2000-01-02T03:04:05Z", "2000-01-02T03:04:05.678+02:00", "2000-01-02T03:04:05,6-11:30"] {
        let body = format!(r#"{{"metadata":{{"creationTimestamp":"{time}"}}}}"#);
        assert!(gizmo(&body, FieldValidation::Strict).is_ok() || time.contains(','), "{time}");
    }
    for time in [
        "2000-01-02 03:04:05Z",
        "2000-01-02t03:04:05z",
        "2000-01-02T03:04Z",
        "2000-01-02T03:04:60Z",
        "2000-01-02T03:04:05",
        "2000-01-02T03:04:05.Z",
        "2000-01-02T03:04:05+0200",
        "2000-01-02",
        "soon",
        "",
    ] {
        let message = refused(&format!(r#"{{"metadata":{{"creationTimestamp":"{time}"}}}}"#), FieldValidation::Warn);
        assert!(message.contains("metadata.creationTimestamp: expected a time such as 2006-01-02"), "{message}");
    }
}

#[test]
fn what_is_no_character_is_the_replacement_character() {
    let bytes = b"{\"a\":\"\\ud800\",\"b\":\"\xff\"}";
    assert_eq!(decode(bytes, MediaType::Json).unwrap().value, json!({"a": "\u{fffd}", "b": "\u{fffd}"}));
}

#[test]
fn fv_1_an_object_that_is_written_twice_fills_one() {
    let (gizmo, findings) =
        gizmo(r#"{"metadata":{"name":"a"},"metadata":{"labels":{"b":"c"}}}"#, FieldValidation::Warn).unwrap();
    assert_eq!(gizmo.metadata.name.as_deref(), Some("a"));
    assert_eq!(gizmo.metadata.labels.unwrap()["b"], "c");
    assert_eq!(findings, [r#"duplicate field "metadata""#]);
}

#[test]
fn fv_1_what_is_null_the_second_time_stays_where_it_is_a_struct_or_a_text() {
    let read = |text: &str| gizmo(text, FieldValidation::Ignore).unwrap().0.metadata;
    assert_eq!(read(r#"{"metadata":{"name":"a"},"metadata":null}"#).name.as_deref(), Some("a"));
    let metadata = read(r#"{"metadata":{"name":"a","labels":{"b":"c"},"name":null,"labels":null}}"#);
    assert_eq!((metadata.name.as_deref(), metadata.labels), (Some("a"), None));
}

#[test]
fn fv_1_the_items_of_a_list_that_is_written_twice_fill_those_of_the_first() {
    let owners =
        r#""ownerReferences":[{"name":"a","uid":"1"},{"name":"b"}],"ownerReferences":[{"uid":"2","kind":"K"}]"#;
    let (gizmo, _) = gizmo(&format!(r#"{{"metadata":{{{owners}}}}}"#), FieldValidation::Ignore).unwrap();
    let owners = gizmo.metadata.owner_references.unwrap();
    let told: Vec<_> = owners.iter().map(|owner| [&owner.name, &owner.uid, &owner.kind]).collect();
    assert_eq!(told, [["a", "2", "K"]]);
}

#[test]
fn rq_9_a_null_in_a_map_or_a_list_is_nothing_of_its_type() {
    let (gizmo, _) =
        gizmo(r#"{"metadata":{"labels":{"a":null},"ownerReferences":[null]}}"#, FieldValidation::Strict).unwrap();
    assert_eq!(gizmo.metadata.labels.unwrap()["a"], "");
    assert_eq!(
        gizmo.metadata.owner_references.unwrap(),
        [k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference::default()]
    );
}

#[test]
fn c_3_an_unrecognizable_body_is_summarised() {
    let message = refused("", FieldValidation::Warn);
    assert!(
        message.starts_with("the object provided is unrecognized (must be of type Gizmo): couldn't get version/kind; ")
    );
    assert!(message.ends_with("(<empty>)"), "{message}");
    let message = refused("[1]", FieldValidation::Warn);
    assert!(message.ends_with("expected an object, found a list (5b315d)"), "{message}");
    let message = refused(&format!("{{{}", "a".repeat(40)), FieldValidation::Warn);
    assert!(message.ends_with(&format!("({{{} ...)", "a".repeat(29))), "{message}");
    let message = refused(r#"{"apiVersion":"a/b/c"}"#, FieldValidation::Warn);
    assert!(message.contains("unexpected GroupVersion string: a/b/c"), "{message}");
    let message = refused(r#"{"kind":7}"#, FieldValidation::Warn);
    assert!(message.contains("kind: expected a string, found a number"), "{message}");
}

#[test]
fn fv_3_findings_warn_or_are_ignored() {
    let body = r#"{"spec":{"zoo":"a","zoo":"b","foo":1}}"#;
    let (object, warnings) = gizmo(body, FieldValidation::Warn).unwrap();
    assert_eq!(object.spec.zoo, "b");
    assert_eq!(warnings, [r#"duplicate field "spec.zoo""#, r#"unknown field "spec.foo""#]);
    assert!(gizmo(body, FieldValidation::Ignore).unwrap().1.is_empty());
}

#[test]
fn fv_4_strict_refuses_with_every_finding() {
    assert_eq!(
        refused(r#"{"spec":{"foo":1,"bar":2}}"#, FieldValidation::Strict),
        r#"Gizmo in version "v1" cannot be handled as a Gizmo: strict decoding error: unknown field "spec.foo", unknown field "spec.bar""#
    );
}

#[test]
fn stored_bytes_are_read_back_and_garbage_is_an_error() {
    let mut bytes = Vec::new();
    crate::encode::write_object(&Gizmo::default(), &mut bytes).unwrap();
    assert_eq!(stored::<Gizmo>(&bytes).unwrap(), Gizmo::default());
    for garbage in [&b""[..], b"[", b"{\"metadata\":{}} x", b"{\"metadata\":{},\"spec\":{\"zoo\":1}}"] {
        assert!(stored::<Gizmo>(garbage).is_err());
    }
}

#[test]
fn an_enum_of_every_shape_is_read() {
    for choice in [json!("nothing"), json!({"round": {"radius": 2}}), json!({"square": {"weight": 1.5}})] {
        let (object, unknown) = typed::<Gizmo>(json!({"spec": {"choice": choice}}), &fields()).unwrap();
        assert!(unknown.is_empty());
        assert_eq!(object.spec.choice == GizmoChoice::Nothing, choice == json!("nothing"));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é\n]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for media in [MediaType::Json, MediaType::Yaml] {
            let _ = object::<Gizmo>(&bytes, media, &fields(), FieldValidation::Strict);
        }
    }

    #[test]
    fn decoding_something_like_yaml_never_panics(text in "[a-c:\\-\\[\\]{}&*!?|> \n'\"<0-9.,#]{0,48}") {
        let _ = decode(text.as_bytes(), MediaType::Yaml);
    }

    #[test]
    fn json_decodes_to_itself_and_yaml_agrees(value in any_json()) {
        let text = value.to_string();
        prop_assert_eq!(&from_json(&text).value, &value);
        prop_assert_eq!(&from_yaml(&text).value, &value);
    }

    #[test]
    fn pruning_twice_finds_nothing_more(value in any_json()) {
        let mut once = json!({"spec": value});
        fields().prune(&mut once);
        let mut twice = once.clone();
        prop_assert!(fields().prune(&mut twice).is_empty());
        prop_assert_eq!(once, twice);
    }
}

#[test]
fn fv_2_findings_are_told_in_the_order_of_the_document() {
    let body = r#"{"metadata":{"name":"c","x":1},"foo":1,"spec":{"bar":2,"zoo":"a","zoo":"b"}}"#;
    let expected = [
        r#"unknown field "metadata.x""#,
        r#"unknown field "foo""#,
        r#"unknown field "spec.bar""#,
        r#"duplicate field "spec.zoo""#,
    ];
    assert_eq!(gizmo(body, FieldValidation::Warn).unwrap().1, expected);
    let message = refused(body, FieldValidation::Strict);
    assert!(message.ends_with(&format!("strict decoding error: {}", expected.join(", "))), "{message}");
}

#[test]
fn fv_2_an_unknown_field_is_told_once_and_nothing_below_it() {
    let body = r#"{"z":{"a":1,"a":2},"z":1,"metadata":{"name":"c","labels":{"k":"1","k":"2","k":"3"}},"a":1}"#;
    let told = gizmo(body, FieldValidation::Warn).unwrap().1;
    assert_eq!(told, [r#"unknown field "z""#, r#"duplicate field "metadata.labels.k""#, r#"unknown field "a""#]);
}

#[test]
fn fv_2_a_type_that_declares_its_fields_tells_unknown_ones_by_their_paths() {
    let field = |path: &str| format!("unknown field \"{path}\"");
    let told = |path: &str| format!("duplicate field \"{path}\"");
    let findings = vec![
        field("spec.zz"),
        told("spec.b"),
        field("spec.template.metadata.y"),
        field("metadata.z"),
        told("spec.a"),
        field("c"),
        field("metadata.a"),
        field("spec.parts[0].q"),
    ];
    let expected = [
        told("spec.b"),
        told("spec.a"),
        field("metadata.a"),
        field("metadata.z"),
        field("c"),
        field("spec.parts[0].q"),
        field("spec.zz"),
        field("spec.template.metadata.y"),
    ];
    assert_eq!(in_declared_order(findings), expected);
}

#[test]
fn fv_2_order_knows_lists_and_keys_that_look_like_paths() {
    let body = r#"{"b":[{},{"c.d":1,"x":[1,{"\"q\n":1}]}],"a.b":{"c":1},"a":{"b":{"c":2}}}"#;
    let field = |path: &str| format!("unknown field {}", crate::field::quote(path));
    let expected = vec![field("b[1].c.d"), field("b[1].x[1].\"q\n"), field("a.b.c")];
    let mut shuffled = expected.clone();
    shuffled.reverse();
    assert_eq!(in_document_order(body.as_bytes(), MediaType::Json, shuffled), expected);
}

#[test]
fn fv_2_of_yaml_duplicates_come_first_and_then_unknown_fields_by_name() {
    let body = "zoo: 1\nmetadata: {name: c}\nfoo: 1\nfoo: 2\n";
    let told = object::<Gizmo>(body.as_bytes(), MediaType::Yaml, &fields(), FieldValidation::Warn).unwrap().1;
    assert_eq!(told, [r#"line 4: key "foo" already set in map"#, r#"unknown field "foo""#, r#"unknown field "zoo""#]);
}

#[test]
fn findings_below_a_path_as_long_as_the_body_cost_no_more_than_a_few_bodies() {
    let body = format!(r#"{{"{}":[{}]}}"#, "k".repeat(1 << 20), vec![r#"{"a":1,"a":2}"#; 50_000].join(","));
    let told: usize = from_json(&body).duplicates.iter().map(String::len).sum();
    assert!(told > 0 && told <= MAX_WRITTEN, "{told}");
}
