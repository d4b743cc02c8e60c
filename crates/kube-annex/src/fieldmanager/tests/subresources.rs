//! Endpoints that write a part of an object only.

use super::super::{ScaleFields, Writer};
use super::rules::{V1, at, managed, manager, stored, thing};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[test]
fn ssa_14_an_endpoint_owns_nothing_of_what_it_resets() {
    let manager = manager();
    let mut object = thing(json!({ "color": "red" }));
    object["status"] = json!({ "ready": 1 });
    let live = stored(manager.update(None, object.clone(), &at("a", 0)));
    assert_eq!(managed(&live), [("Update a".to_owned(), json!({ "f:spec": { ".": {}, "f:color": {} } }))]);
    let mut new = live.clone();
    new["status"] = json!({ "ready": 2 });
    new["spec"]["color"] = "blue".into();
    new["metadata"]["labels"] = json!({ "a": "b" });
    let live = manager.update(Some(&live), new, &Writer { subresource: "status", ..at("a", 1) });
    assert_eq!(managed(&live).len(), 2);
    assert_eq!(managed(&live)[1].1, json!({ "f:status": { "f:ready": {} } }));
    assert_eq!(live["metadata"]["managedFields"][1]["subresource"], "status");
}

fn paths() -> BTreeMap<String, Option<Vec<String>>> {
    let path = Some(vec!["spec".to_owned(), "size".to_owned()]);
    BTreeMap::from([(V1.to_owned(), path), ("t.example.com/v0".to_owned(), None)])
}

fn entry(manager: &str, operation: &str, api_version: &str, fields: Value) -> Value {
    let mut entry = json!({
        "manager": manager, "operation": operation, "apiVersion": api_version, "fieldsType": "FieldsV1",
        "time": "2020-01-01T00:00:00Z",
    });
    entry["fieldsV1"] = fields;
    entry
}

#[test]
fn ssa_22_the_scale_shows_who_manages_the_replicas() {
    let parent = json!([
        entry("a", "Apply", V1, json!({ "f:spec": { "f:size": {}, "f:color": {} } })),
        entry("b", "Update", V1, json!({ "f:spec": { "f:color": {} } })),
        entry("c", "Update", "t.example.com/v9", json!({ "f:spec": { "f:size": {} } })),
    ]);
    let paths = paths();
    let fields = ScaleFields::new(Some(&parent), V1, &paths);
    let replicas = json!({ "f:spec": { "f:replicas": {} } });
    let scale = fields.to_scale().expect("readable").expect("somebody");
    assert_eq!(scale, json!([entry("a", "Apply", "autoscaling/v1", replicas.clone())]));

    let untouched = fields.to_parent(Some(&scale)).expect("readable").expect("somebody");
    assert_eq!(untouched, json!([parent[0], parent[1]]), "versions that are not served are forgotten");

    let mut by_scaler = entry("scaler", "Update", "autoscaling/v1", replicas);
    by_scaler["subresource"] = "scale".into();
    let taken = fields.to_parent(Some(&json!([by_scaler]))).expect("readable").expect("somebody");
    let mut new = entry("scaler", "Update", V1, json!({ "f:spec": { "f:size": {} } }));
    new["subresource"] = "scale".into();
    new.as_object_mut().expect("an entry").remove("time");
    let less = entry("a", "Apply", V1, json!({ "f:spec": { "f:color": {} } }));
    assert_eq!(taken, json!([less, new, parent[1]]));
}

#[test]
fn ssa_22_without_managed_fields_the_scale_has_none() {
    let paths = paths();
    assert_eq!(ScaleFields::new(None, V1, &paths).to_scale(), Ok(None));
    assert_eq!(ScaleFields::new(None, V1, &paths).to_parent(None), Ok(None));
    let broken = json!([{ "operation": "x" }]);
    assert!(ScaleFields::new(Some(&broken), V1, &paths).to_scale().is_err());
}
