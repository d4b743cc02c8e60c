//! The programs of libFuzzer: how they are built without cargo-fuzz, and run.
//!
//! Coverage comes from a pass that LLVM has in every release of the compiler. Everything but build scripts and macros is
//! built with it, in a folder of its own, so that no other build is disturbed.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// What builds and runs the programs.
pub(super) struct Fuzzer {
    host: String,
    seed: Option<u32>,
}

/// What came of a run.
pub(super) struct Run {
    pub(super) failed: bool,
    pub(super) summary: String,
    pub(super) log: PathBuf,
}

impl Fuzzer {
    /// * Errors: there is no C++ compiler, which libFuzzer is written for.
    pub(super) fn new(seed: Option<u32>) -> Result<Self> {
        ensure!(
            env::var_os("CXX").is_some() || COMPILERS.iter().any(|name| paths::on_path(name).is_some()),
            "libFuzzer is written in C++, and there is no compiler for it on the PATH ({}). Install one (Debian: \
             `apt install g++`, Fedora: `dnf install gcc-c++`) or name it in CXX; or run this with --blind, which \
             needs none",
            COMPILERS.join(", "),
        );
        let asked = Command::new("rustc").args(["--print", "host-tuple"]).output().context("cannot run rustc")?;
        let host = String::from_utf8_lossy(&asked.stdout).trim().to_owned();
        ensure!(asked.status.success() && !host.is_empty(), "rustc does not tell what it builds for");
        Ok(Self { host, seed })
    }

    /// * Errors: cargo's own are above.
    pub(super) fn build(&self, targets: &[String]) -> Result<()> {
        let mut cargo = paths::cargo();
        cargo.args(["build", "--quiet", "--package", "kube-annex-fuzz", "--profile", PROFILE]);
        // With a target named, flags are for it alone and not for what runs at build time.
        cargo.args(["--target", &self.host, "--target-dir"]).arg(folder());
        cargo.args(targets.iter().flat_map(|target| ["--bin", target]));
        cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")).env("CARGO_INCREMENTAL", "0");
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "the targets do not build ({status})");
        Ok(())
    }

    /// Runs one target for that long. What it finds by the way stays in the build folder for the next run; what is
    /// wrong is kept among the seeds.
    ///
    /// * Errors: the program cannot be run.
    pub(super) fn run(&self, target: &str, share: Duration) -> Result<Run> {
        let (found, seeds) = (found(target)?, seeds(target));
        let log = folder().join(format!("{target}.log"));
        let mut program = self.program(target);
        program.arg(&found).arg(&seeds).arg(format!("-max_total_time={}", share.as_secs().max(1)));
        program.arg(format!("-artifact_prefix={}/found-", seeds.display()));
        program.args(self.seed.map(|seed| format!("-seed={seed}")));
        let status = logged(&mut program, &log)?;
        let text = fs::read_to_string(&log).unwrap_or_default();
        let summary = match (status, reached(&text)) {
            (true, Some(reached)) => format!("{reached}, nothing found"),
            (false, Some(reached)) => format!("{reached}, SOMETHING FOUND"),
            (_, None) => "SOMETHING FOUND before the first change".to_owned(),
        };
        Ok(Run { failed: !status, summary, log })
    }

    /// Adds to the seeds what reaches more than they do, and tells how many that is.
    ///
    /// * Errors: the program cannot be run, or ends unwell.
    pub(super) fn keep(&self, target: &str) -> Result<usize> {
        let (found, seeds) = (found(target)?, seeds(target));
        let count = || fs::read_dir(&seeds).map(Iterator::count).unwrap_or_default();
        let before = count();
        let log = folder().join(format!("{target}.keep.log"));
        let mut program = self.program(target);
        // How often code is reached is not worth a file.
        program.args(["-merge=1", "-use_counters=0"]).arg(&seeds).arg(&found);
        if !logged(&mut program, &log)? {
            bail!("cannot tell which inputs of {target} to keep, see {}", log.display());
        }
        Ok(count() - before)
    }

    fn program(&self, target: &str) -> Command {
        let mut program = Command::new(folder().join(&self.host).join(PROFILE).join(target));
        program.args(LIMITS);
        program.arg(format!("-dict={}", paths::workspace().join("tests/fuzz/words.dict").display()));
        program
    }
}

/// Whether it ended well.
fn logged(program: &mut Command, log: &Path) -> Result<bool> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let both = file.try_clone().context("cannot share a file")?;
    let status = program.stdin(Stdio::null()).stdout(file).stderr(both).status();
    Ok(status.with_context(|| format!("cannot run {}", program.get_program().display()))?.success())
}

/// How many inputs were met, and how much they reached, as the log says.
fn reached(log: &str) -> Option<String> {
    let last = log.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: "))?;
    let inputs = last.trim_start_matches('#').split_whitespace().next()?;
    let mut words = last.split_whitespace();
    let mut after = |name: &str| words.by_ref().find(|word| *word == name).and_then(|_| words.next());
    let (edges, corpus) = (after("cov:")?, after("corp:")?);
    Some(format!("{inputs:>9} inputs, {edges:>6} branches reached by {corpus}"))
}

/// The folder of all this.
fn folder() -> PathBuf {
    paths::target().join("fuzzing")
}

fn seeds(target: &str) -> PathBuf {
    paths::workspace().join("tests/fuzz/corpus").join(target)
}

fn found(target: &str) -> Result<PathBuf> {
    let found = folder().join("corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    Ok(found)
}

/// What the `cc` crate looks for.
const COMPILERS: &[&str] = &["c++", "g++", "clang++"];

const PROFILE: &str = "fuzz";

/// The flags that cargo-fuzz gives. The last keeps branches apart that coverage is to tell apart.
const FLAGS: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// Longer inputs find nothing that shorter ones do not, and slowly.
const LIMITS: &[&str] = &["-max_len=8192", "-timeout=20", "-rss_limit_mb=3000", "-report_slow_units=1000"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_how_far_a_run_came() {
        let log = "INFO: seed corpus\n#2\tINITED cov: 5 ft: 6 corp: 1/3b\n#131072\tpulse  cov: 7 ft: 9 corp: 4/12b lim: 8\nDone\n";
        assert_eq!(reached(log).as_deref(), Some("   131072 inputs,      7 branches reached by 4/12b"));
        assert_eq!(reached("nothing"), None);
    }
}
