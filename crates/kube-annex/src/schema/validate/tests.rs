use super::format::is;
use super::*;
use crate::field::aggregate;
use crate::resource::{ResourceDescriptor, Scope};
use crate::schema::{Schema, schema_of};
use crate::verb::Verb;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const DESCRIPTOR: ResourceDescriptor = ResourceDescriptor {
    group: "example.com",
    version: "v1",
    kind: "Widget",
    plural: "widgets",
    singular: "widget",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: &Verb::ALL,
    subresources: &[],
    scale: None,
    selectable_fields: &[],
    columns: &[],
    deprecated: None,
    description: "",
};

/// Declares one of everything.
#[derive(Deserialize, JsonSchema, Serialize)]
struct Widget {
    metadata: ObjectMeta,
    spec: Spec,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    color: Color,
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    replicas: i32,
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    ratio: Option<f64>,
    #[schemars(extend("multipleOf" = 0.5))]
    step: Option<f64>,
    #[schemars(extend("multipleOf" = 3, "exclusiveMinimum" = 0))]
    threes: Option<i64>,
    #[schemars(length(min = 2, max = 8), pattern("^[a-z]+$"))]
    nickname: Option<String>,
    #[schemars(extend("nullable" = true))]
    note: Option<String>,
    #[schemars(extend("format" = "date-time"))]
    deadline: Option<String>,
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["port", "protocol"]))]
    ports: Option<Vec<Port>>,
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    parts: Option<Vec<Part>>,
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    words: Option<Vec<String>>,
    #[schemars(extend("minProperties" = 1, "maxProperties" = 2))]
    limits: Option<BTreeMap<String, i64>>,
    #[schemars(extend("type" = "object", "x-kubernetes-embedded-resource" = true, "x-kubernetes-preserve-unknown-fields" = true))]
    template: Option<Map<String, Value>>,
}

fn one() -> i32 {
    1
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
enum Color {
    Red,
    Green,
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Port {
    port: i32,
    #[serde(default = "tcp")]
    protocol: String,
}

fn tcp() -> String {
    "TCP".to_owned()
}

#[derive(Deserialize, JsonSchema, Serialize)]
struct Part {
    name: String,
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    tags: Option<Vec<String>>,
}

fn validator() -> Validator {
    Validator::of(Schema::of_type(&DESCRIPTOR, &schema_of::<Widget>()))
}

/// A spec with the color that is required, completed; and what is wrong with it.
fn judged(fields: &Value) -> (Value, Result<ErrorList, Misfit>) {
    let mut spec = json!({"color": "red"});
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    let mut tree = json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec});
    let validator = validator();
    validator.complete(&mut tree);
    let found = validator.check(&tree);
    (tree["spec"].clone(), found)
}

fn told(fields: &Value) -> String {
    aggregate(&judged(fields).1.unwrap())
}

#[test]
fn a_violation_is_told_in_the_words_of_custom_resources() {
    let cases = [
        (json!({"color": "pink"}), r#"spec.color: Unsupported value: "pink": supported values: "red", "green""#),
        (
            json!({"replicas": 1001}),
            "spec.replicas: Invalid value: 1001: spec.replicas in body should be less than or equal to 1000",
        ),
        (
            json!({"replicas": -1}),
            "spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0",
        ),
        (json!({"ratio": 1}), "spec.ratio: Invalid value: 1: spec.ratio in body should be less than 1"),
        (
            json!({"ratio": -0.5}),
            "spec.ratio: Invalid value: -0.5: spec.ratio in body should be greater than or equal to 0",
        ),
        (json!({"step": 0.75}), "spec.step: Invalid value: 0.75: spec.step in body should be a multiple of 0.5"),
        (json!({"threes": 4}), "spec.threes: Invalid value: 4: spec.threes in body should be a multiple of 3"),
        (json!({"threes": 0}), "spec.threes: Invalid value: 0: spec.threes in body should be greater than 0"),
        (
            json!({"nickname": "a"}),
            r#"spec.nickname: Invalid value: "a": spec.nickname in body should be at least 2 chars long"#,
        ),
        (json!({"nickname": "abcdefghi"}), "spec.nickname: Too long: may not be more than 8 bytes"),
        (
            json!({"nickname": "ABC"}),
            r#"spec.nickname: Invalid value: "ABC": spec.nickname in body should match '^[a-z]+$'"#,
        ),
        (
            json!({"deadline": "soon"}),
            r#"spec.deadline: Invalid value: "soon": spec.deadline in body must be of type date-time: "soon""#,
        ),
        (json!({"ports": []}), "spec.ports: Invalid value: 0: spec.ports in body should have at least 1 items"),
        (
            json!({"ports": [{"port": 1}, {"port": 2}, {"port": 3}, {"port": 4}]}),
            "spec.ports: Too many: 4: must have at most 3 items",
        ),
        (json!({"ports": [{"protocol": "TCP"}]}), "spec.ports[0].port: Required value"),
        (
            json!({"ports": [{"port": 80}, {"port": 80, "protocol": "TCP"}, {"port": 80, "protocol": "UDP"}]}),
            r#"spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}"#,
        ),
        (json!({"parts": [{"name": "a"}, {"name": "a"}]}), r#"spec.parts[1]: Duplicate value: {"name":"a"}"#),
        (json!({"words": ["a", "b", "a", "a"]}), r#"spec.words[2]: Duplicate value: "a""#),
        (json!({"limits": {}}), "spec.limits: Invalid value: 0: spec.limits in body should have at least 1 properties"),
        (json!({"limits": {"a": 1, "b": 1, "c": 1}}), "spec.limits: Too many: 3: must have at most 2 items"),
        (json!({"parts": [{"name": "a", "tags": ["x", "x"]}]}), r#"spec.parts[0].tags[1]: Duplicate value: "x""#),
    ];
    for (fields, expected) in cases {
        assert_eq!(told(&fields), expected);
    }
    assert_eq!(told(&json!({"limits": {"a": 1}, "ports": [{"port": 1}], "threes": 3, "step": 1.5})), "[]");
}

#[test]
fn all_violations_are_told_at_once_and_those_of_whole_lists_last() {
    let found = judged(&json!({"words": ["a", "a"], "color": "pink", "replicas": 2000})).1.unwrap();
    let fields: Vec<&str> = found.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["spec.color", "spec.replicas", "spec.words[1]"]);
}

#[test]
fn another_json_type_is_a_misfit_whatever_else_is_wrong() {
    let cases = [
        (json!({"replicas": "3", "color": "pink"}), "spec.replicas: expected a whole number, found a string"),
        (json!({"replicas": 1.5}), "spec.replicas: expected a whole number, found a number"),
        (json!({"ports": {"port": 1}}), "spec.ports: expected a list, found an object"),
        (json!({"words": [null]}), "spec.words[0]: expected a string, found null"),
        (json!({"limits": {"a": true}}), "spec.limits.a: expected a whole number, found a boolean"),
        (json!({"template": "x"}), "spec.template: expected an object, found a string"),
    ];
    for (fields, expected) in cases {
        assert_eq!(judged(&fields).1.unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_null_is_absent_unless_it_is_a_value() {
    let (spec, found) =
        judged(&json!({"note": null, "nickname": null, "replicas": null, "limits": {"a": null, "b": 1}}));
    assert_eq!(found.unwrap(), []);
    assert_eq!(spec, json!({"color": "red", "note": null, "replicas": 1, "limits": {"b": 1}}));
    assert_eq!(aggregate(&judged(&json!({"color": null})).1.unwrap()), "spec.color: Required value");
}

#[test]
fn defaults_reach_list_items_and_make_keys_complete() {
    let (spec, found) = judged(&json!({"ports": [{"port": 80}]}));
    assert_eq!(found.unwrap(), []);
    assert_eq!(spec["ports"], json!([{"port": 80, "protocol": "TCP"}]));
}

#[test]
fn an_embedded_object_has_a_kind_and_legal_metadata() {
    let cases = [
        (json!({}), "[spec.template.apiVersion: Required value, spec.template.kind: Required value]"),
        (
            json!({"apiVersion": "a/b/c", "kind": "9"}),
            r#"[spec.template.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c, spec.template.kind: Invalid value: "9": may have mixed case, but should otherwise match: a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')]"#,
        ),
        (json!({"apiVersion": "v1", "kind": ""}), r#"spec.template.kind: Invalid value: "": must not be empty"#),
        (json!({"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"any": 1}}), "[]"),
    ];
    for (template, expected) in cases {
        assert_eq!(told(&json!({ "template": template })), expected);
    }
    let labelled = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"a": "-"}}});
    assert!(
        told(&json!({ "template": labelled })).starts_with(r#"spec.template.metadata.labels: Invalid value: "-": "#)
    );
    let twisted = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": 1}});
    let misfit = judged(&json!({ "template": twisted })).1.unwrap_err();
    assert_eq!((misfit.field.as_str(), misfit.found), ("spec.template.metadata.name", "a number"));
    let numbered = json!({"apiVersion": 1, "kind": "Pod"});
    let misfit = judged(&json!({ "template": numbered })).1.unwrap_err();
    assert_eq!((misfit.field.as_str(), misfit.found), ("spec.template.apiVersion", "a number"));
}

#[test]
fn a_float_that_is_whole_is_the_integer() {
    let (spec, found) = judged(&json!({"replicas": 3.0, "threes": 6.0, "ports": [{"port": 8e1}]}));
    assert_eq!(found.unwrap(), []);
    assert_eq!((&spec["replicas"], &spec["threes"]), (&json!(3), &json!(6)));
    assert_eq!(spec["ports"][0]["port"], json!(80));
    for number in [json!(1.5), json!(1e17)] {
        let misfit = judged(&json!({ "replicas": number })).1.unwrap_err();
        assert_eq!(misfit.to_string(), "spec.replicas: expected a whole number, found a number");
    }
}

/// What is wrong with a spec that an apply made.
fn told_of_applied(fields: &Value) -> String {
    let mut spec = json!({"color": "red"});
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    aggregate(&validator().check_applied(json!({"metadata": {"name": "a"}, "spec": spec})))
}

#[test]
fn ssa_5_a_null_that_is_applied_where_there_is_none_is_a_violation() {
    let null = |field: &str, kind: &str| {
        format!(r#"{field}: Invalid value: "null": {field} in body must be of type {kind}: "null""#)
    };
    for (fields, expected) in [
        (json!({"note": null, "replicas": null}), "[]".to_owned()),
        (json!({"words": null}), null("spec.words", "array")),
        (json!({"limits": {"a": null}}), null("spec.limits.a", "integer")),
        (json!({"nickname": null, "template": null}), {
            format!("[{}, {}]", null("spec.nickname", "string"), null("spec.template", "object"))
        }),
        (json!({"ports": [{"port": 80, "protocol": null}, {"port": null}]}), null("spec.ports[1].port", "integer")),
    ] {
        assert_eq!(told_of_applied(&fields), expected, "{fields}");
    }
}

#[test]
fn ssa_5_an_applied_value_of_another_type_is_a_violation_among_others() {
    for (fields, expected) in [
        (
            json!({"replicas": "x", "nickname": "A"}),
            r#"[spec.nickname: Invalid value: "A": spec.nickname in body should be at least 2 chars long, spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"]"#,
        ),
        (
            json!({"replicas": 1.5}),
            r#"[spec.replicas: Invalid value: 1.5: Checked value must be of type integer with format int32 in spec.replicas, spec.replicas: Invalid value: "float64": spec.replicas in body must be of type int32: "float64"]"#,
        ),
        (
            json!({"replicas": true}),
            r#"spec.replicas: Invalid value: "": spec.replicas in body must be of type int32: """#,
        ),
        (
            json!({"deadline": 1}),
            r#"spec.deadline: Invalid value: "int64": spec.deadline in body must be of type date-time: "int64""#,
        ),
        (
            json!({"words": {}}),
            r#"spec.words: Invalid value: "object": spec.words in body must be of type array: "object""#,
        ),
    ] {
        assert_eq!(told_of_applied(&fields), expected, "{fields}");
    }
}

#[test]
fn formats_are_those_of_custom_resources() {
    let cases = [
        ("date-time", "2026-01-02T03:04:05Z", "2026-01-02 03:04:05Z"),
        ("date-time", "2026-01-02t03:04:05.123456+02:00", "2026-02-30T03:04:05Z"),
        ("date-time", "2026-12-31T23:59:59-00:00", "2026-12-31T24:00:00Z"),
        ("date", "2024-02-29", "2023-02-29"),
        ("byte", "aGk=", "a*="),
        ("ipv4", "10.0.0.1", "10.0.0.256"),
        ("ipv6", "fe80::1", "10.0.0.1"),
        ("cidr", "10.0.0.0/8", "10.0.0.0/33"),
        ("mac", "00:11:22:aa:bb:cc", "00:11:22:aa:bb"),
        ("uuid", "A987FBC9-4BED-3078-CF07-9141BA07C9F3", "a987fbc9"),
        ("uuid4", "57b73598-8764-4ad0-a76a-679bb6640eb1", "57b73598-8764-3ad0-a76a-679bb6640eb1"),
        ("email", "a@example.com", "a.example.com"),
        ("hostname", "a.example.com", "a_b"),
        ("uri", "https://example.com/x", "no scheme"),
        ("hexcolor", "#00ff00", "#00ff0"),
        ("rgbcolor", "rgb(0,128,255)", "rgb(0,128,256)"),
        ("ssn", "111-22-3333", "111-22-333"),
        ("k8s-short-name", "a-b", "a.b"),
        ("k8s-long-name", "a.b", "A.b"),
    ];
    for (format, good, bad) in cases {
        assert!(is(format, good), "{format} {good}");
        assert!(!is(format, bad), "{format} {bad}");
        assert!(FORMATS.contains(&format.replace('-', "").as_str()), "{format}");
    }
    assert!(is("something-else", "anything"));
}

#[test]
fn a_type_that_declares_nothing_is_left_to_its_rust_type() {
    #[derive(Deserialize, JsonSchema, Serialize)]
    struct Plain {
        metadata: ObjectMeta,
        #[serde(default)]
        note: String,
    }
    let plain = Validator::of(Schema::of_type(&DESCRIPTOR, &schema_of::<Plain>()));
    assert!(!plain.declares() && validator().declares());
    let mut tree = json!({"note": null});
    plain.complete(&mut tree);
    assert_eq!(tree, json!({"note": null}));
    assert_eq!(plain.check(&json!({"note": 3})), Ok(ErrorList::new()));
}

#[test]
fn ls_6_quantities_are_made_canonical_wherever_they_are() {
    #[derive(Deserialize, JsonSchema, Serialize)]
    struct Sized {
        metadata: ObjectMeta,
        memory: Option<Quantity>,
        limits: BTreeMap<String, Quantity>,
        steps: Vec<Quantity>,
    }
    let sized = Validator::of(Schema::of_type(&DESCRIPTOR, &schema_of::<Sized>()));
    assert!(sized.declares());
    let mut tree = json!({"memory": "1024Mi", "limits": {"cpu": 0.5, "pods": 1000}, "steps": ["1.5", "100m", 3]});
    sized.complete(&mut tree);
    let canonical = json!({"memory": "1Gi", "limits": {"cpu": "500m", "pods": "1k"}, "steps": ["1500m", "100m", "3"]});
    assert_eq!(tree, canonical);
    assert_eq!(sized.check(&tree), Ok(ErrorList::new()));
    for (tree, found) in [(json!("much"), "a string"), (json!(true), "a boolean")] {
        let mut tree = json!({"limits": {"cpu": tree}, "steps": []});
        sized.complete(&mut tree);
        let misfit = sized.check(&tree).unwrap_err();
        assert_eq!(misfit.to_string(), format!("limits.cpu: expected a quantity such as 500m or 1Gi, found {found}"));
    }
}

#[test]
fn a_bound_is_printed_as_go_prints_it() {
    for (bound, text) in [(1.0, "1"), (0.5, "0.5"), (1e21, "1e+21"), (1.5e-7, "1.5e-07"), (-2.25, "-2.25")] {
        assert_eq!(crate::field::go_float(bound), text);
    }
}
