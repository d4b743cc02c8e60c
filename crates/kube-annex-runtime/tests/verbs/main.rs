//! The verbs through the whole pipeline: no socket, a clock that stands, every wait on tokio's paused time.
//!
//! One program of many files, a file a verb or a matter; each test of a clause of the wire contract carries its id.

#![allow(missing_docs, reason = "tests")]

mod admission;
mod answers;
mod apply;
mod cache;
mod computed;
mod create;
mod delete;
mod delete_collection;
mod discovery_paths;
mod errors;
mod fleets;
mod get;
mod list;
mod negotiation;
mod patch;
mod protobuf;
mod reviews;
mod routing;
mod scale;
mod stages;
mod status;
mod strategic;
mod table;
mod update;
mod versions;
mod warnings;
mod watch;
mod websocket;

use kube_annex_testkit::TestServer;
use serde_json::{Value, json};

const WIDGETS: &str = "/apis/toys.example.com/v1/namespaces/default/widgets";
const OLD_WIDGETS: &str = "/apis/toys.example.com/v1beta1/namespaces/default/widgets";
const ALL_WIDGETS: &str = "/apis/toys.example.com/v1/widgets";
const SHELVES: &str = "/apis/toys.example.com/v1/shelves";

/// A widget of that name and nothing else.
fn widget(name: &str) -> Value {
    json!({"apiVersion": "toys.example.com/v1", "kind": "Widget", "metadata": {"name": name}})
}

/// A widget of that name and size.
fn sized(name: &str, size: i64) -> Value {
    let mut widget = widget(name);
    widget["spec"] = json!({"size": size});
    widget
}

/// A widget of that name and these labels.
fn labelled(name: &str, labels: &Value) -> Value {
    let mut widget = widget(name);
    widget["metadata"]["labels"] = labels.clone();
    widget
}

fn shelf(name: &str) -> Value {
    json!({"apiVersion": "toys.example.com/v1", "kind": "Shelf", "metadata": {"name": name}})
}

/// A server that has these widgets.
async fn with_widgets(names: &[&str]) -> TestServer {
    let server = TestServer::new();
    for name in names {
        server.made(WIDGETS, &widget(name)).await;
    }
    server
}

fn at(collection: &str, name: &str) -> String {
    format!("{collection}/{name}")
}

fn revision(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str().expect("a resourceVersion");
    text.parse().expect("a decimal number")
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name")).collect()
}
