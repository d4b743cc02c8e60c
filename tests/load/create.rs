//! Create objects, so many at once.

use crate::client::Target;
use crate::measure::{Found, Measuring, Tally};
use crate::objects::{flunder, flunders};
use crate::{LONGEST, seconds};
use anyhow::{Context as _, Result};
use http::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The namespace to create them in.
    #[arg(long)]
    namespace: String,
    /// What their names begin with.
    #[arg(long)]
    prefix: String,
    /// How many at most.
    #[arg(long, default_value_t = 100_000)]
    count: u64,
    /// For how many seconds at most.
    #[arg(long, default_value = "300", value_parser = seconds)]
    seconds: Duration,
    /// How many clients there are.
    #[arg(long, default_value_t = 32)]
    clients: usize,
    /// How many connections they share.
    #[arg(long, default_value_t = 4)]
    connections: usize,
}

pub(crate) async fn run(args: &Args) -> Result<Found> {
    let connections = args.target.connect(args.connections).await?;
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    let measuring = Measuring::begin(args.target.pid)?;
    let end = Instant::now() + args.seconds;
    for worker in 0..args.clients {
        let (mut client, next, count) = (connections.of(worker), Arc::clone(&next), args.count);
        let (namespace, prefix) = (args.namespace.clone(), args.prefix.clone());
        workers.spawn(async move {
            let mut tally = Tally::default();
            let path = flunders(&namespace);
            while Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let object = flunder(&namespace, &format!("{prefix}-{number:06}"));
                let began = Instant::now();
                let created = client.send(Method::POST, &path, "application/json", object).await?;
                tally.add(began, created.len() as u64);
            }
            anyhow::Ok(tally)
        });
    }
    let tallies = tokio::time::timeout(LONGEST, workers.join_all()).await.context("the server hangs")?;
    measuring.end(tallies.into_iter().collect::<Result<Vec<_>>>()?)
}
