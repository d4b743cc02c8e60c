//! `cargo xtask fuzz`: damaged requests, for as long as wanted.

mod libfuzzer;

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::step::{say, step};
use crate::{paths, process};
use libfuzzer::Fuzzer;

/// What `cargo xtask fuzz` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How long all targets take together, in seconds, without the time to build them.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The one target to run [default: all].
    #[arg(long)]
    target: Option<String>,
    /// What the changes are made from [default: another each time].
    #[arg(long)]
    seed: Option<u32>,
    /// Add to the seeds the inputs that reached code which they do not reach.
    #[arg(long, conflicts_with = "blind")]
    keep: bool,
    /// Change the seeds at random, guided by nothing. Needs no C++ compiler and no build of its own.
    #[arg(long)]
    blind: bool,
}

/// Builds the targets with the checks of a debug build, and runs one after the other.
///
/// * Errors: an input was found that makes the server panic or think for long, or breaks a law; it is kept among the
///   seeds of its target. Or there is no such target, or nothing to build it with.
pub fn run(args: &Args) -> Result<()> {
    if args.blind {
        return blind(args);
    }
    let targets = chosen(&targets()?, args.target.as_deref())?;
    let fuzzer = Fuzzer::new(args.seed)?;
    step("build the targets", || fuzzer.build(&targets))?;
    let share = Duration::from_secs(args.seconds) / u32::try_from(targets.len()).unwrap_or(u32::MAX);
    let mut found = Vec::new();
    for target in &targets {
        let run = fuzzer.run(target, share)?;
        say(format!("{target:<16} {}", run.summary));
        if run.failed {
            say(process::tail(&run.log));
            found.push(target.as_str());
        } else if args.keep {
            let kept = fuzzer.keep(target)?;
            say(format!("{target:<16} {kept} inputs more among the seeds"));
        }
    }
    ensure!(found.is_empty(), "something was found, see above, and kept in tests/fuzz/corpus: {}", found.join(", "));
    Ok(())
}

/// Runs the program that needs nothing but the seeds.
fn blind(args: &Args) -> Result<()> {
    let mut command = paths::cargo();
    command.args(["run", "--quiet", "--package", "kube-annex-fuzz", "--bin", "kube-annex-fuzz", "--"]);
    command.args(["--seconds", &args.seconds.to_string()]);
    command.args(args.target.iter().flat_map(|target| ["--target", target]));
    command.args(args.seed.map(|seed| format!("--seed={seed}")));
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "something was found, see above ({status})");
    Ok(())
}

/// Every target: each is a file.
fn targets() -> Result<Vec<String>> {
    let folder = paths::workspace().join("tests/fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut targets = Vec::new();
    for entry in entries {
        let path = entry?.path();
        targets.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

fn chosen(targets: &[String], name: Option<&str>) -> Result<Vec<String>> {
    let chosen: Vec<_> = targets.iter().filter(|target| name.is_none_or(|name| name == *target)).cloned().collect();
    if chosen.is_empty() {
        bail!("there is no such target; the targets are {}", targets.join(", "));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let targets = targets().unwrap();
        let package = paths::workspace().join("tests/fuzz");
        let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
        for target in &targets {
            let program = format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"\n");
            assert!(manifest.contains(&program), "{target} is not in the manifest");
            assert!(package.join("corpus").join(target).is_dir(), "{target} has no seeds");
        }
        assert_eq!(manifest.matches("path = \"fuzz_targets/").count(), targets.len());
        let seeds = fs::read_dir(package.join("corpus")).unwrap();
        assert_eq!(seeds.count(), targets.len(), "there are seeds of what is no target");
    }

    #[test]
    fn an_unknown_target_is_told_with_those_there_are() {
        let targets = ["json".to_owned(), "yaml".to_owned()];
        assert_eq!(chosen(&targets, Some("yaml")).unwrap(), ["yaml"]);
        assert_eq!(chosen(&targets, None).unwrap(), targets);
        assert!(chosen(&targets, Some("xml")).unwrap_err().to_string().ends_with("the targets are json, yaml"));
    }
}
