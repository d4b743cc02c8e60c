//! What our server serves beyond what upstream's sample does.

use anyhow::{Context, Result, ensure};
use xtask::control_plane::User;

use crate::harness::Cluster;

/// A test of our server behind an aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("hellos_are_found_by_their_short_name_and_category", hellos_are_found),
    ("processes_of_this_machine_are_listed", processes_are_listed),
];

fn hellos_are_found(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let text = kubectl.ok(&["api-resources", "--api-group=simple.aa.io", "--no-headers", "-o", "wide"])?;
    let words: Vec<&str> = text.split_whitespace().collect();
    ensure!(words == ["hellos", "hi", "simple.aa.io/v1beta1", "true", "Hello", "get,list", "all"], "{text}");
    kubectl.ok(&["get", "hi", "--all-namespaces"])?;
    kubectl.ok(&["get", "all", "--all-namespaces"])?;
    kubectl.ok(&["explain", "hellos"])?;
    let refused = kubectl.fails(&["delete", "hi", "world", "--namespace=default"], "")?;
    ensure!(refused.contains("MethodNotAllowed"), "{refused}");
    Ok(())
}

fn processes_are_listed(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let table = kubectl.ok(&["get", "processinfos"])?;
    let head = table.lines().next().context("nothing")?;
    ensure!(head.starts_with("NAME") && table.lines().count() > 1, "{table}");
    let list = kubectl.json(&["get", "processinfos"])?;
    let own = std::process::id().to_string();
    let named = |item: &serde_json::Value| item["metadata"]["name"].as_str().is_some_and(|name| name.contains(&own));
    ensure!(list["items"].as_array().is_some_and(|items| items.iter().any(named)), "this process is not among them");
    Ok(())
}
