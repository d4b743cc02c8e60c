//! Changes at random: nothing guides them but the seeds themselves.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::bench::Bench;
use crate::corpus::Corpus;
use crate::mutation::Mutator;
use crate::target::{TARGETS, Target};

/// Sends damaged requests to a server in this process.
#[derive(Debug, clap::Parser)]
pub struct Args {
    /// How long all targets take together, in seconds.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// The one target to run [default: all].
    #[arg(long)]
    pub target: Option<String>,
    /// What the changes are made from; a run says its own [default: another each time].
    #[arg(long)]
    pub seed: Option<u64>,
}

/// Whether nothing was found.
///
/// * Errors: there is no such target, or its seeds cannot be read or written.
pub fn run(args: &Args) -> Result<bool> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("--seed {seed}");
    let chosen: Vec<&Target> =
        TARGETS.iter().filter(|target| args.target.as_deref().is_none_or(|name| name == target.name)).collect();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    anyhow::ensure!(!chosen.is_empty(), "there is no such target; the targets are {}", names.join(", "));
    let share = Duration::from_secs(args.seconds) / u32::try_from(chosen.len()).unwrap_or(u32::MAX);
    let mut clean = true;
    for target in chosen {
        let corpus = Corpus::read(target.name)?;
        let mut bench = Bench::new()?;
        let mut mutator = Mutator::new(seed, corpus.inputs());
        let (started, mut count) = (Instant::now(), 0_u64);
        let found = loop {
            if started.elapsed() >= share {
                break None;
            }
            let input = mutator.next_input();
            count += 1;
            if let Some(why) = bench.wrong(target, &input) {
                break Some((input, why));
            }
        };
        match found {
            None => eprintln!("{:<16} {count:>9} inputs, nothing found", target.name),
            Some((input, why)) => {
                let path = corpus.keep(&input)?;
                eprintln!("{:<16} {why}; the input is kept as {}", target.name, path.display());
                clean = false;
            }
        }
    }
    Ok(clean)
}
