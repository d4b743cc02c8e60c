//! `cargo xtask up`: a server on this machine that needs no cluster, and how to talk to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::control_plane::{Binaries, client};
use crate::describe::{self, BinArgs, Description};
use crate::process::{Daemon, Guard, free_ports, tail};
use crate::step::{note, say, step_async};
use crate::{paths, wait};

/// What `cargo xtask up` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    bin: BinArgs,
    /// The folder of its data, certificates and kubeconfig [default: target/annex-data].
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// The port to listen on, on 127.0.0.1 [default: a free one].
    #[arg(long)]
    port: Option<u16>,
}

/// Builds and runs a standalone server until ctrl-c.
///
/// * Errors: it cannot be built, or ends by itself, with the end of its log.
pub async fn run(args: &Args) -> Result<()> {
    let binary = args.bin.build()?;
    let description = describe::run(&binary)?;
    let data = args.data_dir.clone().unwrap_or_else(|| paths::target().join("annex-data"));
    fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
    let data = fs::canonicalize(&data).with_context(|| format!("cannot resolve {}", data.display()))?;
    let port = match args.port {
        Some(port) => port,
        None => free_ports::<1>()?[0],
    };
    let mut stop = Stop::listen()?;
    let server = serve(&binary, &data, port)?;
    let _guard = Guard::over([&server])?;
    let outcome = tokio::select! {
        outcome = use_it(&server, &description, &data) => outcome,
        () = stop.asked() => Ok(()),
    };
    note(format!("stopping {}", description.name));
    outcome.and(server.stop(GRACE).await)
}

fn serve(binary: &Path, data: &Path, port: u16) -> Result<Daemon> {
    let log = data.join("server.log");
    if log.exists() {
        fs::remove_file(&log).with_context(|| format!("cannot remove {}", log.display()))?;
    }
    let mut command = Command::new(binary);
    command.args(["serve", "--standalone", "--bind-address=127.0.0.1"]);
    command.arg(format!("--secure-port={port}")).arg("--data-dir").arg(data);
    Daemon::spawn("server", &mut command, &[port], &log, data)
}

async fn use_it(server: &Daemon, description: &Description, data: &Path) -> Result<()> {
    let what = format!("start {} {}", description.name, description.version);
    step_async(what, unless_it_ends(server, ready(&data.join("kubeconfig"), server))).await?;
    for line in instructions(description, data, &kubectl()) {
        say(line);
    }
    note(format!("log: {}; ctrl-c stops the server", server.log.display()));
    ended(server).await
}

/// The kubeconfig of an earlier start may be there already: it is the right one once the server at its address answers.
async fn ready(kubeconfig: &Path, server: &Daemon) -> Result<()> {
    wait::until("the server to be ready", Duration::from_secs(30), async || {
        let text = fs::read_to_string(kubeconfig).context("it has not written its kubeconfig")?;
        let port = server.ports.first().map(|port| format!(":{port}")).unwrap_or_default();
        ensure!(text.contains(&port), "{} is not yet for port {port}", kubeconfig.display());
        let request = http::Request::get("/readyz").body(Vec::new()).context("not a request")?;
        client(kubeconfig).await?.request_text(request).await.context("/readyz")?;
        Ok(())
    })
    .await
}

async fn unless_it_ends(server: &Daemon, work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::select! {
        outcome = work => outcome,
        error = ended(server) => error,
    }
}

async fn ended(server: &Daemon) -> Result<()> {
    while server.is_running() {
        sleep(Duration::from_millis(200)).await;
    }
    Err(anyhow!("the server ended by itself; the end of {}:\n{}", server.log.display(), tail(&server.log)))
}

/// The kubectl of the PATH, else the control plane's own; building that takes minutes the first time.
fn kubectl() -> Result<PathBuf> {
    if let Some(found) = paths::on_path("kubectl") {
        return Ok(found);
    }
    note("there is no kubectl on the PATH");
    Ok(Binaries::find_or_build()?.folder().join("kubectl"))
}

/// Everything a person needs, to be pasted into another terminal.
fn instructions(of: &Description, data: &Path, kubectl: &Result<PathBuf>) -> Vec<String> {
    let mut lines = vec![format!("export KUBECONFIG={}", data.join("kubeconfig").display())];
    match kubectl {
        Ok(path) if paths::on_path("kubectl").as_ref() == Some(path) => {}
        Ok(path) => lines.push(format!("alias kubectl={}", path.display())),
        Err(error) => lines.push(format!("# there is no kubectl: {error:#}")),
    }
    let Some(first) = of.resources.first() else { return lines };
    lines.push(format!("kubectl api-resources --api-group={}", first.group));
    lines.push(format!("kubectl explain {}", first.plural));
    lines.push(format!("kubectl get {}.{}", first.plural, first.group));
    lines
}

/// Ctrl-c, or the polite signal of whoever started this.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

const GRACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::tests::example;

    #[test]
    fn the_instructions_begin_with_the_kubeconfig_and_give_three_commands() {
        let lines = instructions(&example(), Path::new("/data"), &Ok(PathBuf::from("/cache/kubectl")));
        assert_eq!(lines[0], "export KUBECONFIG=/data/kubeconfig");
        assert_eq!(lines[1], "alias kubectl=/cache/kubectl");
        assert_eq!(lines.iter().filter(|line| line.starts_with("kubectl ")).count(), 3);
    }

    #[test]
    fn without_any_kubectl_the_reason_is_printed() {
        let lines = instructions(&example(), Path::new("/data"), &Err(anyhow!("no Go")));
        assert!(lines[1].contains("no Go"), "{lines:?}");
    }
}
