//! A stand-in for scheduler, kubelet and kube-proxy, for one pod: it runs the container's command on this machine.
//!
//! What the manifests say is what is run: command, arguments, mounted Secret, service account and readiness probe. Only three
//! things differ from a node. Paths of mounts are folders of the test; instead of the mounted token there is a kubeconfig with a
//! token of the same service account; and the process listens on the Service's own address, which is one of the loopback.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::{Client, Config};
use serde_json::{Value, json};
use xtask::control_plane::User;
use xtask::process::{Daemon, Guard};
use xtask::wait;

use crate::harness::Cluster;
use crate::kubectl::Kubectl;

/// A pod whose container runs as a process of this machine.
pub(crate) struct RunningPod<'a> {
    cluster: &'a Cluster,
    kubectl: Kubectl,
    name: String,
    process: Daemon,
    _guard: Guard,
}

impl<'a> RunningPod<'a> {
    /// Waits for the first pod in a namespace and runs its only container, with `program` as what the image holds.
    pub(crate) fn start(cluster: &'a Cluster, namespace: &str, program: &Path, dir: &Path) -> Result<Self> {
        let kubectl = cluster.kubectl(User::Admin).in_namespace(namespace);
        kubectl.ok_with(&["apply", "-f", "-"], &node().to_string())?;
        let pod = cluster.block_on(wait::until("a pod", LIMIT, async || {
            let pods = kubectl.json(&["get", "pods"])?;
            pods["items"].get(0).cloned().context("there is none yet")
        }))?;
        let name = text(&pod["metadata"]["name"])?.to_owned();
        bind(&kubectl, namespace, &name)?;

        let container = pod["spec"]["containers"].get(0).context("a pod without a container")?;
        let mounts = mounts(&kubectl, &pod["spec"], container, dir)?;
        let address = address(&kubectl)?;
        let kubeconfig = service_account(cluster, &kubectl, text(&pod["spec"]["serviceAccountName"])?, dir)?;
        let mut command = Command::new(program);
        command.args(arguments(container, &mounts)?).arg(format!("--bind-address={address}"));
        for flag in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
            command.arg(format!("--{flag}={}", kubeconfig.display()));
        }
        let process = Daemon::spawn(&name, &mut command, &[], &dir.join("server.log"), dir)?;
        let pod = Self { cluster, kubectl, name, _guard: Guard::over([&process])?, process };
        pod.probe(container, &address)?;
        pod.report_ready()?;
        Ok(pod)
    }

    /// Waits until the pod is to be deleted, stops the process and confirms.
    pub(crate) fn finish(self) -> Result<()> {
        self.cluster.block_on(wait::until("the pod's deletion", LIMIT, async || {
            let pods = self.kubectl.json(&["get", "pods"])?;
            let pod =
                pods["items"].as_array().and_then(|pods| pods.iter().find(|pod| pod["metadata"]["name"] == *self.name));
            ensure!(pod.is_none_or(|pod| pod["metadata"]["deletionTimestamp"].is_string()), "nobody deleted it");
            Ok(())
        }))?;
        self.cluster.block_on(self.process.stop(Duration::from_secs(10)))?;
        self.kubectl.ok(&["delete", "pod", &self.name, "--force", "--grace-period=0", "--ignore-not-found"])?;
        Ok(())
    }

    /// As the kubelet probes: over TLS, without looking at the certificate, and as nobody.
    fn probe(&self, container: &Value, address: &str) -> Result<()> {
        let probe = &container["readinessProbe"]["httpGet"];
        ensure!(probe["scheme"] == "HTTPS" && probe["port"] == container["ports"][0]["name"], "{probe}");
        let url = format!("https://{address}:{}", container["ports"][0]["containerPort"]);
        let mut config = Config::new(url.parse().with_context(|| format!("{url} is no URL"))?);
        config.accept_invalid_certs = true;
        let path = text(&probe["path"])?;
        self.cluster.block_on(async {
            let client = Client::try_from(config).context("cannot make a client")?;
            wait::until("the readiness probe", LIMIT, async || {
                self.process.ensure_running()?;
                let request = http::Request::get(path).body(Vec::new()).context("no request")?;
                client.request_text(request).await.with_context(|| format!("{url}{path}"))
            })
            .await
        })?;
        Ok(())
    }

    fn report_ready(&self) -> Result<()> {
        // The address of no machine: nobody dials it, for the Service's own address leads to the process.
        let status = json!({ "status": {
            "phase": "Running",
            "podIP": "10.244.0.10",
            "podIPs": [{ "ip": "10.244.0.10" }],
            "conditions": [{ "type": "Ready", "status": "True" }],
        } });
        self.kubectl.ok(&[
            "patch",
            "pod",
            &self.name,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status.to_string(),
        ])?;
        Ok(())
    }
}

fn node() -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE } })
}

fn bind(kubectl: &Kubectl, namespace: &str, pod: &str) -> Result<()> {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": { "name": pod, "namespace": namespace },
        "target": { "apiVersion": "v1", "kind": "Node", "name": NODE },
    });
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/binding");
    kubectl.ok_with(&["create", "--raw", &path, "-f", "-"], &binding.to_string())?;
    Ok(())
}

/// The Secrets as files, and where the container expects them.
fn mounts(kubectl: &Kubectl, spec: &Value, container: &Value, dir: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut mounts = Vec::new();
    for mount in container["volumeMounts"].as_array().into_iter().flatten() {
        let volumes = spec["volumes"].as_array().into_iter().flatten();
        let volume = volumes.into_iter().find(|volume| volume["name"] == mount["name"]).context("an unknown volume")?;
        let secret = kubectl.json(&["get", "secret", text(&volume["secret"]["secretName"])?])?;
        let folder = dir.join(text(&mount["name"])?);
        fs::create_dir_all(&folder)?;
        for (file, data) in secret["data"].as_object().context("a Secret without data")? {
            fs::write(folder.join(file), STANDARD.decode(text(data)?)?)?;
        }
        mounts.push((text(&mount["mountPath"])?.to_owned(), folder));
    }
    Ok(mounts)
}

/// All words of the command but the first, which is the program.
fn arguments(container: &Value, mounts: &[(String, PathBuf)]) -> Result<Vec<String>> {
    let words = |key: &str| container[key].as_array().cloned().unwrap_or_default();
    let all: Vec<Value> = [words("command"), words("args")].concat();
    let local = |word: &Value| {
        let place =
            |word: String, (path, folder): &(String, PathBuf)| word.replace(path, &folder.display().to_string());
        Ok(mounts.iter().fold(text(word)?.to_owned(), place))
    };
    all.iter().skip(1).map(local).collect()
}

fn address(kubectl: &Kubectl) -> Result<String> {
    let services = kubectl.json(&["get", "services"])?;
    let address = text(&services["items"][0]["spec"]["clusterIP"])?;
    ensure!(address.starts_with("127."), "{address} is no address of this machine");
    Ok(address.to_owned())
}

/// A kubeconfig with what the service account may do and nothing else.
fn service_account(cluster: &Cluster, kubectl: &Kubectl, account: &str, dir: &Path) -> Result<PathBuf> {
    let token = kubectl.ok(&["create", "token", account])?;
    let control_plane = cluster.control_plane();
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "test", "cluster": {
            "server": control_plane.server(),
            "certificate-authority": control_plane.pki("ca.crt"),
        } }],
        "users": [{ "name": "test", "user": { "token": token.trim() } }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        "current-context": "test",
    });
    let path = dir.join("service-account.kubeconfig");
    fs::write(&path, config.to_string())?;
    Ok(path)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("{value} is no text"))
}

const NODE: &str = "stand-in";
const LIMIT: Duration = Duration::from_mins(1);
