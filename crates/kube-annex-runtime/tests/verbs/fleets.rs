//! A server with fleets, for tests of patches, scales and managers.

use kube_annex_runtime::Registration;
use kube_annex_testkit::TestServer;
use kube_annex_testkit::resources::Fleet;
use serde_json::{Value, json};

pub(crate) const FLEETS: &str = "/apis/toys.example.com/v1/namespaces/default/fleets";
pub(crate) const SCALE: &str = "/apis/toys.example.com/v1/namespaces/default/fleets/a/scale";

/// A fleet of nothing.
pub(crate) fn fleet() -> Value {
    json!({"apiVersion": "toys.example.com/v1", "kind": "Fleet", "metadata": {"name": "a"}})
}

/// A fleet of so many ships with a crew.
pub(crate) fn manned(replicas: i64) -> Value {
    let mut fleet = fleet();
    fleet["spec"] = json!({
        "replicas": replicas,
        "crew": [{"name": "ann", "rank": "captain"}, {"name": "bob"}],
        "harbours": ["kiel", "oslo"],
        "cargo": ["tea"],
        "notes": {"k": "v"},
    });
    fleet
}

/// A server without any fleet.
pub(crate) fn server() -> TestServer {
    TestServer::builder().with(|builder| builder.register(Registration::stored::<Fleet>())).build()
}

/// A server with that fleet.
pub(crate) async fn with_fleet(fleet: &Value) -> TestServer {
    let server = server();
    server.made(FLEETS, fleet).await;
    server
}
