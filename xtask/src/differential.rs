//! `cargo xtask differential`: our answers beside upstream's, step by step and by chance.

use anyhow::{Context, Result, bail, ensure};

use crate::control_plane::Binaries;
use crate::paths;
use crate::step::note;

/// What `cargo xtask differential` is told.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// How many random cases follow the scripts.
    #[arg(long, default_value_t = 0)]
    pub cases: usize,
    /// What the random cases are made from; a run says its own [default: another each day].
    #[arg(long)]
    pub seed: Option<u64>,
    /// Where our server keeps its objects: memory, redb or etcd.
    #[arg(long, default_value = "memory")]
    pub backend: String,
    /// Only scripts whose name contains this; `none` leaves them all out.
    #[arg(long)]
    pub only: Option<String>,
    /// Leave out what passes the aggregator.
    #[arg(long)]
    pub direct: bool,
}

/// Builds both sides and compares them.
///
/// * Errors: this machine can have no control plane; a difference that nobody declared.
pub fn run(args: &Args) -> Result<()> {
    if let Some(missing) = Binaries::missing() {
        bail!("{missing}");
    }
    let mut command = paths::cargo();
    command.args(["run", "--quiet", "--package", "kube-annex-differential", "--"]);
    command.arg(format!("--cases={}", args.cases)).arg(format!("--backend={}", args.backend));
    command.args(args.seed.map(|seed| format!("--seed={seed}")));
    command.args(args.only.iter().map(|only| format!("--only={only}")));
    command.args(args.direct.then_some("--direct"));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "the answers differ, see above ({status})");
    Ok(())
}

/// What CI runs: everything, and so many random cases as fit into minutes.
pub(crate) fn part(required: bool) -> Result<()> {
    match Binaries::missing() {
        Some(missing) if required => bail!("{missing}"),
        Some(missing) => {
            note(format!("skipping what needs a control plane: {missing}"));
            Ok(())
        }
        None => run(&Args { cases: CASES, backend: "memory".to_owned(), ..Args::default() }),
    }
}

const CASES: usize = 2000;
