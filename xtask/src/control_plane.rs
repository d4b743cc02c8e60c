//! A real control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback ports.
//!
//! There are no nodes and no kubelet. Everything that lives in the API works for real: the aggregator, RBAC, garbage
//! collection, namespace deletion. All state is in one folder; `state.json` in it says what runs.

mod aggregate;
mod binaries;
mod launch;
mod users;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

pub use aggregate::{AggregatedServer, Beside, ExternalService, available};
pub use binaries::{Binaries, Missing, client_go_tests};
pub use users::User;

use crate::process::{Daemon, Guard, tail};
use crate::step::{note, say, step_async};
use crate::{paths, wait};

/// A control plane that runs, or did when its folder was last written.
#[derive(Debug)]
pub struct ControlPlane {
    dir: PathBuf,
    state: State,
}

/// What the data of etcd survives.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Durability {
    /// The end of the process: a test's data need not survive the machine.
    #[default]
    Process,
    /// The end of the machine, as in production: each write waits for the disk.
    Disk,
}

/// What `state.json` holds.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct State {
    server: String,
    etcd: String,
    kubectl: PathBuf,
    deletes_namespaces: bool,
    #[serde(default)]
    durability: Durability,
    daemons: Vec<Daemon>,
}

impl ControlPlane {
    /// Starts a control plane whose whole state is in `dir`, and waits until it answers.
    ///
    /// * Shape: what an earlier control plane left in `dir` is removed; one that still runs there is stopped first.
    /// * Errors: a process that ends or does not get ready within its limit, with the end of its log. Nothing is left
    ///   running then.
    pub async fn start(binaries: &Binaries, dir: &Path) -> Result<Self> {
        let controllers = binaries.has(launch::KUBE_CONTROLLER_MANAGER);
        Self::start_with(binaries, dir, controllers, Durability::Process).await
    }

    /// [`ControlPlane::start`] without a kube-controller-manager: nobody deletes, collects or writes but the test.
    pub async fn start_quiet(binaries: &Binaries, dir: &Path) -> Result<Self> {
        Self::start_with(binaries, dir, false, Durability::Process).await
    }

    /// [`ControlPlane::start_quiet`] with an etcd that writes to the disk before it answers, as one in production.
    pub async fn start_durable(binaries: &Binaries, dir: &Path) -> Result<Self> {
        Self::start_with(binaries, dir, false, Durability::Disk).await
    }

    async fn start_with(binaries: &Binaries, dir: &Path, controllers: bool, durability: Durability) -> Result<Self> {
        if let Some(old) = Self::load(dir)? {
            old.stop().await?;
        }
        if dir.exists() {
            fs::remove_dir_all(dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let dir = fs::canonicalize(dir).with_context(|| format!("cannot resolve {}", dir.display()))?;
        let state = State { deletes_namespaces: controllers, durability, ..State::default() };
        let mut starting = Self { dir, state };
        match launch::launch(&mut starting, binaries).await {
            Ok(()) => Ok(starting),
            Err(error) => {
                starting.stop().await.context("while cleaning up after a failed start")?;
                Err(error)
            }
        }
    }

    /// The control plane that `dir` knows of, if any of its processes still runs.
    pub fn load(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(STATE_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let state: State = serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
        let runs = state.daemons.iter().any(Daemon::is_running);
        Ok(runs.then(|| Self { dir: dir.to_path_buf(), state }))
    }

    /// Stops every process, the last started first, and waits until their ports are free.
    ///
    /// * Errors: a process that survives being killed; the others are stopped all the same.
    pub async fn stop(self) -> Result<()> {
        let mut outcome = Ok(());
        for daemon in self.state.daemons.iter().rev() {
            let stopped = daemon.stop(grace(&daemon.name)).await;
            outcome = outcome.and(stopped);
        }
        outcome?;
        let path = self.dir.join(STATE_FILE);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(())
    }

    /// Kills this control plane should the current process end without stopping it.
    pub fn guard(&self) -> Result<Guard> {
        Guard::over(&self.state.daemons)
    }

    /// The folder with all of its state.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The kube-apiserver's address, such as `https://127.0.0.1:40001`.
    pub fn server(&self) -> &str {
        &self.state.server
    }

    /// etcd's address, such as `http://127.0.0.1:40000`.
    pub fn etcd(&self) -> &str {
        &self.state.etcd
    }

    /// The kubectl of the same release.
    pub fn kubectl(&self) -> &Path {
        &self.state.kubectl
    }

    /// Whether a kube-controller-manager runs: without one, a deleted namespace stays and nobody collects garbage.
    pub fn deletes_namespaces(&self) -> bool {
        self.state.deletes_namespaces
    }

    /// The kubeconfig of a user.
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        self.dir.join(user.kubeconfig_name())
    }

    /// A file of the control plane's own PKI, such as `ca.crt` or `front-proxy-client.key`.
    pub fn pki(&self, file: &str) -> PathBuf {
        self.dir.join("pki").join(file)
    }

    /// A client with the credentials of a user.
    pub async fn client(&self, user: User) -> Result<Client> {
        client(&self.kubeconfig(user)).await
    }

    fn save(&self) -> Result<()> {
        let path = self.dir.join(STATE_FILE);
        let text = serde_json::to_string_pretty(&self.state).context("state that is not JSON")?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A client with the current context of a kubeconfig file.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let read = Kubeconfig::read_from(kubeconfig).with_context(|| format!("cannot read {}", kubeconfig.display()))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let config = config.with_context(|| format!("{} is not usable", kubeconfig.display()))?;
    Client::try_from(config).context("cannot make a client")
}

/// What `cargo xtask control-plane` does.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Start it (building it first if need be) and wait until it is ready; if it runs already, say so.
    Up {
        /// Also start Go's sample-apiserver behind its aggregator.
        #[arg(long)]
        sample_apiserver: bool,
    },
    /// Stop it, the sample-apiserver included, and wait until its ports are free.
    Down,
    /// Print the path of a kubeconfig for the one that runs.
    Kubeconfig {
        /// Whose credentials.
        #[arg(long, value_enum, default_value_t = User::Admin)]
        user: User,
    },
    /// Build the binaries into the cache and print their folder.
    Build,
}

/// The default folder of a control plane started by hand.
pub fn default_dir() -> PathBuf {
    paths::target().join("control-plane")
}

impl Command {
    /// Runs the command on the control plane in `dir`.
    pub async fn run(&self, dir: &Path) -> Result<()> {
        match self {
            Self::Up { sample_apiserver } => up(dir, *sample_apiserver).await,
            Self::Down => down(dir).await,
            Self::Kubeconfig { user } => {
                let running = ControlPlane::load(dir)?.with_context(|| nothing_runs(dir))?;
                say(running.kubeconfig(*user).display());
                Ok(())
            }
            Self::Build => {
                say(Binaries::find_or_build()?.folder().display());
                Ok(())
            }
        }
    }
}

async fn up(dir: &Path, sample_apiserver: bool) -> Result<()> {
    let mut running = match ControlPlane::load(dir)? {
        Some(running) => {
            note(format!("a control plane already runs in {}", dir.display()));
            running
        }
        None => ControlPlane::start(&Binaries::find_or_build()?, dir).await?,
    };
    if sample_apiserver {
        let server = AggregatedServer::sample(&running, &Binaries::find_or_build()?)?;
        running.serve(&server).await?;
    }
    say(format!("export KUBECONFIG={}", running.kubeconfig(User::Admin).display()));
    say(format!("# an unprivileged user: {}", running.kubeconfig(User::Alice).display()));
    say(format!("# kubectl:   {}", running.kubectl().display()));
    say(format!("# etcd:      {}", running.etcd()));
    if let Some(server) = running.server_of(binaries::SAMPLE_APISERVER) {
        say(format!("# sample-apiserver: {server}"));
    }
    say("# stop it:   cargo xtask control-plane down");
    Ok(())
}

async fn down(dir: &Path) -> Result<()> {
    let Some(running) = ControlPlane::load(dir)? else {
        note(nothing_runs(dir));
        return Ok(());
    };
    step_async("stop the control plane", running.stop()).await
}

fn nothing_runs(dir: &Path) -> String {
    format!("no control plane runs in {}; start one with `cargo xtask control-plane up`", dir.display())
}

/// kube-apiserver takes a minute to say good-bye, for clients that tests do not have.
fn grace(name: &str) -> Duration {
    match name {
        launch::KUBE_APISERVER => Duration::from_secs(1),
        _ => Duration::from_secs(5),
    }
}

/// Waits until an attempt succeeds; a process that ends ends the wait.
async fn ready<T>(what: &str, daemons: &[&Daemon], attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let ended = async {
        while daemons.iter().all(|daemon| daemon.is_running()) {
            sleep(Duration::from_millis(200)).await;
        }
    };
    let outcome = tokio::select! {
        outcome = wait::until(what, READY_LIMIT, async || attempt().await) => outcome,
        () = ended => Err(anyhow!("a process ended before {what} was ready")),
    };
    outcome.with_context(|| {
        let logs =
            daemons.iter().map(|daemon| format!("the end of {}:\n{}\n", daemon.log.display(), tail(&daemon.log)));
        logs.collect::<String>()
    })
}

const STATE_FILE: &str = "state.json";
const READY_LIMIT: Duration = Duration::from_secs(90);
