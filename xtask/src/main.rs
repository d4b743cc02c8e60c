//! `cargo xtask <task>`: the table of tasks.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use xtask::{bench, certs, contract, control_plane, crash, deploy, differential, fuzz, manifests, test, up};

/// The tasks of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and run a server that needs no cluster, and say how to talk to it.
    Up(up::Args),
    /// Everything that must hold before a change lands.
    Test(test::Args),
    /// Kill what writes at random instants, and check that nothing that was answered is lost.
    Crash(crash::Args),
    /// Each clause of the contract with the tests that prove it.
    Contract(contract::Args),
    /// Compare our server's answers with those of upstream's, by scripts and by chance.
    Differential(differential::Args),
    /// Send damaged requests to a server, and find what makes it panic.
    Fuzz(fuzz::Args),
    /// Compare our server with Go's under the same load.
    Bench(bench::Args),
    /// All parts of `test`, none skipped.
    Ci,
    /// A real etcd, kube-apiserver, kube-controller-manager and kubectl for tests.
    ControlPlane {
        /// The folder of its state [default: target/control-plane].
        #[arg(long, global = true)]
        dir: Option<PathBuf>,
        #[command(subcommand)]
        command: control_plane::Command,
    },
    /// An authority and a serving certificate for a server behind an aggregator.
    Certs(certs::Args),
    /// The manifests of a deployment, from what the server says about itself.
    Manifests(manifests::Args),
    /// Put a server behind the aggregator of a cluster and wait until it is Available.
    Deploy(deploy::Args),
    /// Take away all that `deploy` made in a cluster.
    Undeploy(deploy::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the asynchronous runtime");
    match runtime.and_then(|runtime| runtime.block_on(run(cli.task))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The causes, without the stack that RUST_BACKTRACE would add.
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            eprintln!("error: {}", causes.join("\n  because: "));
            ExitCode::FAILURE
        }
    }
}

async fn run(task: Task) -> Result<()> {
    match task {
        Task::Up(args) => up::run(&args).await,
        Task::Test(args) => test::run(&args),
        Task::Crash(args) => crash::run(&args),
        Task::Contract(args) => contract::run(&args),
        Task::Differential(args) => differential::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Bench(args) => bench::run(&args).await,
        Task::Ci => test::run(&test::Args::ci()),
        Task::ControlPlane { dir, command } => command.run(&dir.unwrap_or_else(control_plane::default_dir)).await,
        Task::Certs(args) => certs::run(&args),
        Task::Manifests(args) => manifests::run(&args),
        Task::Deploy(args) => deploy::deploy(&args).await,
        Task::Undeploy(args) => deploy::undeploy(&args).await,
    }
}
