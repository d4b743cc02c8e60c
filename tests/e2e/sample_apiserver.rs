//! Go's sample-apiserver, registered as ours is: what it passes shows that the harness itself is sound.

use anyhow::{Context, Result, ensure};
use kube::api::{DynamicObject, ListParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::json;
use xtask::control_plane::User;

use crate::Test;
use crate::harness::Harness;

pub(crate) const TESTS: &[Test] = &[
    ("sample_apiserver_is_available_and_used_by_kubectl", is_available_and_used_by_kubectl),
    ("sample_apiserver_is_used_by_kube_rs", is_used_by_kube_rs),
    ("sample_apiserver_is_closed_to_a_user_without_rights", is_closed_to_a_user_without_rights),
    ("sample_apiserver_loses_its_objects_with_their_namespace", loses_its_objects_with_their_namespace),
];

fn is_available_and_used_by_kubectl(harness: &Harness) -> Result<()> {
    let kubectl = harness.sample()?.kubectl(User::Admin);
    let services = kubectl.ok(&["get", "apiservices", "v1alpha1.wardle.example.com", "v1beta1.wardle.example.com"])?;
    ensure!(services.matches("True").count() == 2, "{services}");
    kubectl.ok(&["create", "namespace", "by-kubectl"])?;
    kubectl.ok_with(&["create", "--namespace=by-kubectl", "-f", "-"], FLUNDER)?;
    let table = kubectl.ok(&["get", "flunders", "--namespace=by-kubectl"])?;
    ensure!(table.starts_with("NAME") && table.contains("my-first-flunder"), "{table}");
    let flunder = kubectl.json(&["get", "flunder", "my-first-flunder", "--namespace=by-kubectl"])?;
    ensure!(flunder["kind"] == "Flunder" && flunder["metadata"]["namespace"] == "by-kubectl", "{flunder}");
    Ok(())
}

fn is_used_by_kube_rs(harness: &Harness) -> Result<()> {
    let cluster = harness.sample()?;
    let client = cluster.client(User::Admin)?;
    cluster.kubectl(User::Admin).ok(&["create", "namespace", "by-kube-rs"])?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("wardle.example.com", "v1beta1", "Flunder"));
    let flunders: Api<DynamicObject> = Api::namespaced_with(client, "by-kube-rs", &kind);
    let new = DynamicObject::new("one", &kind).data(json!({ "spec": {} }));
    cluster.block_on(async {
        flunders.create(&PostParams::default(), &new).await.context("create")?;
        let list = flunders.list(&ListParams::default()).await.context("list")?;
        let names: Vec<String> = list.iter().map(ResourceExt::name_any).collect();
        ensure!(names == ["one"], "{names:?}");
        Ok(())
    })
}

fn is_closed_to_a_user_without_rights(harness: &Harness) -> Result<()> {
    let refused = harness.sample()?.kubectl(User::Alice).fails(&["get", "flunders", "--namespace=default"], "")?;
    ensure!(refused.contains("Forbidden") && refused.contains("\"alice\""), "{refused}");
    Ok(())
}

fn loses_its_objects_with_their_namespace(harness: &Harness) -> Result<()> {
    let kubectl = harness.sample()?.kubectl(User::Admin);
    kubectl.ok(&["create", "namespace", "to-be-deleted"])?;
    kubectl.ok_with(&["create", "--namespace=to-be-deleted", "-f", "-"], FLUNDER)?;
    kubectl.ok(&["delete", "namespace", "to-be-deleted", "--timeout=60s"])?;
    let left = kubectl.ok(&["get", "flunders", "--namespace=to-be-deleted", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

const FLUNDER: &str = "
apiVersion: wardle.example.com/v1alpha1
kind: Flunder
metadata:
  name: my-first-flunder
";
