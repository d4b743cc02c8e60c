//! Running the load generator, and reading what it found.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// The load generator, and the servers that it can be aimed at.
pub(super) struct Load {
    program: PathBuf,
    targets: RefCell<BTreeMap<&'static str, Vec<String>>>,
}

/// What it found; see its own documentation. What a work does not tell is zero.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) operations: f64,
    pub(super) bytes: f64,
    pub(super) seconds: f64,
    pub(super) cpu_us: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) rss_kib: f64,
    pub(super) ready_ms: f64,
    pub(super) watching: Memory,
    pub(super) begin_cpu_us: f64,
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Memory {
    pub(super) rss_kib: f64,
}

impl Load {
    pub(super) fn new(program: PathBuf) -> Self {
        Self { program, targets: RefCell::default() }
    }

    /// From now on this name is a server at this port.
    pub(super) fn aim(&self, name: &'static str, pid: i32, port: u16, ca: &Path, token: &str) {
        let ca = ca.display();
        let target =
            vec![format!("--pid={pid}"), format!("--port={port}"), format!("--ca={ca}"), format!("--token={token}")];
        self.targets.borrow_mut().insert(name, target);
    }

    /// Does a work to a server.
    pub(super) fn run<S: AsRef<OsStr>>(
        &self,
        name: &str,
        work: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Found> {
        let target = self.targets.borrow().get(name).cloned().with_context(|| format!("{name} does not run"))?;
        let mut command = Command::new(&self.program);
        command.arg(work).args(target).args(arguments);
        read(command).with_context(|| format!("{work} at {name}"))
    }

    /// Does a work that is not about a server that runs.
    pub(super) fn run_alone<S: AsRef<OsStr>>(
        &self,
        work: &str,
        arguments: impl IntoIterator<Item = S>,
    ) -> Result<Found> {
        let mut command = Command::new(&self.program);
        command.arg(work).args(arguments);
        read(command).with_context(|| work.to_owned())
    }

    /// The program itself.
    pub(super) fn program(&self) -> &PathBuf {
        &self.program
    }
}

impl Found {
    pub(super) fn per_second(&self) -> f64 {
        self.operations / self.seconds
    }

    pub(super) fn megabytes_per_second(&self) -> f64 {
        self.bytes / self.seconds / 1e6
    }
}

fn read(mut command: Command) -> Result<Found> {
    let output = command.output().context("cannot run the load")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("the load prints no JSON")
}
