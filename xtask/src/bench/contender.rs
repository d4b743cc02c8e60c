//! One of the servers that are compared.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::OBJECTS;
use super::load::Load;
use crate::control_plane::{AggregatedServer, Binaries, ControlPlane, User};
use crate::process::{Daemon, Guard, free_ports};
use crate::wait;

/// Where our server keeps its objects.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Backend {
    /// In memory.
    Memory,
    /// In a file.
    Redb,
    /// In the etcd that Go's server uses too.
    Etcd,
}

/// A server, and how it is started.
pub(super) struct Contender {
    pub(super) name: &'static str,
    server: AggregatedServer,
    /// What is told it last.
    storage: Vec<String>,
    port: u16,
    running: Option<Running>,
}

struct Running {
    daemon: Daemon,
    _guard: Guard,
}

impl Backend {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redb => "redb",
            Self::Etcd => "etcd",
        }
    }
}

impl Contender {
    /// Go's server, whose objects are kept in etcd below a prefix of that name.
    pub(super) fn go(plane: &ControlPlane, binaries: &Binaries, name: &str) -> Result<Self> {
        let server = AggregatedServer::sample(plane, binaries)?;
        Self::new("Go", server, vec![format!("--etcd-prefix=/bench/go/{name}")])
    }

    /// Ours, whose objects are kept in a place of that name.
    pub(super) fn annex(plane: &ControlPlane, program: PathBuf, backend: Backend, name: &str) -> Result<Self> {
        let mut storage = vec![format!("--storage-backend={}", backend.name())];
        match backend {
            Backend::Memory => {}
            Backend::Redb => {
                let folder = plane.dir().join("annex-data").join(name);
                storage.push(format!("--data-dir={}", folder.display()));
            }
            Backend::Etcd => {
                storage.push(format!("--etcd-servers={}", plane.etcd()));
                storage.push(format!("--etcd-prefix=/bench/annex/{name}"));
            }
        }
        Self::new("Annex", ours("annex", program), storage)
    }

    /// Ours once more, keeping its objects in a fresh file.
    pub(super) fn embedded(plane: &ControlPlane, program: PathBuf) -> Result<Self> {
        let data = plane.dir().join("embedded-data");
        if data.exists() {
            std::fs::remove_dir_all(&data).with_context(|| format!("cannot remove {}", data.display()))?;
        }
        let storage = vec!["--storage-backend=redb".to_owned(), format!("--data-dir={}", data.display())];
        Self::new("Annex", ours("annex-embedded", program), storage)
    }

    fn new(name: &'static str, server: AggregatedServer, storage: Vec<String>) -> Result<Self> {
        let [port] = free_ports()?;
        Ok(Self { name, server, storage, port, running: None })
    }

    pub(super) fn program(&self) -> &PathBuf {
        &self.server.program
    }

    /// The whole command line, and the authority of its certificate.
    pub(super) fn command(&self, plane: &ControlPlane) -> Result<(Vec<String>, PathBuf)> {
        let beside = plane.beside(&self.server, self.port)?;
        let mut command = vec![self.server.program.display().to_string()];
        command.extend(self.server.arguments.iter().cloned());
        command.extend(beside.flags);
        command.extend(self.storage.iter().cloned());
        Ok((command, beside.ca))
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn start(&mut self, plane: &ControlPlane, load: &Load) -> Result<()> {
        let (line, ca) = self.command(plane)?;
        let (program, arguments) = line.split_first().context("no program")?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(plane.dir());
        let log = plane.dir().join(format!("{}.log", self.server.name));
        let daemon = Daemon::spawn(&self.server.name, &mut command, &[self.port], &log, plane.dir())?;
        let running = Running { _guard: Guard::over([&daemon])?, daemon };
        let daemon = running.daemon.clone();
        self.running = Some(running);
        self.aim_at(&daemon, &ca, load);
        wait::until(&format!("{} to be ready", self.name), Duration::from_mins(1), async || {
            daemon.ensure_running()?;
            let path = "--path=/readyz";
            load.run(self.name, "repeat", [path, "--streams=1", "--connections=1", "--seconds=0.1"]).map(drop)
        })
        .await
    }

    /// Aims the load at it again, after its name was another's.
    pub(super) fn aim(&self, plane: &ControlPlane, load: &Load) {
        if let Some(running) = &self.running {
            self.aim_at(&running.daemon, &plane.pki(&format!("{}-ca.crt", self.server.name)), load);
        }
    }

    fn aim_at(&self, daemon: &Daemon, ca: &Path, load: &Load) {
        load.aim(self.name, daemon.pid, self.port, ca, User::Admin.token());
    }

    /// Makes the ten thousand objects.
    pub(super) fn fill(&self, load: &Load) -> Result<()> {
        let namespace = format!("--namespace={OBJECTS}");
        load.run(self.name, "create", [namespace.as_str(), "--prefix=object", "--count=10000"]).map(drop)
    }

    pub(super) async fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.daemon.stop(Duration::from_secs(5)).await,
            None => Ok(()),
        }
    }
}

fn ours(name: &str, program: PathBuf) -> AggregatedServer {
    AggregatedServer {
        name: name.to_owned(),
        program,
        arguments: vec!["serve".to_owned()],
        group_versions: Vec::new(), // the load comes directly, not through the aggregator
    }
}
