//! Whole servers behind a real kube-apiserver and its aggregator, used as people use them: kubectl and kube-rs.
//!
//! The control planes are started by the first test that needs one and stopped after the last; should this process be killed,
//! they go with it. On a machine that can have no control plane the tests are skipped by name, unless
//! `KUBE_ANNEX_REQUIRE_CONTROL_PLANE` is set.

mod harness;
mod kubectl;
mod sample_apiserver;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use libtest_mimic::{Arguments, Trial};
use xtask::control_plane::{Binaries, Missing};
use xtask::step::note;

use crate::harness::Harness;

/// A test: its name, and what it does.
type Test = (&'static str, fn(&Harness) -> Result<()>);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let harness = Arc::new(Harness::default());
    let missing = Binaries::missing().filter(|_| env::var_os(REQUIRED).is_none());
    let tests = [sample_apiserver::TESTS].concat();
    let trials = tests.into_iter().map(|test| trial(test, &harness, missing.as_ref())).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    match harness.stop() {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            note(format!("cannot stop: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn trial((name, test): Test, harness: &Arc<Harness>, missing: Option<&Missing>) -> Trial {
    if let Some(missing) = missing {
        note(format!("skipped: {name}: {missing}"));
    }
    let harness = Arc::clone(harness);
    Trial::test(name, move || test(&harness).map_err(|error| format!("{error:#}").into()))
        .with_ignored_flag(missing.is_some())
}

/// Set it to anything to make a machine without a control plane an error.
const REQUIRED: &str = "KUBE_ANNEX_REQUIRE_CONTROL_PLANE";
