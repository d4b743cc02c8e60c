use super::*;
use serde_json::json;

#[test]
fn a_path_of_fields_finds_the_value() {
    assert_eq!(JsonPath::parse(".spec.size").unwrap().first(&json!({"spec": {"size": 3}})), Some(&json!(3)));
}
