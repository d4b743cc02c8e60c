//! Start a server, see when it is ready and what it needs then, and end it.

use crate::client::Target;
use crate::measure::{self, Memory};
use crate::seconds;
use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The port that it is told to listen on.
    #[arg(long)]
    port: u16,
    /// The authority of its certificate, PEM.
    #[arg(long)]
    ca: PathBuf,
    /// Seconds from being ready to the measurement of memory.
    #[arg(long, default_value = "2", value_parser = seconds)]
    settle: Duration,
    /// The program and what it is told.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Started {
    /// From its start until `/readyz` answered that it is ready.
    ready_ms: f64,
    #[serde(flatten)]
    idle: Memory,
}

/// Ends the server with its owner, however that ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) async fn run(args: &Args) -> Result<Started> {
    let (program, arguments) = args.command.split_first().context("no program")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let began = Instant::now();
    let mut server = Server(command.spawn().with_context(|| format!("cannot start {program}"))?);
    let pid = server.0.id();
    let target = Target::without_token(args.port, args.ca.clone(), pid);
    while ready(&target).await.is_err() {
        ensure!(began.elapsed() < LONGEST_START, "{program} was not ready within {LONGEST_START:?}");
        ensure!(server.0.try_wait()?.is_none(), "{program} ended by itself");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ready_ms = began.elapsed().as_secs_f64() * 1e3;
    tokio::time::sleep(args.settle).await;
    Ok(Started { ready_ms, idle: measure::memory(pid)? })
}

async fn ready(target: &Target) -> Result<u64> {
    target.connect(1).await?.of(0).length("/readyz", false).await
}

const LONGEST_START: Duration = Duration::from_mins(1);
