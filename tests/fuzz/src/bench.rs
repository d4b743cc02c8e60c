//! What watches over a target while it meets its inputs.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::target::{Meets, TARGETS, Target};
use crate::world::World;

/// A server, and what watches it.
pub(crate) struct Bench {
    world: World,
    runtime: tokio::runtime::Runtime,
    age: u32,
    /// The hook is the whole process's.
    _alone: MutexGuard<'static, ()>,
}

/// Where a panic happened: the server answers it with 500 and goes on, so that the hook is who knows.
static PANIC: Mutex<Option<String>> = Mutex::new(None);
static ALONE: Mutex<()> = Mutex::new(());

impl Bench {
    pub(crate) fn new() -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        panic::set_hook(Box::new(|info| {
            if let Ok(mut place) = PANIC.lock() {
                *place = Some(info.to_string());
            }
        }));
        let (runtime, world) = server()?;
        Ok(Self { world, runtime, age: 0, _alone: alone })
    }

    /// What is wrong about how the input is met: a panic, or a long silence.
    pub(crate) fn wrong(&mut self, target: &Target, input: &[u8]) -> Option<String> {
        let started = Instant::now();
        let met = match target.meets {
            Meets::Alone(read) => panic::catch_unwind(|| read(input)).map(Ok),
            Meets::Server(send) => {
                self.renew();
                let (runtime, world) = (&self.runtime, &self.world);
                panic::catch_unwind(AssertUnwindSafe(|| {
                    runtime.block_on(async { tokio::time::timeout(PATIENCE, send(world, input)).await })
                }))
            }
        };
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

    /// Objects pile up, and lists with them.
    fn renew(&mut self) {
        if self.age == MOST_REQUESTS {
            match server() {
                Ok((runtime, world)) => {
                    self.world = world;
                    self.runtime = runtime;
                }
                Err(error) => eprintln!("the server stays the same: {error:#}"),
            }
            self.age = 0;
        }
        self.age += 1;
    }
}

/// A server, and the runtime that its tasks live in. Its clock stands but where everybody waits, so that what waits for a
/// time has it at once.
fn server() -> Result<(tokio::runtime::Runtime, World)> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().context("cannot start a runtime")?;
    let world = runtime.block_on(World::new());
    Ok((runtime, world))
}

/// What a program of libFuzzer does with each input: nothing, or it ends with what is wrong.
pub fn meet(name: &str, input: &[u8]) {
    thread_local! {
        static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
    }
    let wrong: Result<_> = BENCH.with_borrow_mut(|bench| {
        let target = TARGETS.iter().find(|target| target.name == name).context("there is no such target")?;
        let bench = match bench {
            Some(bench) => bench,
            none => none.insert(Bench::new()?),
        };
        Ok(bench.wrong(target, input))
    });
    match wrong {
        Ok(None) => {}
        Ok(Some(why)) => abort(&format!("{name}: {why}")),
        Err(error) => abort(&format!("{name}: {error:#}")),
    }
}

/// What libFuzzer keeps the input of.
fn abort(why: &str) -> ! {
    eprintln!("{why}");
    process::abort()
}

const MOST_REQUESTS: u32 = 20_000;
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;
    use crate::mutation::Mutator;

    #[test]
    fn every_seed_is_met_and_so_are_some_changes_of_it() {
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
        let panics = Meets::Server(|_, input| Box::pin(async move { assert_ne!(input, b"x") }));
        let silent = Meets::Server(|_, input| {
            Box::pin(async move {
                if input == b"x" {
                    std::future::pending::<()>().await;
                }
            })
        });
        for meets in [panics, silent, Meets::Alone(|input| assert_ne!(input, b"x"))] {
            let target = Target { name: "one", meets };
            assert_eq!(bench.wrong(&target, b"y"), None);
            assert!(bench.wrong(&target, b"x").is_some());
            assert_eq!(bench.wrong(&target, b"y"), None);
        }
    }
}
