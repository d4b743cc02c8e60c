use super::*;
use crate::fixtures::{Gizmo, GizmoSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, OwnerReference, Time};
use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn metadata_text(metadata: &ObjectMeta) -> String {
    let mut out = Vec::new();
    write_metadata(metadata, &mut out);
    String::from_utf8(out).unwrap()
}

fn json_text<T: Serialize>(value: T) -> String {
    let mut out = Vec::new();
    write_json(&value, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn time(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap())
}

#[test]
fn ls_7_an_object_begins_with_kind_api_version_and_metadata_and_goes_on_as_declared() {
    let gizmo = Gizmo {
        metadata: ObjectMeta { name: Some("a".into()), ..ObjectMeta::default() },
        spec: GizmoSpec { zoo: "z".into(), animals: 2, ..GizmoSpec::default() },
        about: Some("x".into()),
    };
    let mut out = Vec::new();
    write_object(&gizmo, &mut out).unwrap();
    let head = r#"{"kind":"Gizmo","apiVersion":"toys.example.com/v1","metadata":{"name":"a"},"spec":{"zoo":"z","animals":2,"parts":[]"#;
    assert!(text(&out).starts_with(head), "{}", text(&out));
    assert!(text(&out).ends_with(r#"},"about":"x"}"#), "{}", text(&out));
}

#[test]
fn metadata_is_written_in_the_order_of_upstreams_struct() {
    let metadata = ObjectMeta {
        name: Some("n".into()),
        generate_name: Some("g-".into()),
        namespace: Some("ns".into()),
        self_link: Some("/x".into()),
        uid: Some("u".into()),
        resource_version: Some("7".into()),
        generation: Some(3),
        creation_timestamp: Some(time(0)),
        deletion_timestamp: Some(time(1)),
        deletion_grace_period_seconds: Some(0),
        labels: Some([("b".into(), "2".into()), ("a".into(), "1".into())].into()),
        annotations: Some([("k".into(), "v".into())].into()),
        owner_references: Some(vec![OwnerReference {
            api_version: "v1".into(),
            kind: "Pod".into(),
            name: "p".into(),
            uid: "pu".into(),
            controller: Some(true),
            block_owner_deletion: Some(false),
        }]),
        finalizers: Some(vec!["x/y".into()]),
        managed_fields: Some(vec![ManagedFieldsEntry {
            manager: Some("m".into()),
            operation: Some("Apply".into()),
            api_version: Some("g/v1".into()),
            time: Some(time(2)),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1(json!({"f:spec": {}}))),
            subresource: Some("status".into()),
        }]),
    };
    let expected = concat!(
        r#"{"name":"n","generateName":"g-","namespace":"ns","selfLink":"/x","uid":"u","resourceVersion":"7","#,
        r#""generation":3,"creationTimestamp":"1970-01-01T00:00:00Z","deletionTimestamp":"1970-01-01T00:00:01Z","#,
        r#""deletionGracePeriodSeconds":0,"labels":{"a":"1","b":"2"},"annotations":{"k":"v"},"#,
        r#""ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"pu","controller":true,"#,
        r#""blockOwnerDeletion":false}],"finalizers":["x/y"],"managedFields":[{"manager":"m","operation":"Apply","#,
        r#""apiVersion":"g/v1","time":"1970-01-01T00:00:02Z","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}},"#,
        r#""subresource":"status"}]}"#,
    );
    assert_eq!(metadata_text(&metadata), expected);
}

#[test]
fn om_13_empty_maps_lists_and_texts_are_left_out() {
    let metadata = ObjectMeta {
        name: Some(String::new()),
        generation: Some(0),
        labels: Some([].into()),
        annotations: Some([].into()),
        owner_references: Some(vec![]),
        finalizers: Some(vec![]),
        managed_fields: Some(vec![]),
        ..ObjectMeta::default()
    };
    assert_eq!(metadata_text(&metadata), "{}");
}

#[test]
fn ls_8_html_sensitive_characters_are_escaped_in_keys_and_values() {
    let written = json_text(json!({"<": "a>b&c\u{2028}\u{2029}é\u{2027}\u{e000}\u{1}\"\\"}));
    assert_eq!(written, "{\"\\u003c\":\"a\\u003eb\\u0026c\\u2028\\u2029é\u{2027}\u{e000}\\u0001\\\"\\\\\"}");
}

#[test]
fn floats_are_written_as_go_writes_them() {
    let written = json_text([1.0, -0.5, 1e20, 1e21, 1e-6, 1.5e-7, 123_456_789.25]);
    assert_eq!(written, "[1,-0.5,100000000000000000000,1e+21,0.000001,1.5e-7,123456789.25]");
    assert_eq!(json_text([0.1_f32, 1e22_f32, 1e-6_f32]), "[0.1,1e+22,0.000001]");
}

#[test]
fn pm_1_partial_object_metadata_has_the_metadata_and_nothing_else() {
    let mut out = Vec::new();
    let metadata = ObjectMeta { name: Some("a".into()), ..ObjectMeta::default() };
    write_partial_object_metadata(META_API_VERSION, &metadata, &mut out);
    assert_eq!(text(&out), r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":{"name":"a"}}"#);
}

#[test]
fn the_tree_of_an_object_has_its_kind() {
    let tree = to_value(&Gizmo::default()).unwrap();
    assert_eq!(tree["kind"], "Gizmo");
    assert_eq!(tree["apiVersion"], "toys.example.com/v1");
    assert_eq!(tree["metadata"], json!({}));
}

#[derive(Clone, Serialize, serde::Deserialize)]
struct Flat {
    metadata: ObjectMeta,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, Value>,
}

#[derive(Clone, Serialize, serde::Deserialize)]
#[serde(into = "u8", from = "u8")]
struct Number(ObjectMeta);

impl From<Number> for u8 {
    fn from(_: Number) -> Self {
        1
    }
}

impl From<u8> for Number {
    fn from(_: u8) -> Self {
        Self(ObjectMeta::default())
    }
}

macro_rules! resource {
    ($type:ident, $metadata:tt) => {
        impl AggregatedResource for $type {
            const DESCRIPTOR: crate::ResourceDescriptor = Gizmo::DESCRIPTOR;
            type Strategy = crate::DefaultStrategy;
            fn schema() -> schemars::Schema {
                schemars::Schema::default()
            }
            fn metadata(&self) -> &ObjectMeta {
                &self.$metadata
            }
            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.$metadata
            }
        }
    };
}

resource!(Flat, metadata);
resource!(Number, 0);

#[test]
fn a_flattened_field_is_written_once_and_in_order() {
    let flat = Flat {
        metadata: ObjectMeta::default(),
        rest: [("kind".into(), json!("Other")), ("a".into(), json!(1))].into(),
    };
    let mut out = Vec::new();
    write_object(&flat, &mut out).unwrap();
    assert_eq!(text(&out), r#"{"kind":"Gizmo","apiVersion":"toys.example.com/v1","metadata":{},"a":1}"#);
}

#[test]
fn a_type_that_is_not_written_as_an_object_is_refused_and_leaves_no_bytes() {
    let mut out = b"before".to_vec();
    let error = write_object(&Number(ObjectMeta::default()), &mut out).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("written as a number"));
    assert_eq!(out, b"before");
}

fn spliced(stored: &str) -> String {
    String::from_utf8(with_resource_version(stored.as_bytes(), 42).unwrap()).unwrap()
}

#[test]
fn the_resource_version_is_spliced_before_the_first_key_that_follows_it() {
    let cases = [
        (r#"{"kind":"K","metadata":{}}"#, r#"{"kind":"K","metadata":{"resourceVersion":"42"}}"#),
        (r#"{"metadata":{"name":"a"},"spec":{}}"#, r#"{"metadata":{"name":"a","resourceVersion":"42"},"spec":{}}"#),
        (
            r#"{"metadata":{"name":"a","uid":"u","creationTimestamp":"t"}}"#,
            r#"{"metadata":{"name":"a","uid":"u","resourceVersion":"42","creationTimestamp":"t"}}"#,
        ),
        (r#"{"metadata":{"labels":{"uid":"x"}}}"#, r#"{"metadata":{"resourceVersion":"42","labels":{"uid":"x"}}}"#),
        (
            r#"{"spec":{"metadata":{"a":[1,{"}":"\"]"}]}},"metadata":{"name":"a\"b"}}"#,
            r#"{"spec":{"metadata":{"a":[1,{"}":"\"]"}]}},"metadata":{"name":"a\"b","resourceVersion":"42"}}"#,
        ),
    ];
    for (stored, expected) in cases {
        assert_eq!(spliced(stored), expected);
    }
}

#[test]
fn ls_2_an_item_has_no_kind_and_no_api_version() {
    let stored = br#"{"kind":"K","apiVersion":"g/v1","metadata":{"name":"a"},"spec":{}}"#;
    let mut out = Vec::new();
    Stored::find(stored).unwrap().write_item(stored, 7, &mut out);
    assert_eq!(text(&out), r#"{"metadata":{"name":"a","resourceVersion":"7"},"spec":{}}"#);
}

#[test]
fn w_9_what_another_server_ended_with_a_newline_is_written_without() {
    let stored = b"{\"metadata\":{\"name\":\"a\"},\"spec\":{}}\n";
    let found = Stored::find(stored).unwrap();
    let (mut object, mut item) = (Vec::new(), Vec::new());
    found.write_object(stored, 1, &mut object);
    found.write_item(stored, 1, &mut item);
    let expected = r#"{"metadata":{"name":"a","resourceVersion":"1"},"spec":{}}"#;
    assert_eq!((text(&object), text(&item)), (expected, expected));
}

#[test]
fn pm_1_a_partial_object_is_cut_out_of_stored_bytes() {
    let stored = br#"{"kind":"K","metadata": {"name":"a","labels":{"x":"}"}},"spec":{"big":1}}"#;
    let found = Stored::find(stored).unwrap();
    assert_eq!(text(found.metadata(stored).unwrap()), r#"{"name":"a","labels":{"x":"}"}}"#);
    let mut out = Vec::new();
    found.write_partial(stored, 5, META_API_VERSION, &mut out).unwrap();
    let expected = concat!(
        r#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","#,
        r#""metadata":{"name":"a","resourceVersion":"5","labels":{"x":"}"}}}"#
    );
    assert_eq!(text(&out), expected);
    let cut = &stored[..48];
    assert!(Stored::find(cut).unwrap().write_partial(cut, 5, META_API_VERSION, &mut out).is_err());
    assert_eq!(text(&out), expected);
}

#[test]
fn malformed_stored_bytes_are_an_error() {
    let cases: &[&[u8]] = &[
        b"",
        b"null",
        b"{",
        b"{}",
        b"[]",
        b"{\"metadata\":[]}",
        b"{\"metadata\":{",
        b"{\"metadata\":{\"name\":",
        b"{\"metadata\":{\"name\":\"\\",
        b"{\"a\":]",
        b"{\"a\":,",
        b"{\"metadata\":{\"resourceVersion\":\"1\"}}",
    ];
    for stored in cases {
        assert!(Stored::find(stored).is_err(), "{}", String::from_utf8_lossy(stored));
    }
}

fn any_metadata() -> impl Strategy<Value = ObjectMeta> {
    let text = proptest::option::of(".{0,12}");
    (
        text.clone(),
        text.clone(),
        text.clone(),
        text,
        any::<Option<i64>>(),
        proptest::option::of(proptest::collection::btree_map(".{0,6}", ".{0,6}", 0..3)),
    )
        .prop_map(|(name, namespace, uid, generate_name, generation, labels)| ObjectMeta {
            name,
            namespace,
            uid,
            generate_name,
            generation,
            labels,
            ..ObjectMeta::default()
        })
}

proptest! {
    #[test]
    fn splicing_equals_setting_the_field(metadata in any_metadata(), revision in any::<u64>(), zoo in ".{0,20}") {
        let mut gizmo = Gizmo { metadata, spec: GizmoSpec { zoo, ..GizmoSpec::default() }, about: None };
        let mut stored = Vec::new();
        write_object(&gizmo, &mut stored).unwrap();
        let spliced = with_resource_version(&stored, revision).unwrap();
        gizmo.metadata.resource_version = Some(revision.to_string());
        let mut direct = Vec::new();
        write_object(&gizmo, &mut direct).unwrap();
        prop_assert_eq!(text(&spliced), text(&direct));
        let mut partial = Vec::new();
        Stored::find(&stored).unwrap().write_partial(&stored, revision, META_API_VERSION, &mut partial).unwrap();
        let mut expected = Vec::new();
        write_partial_object_metadata(META_API_VERSION, &gizmo.metadata, &mut expected);
        prop_assert_eq!(text(&partial), text(&expected));
        let tree: Value = serde_json::from_slice(&spliced).unwrap();
        prop_assert_eq!(tree, to_value(&gizmo).unwrap());
    }

    #[test]
    fn finding_the_splice_point_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let _ = Stored::find(&bytes);
    }

    #[test]
    fn finding_the_splice_point_in_something_like_json_never_panics(text in "[{}\\[\\],:\"\\\\a \\n0-9]{0,40}") {
        let bytes = format!("{{\"metadata\":{text}");
        if let Ok(stored) = Stored::find(bytes.as_bytes()) {
            let mut out = Vec::new();
            stored.write_item(bytes.as_bytes(), 1, &mut out);
            let _ = stored.write_partial(bytes.as_bytes(), 1, META_API_VERSION, &mut out);
            prop_assert!(!out.is_empty());
        }
    }

    #[test]
    fn what_is_written_parses_back_equal(text in ".*") {
        let mut out = Vec::new();
        write_json(&text, &mut out).unwrap();
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }
}
