//! Whole servers behind a real kube-apiserver and its aggregator, used as people use them: kubectl and kube-rs.
//!
//! The control planes are started by the first test that needs one and stopped after the last; should this process be killed,
//! they go with it. On a machine that can have no control plane the tests are skipped by name, unless
//! `KUBE_ANNEX_REQUIRE_CONTROL_PLANE` is set.

mod annex;
mod clients;
mod commands;
mod controllers;
mod deployment;
mod guide;
mod harness;
mod impersonation;
mod kubectl;
mod kubelet;
mod operator;
mod shared_etcd;
mod standalone;
mod streams;
mod wardle;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use xtask::control_plane::{Binaries, Missing};
use xtask::step::note;

use crate::harness::Harness;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let harness = Arc::new(Harness::default());
    let missing = Binaries::missing().filter(|_| env::var_os(REQUIRED).is_none());
    let trials = tests().into_iter().map(|test| trial(test, &harness, missing.as_ref())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    match harness.stop() {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            note(format!("cannot stop: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// What a test does.
type Run = Box<dyn FnOnce(&Harness) -> Result<()> + Send>;

/// A test by name.
struct Test {
    name: String,
    run: Run,
}

fn tests() -> Vec<Test> {
    let shared = || {
        let topics = [
            wardle::TESTS,
            commands::TESTS,
            controllers::TESTS,
            clients::TESTS,
            operator::TESTS,
            streams::TESTS,
            impersonation::TESTS,
        ];
        topics.into_iter().flatten()
    };
    let sample = shared().map(|(name, run)| Test {
        name: format!("sample_apiserver::{name}"),
        run: Box::new(|harness| run(harness.sample()?)),
    });
    let annex = shared()
        .chain(annex::TESTS)
        .chain(guide::TESTS)
        .chain(commands::OF_GADGETS)
        .chain(operator::OF_GADGETS)
        .map(|(name, run)| Test { name: format!("annex::{name}"), run: Box::new(|harness| run(harness.annex()?)) });
    let client_go = clients::CLIENT_GO.iter().flat_map(|scenario| {
        let sample: Run = Box::new(|harness| clients::client_go(harness.sample()?, scenario));
        let annex: Run = Box::new(|harness| clients::client_go(harness.annex()?, scenario));
        [("sample_apiserver", sample), ("annex", annex)]
            .map(|(server, run)| Test { name: format!("{server}::client_go::{scenario}"), run })
    });
    let alone = [
        Test {
            name: "deploy::applies_serves_repeats_and_removes".to_owned(),
            run: Box::new(|harness| deployment::deploy_again_and_undeploy(harness.bare()?)),
        },
        Test { name: "up::what_it_prints_works_twice".to_owned(), run: Box::new(standalone::what_up_prints_works) },
    ];
    let shared = shared_etcd::TESTS.iter().map(|(name, run)| Test {
        name: format!("shared_etcd::{name}"),
        run: Box::new(|harness| run(harness.shared()?)),
    });
    sample.chain(annex).chain(client_go).chain(shared).chain(alone).collect()
}

fn trial(Test { name, run }: Test, harness: &Arc<Harness>, missing: Option<&Missing>) -> Trial {
    if let Some(missing) = missing {
        note(format!("skipped: {name}: {missing}"));
    }
    let harness = Arc::clone(harness);
    Trial::test(name, move || run(&harness).map_err(|error| format!("{error:#}").into()))
        .with_ignored_flag(missing.is_some())
}

/// Set it to anything to make a machine without a control plane an error.
const REQUIRED: &str = "KUBE_ANNEX_REQUIRE_CONTROL_PLANE";
