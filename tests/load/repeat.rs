//! GET a path again and again, over a number of streams at once.

use crate::client::Target;
use crate::measure::{Found, Measuring, Tally};
use crate::{LONGEST, seconds};
use anyhow::{Context as _, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// What to get.
    #[arg(long)]
    path: String,
    /// How many requests are on their way at once.
    #[arg(long, default_value_t = 32)]
    streams: usize,
    /// How many connections they share.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Ask for gzip, as kube-apiserver does for whoever asks for nothing; the answer must be long enough for it.
    #[arg(long)]
    gzip: bool,
    /// Seconds of measurement.
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// Seconds before it.
    #[arg(long, default_value = "0.5", value_parser = seconds)]
    warm_up: Duration,
}

pub(crate) async fn run(args: &Args) -> Result<Found> {
    let connections = args.target.connect(args.connections).await?;
    let (measured, stop) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let mut workers = JoinSet::new();
    for worker in 0..args.streams {
        let (mut client, path, gzip) = (connections.of(worker), args.path.clone(), args.gzip);
        let (measured, stop) = (Arc::clone(&measured), Arc::clone(&stop));
        workers.spawn(async move {
            let mut tally = Tally::default();
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let bytes = client.length(&path, gzip).await?;
                if measured.load(Ordering::Relaxed) {
                    tally.add(began, bytes);
                }
            }
            anyhow::Ok(tally)
        });
    }
    tokio::time::sleep(args.warm_up).await;
    let measuring = Measuring::begin(args.target.pid)?;
    measured.store(true, Ordering::Relaxed);
    tokio::time::sleep(args.seconds).await;
    stop.store(true, Ordering::Relaxed);
    let tallies = tokio::time::timeout(LONGEST, workers.join_all()).await.context("the server hangs")?;
    measuring.end(tallies.into_iter().collect::<Result<Vec<_>>>()?)
}
