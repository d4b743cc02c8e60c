//! The etcd backend against real etcds: every law of a store, and what happens when members die.
//!
//! On a machine without an etcd these tests are skipped by name, unless `KUBE_ANNEX_REQUIRE_CONTROL_PLANE` is set.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod compaction;
mod failover;
mod healing;
mod laws;
mod limits;
mod tls;

use kube_annex_storage::etcd::{Endpoint, Etcd, Options};
use kube_annex_storage::{Key, Prefix};
use kube_annex_testkit::etcd::{self, Etcd as Process};
use libtest_mimic::{Arguments, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let program = etcd::program();
    let skipped = program.is_none() && !etcd::required();
    let program = program.unwrap_or_default();
    let tests = [
        laws::trials(&program),
        compaction::trials(&program),
        failover::trials(&program),
        healing::trials(&program),
        limits::trials(&program),
        tls::trials(&program),
    ];
    let trials = tests.into_iter().flatten().map(|trial| trial.with_ignored_flag(skipped)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What a test does with the program of etcd.
type Test = fn(PathBuf) -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

/// Tests by name, each on a runtime of its own.
fn trials(topic: &str, program: &Path, tests: &[(&str, Test)]) -> Vec<Trial> {
    let trial = |(name, test): &(&str, Test)| {
        let (program, test) = (program.to_owned(), *test);
        Trial::test(format!("{topic}::{name}"), move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async { tokio::time::timeout(PATIENCE, test(program)).await.expect("the test ends") });
            runtime.shutdown_timeout(Duration::from_secs(1));
            Ok(())
        })
    };
    tests.iter().map(trial).collect()
}

/// Writes a list of tests, each an asynchronous function of the program's path.
macro_rules! tests {
    ($topic:literal, $program:expr, $($test:ident)*) => {
        crate::trials($topic, $program, &[$((stringify!($test), |program| Box::pin($test(program)))),*])
    };
}
pub(crate) use tests;

fn options(etcd: &Process, prefix: &str) -> Options {
    let endpoints = etcd.addresses().iter().map(|address| address.parse::<Endpoint>().unwrap()).collect();
    Options::new(endpoints, prefix)
}

fn store(etcd: &Process, prefix: &str) -> Etcd {
    Etcd::new(options(etcd, prefix))
}

fn widgets() -> Prefix {
    Prefix::of_resource("example.com", "widgets")
}

fn key(name: &str) -> Key {
    widgets().key(name)
}

const PATIENCE: Duration = Duration::from_mins(3);
