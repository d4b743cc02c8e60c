//! Damaged requests: the seeds of `corpus/`, changed at random, are sent to a whole server in this process.
//!
//! Nothing guides the changes but the seeds themselves, so a run needs no other compiler than the tests do. An input
//! that makes the server panic, or think for seconds, is kept among the seeds of its target; the tests of this crate
//! send all of those, so what was found once stays found.

mod corpus;
mod mutation;
mod target;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Parser;

use crate::corpus::Corpus;
use crate::mutation::Mutator;
use crate::target::{TARGETS, Target, World};

/// Sends damaged requests to a server in this process.
#[derive(Debug, Parser)]
struct Args {
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

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing was found.
fn run(args: &Args) -> Result<bool> {
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
            None => eprintln!("{:<12} {count:>9} requests, nothing found", target.name),
            Some((input, why)) => {
                let path = corpus.keep(&input)?;
                eprintln!("{:<12} {why}; the input is kept as {}", target.name, path.display());
                clean = false;
            }
        }
    }
    Ok(clean)
}

/// A server, and what watches it.
struct Bench {
    runtime: tokio::runtime::Runtime,
    world: World,
    age: u32,
    /// The hook is the whole process's.
    _alone: MutexGuard<'static, ()>,
}

/// Where a panic happened: the server answers it with 500 and goes on, so that the hook is who knows.
static PANIC: Mutex<Option<String>> = Mutex::new(None);
static ALONE: Mutex<()> = Mutex::new(());

impl Bench {
    fn new() -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        panic::set_hook(Box::new(|info| {
            if let Ok(mut place) = PANIC.lock() {
                *place = Some(info.to_string());
            }
        }));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
        let world = runtime.block_on(World::new());
        Ok(Self { runtime, world, age: 0, _alone: alone })
    }

    /// What is wrong about how the input is met: a panic, or a long silence.
    fn wrong(&mut self, target: &Target, input: &[u8]) -> Option<String> {
        if self.age == MOST_REQUESTS {
            // Objects pile up, and lists with them.
            self.world = self.runtime.block_on(World::new());
            self.age = 0;
        }
        self.age += 1;
        let started = Instant::now();
        let (runtime, world) = (&self.runtime, &self.world);
        let met = panic::catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async { tokio::time::timeout(PATIENCE, (target.send)(world, input)).await })
        }));
        let panicked = PANIC.lock().ok().and_then(|mut place| place.take());
        match (met, panicked) {
            (_, Some(panicked)) => Some(panicked),
            (Err(_), None) => Some("it panicked".to_owned()),
            (Ok(Err(_)), None) => Some(format!("no answer in {PATIENCE:?}")),
            (Ok(Ok(())), None) => {
                let took = started.elapsed();
                (took > PATIENCE).then(|| format!("an answer after {took:?}"))
            }
        }
    }
}

const MOST_REQUESTS: u32 = 20_000;
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_is_answered_and_so_are_some_changes_of_it() {
        for target in TARGETS {
            let corpus = Corpus::read(target.name).unwrap();
            assert!(!corpus.inputs().is_empty(), "{} has no seeds", target.name);
            let mut bench = Bench::new().unwrap();
            let mut mutator = Mutator::new(1, corpus.inputs());
            let changed = (0..100).map(|_| mutator.next_input());
            for input in corpus.inputs().iter().cloned().chain(changed) {
                let wrong = bench.wrong(target, &input);
                assert_eq!(wrong, None, "{}: {:?}", target.name, String::from_utf8_lossy(&input));
            }
        }
    }

    #[test]
    fn a_panic_and_a_silence_are_found() {
        let mut bench = Bench::new().unwrap();
        let panics = Target { name: "panics", send: |_, input| Box::pin(async move { assert_ne!(input, b"x") }) };
        assert_eq!(bench.wrong(&panics, b"y"), None);
        assert!(bench.wrong(&panics, b"x").is_some());
        assert_eq!(bench.wrong(&panics, b"y"), None);
    }

    #[test]
    fn the_same_seed_makes_the_same_changes() {
        let seeds = vec![b"abc".to_vec(), b"{\"a\":1}".to_vec()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed, &seeds);
            (0..50).map(|_| mutator.next_input()).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
    }
}
