//! What the tests share: control planes, each started once, each on demand.

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result, anyhow};
use kube::Client;
use tokio::runtime::Runtime;
use xtask::control_plane::{AggregatedServer, Binaries, ControlPlane, User};
use xtask::describe::{self, BinArgs};
use xtask::process::Guard;

use crate::kubectl::Kubectl;

/// The control planes of one run.
#[derive(Default)]
pub(crate) struct Harness {
    sample: Lazy<Cluster>,
    annex: Lazy<Cluster>,
    bare: Lazy<Cluster>,
    shared: Lazy<Cluster>,
}

/// The names of the servers that are started beside a control plane.
pub(crate) const SAMPLE: &str = "sample-apiserver";
pub(crate) const ANNEX: &str = "kube-annex-server";

/// Where a server is asked, and what is needed to ask it as the admin.
pub(crate) struct Place {
    /// Its address, `https://127.0.0.1:40001`.
    pub(crate) url: String,
    /// The file with its authority.
    pub(crate) ca: PathBuf,
    /// The admin's certificate, and its key.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A control plane, and a runtime to wait on it from ordinary functions.
pub(crate) struct Cluster {
    control_plane: ControlPlane,
    runtime: Runtime,
    #[allow(dead_code, reason = "works by being held")]
    guard: Guard,
}

impl Harness {
    /// A control plane with Go's sample-apiserver behind its aggregator.
    pub(crate) fn sample(&self) -> Result<&Cluster> {
        self.sample.get(|| {
            Cluster::start("sample-apiserver")?
                .serving(|control_plane| AggregatedServer::sample(control_plane, &Binaries::find_or_build()?))
        })
    }

    /// A control plane with our server behind its aggregator.
    pub(crate) fn annex(&self) -> Result<&Cluster> {
        self.annex.get(|| {
            Cluster::start("annex")?.serving(|_| {
                let program = annex_server()?;
                let description = describe::run(&program)?;
                let own = |(group, version): (&str, &str)| (group.to_owned(), version.to_owned());
                Ok(AggregatedServer {
                    name: description.name.clone(),
                    program,
                    arguments: vec!["serve".to_owned()],
                    group_versions: description.group_versions().into_iter().map(own).collect(),
                })
            })
        })
    }

    /// A control plane with nothing behind its aggregator.
    pub(crate) fn bare(&self) -> Result<&Cluster> {
        self.bare.get(|| Cluster::start("bare"))
    }

    /// A control plane with Go's sample-apiserver behind its aggregator, and our server beside it on the same etcd.
    pub(crate) fn shared(&self) -> Result<&Cluster> {
        self.shared.get(|| {
            let cluster = Cluster::start("shared")?
                .serving(|control_plane| AggregatedServer::sample(control_plane, &Binaries::find_or_build()?))?;
            cluster.serving(|control_plane| {
                Ok(AggregatedServer {
                    name: ANNEX.to_owned(),
                    program: annex_server()?,
                    arguments: vec!["serve".to_owned(), format!("--etcd-servers={}", control_plane.etcd())],
                    group_versions: Vec::new(),
                })
            })
        })
    }

    /// Stops whatever was started.
    pub(crate) fn stop(&self) -> Result<()> {
        let clusters = [&self.sample, &self.annex, &self.bare, &self.shared];
        let started = clusters.into_iter().filter_map(|cluster| cluster.value.get()?.as_ref().ok());
        started.map(Cluster::stop).fold(Ok(()), Result::and)
    }
}

/// Our server's program, built by cargo if need be.
pub(crate) fn annex_server() -> Result<PathBuf> {
    BinArgs { bin: "kube-annex-server".to_owned(), release: false }.build()
}

impl Cluster {
    fn start(name: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("cannot start the asynchronous runtime")?;
        let dir: PathBuf = xtask::paths::target().join("e2e").join(name);
        let control_plane = runtime.block_on(ControlPlane::start(&Binaries::find_or_build()?, &dir))?;
        let guard = control_plane.guard()?;
        Ok(Self { control_plane, runtime, guard })
    }

    fn serving(mut self, server: impl FnOnce(&ControlPlane) -> Result<AggregatedServer>) -> Result<Self> {
        let server = server(&self.control_plane)?;
        let outcome = self.runtime.block_on(self.control_plane.serve(&server));
        if let Err(error) = outcome {
            self.stop().context("while cleaning up")?;
            return Err(error);
        }
        self.guard = self.control_plane.guard()?;
        Ok(self)
    }

    fn stop(&self) -> Result<()> {
        let again = ControlPlane::load(self.control_plane.dir())?;
        again.map_or(Ok(()), |running| self.runtime.block_on(running.stop()))
    }

    /// Waits for something asynchronous.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The control plane itself.
    pub(crate) fn control_plane(&self) -> &ControlPlane {
        &self.control_plane
    }

    /// kube-apiserver, with the aggregator in it.
    pub(crate) fn front(&self) -> Place {
        self.place(self.control_plane.server().to_owned(), "ca.crt")
    }

    /// The server behind it, asked itself.
    pub(crate) fn direct(&self) -> Result<Place> {
        let found = [SAMPLE, ANNEX].into_iter().find_map(|name| Some((name, self.control_plane.server_of(name)?)));
        let (name, url) = found.context("no server runs behind this aggregator")?;
        Ok(self.place(url, &format!("{name}-ca.crt")))
    }

    fn place(&self, url: String, ca: &str) -> Place {
        let pki = |file| self.control_plane.pki(file);
        Place { url, ca: pki(ca), certificate: pki("admin.crt"), key: pki("admin.key") }
    }

    /// Makes a namespace of this name for one test, and gives kubectl in it.
    pub(crate) fn in_namespace(&self, name: &str) -> Result<Kubectl> {
        let kubectl = self.kubectl(User::Admin);
        kubectl.ok(&["create", "namespace", name])?;
        Ok(kubectl.in_namespace(name))
    }

    /// kubectl with the credentials of a user.
    pub(crate) fn kubectl(&self, user: User) -> Kubectl {
        let cache = self.control_plane.dir().join("kubectl-cache").join(user.name());
        Kubectl::new(self.control_plane.kubectl(), &self.control_plane.kubeconfig(user), &cache)
    }

    /// A kube-rs client with the credentials of a user.
    pub(crate) fn client(&self, user: User) -> Result<Client> {
        self.block_on(self.control_plane.client(user))
    }
}

/// A value that the first who asks for it makes, and everyone shares; a failure is shared too.
struct Lazy<T> {
    value: OnceLock<Result<T, String>>,
    making: Mutex<()>,
}

impl<T> Default for Lazy<T> {
    fn default() -> Self {
        Self { value: OnceLock::new(), making: Mutex::new(()) }
    }
}

impl<T> Lazy<T> {
    fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<&T> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.value
            .get_or_init(|| make().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|text| anyhow!("{text}"))
    }
}
