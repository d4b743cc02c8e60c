//! The controllers of the real kube-controller-manager: the garbage collector, namespaces, quotas.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::wait;

use crate::harness::Cluster;
use crate::kubectl::Kubectl;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("x_4_dependents_are_collected_in_the_background", x_4_dependents_are_collected_in_the_background),
    ("x_4_owners_wait_for_dependents_in_the_foreground", x_4_owners_wait_for_dependents_in_the_foreground),
    ("x_4_orphans_lose_their_owner", x_4_orphans_lose_their_owner),
    ("x_3_a_namespace_with_many_objects_goes", x_3_a_namespace_with_many_objects_goes),
    ("ad_2_a_quota_counts_objects", ad_2_a_quota_counts_objects),
];

/// How long a controller may take to notice a new resource, and then an event.
const LIMIT: Duration = Duration::from_secs(75);

fn x_4_dependents_are_collected_in_the_background(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gc-background")?;
    // Owned across groups, both ways.
    let map = created(&kubectl, &config_map("owner", &[]))?;
    created(&kubectl, &flunder("dependent", &[owner(&map, false)]))?;
    let flunder_owner = created(&kubectl, &flunder("owner", &[]))?;
    created(&kubectl, &config_map("dependent", &[owner(&flunder_owner, false)]))?;
    kubectl.ok(&["delete", "configmap", "owner"])?;
    kubectl.ok(&["delete", "flunder", "owner"])?;
    gone(cluster, &kubectl, "flunder/dependent")?;
    gone(cluster, &kubectl, "configmap/dependent")
}

fn x_4_owners_wait_for_dependents_in_the_foreground(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gc-foreground")?;
    let parent = created(&kubectl, &flunder("owner", &[]))?;
    let mut dependent = flunder("dependent", &[owner(&parent, true)]);
    dependent["metadata"]["finalizers"] = json!(["example.com/wait"]);
    created(&kubectl, &dependent)?;
    kubectl.ok(&["delete", "flunder", "owner", "--cascade=foreground", "--wait=false"])?;
    cluster.block_on(wait::until("the dependent to be marked", LIMIT, async || {
        let dependent = kubectl.json(&["get", "flunder", "dependent"])?;
        ensure!(dependent["metadata"]["deletionTimestamp"].is_string(), "{dependent}");
        Ok(())
    }))?;
    let waiting = kubectl.json(&["get", "flunder", "owner"])?;
    ensure!(waiting["metadata"]["finalizers"] == json!(["foregroundDeletion"]), "{waiting}");
    kubectl.ok(&["patch", "flunder", "dependent", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#])?;
    gone(cluster, &kubectl, "flunder/dependent")?;
    gone(cluster, &kubectl, "flunder/owner")
}

fn x_4_orphans_lose_their_owner(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gc-orphan")?;
    let parent = created(&kubectl, &flunder("owner", &[]))?;
    created(&kubectl, &flunder("dependent", &[owner(&parent, false)]))?;
    kubectl.ok(&["delete", "flunder", "owner", "--cascade=orphan", "--timeout=80s"])?;
    let left = kubectl.json(&["get", "flunder", "dependent"])?;
    ensure!(left["metadata"].get("ownerReferences").is_none(), "{left}");
    Ok(())
}

fn x_3_a_namespace_with_many_objects_goes(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("full")?;
    let items: Vec<Value> = (0..50).map(|index| flunder(&format!("f-{index}"), &[])).collect();
    kubectl
        .ok_with(&["create", "-f", "-"], &json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string())?;
    kubectl.ok(&["delete", "namespace", "full", "--timeout=80s"])?;
    let left = kubectl.ok(&["get", "flunders", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn ad_2_a_quota_counts_objects(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("quota")?;
    created(&kubectl, &flunder("one", &[]))?;
    created(&kubectl, &flunder("two", &[]))?;
    kubectl.ok(&["create", "quota", "some", "--hard=count/flunders.wardle.example.com=2"])?;
    cluster.block_on(wait::until("the quota to count", LIMIT, async || {
        let quota = kubectl.json(&["get", "quota", "some"])?;
        let used = &quota["status"]["used"]["count/flunders.wardle.example.com"];
        ensure!(used == "2", "used: {used}");
        Ok(())
    }))?;
    // Counted, not limited: what enforces a quota runs in kube-apiserver alone.
    created(&kubectl, &flunder("three", &[]))?;
    Ok(())
}

fn gone(cluster: &Cluster, kubectl: &Kubectl, what: &str) -> Result<()> {
    cluster.block_on(wait::until(&format!("{what} to go"), LIMIT, async || {
        let said = kubectl.run(&["get", what, "-o", "name"], "")?;
        ensure!(said.stderr.contains("(NotFound)"), "{said:?}");
        Ok(())
    }))
}

fn created(kubectl: &Kubectl, object: &Value) -> Result<Value> {
    let said = kubectl.ok_with(&["create", "-o", "json", "-f", "-"], &object.to_string())?;
    serde_json::from_str(&said).with_context(|| format!("kubectl printed no JSON: {said}"))
}

fn owner(object: &Value, block: bool) -> Value {
    json!({
        "apiVersion": object["apiVersion"],
        "kind": object["kind"],
        "name": object["metadata"]["name"],
        "uid": object["metadata"]["uid"],
        "blockOwnerDeletion": block,
    })
}

fn flunder(name: &str, owners: &[Value]) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1beta1",
        "kind": "Flunder",
        "metadata": { "name": name, "ownerReferences": owners },
        "spec": {},
    })
}

fn config_map(name: &str, owners: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "ownerReferences": owners } })
}
