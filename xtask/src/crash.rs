//! `cargo xtask crash`: kill what writes at random instants, as often as wanted, and check what is there afterwards.

use anyhow::{Context, Result, ensure};

use crate::paths;

/// What `cargo xtask crash` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How often a process is killed: the store alone so often, a whole server a tenth of that.
    #[arg(long, default_value_t = 1000)]
    rounds: u64,
}

/// Runs the tests that a few rounds of are in `cargo xtask test` too.
///
/// * Errors: a write that was answered is lost, or one that was not is half there.
pub fn run(args: &Args) -> Result<()> {
    kill("kube-annex-storage", args.rounds)?;
    kill("kube-annex-server", args.rounds.div_ceil(10))
}

fn kill(package: &str, rounds: u64) -> Result<()> {
    let mut test = paths::cargo();
    test.env("KUBE_ANNEX_CRASH_ROUNDS", rounds.to_string());
    test.args(["test", "--package", package, "--features", "redb", "--test", "crash", "--", "--nocapture"]);
    let status = test.status().context("cannot run cargo")?;
    ensure!(status.success(), "{status}");
    Ok(())
}
