//! One control plane and the two servers beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use kube::Client as KubeClient;
use serde_json::{Value, json};
use xtask::control_plane::{AggregatedServer, Binaries, ControlPlane, ExternalService, User};
use xtask::describe::BinArgs;
use xtask::process::Guard;
use xtask::step::step_async;
use xtask::wait;

use crate::client::Client;
use crate::normal::Versions;
use crate::run::Door;

/// Where our server keeps its objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Backend {
    /// In memory.
    Memory,
    /// In a file.
    Redb,
    /// In an etcd of its own.
    Etcd,
}

/// Everything that runs, and the ways to it.
pub(crate) struct Servers {
    control_plane: ControlPlane,
    kube: KubeClient,
    upstream: ExternalService,
    ours: ExternalService,
    /// Upstream's sample-apiserver, without the aggregator.
    pub(crate) direct_upstream: Door,
    /// Our server, without the aggregator.
    pub(crate) direct_ours: Door,
    /// The aggregator, and whoever is behind it.
    pub(crate) front: Door,
    /// The kube-apiserver with the custom resource.
    pub(crate) custom: Door,
    /// Our server with the derived type of the same name.
    pub(crate) gadgets: Door,
    #[allow(dead_code, reason = "works by being held")]
    guard: Guard,
}

impl Servers {
    /// Starts all of them in a folder; `program` is ours, built if there is none.
    ///
    /// * Errors: one does not start; nothing is left running then.
    pub(crate) async fn start(dir: &Path, backend: Backend, program: Option<PathBuf>) -> Result<Self> {
        let binaries = Binaries::find_or_build()?;
        let program = match program {
            Some(program) => program,
            None => BinArgs { bin: "kube-annex-server".to_owned(), release: false }.build()?,
        };
        let mut control_plane = ControlPlane::start_quiet(&binaries, dir).await?;
        match Self::beside(&mut control_plane, &binaries, program, backend).await {
            Ok(parts) => parts.into_servers(control_plane).await,
            Err(error) => {
                control_plane.stop().await.context("while cleaning up after a failed start")?;
                Err(error)
            }
        }
    }

    async fn beside(
        control_plane: &mut ControlPlane,
        binaries: &Binaries,
        program: PathBuf,
        backend: Backend,
    ) -> Result<Parts> {
        let kube = control_plane.client(User::Admin).await?;
        prepare(&kube).await?;
        let mut sample = AggregatedServer::sample(control_plane, binaries)?;
        let etcd = control_plane.etcd_beside(binaries, "etcd-of-sample").await?;
        sample.arguments = vec![format!("--etcd-servers={etcd}"), NO_COMPACTION.to_owned()];
        let upstream = control_plane.serve_unregistered(&sample).await?;
        let mut arguments = vec!["serve".to_owned()];
        arguments.extend(match backend {
            Backend::Memory => vec!["--storage-backend=memory".to_owned()],
            Backend::Redb => {
                let data = control_plane.dir().join("annex-data");
                fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
                vec!["--storage-backend=redb".to_owned(), format!("--data-dir={}", data.display())]
            }
            Backend::Etcd => {
                let etcd = control_plane.etcd_beside(binaries, "etcd-of-annex").await?;
                let servers = format!("--etcd-servers={etcd}");
                vec!["--storage-backend=etcd".to_owned(), servers, NO_COMPACTION.to_owned()]
            }
        });
        let server = AggregatedServer { name: "annex".to_owned(), program, arguments, group_versions: Vec::new() };
        let ours = control_plane.serve_unregistered(&server).await?;
        Ok(Parts { kube, upstream, ours })
    }

    /// Puts upstream's server behind the aggregator.
    pub(crate) async fn register_upstream(&self) -> Result<()> {
        self.register(&self.upstream).await
    }

    /// Puts our server behind the aggregator.
    pub(crate) async fn register_ours(&self) -> Result<()> {
        self.register(&self.ours).await
    }

    async fn register(&self, service: &ExternalService) -> Result<()> {
        let versions = group_versions();
        step_async(format!("put {} behind the aggregator", service.namespace), async {
            ExternalService::unregister(&self.kube, &versions).await?;
            service.register(&self.kube, &versions, Duration::from_mins(2)).await
        })
        .await
    }

    /// Stops all of them.
    pub(crate) async fn stop(self) -> Result<()> {
        let again = ControlPlane::load(self.control_plane.dir())?;
        match again {
            Some(running) => running.stop().await,
            None => Ok(()),
        }
    }
}

/// What has been started beside the control plane.
struct Parts {
    kube: KubeClient,
    upstream: ExternalService,
    ours: ExternalService,
}

impl Parts {
    async fn into_servers(self, control_plane: ControlPlane) -> Result<Servers> {
        let Self { kube, upstream, ours } = self;
        let read = |file: &str| {
            let path = control_plane.pki(file);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        let (certificate, key) = (read("front-proxy-client.crt")?, read("front-proxy-client.key")?);
        let door = |name, service: &ExternalService| -> Result<Door> {
            let plain = Client::new(service.port, &service.ca, None)?;
            let proxy = Some(Client::new(service.port, &service.ca, Some((&certificate, &key)))?);
            Ok(Door { server: name, plain, proxy, versions: Versions::Own })
        };
        let port = control_plane.server().rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.context("an address without a port")?;
        let front = |versions| -> Result<Door> {
            let plain = Client::new(port, &read("ca.crt")?, None)?;
            Ok(Door { server: "kube-apiserver", plain, proxy: None, versions })
        };
        let servers = Servers {
            direct_upstream: door("sample-apiserver", &upstream)?,
            direct_ours: door("annex", &ours)?,
            front: front(Versions::Own)?,
            custom: front(Versions::Shared)?,
            gadgets: Door { versions: Versions::Shared, ..door("annex", &ours)? },
            guard: control_plane.guard()?,
            kube,
            upstream,
            ours,
            control_plane,
        };
        for door in [&servers.direct_upstream, &servers.direct_ours] {
            let what = format!("{} to be ready", door.server);
            wait::until(&what, Duration::from_mins(1), async || crate::run::clear(door, COLLECTIONS).await).await?;
            crate::run::age(door, COLLECTIONS[1]).await?;
        }
        Ok(servers)
    }
}

/// What both servers serve.
fn group_versions() -> Vec<(String, String)> {
    ["v1alpha1", "v1beta1"].map(|version| ("wardle.example.com".to_owned(), version.to_owned())).to_vec()
}

/// Namespaces, the custom resource, and the rights of a user with few: what scripts take for granted.
async fn prepare(kube: &KubeClient) -> Result<()> {
    for name in ["one", "two", "ending"] {
        create(kube, "/api/v1/namespaces", &json!({ "metadata": { "name": name } })).await?;
    }
    // Nobody finishes it: it stays in the middle of its deletion.
    let delete = http::Request::delete("/api/v1/namespaces/ending").body(Vec::new()).context("not a request")?;
    kube.request::<Value>(delete).await.context("cannot delete a namespace")?;
    let rules = json!([
        { "apiGroups": ["wardle.example.com"], "resources": ["flunders"], "verbs": ["get", "list"] },
        { "apiGroups": ["rich.example.com"], "resources": ["gadgets"], "verbs": ["get", "list"] },
    ]);
    let role = json!({ "metadata": { "name": "reader" }, "rules": rules });
    create(kube, "/apis/rbac.authorization.k8s.io/v1/namespaces/one/roles", &role).await?;
    let subject = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": User::Alice.name() });
    let binding = json!({
        "metadata": { "name": "reader" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader" },
        "subjects": [subject],
    });
    create(kube, "/apis/rbac.authorization.k8s.io/v1/namespaces/one/rolebindings", &binding).await?;
    let gadget = Path::new(env!("CARGO_MANIFEST_DIR")).join("gadget-crd.yaml");
    let gadget = fs::read_to_string(&gadget).with_context(|| format!("cannot read {}", gadget.display()))?;
    let gadget: Value = serde_saphyr::from_str(&gadget).context("the custom resource is not YAML")?;
    create(kube, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &gadget).await?;
    wait::until("gadgets to be served", Duration::from_secs(30), async || {
        let list = http::Request::get("/apis/rich.example.com/v1/gadgets").body(Vec::new()).context("not a request")?;
        kube.request::<Value>(list).await.map(drop).context("not yet")
    })
    .await
}

async fn create(kube: &KubeClient, path: &str, object: &Value) -> Result<()> {
    let body = serde_json::to_vec(object).context("not JSON")?;
    let request = http::Request::post(path).header("content-type", "application/json").body(body);
    kube.request::<Value>(request.context("not a request")?)
        .await
        .with_context(|| format!("cannot create in {path}"))?;
    Ok(())
}

/// Compaction writes, and each write is a revision.
const NO_COMPACTION: &str = "--etcd-compaction-interval=0";
/// What scripts leave behind is in these.
pub(crate) const COLLECTIONS: &[&str] =
    &["/apis/wardle.example.com/v1beta1/flunders", "/apis/wardle.example.com/v1alpha1/fischers"];
/// The same for the scripts of gadgets.
pub(crate) const GADGETS: &[&str] = &["/apis/rich.example.com/v1/gadgets"];
