//! `cargo xtask crash`: kill what writes at random instants, as often as wanted, and check what is there afterwards.

use anyhow::{Context, Result, ensure};

use crate::control_plane::Binaries;
use crate::paths;

/// What `cargo xtask crash` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How often a process is killed: the store alone so often, a whole server or the etcd below it a tenth of that.
    #[arg(long, default_value_t = 1000)]
    rounds: u64,
    /// Where what is killed keeps its objects [default: each].
    #[arg(long, value_enum)]
    backend: Option<Backend>,
}

/// Where objects are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Backend {
    /// In a folder of the server's: the store alone is killed, and the server.
    Redb,
    /// In an etcd: the server is killed, and etcd is.
    Etcd,
}

/// Runs the tests that a few rounds of are in `cargo xtask test` too.
///
/// * Errors: a write that was answered is lost, or one that was not is half there; a watcher missed something, or saw it
///   twice; there is no etcd and one is wanted.
pub fn run(args: &Args) -> Result<()> {
    let wanted = |backend| args.backend.is_none_or(|chosen| chosen == backend);
    let servers = args.rounds.div_ceil(10);
    if wanted(Backend::Redb) {
        kill("kube-annex-storage", "redb", args.rounds, &[])?;
        kill("kube-annex-server", "redb", servers, &["redb::"])?;
    }
    if wanted(Backend::Etcd) {
        kill("kube-annex-server", "redb,etcd", servers, &["etcd::"])?;
    }
    Ok(())
}

fn kill(package: &str, features: &str, rounds: u64, tests: &[&str]) -> Result<()> {
    let mut test = paths::cargo();
    test.env("KUBE_ANNEX_CRASH_ROUNDS", rounds.to_string());
    if tests.contains(&"etcd::") {
        let binaries = Binaries::find_or_build()?;
        test.env("KUBEBUILDER_ASSETS", binaries.folder()).env("KUBE_ANNEX_REQUIRE_CONTROL_PLANE", "1");
    }
    test.args(["test", "--package", package, "--features", features, "--test", "crash", "--", "--nocapture"]);
    let status = test.args(tests).status().context("cannot run cargo")?;
    ensure!(status.success(), "{status}");
    Ok(())
}
