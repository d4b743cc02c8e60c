//! `cargo xtask fuzz`: damaged requests, for as long as wanted.

use anyhow::{Context, Result, ensure};

use crate::paths;

/// What `cargo xtask fuzz` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long all targets take together, in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The one target to run [default: all].
    #[arg(long)]
    target: Option<String>,
    /// What the changes are made from; a run says its own [default: another each time].
    #[arg(long)]
    seed: Option<u64>,
}

/// Builds the program with the checks of a debug build, and runs it.
///
/// * Errors: an input was found that makes the server panic; it is kept among the seeds.
pub fn run(args: &Args) -> Result<()> {
    let mut command = paths::cargo();
    command.args(["run", "--quiet", "--package", "kube-annex-fuzz", "--", "--seconds", &args.seconds.to_string()]);
    command.args(args.target.iter().flat_map(|target| ["--target", target]));
    command.args(args.seed.map(|seed| format!("--seed={seed}")));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "something was found, see above ({status})");
    Ok(())
}
