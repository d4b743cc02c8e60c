//! `cargo xtask test`: everything that must hold before a change lands, each part by name.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::control_plane::Binaries;
use crate::describe::{BinArgs, DescribeArgs};
use crate::step::{human, note, say, step};
use crate::{differential, manifests, paths};

/// What `cargo xtask test` is told.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The parts to run [default: all].
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Make it an error if this machine can have no control plane. Else the tests that need one are skipped by name.
    #[arg(long)]
    require_control_plane: bool,
}

/// One part of the tests.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum Part {
    /// The code is formatted.
    Fmt,
    /// Clippy has nothing to say.
    Clippy,
    /// The documentation builds without a warning.
    Doc,
    /// Tests beside the code.
    Unit,
    /// Examples in the documentation.
    Doctest,
    /// What the derive accepts and refuses, and what it expands to.
    Trybuild,
    /// Whole crates from outside, golden files and a server of one's own among them.
    Golden,
    /// The manifests in `deploy/` are those of the server.
    Manifests,
    /// Whole servers behind a real kube-apiserver.
    E2e,
    /// Our answers beside those of upstream's server.
    Differential,
}

impl Args {
    /// All parts, none of which may be skipped.
    pub fn ci() -> Self {
        Self { parts: Vec::new(), require_control_plane: true }
    }
}

/// Runs the parts one after the other, all of them even if one fails, and sums up.
///
/// * Errors: the names of the parts that failed.
pub fn run(args: &Args) -> Result<()> {
    let parts = if args.parts.is_empty() { ALL.to_vec() } else { args.parts.clone() };
    let started = Instant::now();
    let results: Vec<Outcome> = parts.into_iter().map(|part| outcome(part, args.require_control_plane)).collect();
    say("\nSummary");
    for Outcome { part, failure, took } in &results {
        let verdict = failure.as_ref().map_or_else(|| "ok".to_owned(), |failure| format!("FAILED: {failure}"));
        say(format!("  {:<12} {:>14}  {verdict}", part.name(), human(*took)));
    }
    say(format!("  {:<12} {:>14}", "all", human(started.elapsed())));
    let failed: Vec<&str> =
        results.iter().filter(|result| result.failure.is_some()).map(|result| result.part.name()).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// What became of a part.
struct Outcome {
    part: Part,
    failure: Option<String>,
    took: Duration,
}

fn outcome(part: Part, required: bool) -> Outcome {
    let started = Instant::now();
    let failure = step(part.name(), || part.run(required)).err().map(|error| format!("{error:#}"));
    Outcome { part, failure, took: started.elapsed() }
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Unit => "unit",
            Self::Doctest => "doctest",
            Self::Trybuild => "trybuild",
            Self::Golden => "golden",
            Self::Manifests => "manifests",
            Self::E2e => "e2e",
            Self::Differential => "differential",
        }
    }

    fn run(self, required: bool) -> Result<()> {
        match self {
            Self::Fmt => cargo(&["fmt", "--all", "--check"]),
            Self::Clippy => {
                cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
            }
            Self::Doc => {
                let mut doc = command(&["doc", "--workspace", "--no-deps", "--all-features"]);
                doc.env("RUSTDOCFLAGS", "-D warnings");
                finish(&mut doc)
            }
            Self::Unit => test(&["--lib", "--bins", "--exclude", E2E]),
            Self::Doctest => test(&["--doc", "--exclude", E2E]),
            Self::Trybuild => test(&["--test", "derive", "--test", "ui"]),
            Self::Golden => golden(required),
            Self::Manifests => manifests::check_deploy(&describe("kube-annex-server")?),
            Self::E2e => e2e(required),
            Self::Differential => differential::part(required),
        }
    }
}

fn describe(bin: &str) -> Result<crate::describe::Description> {
    let bin = BinArgs { bin: bin.to_owned(), release: false };
    DescribeArgs { bin, describe_file: None }.describe()
}

fn e2e(required: bool) -> Result<()> {
    let mut test = tests(&["--test", E2E_TESTS]);
    with_control_plane(&mut test, required)?;
    finish(&mut test)
}

/// Some of these tests need an etcd.
fn golden(required: bool) -> Result<()> {
    let mut test = tests(&["--exclude", E2E, "--exclude", DERIVE, "--test", "*"]);
    with_control_plane(&mut test, required)?;
    finish(&mut test)
}

/// Tells tests where the programs of a control plane are, and whether to fail without them.
fn with_control_plane(test: &mut Command, required: bool) -> Result<()> {
    match Binaries::missing() {
        Some(missing) if required => bail!("{missing}"),
        Some(missing) => note(format!("skipping what needs a control plane: {missing}")),
        None => drop(test.env("KUBEBUILDER_ASSETS", Binaries::find_or_build()?.folder())),
    }
    if required {
        test.env("KUBE_ANNEX_REQUIRE_CONTROL_PLANE", "1");
    }
    Ok(())
}

/// Features add tests, and change nothing else: with all of them on, each part builds what the one before it built.
fn test(arguments: &[&str]) -> Result<()> {
    finish(&mut tests(arguments))
}

fn tests(arguments: &[&str]) -> Command {
    let mut test = command(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    test.args(arguments);
    test
}

fn cargo(arguments: &[&str]) -> Result<()> {
    finish(&mut command(arguments))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = paths::cargo();
    command.args(arguments);
    command
}

/// The output is cargo's own, so that whoever reads it finds what cargo prints.
fn finish(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "{status}");
    Ok(())
}

const ALL: [Part; 10] = [
    Part::Fmt,
    Part::Clippy,
    Part::Doc,
    Part::Unit,
    Part::Doctest,
    Part::Trybuild,
    Part::Golden,
    Part::Manifests,
    Part::E2e,
    Part::Differential,
];
const E2E: &str = "kube-annex-e2e";
const E2E_TESTS: &str = "e2e";
const DERIVE: &str = "kube-annex-derive";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_part_runs_unless_some_are_chosen_and_has_the_name_it_is_chosen_by() {
        assert_eq!(Part::value_variants(), ALL);
        for part in ALL {
            assert_eq!(Part::from_str(part.name(), false), Ok(part));
        }
    }
}
