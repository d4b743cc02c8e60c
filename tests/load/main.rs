//! Load for an aggregated API server, ours or another, bounded in count and time. What was found goes to standard output
//! as JSON. `cargo xtask bench` drives it.

mod apply;
mod client;
mod create;
mod etcd;
mod fixed;
mod measure;
mod objects;
mod repeat;
mod start;
mod watch;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(name = "kube-annex-load", about)]
struct Cli {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// GET a path again and again.
    Repeat(repeat::Args),
    /// Create objects.
    Create(create::Args),
    /// Apply to objects, as three managers in turn.
    Apply(apply::Args),
    /// Watch a collection many times over while one of its objects changes.
    Watch(watch::Args),
    /// Start a server, and see how long it takes to be ready and what it needs then.
    Start(start::Args),
    /// Write to etcd itself, in the transactions in which an API server creates objects.
    Etcd(etcd::Args),
    /// Serve one body from memory: what the sockets and TLS alone can do.
    Fixed(fixed::Args),
}

fn main() -> ExitCode {
    let work = Cli::parse().work;
    match run(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            let _ = writeln!(std::io::stderr(), "error: {}", causes.join("\n  because: "));
            ExitCode::FAILURE
        }
    }
}

fn run(work: Work) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the asynchronous runtime")?;
    let outcome = runtime.block_on(async {
        match work {
            Work::Repeat(args) => say(&repeat::run(&args).await?),
            Work::Create(args) => say(&create::run(&args).await?),
            Work::Apply(args) => say(&apply::run(&args).await?),
            Work::Watch(args) => say(&watch::run(&args).await?),
            Work::Start(args) => say(&start::run(&args).await?),
            Work::Etcd(args) => say(&etcd::run(&args).await?),
            Work::Fixed(args) => fixed::run(&args).await,
        }
    });
    runtime.shutdown_background(); // connections that nobody needs any more
    outcome
}

fn say(found: &impl serde::Serialize) -> Result<()> {
    let line = serde_json::to_string(found)?;
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}

/// Seconds with a fraction, as the command line has them.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// The end of the longest work: a generator that is stuck ends by itself.
const LONGEST: Duration = Duration::from_mins(5);
