//! Tables: what `kubectl get` prints.

use crate::{SHELVES, WIDGETS, at, revision, shelf, sized, with_widgets};
use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const KUBECTL: &str =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";

async fn table(server: &TestServer, path: &str) -> Value {
    server.get(path).accept(TABLE).await.ok()
}

fn cells(table: &Value) -> Vec<Value> {
    table["rows"].as_array().expect("rows").iter().map(|row| row["cells"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn tb_1_a_table_has_the_metadata_of_its_list() {
    let server = with_widgets(&["a", "b", "c"]).await;
    let (list, table) =
        (server.get(&format!("{WIDGETS}?limit=1")).await.ok(), table(&server, &format!("{WIDGETS}?limit=1")).await);
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    assert_eq!(table["metadata"], list["metadata"], "tb_8: continue and remainingItemCount too");
    assert!(table["metadata"]["continue"].is_string());
}

#[tokio::test(start_paused = true)]
async fn tb_1_a_table_of_one_object_has_its_version() {
    let server = with_widgets(&["a"]).await;
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    assert_eq!(
        table(&server, &at(WIDGETS, "a")).await["metadata"],
        json!({"resourceVersion": revision(&live).to_string()})
    );
}

#[tokio::test(start_paused = true)]
async fn tb_2_columns_say_all_five_things() {
    let columns = table(&TestServer::new(), WIDGETS).await["columnDefinitions"].clone();
    let columns = columns.as_array().unwrap();
    for column in columns {
        let keys: Vec<&String> = column.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["description", "format", "name", "priority", "type"]);
    }
    let told: Vec<(&str, &str, &str, i64)> = columns
        .iter()
        .map(|column| {
            let text = |key: &str| column[key].as_str().unwrap();
            (text("name"), text("type"), text("format"), column["priority"].as_i64().unwrap())
        })
        .collect();
    let expected =
        [("Name", "string", "name", 0), ("Size", "integer", "", 0), ("Phase", "string", "", 1), ("Age", "date", "", 0)];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn tb_3_rows_have_a_cell_for_each_column() {
    let server = TestServer::new();
    server.made(WIDGETS, &sized("a", 7)).await;
    server.made(WIDGETS, &sized("b", 8)).await;
    server.merge(&at(WIDGETS, "b/status"), &json!({"status": {"phase": "on"}})).await.ok();
    server.clock.advance(190);
    let table = table(&server, WIDGETS).await;
    assert_eq!(
        cells(&table),
        [json!(["a", 7, null, "3m10s"]), json!(["b", 8, "on", "3m10s"])],
        "tb_4: ages are the server's"
    );
}

#[tokio::test(start_paused = true)]
async fn tb_4_an_age_is_told_by_the_clock_of_the_answer() {
    let server = with_widgets(&["a"]).await;
    for (seconds, age) in [(0, "0s"), (70, "70s"), (7 * 60, "8m10s"), (49 * 3600, "2d1h")] {
        server.clock.advance(seconds);
        assert_eq!(table(&server, WIDGETS).await["rows"][0]["cells"][3], age);
    }
}

#[tokio::test(start_paused = true)]
async fn tb_5_rows_carry_as_much_of_the_object_as_is_asked_for() {
    let server = with_widgets(&["a"]).await;
    let live = server.get(&at(WIDGETS, "a")).await.ok();
    let partial =
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": live["metadata"]});
    for (query, object) in [
        ("", partial.clone()),
        ("?includeObject=", partial.clone()),
        ("?includeObject=Metadata", partial),
        ("?includeObject=Object", live.clone()),
        ("?includeObject=None", Value::Null),
    ] {
        for path in [WIDGETS.to_owned(), at(WIDGETS, "a")] {
            let table = table(&server, &format!("{path}{query}")).await;
            assert_eq!(table["rows"][0]["object"], object, "{path}{query}");
        }
    }
    let text = "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', 'None', or empty";
    server.get(&format!("{WIDGETS}?includeObject=x")).accept(TABLE).await.refused(400, "BadRequest", text);
    server.get(&format!("{WIDGETS}?includeObject=x")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn tb_6_a_type_without_columns_shows_name_and_creation() {
    let server = TestServer::new();
    server.made(SHELVES, &shelf("a")).await;
    let table = table(&server, SHELVES).await;
    let columns: Vec<(&Value, &Value)> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| (&column["name"], &column["type"]))
        .collect();
    assert_eq!(columns, [(&json!("Name"), &json!("string")), (&json!("Created At"), &json!("date"))], "11-1");
    assert_eq!(cells(&table), [json!(["a", "2026-01-02T03:04:05Z"])]);
}

#[tokio::test(start_paused = true)]
async fn tb_7_what_kubectl_accepts_is_a_table() {
    let server = with_widgets(&["a"]).await;
    let answer = server.get(WIDGETS).accept(KUBECTL).await;
    assert_eq!(
        (&answer.ok()["kind"], answer.header("content-type").as_str()),
        (&json!("Table"), "application/json"),
        "cn_13"
    );
}

#[tokio::test(start_paused = true)]
async fn cn_14_the_older_version_of_tables_is_answered_as_such() {
    let server = with_widgets(&["a"]).await;
    let old = "application/json;as=Table;v=v1beta1;g=meta.k8s.io";
    let table = server.get(WIDGETS).accept(old).await.ok();
    assert_eq!(table["apiVersion"], "meta.k8s.io/v1beta1");
    assert_eq!(table["rows"][0]["object"]["apiVersion"], "meta.k8s.io/v1beta1", "tb_5");
}

#[tokio::test(start_paused = true)]
async fn cn_11_writes_answer_tables_too() {
    let server = TestServer::new();
    let created = server.post(WIDGETS, &sized("a", 1)).accept(TABLE).await;
    assert_eq!((created.status, &created.json()["kind"]), (201, &json!("Table")));
    let updated = server.put(&at(WIDGETS, "a"), &sized("a", 2)).accept(TABLE).await.ok();
    assert_eq!(updated["rows"][0]["cells"][1], 2);
    let patched = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 3}})).accept(TABLE).await.ok();
    assert_eq!(patched["rows"][0]["cells"][1], 3);
    let deleted = server.delete(WIDGETS).accept(TABLE).await.ok();
    assert_eq!((&deleted["kind"], &deleted["rows"][0]["cells"][0]), (&json!("Table"), &json!("a")));
}

#[tokio::test(start_paused = true)]
async fn cn_11_errors_are_never_tables() {
    let server = TestServer::new();
    let text = "widgets.toys.example.com \"a\" not found";
    server.get(&at(WIDGETS, "a")).accept(KUBECTL).await.refused(404, "NotFound", text);
}

#[tokio::test(start_paused = true)]
async fn tb_1_an_empty_table_has_null_for_rows_as_upstreams() {
    assert_eq!(table(&TestServer::new(), WIDGETS).await.get("rows"), Some(&json!(null)));
}
