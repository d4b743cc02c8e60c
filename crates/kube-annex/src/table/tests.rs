use super::*;
use crate::fixtures::Gizmo;
use crate::resource::AggregatedResource;
use proptest::prelude::*;
use serde_json::json;

const fn column(path: &'static str, r#type: ColumnType) -> ColumnDescriptor {
    ColumnDescriptor { name: "Cell", path, r#type, description: "", priority: 0 }
}

fn with(columns: &'static [ColumnDescriptor]) -> ResourceDescriptor {
    ResourceDescriptor { columns, ..Gizmo::DESCRIPTOR }
}

fn now() -> Timestamp {
    "2024-05-06T08:08:09Z".parse().unwrap()
}

/// The one declared cell of an object whose `spec.cell` is `value`.
fn cell(r#type: ColumnType, value: &Value) -> Value {
    let definition = column(".spec.cell", r#type);
    let columns = Columns {
        definitions: vec![name(), super::definition(&definition)],
        cells: Cells::Declared(vec![(r#type, JsonPath::parse(definition.path).ok())]),
    };
    columns.cells(&json!({"metadata": {"name": "leo"}, "spec": {"cell": value}}), now()).remove(1)
}

#[test]
fn tb_6_a_resource_without_columns_has_name_and_created_at() {
    let bare = with(&[]);
    let found: Vec<_> = columns(&bare).into_iter().map(|column| (column.name, column.r#type, column.format)).collect();
    assert_eq!(found, [("Name".to_owned(), "string", "name"), ("Created At".to_owned(), "date", "")]);
}

#[test]
fn observed_11_1_created_at_is_the_timestamp_not_an_age() {
    let object = json!({"metadata": {"name": "leo", "creationTimestamp": "2024-05-06T07:08:09Z"}});
    assert_eq!(cells(&with(&[]), &object, now()), [json!("leo"), json!("2024-05-06T07:08:09Z")]);
    let unborn = json!({"metadata": {"name": "leo"}});
    assert_eq!(cells(&with(&[]), &unborn, now()), [json!("leo"), json!("0001-01-01T00:00:00Z")]);
}

#[test]
fn tb_2_columns_are_written_with_all_five_keys_in_upstreams_order() {
    let mut definitions = columns(&Gizmo::DESCRIPTOR);
    assert_eq!(definitions[0].description, NAME_DESCRIPTION);
    definitions[0].description = "short".to_owned();
    assert_eq!(
        serde_json::to_string(&definitions).unwrap(),
        concat!(
            r#"[{"name":"Name","type":"string","format":"name","description":"short","priority":0},"#,
            r#"{"name":"Zoo","type":"string","format":"","description":"Where it lives.","priority":0}]"#
        )
    );
}

#[test]
fn tb_2_a_column_without_description_tells_its_path_and_keeps_its_priority() {
    const WIDE: ColumnDescriptor = ColumnDescriptor { priority: 1, ..column(".spec.animals", ColumnType::Integer) };
    let definition = columns(&with(&[WIDE])).remove(1);
    assert_eq!(definition.description, "Custom resource definition column (in JSONPath format): .spec.animals");
    assert_eq!((definition.r#type, definition.priority), ("integer", 1));
}

#[test]
fn tb_3_a_row_has_as_many_cells_as_columns_whatever_the_object() {
    const COLUMNS: &[ColumnDescriptor] = &[
        column(".spec.zoo", ColumnType::String),
        column(".spec.parts[0].label", ColumnType::String),
        column("this is no path", ColumnType::String),
    ];
    for (object, row) in [
        (
            json!({"metadata": {"name": "leo"}, "spec": {"zoo": "north", "parts": [{"label": "mane"}]}}),
            json!(["leo", "north", "mane", null]),
        ),
        (json!({"metadata": {"name": "leo"}}), json!(["leo", null, null, null])),
        (json!({}), json!(["", null, null, null])),
        (json!(null), json!(["", null, null, null])),
    ] {
        assert_eq!(Value::from(cells(&with(COLUMNS), &object, now())), row);
    }
}

#[test]
fn columns_made_once_give_the_cells_of_every_row() {
    let columns = Columns::of(&Gizmo::DESCRIPTOR);
    for zoo in ["north", "south"] {
        let object = json!({"metadata": {"name": "leo"}, "spec": {"zoo": zoo}});
        assert_eq!(columns.cells(&object, now()), [json!("leo"), json!(zoo)]);
    }
    assert_eq!(columns.definitions().len(), 2);
}

#[test]
fn a_string_cell_prints_any_value_as_upstream_does() {
    for (value, text) in [
        (json!("a <b>"), json!("a <b>")),
        (json!(7), json!("7")),
        (json!(-1.5), json!("-1.5")),
        (json!(2.0), json!("2")),
        (json!(100_000.0), json!("100000")),
        (json!(1e6), json!("1e+06")),
        (json!(123_456_789.0), json!("1.23456789e+08")),
        (json!(0.0001), json!("0.0001")),
        (json!(0.000_01), json!("1e-05")),
        (json!(1.25e-7), json!("1.25e-07")),
        (json!(true), json!("true")),
        (json!(["a", "<"]), json!(r#"["a","\u003c"]"#)),
        (json!({"b": 1, "a": 2}), json!(r#"{"a":2,"b":1}"#)),
        (json!(null), json!(null)),
    ] {
        assert_eq!(cell(ColumnType::String, &value), text, "{value}");
    }
}

#[test]
fn an_integer_cell_cuts_fractions_and_refuses_text() {
    for (value, result) in [
        (json!(7), json!(7)),
        (json!(-7.9), json!(-7)),
        (json!(i64::MIN), json!(i64::MIN)),
        (json!(u64::MAX), json!(i64::MAX)),
        (json!("7"), json!(null)),
        (json!(true), json!(null)),
    ] {
        assert_eq!(cell(ColumnType::Integer, &value), result, "{value}");
    }
}

#[test]
fn number_and_boolean_cells_take_only_their_own_type() {
    assert_eq!(cell(ColumnType::Number, &json!(1.5)), json!(1.5));
    assert_eq!(cell(ColumnType::Number, &json!(3)), json!(3));
    assert_eq!(cell(ColumnType::Number, &json!("3")), json!(null));
    assert_eq!(cell(ColumnType::Boolean, &json!(false)), json!(false));
    assert_eq!(cell(ColumnType::Boolean, &json!("false")), json!(null));
}

#[test]
fn tb_4_a_date_cell_is_an_age() {
    for (value, result) in [
        (json!("2024-05-06T07:08:09Z"), json!("60m")),
        (json!("2024-05-06T07:08:09.999999Z"), json!("59m")),
        (json!("2024-05-06T00:08:09+02:00"), json!("10h")),
        (json!("2024-05-06T08:08:10Z"), json!("0s")),
        (json!("2024-05-06T08:08:19Z"), json!("<invalid>")),
        (json!("yesterday"), json!("<invalid>")),
        (json!(""), json!("<unknown>")),
        (json!(1), json!(null)),
        (json!(null), json!(null)),
    ] {
        assert_eq!(cell(ColumnType::Date, &value), result, "{value}");
    }
}

proptest! {
    #[test]
    fn tb_3_cells_are_scalars_of_their_columns_type(
        text in ".{0,12}",
        number in any::<f64>(),
        r#type in prop::sample::select(vec![
            ColumnType::String, ColumnType::Integer, ColumnType::Number, ColumnType::Boolean, ColumnType::Date,
        ]),
    ) {
        for value in [json!(text), json!(number), json!([text]), json!({"a": number}), json!(true), json!(null)] {
            let found = cell(r#type, &value);
            let fits = match r#type {
                ColumnType::String | ColumnType::Date => found.is_string(),
                ColumnType::Integer => found.is_i64(),
                ColumnType::Number => found.is_number(),
                ColumnType::Boolean => found.is_boolean(),
            };
            prop_assert!(fits || found.is_null(), "{value} became {found}");
        }
    }
}
