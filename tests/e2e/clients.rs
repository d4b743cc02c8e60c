//! Clients that nobody here wrote: client-go as controllers use it, the official Python client, kube-rs.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::StreamExt;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt, reflector, watcher};
use kube::{Api, ResourceExt};
use serde_json::json;
use xtask::control_plane::{User, client_go_tests};
use xtask::{paths, wait};

use crate::harness::Cluster;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("python_client_reads_writes_watches_and_applies", python_client),
    ("x_20_kube_rs_watches_reflects_and_streams_lists", x_20_kube_rs_watches_and_reflects),
];

/// What `tests/control-plane/client-go` has; each is a test of its own.
pub(crate) const CLIENT_GO: &[&str] = &[
    "delete-with-preconditions",
    "discovery-and-openapi",
    "dynamic-client",
    "errors-are-classified",
    "informer-streams-lists",
    "informer-with-selectors",
    "metadata-client",
    "metadata-informer",
    "old-versions-are-expired",
    "optimistic-updates-retry",
    "pager-reads-every-page",
    "retry-watcher-resumes",
    "server-side-apply",
    "typed-clients",
    "warnings-are-heard",
    "watch-list-bookmark",
];

/// Runs one scenario of the client-go program.
pub(crate) fn client_go(cluster: &Cluster, scenario: &str) -> Result<()> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| client_go_tests().map_err(|error| format!("{error:#}")));
    let program = program.as_ref().map_err(|text| anyhow!("{text}"))?;
    let kubeconfig = cluster.control_plane().kubeconfig(User::Admin);
    finish(Command::new(program).arg("--kubeconfig").arg(kubeconfig).arg(scenario))
}

fn python_client(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("python")?;
    let script = paths::workspace().join("tests/e2e/python/client.py");
    let kubeconfig = cluster.control_plane().kubeconfig(User::Admin);
    finish(Command::new(python()?).arg(script).arg(kubeconfig).arg("python"))
}

/// A Python with the client, made once beside the build products.
fn python() -> Result<PathBuf> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let made =
        MADE.get_or_init(|| make_python(&paths::target().join("e2e/python")).map_err(|error| format!("{error:#}")));
    made.clone().map_err(|text| anyhow!("{text}"))
}

fn make_python(folder: &Path) -> Result<PathBuf> {
    let program = folder.join("bin/python");
    let works = |program: &Path| {
        let tried = Command::new(program).args(["-c", "import kubernetes"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    if works(&program) {
        return Ok(program);
    }
    finish(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    finish(Command::new(&program).args(["-m", "pip", "install", "--quiet", PYTHON_CLIENT]))?;
    ensure!(works(&program), "{PYTHON_CLIENT} was installed into {} and cannot be imported", folder.display());
    Ok(program)
}

/// Runs a command that bounds itself, and gives what it printed when it fails.
fn finish(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    ensure!(output.status.success(), "{command:?}: {}: {said}", output.status);
    Ok(())
}

fn x_20_kube_rs_watches_and_reflects(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("reflector")?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("wardle.example.com", "v1beta1", "Flunder"));
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let flunders: Api<DynamicObject> = Api::namespaced_with(cluster.client(User::Admin)?, "reflector", &kind);
        cluster.block_on(reflects(&flunders, &kind, config))?;
    }
    Ok(())
}

async fn reflects(flunders: &Api<DynamicObject>, kind: &ApiResource, config: watcher::Config) -> Result<()> {
    let object = |name: &str| DynamicObject::new(name, kind).data(json!({ "spec": {} }));
    flunders.create(&PostParams::default(), &object("before")).await.context("create")?;
    let writer = reflector::store::Writer::new(kind.clone());
    let store = writer.as_reader();
    let events = watcher(flunders.clone(), config).default_backoff().reflect(writer).applied_objects();
    let follow = async {
        let mut events = pin!(events);
        while events.next().await.is_some() {}
    };
    let write = async {
        store.wait_until_ready().await.context("the reflector")?;
        ensure!(store.state().len() == 1, "{:?}", store.state());
        flunders.create(&PostParams::default(), &object("during")).await.context("create")?;
        let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        flunders.patch("during", &PatchParams::default(), &patch).await.context("patch")?;
        flunders.delete("before", &DeleteParams::default()).await.context("delete")?;
        wait::until("the reflector to see everything", Duration::from_secs(30), async || {
            let state = store.state();
            let [only] = state.as_slice() else { return Err(anyhow!("{} objects", state.len())) };
            ensure!(only.name_any() == "during" && only.labels().contains_key("a"), "{only:?}");
            Ok(())
        })
        .await?;
        flunders.delete("during", &DeleteParams::default()).await.context("delete")?;
        Ok(())
    };
    tokio::select! {
        () = follow => Err(anyhow!("the watch ended")),
        outcome = write => outcome,
    }
}

const PYTHON_CLIENT: &str = "kubernetes>=37,<38";
