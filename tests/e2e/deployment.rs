//! `deploy` and `undeploy` against a real control plane: the manifests themselves are what is tested.

use std::path::Path;
use std::thread;

use anyhow::{Result, anyhow, ensure};
use serde_json::{Value, json};
use xtask::control_plane::User;
use xtask::deploy::{self, Args};
use xtask::describe::{BinArgs, DescribeArgs};
use xtask::manifests::SettingsArgs;

use crate::harness::{Cluster, annex_server};
use crate::kubectl::Kubectl;
use crate::kubelet::RunningPod;

/// One story, because each step needs what the one before it left.
pub(crate) fn deploy_again_and_undeploy(cluster: &Cluster) -> Result<()> {
    let program = annex_server()?;
    let dir = tempfile::tempdir()?;
    let args = args(cluster, &program, dir.path());
    let kubectl = cluster.kubectl(User::Admin);

    let pod = thread::scope(|scope| {
        let deploying = scope.spawn(|| cluster.block_on(deploy::deploy(&args)));
        let pod = RunningPod::start(cluster, NAME, &program, dir.path());
        deploying.join().map_err(|_| anyhow!("deploy panicked"))??;
        pod
    })?;
    serves(&kubectl)?;
    asks_for_no_more_than_it_may(&kubectl)?;

    let before = versions(&kubectl)?;
    cluster.block_on(deploy::deploy(&args))?;
    ensure!(versions(&kubectl)? == before, "deploying again changed something");

    thread::scope(|scope| {
        let undeploying = scope.spawn(|| cluster.block_on(deploy::undeploy(&args)));
        let finished = pod.finish();
        undeploying.join().map_err(|_| anyhow!("undeploy panicked"))??;
        finished
    })?;
    leaves_nothing(&kubectl)?;
    // There is nothing left to remove, and that is fine.
    cluster.block_on(deploy::undeploy(&args))
}

fn args(cluster: &Cluster, program: &Path, dir: &Path) -> Args {
    let bin = BinArgs { bin: program.display().to_string(), release: false };
    Args {
        describe: DescribeArgs { bin, describe_file: None },
        // Without root nobody may listen on 443, and the stand-in listens on the Service's address.
        settings: SettingsArgs { service_port: 8443, ..SettingsArgs::default() },
        kubeconfig: Some(cluster.control_plane().kubeconfig(User::Admin)),
        context: None,
        yes: true,
        certs: Some(dir.join("certs")),
        timeout: 90,
    }
}

fn serves(kubectl: &Kubectl) -> Result<()> {
    let flunder = json!({
        "apiVersion": "wardle.example.com/v1beta1",
        "kind": "Flunder",
        "metadata": { "name": "deployed", "namespace": "default" },
    });
    kubectl.ok_with(&["create", "-f", "-"], &flunder.to_string())?;
    let names = kubectl.ok(&["get", "flunders", "--namespace=default", "-o", "name"])?;
    ensure!(names == "flunder.wardle.example.com/deployed\n", "{names}");
    Ok(())
}

fn asks_for_no_more_than_it_may(kubectl: &Kubectl) -> Result<()> {
    let as_server = format!("--as=system:serviceaccount:{NAME}:{NAME}");
    let can = |verb, what| kubectl.run(&["auth", "can-i", verb, what, &as_server, "--all-namespaces"], "");
    ensure!(can("create", "subjectaccessreviews.authorization.k8s.io")?.success, "it may not ask who may what");
    ensure!(!can("get", "secrets")?.success, "it may read Secrets");
    ensure!(!can("*", "*")?.success, "it may do anything");
    Ok(())
}

/// The versions of what `deploy` applies and nobody else changes.
fn versions(kubectl: &Kubectl) -> Result<Vec<Value>> {
    let kinds = "serviceaccounts,secrets,services";
    let own = kubectl.json(&["get", kinds, &format!("--namespace={NAME}")])?;
    let selector = format!("--selector=app.kubernetes.io/name={NAME}");
    let bound = kubectl.json(&["get", "clusterroles,clusterrolebindings", &selector])?;
    let all = [own, bound].into_iter().flat_map(|list| list["items"].as_array().cloned().unwrap_or_default());
    let mut versions: Vec<Value> = all.map(|object| object["metadata"]["resourceVersion"].clone()).collect();
    let deployment = kubectl.json(&["get", "deployment", NAME, &format!("--namespace={NAME}")])?;
    versions.push(deployment["metadata"]["generation"].clone());
    let services = kubectl.json(&["get", "apiservices", &selector])?;
    versions.extend(services["items"].as_array().into_iter().flatten().map(|service| service["spec"].clone()));
    Ok(versions)
}

fn leaves_nothing(kubectl: &Kubectl) -> Result<()> {
    let selector = format!("--selector=app.kubernetes.io/name={NAME}");
    let kinds = "namespaces,apiservices,clusterroles,clusterrolebindings";
    let left = kubectl.ok(&["get", kinds, &selector, "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    let left = kubectl.ok(&["get", "rolebindings", &selector, "--namespace=kube-system", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

const NAME: &str = "kube-annex-server";
