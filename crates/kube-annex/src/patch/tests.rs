use super::*;
use serde_json::json;

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
