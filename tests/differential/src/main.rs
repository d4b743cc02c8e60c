//! One script of requests, answered by upstream's server and by ours: the answers must be equal.
//!
//! The scripts are below `scripts/`, one topic a file. Each runs on Go's sample-apiserver and on our server, first directly and then
//! through the aggregator of one kube-apiserver; those below `scripts/gadget` run on the kube-apiserver itself, which serves the
//! type as a custom resource, and on our derived type. What differs by chance is put aside ([`normal`]), what differs on purpose is
//! declared ([`differences`]).

mod answer;
mod client;
mod custom;
mod differences;
mod leaves;
mod message;
mod normal;
mod random;
mod report;
mod run;
mod script;
mod servers;
mod shrink;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use xtask::step::{note, say};

use crate::differences::Differences;
use crate::run::{Door, clear, run};
use crate::script::Script;
use crate::servers::{Backend, COLLECTIONS, GADGETS, Servers};

/// Compares our server's answers with upstream's.
#[derive(Debug, Parser)]
struct Args {
    /// Only scripts whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// How many random cases follow the scripts.
    #[arg(long, default_value_t = 0)]
    cases: usize,
    /// What the random cases are made from.
    #[arg(long)]
    seed: Option<u64>,
    /// Only random cases that are answered by these.
    #[arg(long, value_enum)]
    of: Option<random::Of>,
    /// Only the random case of this number.
    #[arg(long)]
    case: Option<usize>,
    /// Only random cases in which somebody watches.
    #[arg(long)]
    watched: bool,
    /// Where our server keeps its objects.
    #[arg(long, value_enum, default_value_t = Backend::Memory)]
    backend: Backend,
    /// Leave out what passes the aggregator.
    #[arg(long)]
    direct: bool,
    /// Our server's program [default: built by cargo].
    #[arg(long)]
    program: Option<PathBuf>,
    /// Compare as though the differences of these names were not declared.
    #[arg(long, value_delimiter = ',')]
    without: Vec<String>,
    /// Print the answers, not only what differs.
    #[arg(long)]
    show: bool,
    /// The folder of the control plane's state [default: target/differential].
    #[arg(long)]
    dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome =
        runtime.context("cannot start the asynchronous runtime").and_then(|runtime| runtime.block_on(all(&args)));
    match outcome {
        Ok(0) => ExitCode::SUCCESS,
        Ok(found) => {
            note(format!("{found} differences are not declared"));
            ExitCode::FAILURE
        }
        Err(error) => {
            note(format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs everything and gives the number of differences that nobody declared.
async fn all(args: &Args) -> Result<usize> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts = Script::all(&here.join("scripts"))?;
    let wanted = |script: &&Script| args.only.as_ref().is_none_or(|only| script.name.contains(only));
    let scripts: Vec<&Script> = scripts.iter().filter(wanted).collect();
    let differences = Differences::read(&here.join("differences.yaml"))?.without(&args.without)?;
    let dir = args.dir.clone().unwrap_or_else(|| xtask::paths::target().join("differential"));
    let servers = Servers::start(&dir, args.backend, args.program.clone()).await?;
    let outcome = compare(args, &scripts, &differences, &servers).await;
    servers.stop().await?;
    if args.only.is_none() {
        for (name, count) in differences.used() {
            say(format!("declared: {name}: {count} steps"));
        }
    }
    outcome
}

async fn compare(args: &Args, scripts: &[&Script], differences: &Differences, servers: &Servers) -> Result<usize> {
    let (upstream, ours) = (&servers.direct_upstream, &servers.direct_ours);
    let wardle: Vec<&&Script> = scripts.iter().filter(|script| !is_gadget(script)).collect();
    let mut found = 0;
    let mut steps = 0;
    for script in &wardle {
        steps += script.steps.len();
        let answers = tokio::try_join!(answers(script, upstream, COLLECTIONS), answers(script, ours, COLLECTIONS))?;
        found += judge(args, script, "direct", &answers, differences);
    }
    for script in scripts.iter().filter(|script| is_gadget(script)) {
        steps += script.steps.len();
        let (custom, gadgets) = (&servers.custom, &servers.gadgets);
        let (one, other) = tokio::try_join!(answers(script, custom, GADGETS), answers(script, gadgets, GADGETS))?;
        let common = |texts: Vec<String>| texts.iter().map(|text| custom::common(text)).collect::<Vec<_>>();
        let answers = (common(one), common(other));
        found += judge(args, script, CUSTOM, &answers, differences);
    }
    if !args.direct && !wardle.is_empty() {
        servers.register_upstream().await?;
        let mut first = Vec::new();
        for script in &wardle {
            first.push(through(script, &servers.front, upstream).await?);
        }
        servers.register_ours().await?;
        for (script, first) in wardle.iter().zip(first) {
            let second = through(script, &servers.front, ours).await?;
            let answers = (without_lengths(&first), without_lengths(&second));
            found += judge(args, script, "aggregated", &answers, differences);
        }
    }
    found += random(args, differences, servers).await?;
    say(format!("{} scripts with {steps} steps; {found} differences that are not declared", scripts.len()));
    Ok(found)
}

/// Compares histories that chance made; what differs is made small and printed as a script.
async fn random(args: &Args, declared: &Differences, servers: &Servers) -> Result<usize> {
    let seed = args.seed.unwrap_or(DEFAULT_SEED);
    let mut found = 0;
    let numbers = args.case.map_or(0..args.cases, |number| number..number + 1);
    for number in numbers {
        let case = random::case(seed, number);
        if args.of.is_some_and(|of| of != case.of) || (args.watched && !case.is_watched()) {
            continue;
        }
        if args.show {
            let (upstream, ours) = shrink::answers(&case, servers).await?;
            for ((step, upstream), ours) in case.steps.iter().zip(upstream).zip(ours) {
                say(format!("{step}\n{upstream}\n{ours}\n"));
            }
        }
        let shown = shrink::shown(&case, declared, servers).await?;
        if shown.is_empty() {
            continue;
        }
        found += 1;
        let small = shrink::smallest(case, declared, servers).await?;
        say(format!("DIFFERENT {} case {number} of --seed {seed}", small.of.name()));
        for step in &small.steps {
            say(step.to_string());
        }
        let again = shrink::shown(&small, declared, servers).await?;
        say(if again.is_empty() { format!("not again, but at first: {shown}") } else { again });
        if found == MOST_FOUND {
            note(format!("stopped at {MOST_FOUND} cases that differ, after {number}"));
            break;
        }
    }
    if args.cases > 0 {
        say(format!("{} random cases from --seed {seed}; {found} differ", args.cases));
    }
    Ok(found)
}

/// Whether the front tells the length of a stream that ends at once depends on who is faster, it or the server behind;
/// direct answers are compared with it.
fn without_lengths(answers: &[String]) -> Vec<String> {
    let told = |line: &&str| !line.starts_with("length told: ");
    answers.iter().map(|text| text.split_inclusive('\n').filter(told).collect()).collect()
}

/// How scripts run that compare our type with upstream's custom resource.
const CUSTOM: &str = "custom resource";
/// Random cases differ from run to run only where somebody asks for another seed: a failure in CI can be repeated.
const DEFAULT_SEED: u64 = 20_261_126;
/// More would tell nothing new.
const MOST_FOUND: usize = 12;

fn is_gadget(script: &Script) -> bool {
    script.name.starts_with("gadget/")
}

async fn answers(script: &Script, door: &Door, collections: &[&str]) -> Result<Vec<String>> {
    let texts = run(&script.steps, door).await;
    clear(door, collections).await.with_context(|| format!("after {}", script.name))?;
    Ok(texts)
}

/// The same through the front; what is left is cleared away behind it.
async fn through(script: &Script, front: &Door, behind: &Door) -> Result<Vec<String>> {
    let texts = run(&script.steps, front).await;
    clear(behind, COLLECTIONS).await.with_context(|| format!("after {}", script.name))?;
    Ok(texts)
}

/// Prints what differs in a script, and gives how many steps do.
fn judge(
    args: &Args,
    script: &Script,
    way: &str,
    answers: &(Vec<String>, Vec<String>),
    declared: &Differences,
) -> usize {
    let mut found = 0;
    for ((step, upstream), ours) in script.steps.iter().zip(&answers.0).zip(&answers.1) {
        let (explained, ours_explained) = declared.explained(&format!("{}/{}", script.name, step.name), upstream, ours);
        if args.show {
            say(format!("{} [{way}]\n{step}\n{upstream}\n", script.name));
        }
        if explained != ours_explained {
            found += 1;
            say(format!("DIFFERENT {}: {} [{way}]", script.name, step.name));
            say(step.to_string().chars().take(1500).collect::<String>());
            say(report::diff(&explained, &ours_explained));
        }
    }
    // After the steps comes one text more.
    let orders = (answers.0.get(script.steps.len()), answers.1.get(script.steps.len()));
    // Where it is declared that only one of them writes, the others' order is still to be the same.
    let shared = |of: Option<&String>, other: Option<&String>| {
        let other: BTreeSet<&str> = other.into_iter().flat_map(|text| text.split_whitespace()).collect();
        let names = of.into_iter().flat_map(|text| text.split_whitespace()).filter(|name| other.contains(name));
        names.collect::<Vec<_>>().join(" ")
    };
    let orders = (shared(orders.0, orders.1), shared(orders.1, orders.0));
    // Where others write to the store too, the order of what is there says it all.
    if found == 0 && way != CUSTOM && orders.0 != orders.1 {
        found += 1;
        say(format!("DIFFERENT {}: the order of all versions [{way}]", script.name));
        say(format!("    - {}\n    + {}", orders.0, orders.1));
    }
    found
}
