use super::*;
use crate::fixtures::Gizmo;
use crate::resource::AggregatedResource;
use serde_json::json;

#[test]
fn tb_6_a_resource_without_columns_has_name_and_created_at() {
    let bare = ResourceDescriptor { columns: &[], ..Gizmo::DESCRIPTOR };
    let names: Vec<_> = columns(&bare).into_iter().map(|column| (column.name, column.r#type, column.format)).collect();
    assert_eq!(names, [("Name".to_owned(), "string", "name"), ("Created At".to_owned(), "date", "")]);
    let object = json!({"metadata": {"name": "leo", "creationTimestamp": "2024-05-06T07:08:09Z"}});
    assert_eq!(cells(&bare, &object), [json!("leo"), json!("2024-05-06T07:08:09Z")]);
}
