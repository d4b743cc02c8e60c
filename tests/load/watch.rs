//! Many watchers of one collection, an object of which changes.

use crate::client::{Client, Target};
use crate::measure::{self, Found, Measuring, Memory, Tally};
use crate::objects::{flunder, flunders};
use crate::{LONGEST, seconds};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The namespace to watch.
    #[arg(long)]
    namespace: String,
    /// The object that changes; made if need be.
    #[arg(long, default_value = "watched")]
    name: String,
    /// How many watchers there are.
    #[arg(long)]
    watchers: usize,
    /// How many of them share a connection.
    #[arg(long, default_value_t = 1000)]
    per_connection: usize,
    /// How often the object changes.
    #[arg(long)]
    events: usize,
    /// How many changes the slowest watcher may be behind the writer, so that nobody is cut off for being slow.
    #[arg(long, default_value_t = 5)]
    ahead: usize,
    /// Seconds between the last watcher's start and the measurement of memory.
    #[arg(long, default_value = "1", value_parser = seconds)]
    settle: Duration,
}

/// What was found. An operation is an event that a watcher has received.
#[derive(Debug, Serialize)]
pub(crate) struct Watched {
    #[serde(flatten)]
    delivered: Found,
    /// Microseconds of the server's processor time to begin a watch.
    begin_cpu_us: f64,
    /// Before the first watcher came.
    before: Memory,
    /// While all watch and nothing happens.
    watching: Memory,
}

/// What watchers and the writer share.
struct Progress {
    /// When each change was sent.
    sent: Vec<OnceLock<Instant>>,
    delivered: AtomicU64,
    news: Notify,
}

pub(crate) async fn run(args: &Args) -> Result<Watched> {
    let apart = args.target.connect(1).await?;
    let mut writer = apart.of(0);
    let collection = flunders(&args.namespace);
    let object = format!("{collection}/{}", args.name);
    if writer.length(&object, false).await.is_err() {
        let body = flunder(&args.namespace, &args.name);
        writer.send(Method::POST, &collection, "application/json", body).await?;
    }
    let list = writer.send(Method::GET, &format!("{collection}?limit=1"), "", Bytes::new()).await?;
    let list: Value = serde_json::from_slice(&list).context("the list is no JSON")?;
    let revision = list["metadata"]["resourceVersion"].as_str().context("a list without resourceVersion")?;

    let connections = args.target.connect(args.watchers.div_ceil(args.per_connection)).await?;
    let before = measure::memory(args.target.pid)?;
    let cpu_before = measure::cpu(args.target.pid)?;
    let path = format!("{collection}?watch=true&resourceVersion={revision}&timeoutSeconds=600");
    let clients = (0..args.watchers).map(|watcher| connections.of(watcher)).collect();
    let bodies = begin(clients, &path).await?;
    tokio::time::sleep(args.settle).await;
    let watching = measure::memory(args.target.pid)?;
    let begun = measure::cpu(args.target.pid)?.saturating_sub(cpu_before);

    let sent = (0..args.events).map(|_| OnceLock::new()).collect();
    let progress = Arc::new(Progress { sent, delivered: AtomicU64::new(0), news: Notify::new() });
    let mut watchers = JoinSet::new();
    for (number, body) in bodies.into_iter().enumerate() {
        watchers.spawn(follow(body, Arc::clone(&progress), number % TIMED_OF == 0));
    }
    let measuring = Measuring::begin(args.target.pid)?;
    let writing = write(&mut writer, &object, args, &progress);
    tokio::time::timeout(LONGEST, writing).await.context("the server hangs")??;
    let took = measuring.elapsed();
    let tallies = tokio::time::timeout(LONGEST, watchers.join_all()).await.context("watchers hang")?;
    let delivered = measuring.end(tallies.into_iter().collect::<Result<Vec<_>>>()?)?;
    ensure!(took < LONGEST, "it took longer than anybody waits");
    #[allow(clippy::cast_precision_loss, reason = "a count of watchers is far below 2^52")]
    let begin_cpu_us = begun.as_secs_f64() * 1e6 / args.watchers as f64;
    Ok(Watched { delivered, begin_cpu_us, before, watching })
}

/// Starts the watches, a hundred at a time, and returns their bodies.
async fn begin(clients: Vec<Client>, path: &str) -> Result<Vec<Incoming>> {
    let mut bodies = Vec::with_capacity(clients.len());
    let mut starting = JoinSet::new();
    for mut client in clients {
        if starting.len() >= BEGIN_AT_ONCE
            && let Some(begun) = starting.join_next().await
        {
            bodies.push(begun.context("a watcher's task")??);
        }
        let path = path.to_owned();
        starting.spawn(async move {
            let response = client.begin(Method::GET, &path, "", Bytes::new()).await?;
            ensure!(response.status() == StatusCode::OK, "a watch was answered with {}", response.status());
            anyhow::Ok(response.into_body())
        });
    }
    for begun in starting.join_all().await {
        bodies.push(begun?);
    }
    Ok(bodies)
}

/// Reads until every change has come.
async fn follow(mut body: Incoming, progress: Arc<Progress>, timed: bool) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut seen = 0;
    while seen < progress.sent.len() {
        let Some(frame) = body.frame().await else { bail!("a watch ended after {seen} events") };
        let frame = frame.context("a watch broke off")?;
        let Some(data) = frame.data_ref() else { continue };
        let lines = memchr::memchr_iter(b'\n', data).count();
        tally.bytes += data.len() as u64;
        for line in seen..(seen + lines).min(progress.sent.len()) {
            tally.operations += 1;
            if let Some(sent) = progress.sent[line].get().filter(|_| timed) {
                tally.record(sent.elapsed());
            }
        }
        seen += lines;
        progress.delivered.fetch_add(lines as u64, Ordering::Relaxed);
        progress.news.notify_one();
    }
    Ok(tally)
}

/// Changes the object again and again, and waits until the last change has come everywhere.
async fn write(writer: &mut Client, object: &str, args: &Args, progress: &Progress) -> Result<()> {
    let everywhere = |changes: usize| (changes * args.watchers) as u64;
    for change in 0..args.events {
        arrived(progress, everywhere(change.saturating_sub(args.ahead))).await;
        // A change that changes nothing would be no event.
        let patch = format!(r#"{{"metadata":{{"labels":{{"round":"{}-{change}"}}}}}}"#, args.watchers);
        let _ = progress.sent[change].set(Instant::now()); // each is set once
        writer.send(Method::PATCH, object, "application/merge-patch+json", patch.into()).await?;
    }
    arrived(progress, everywhere(args.events)).await;
    Ok(())
}

async fn arrived(progress: &Progress, count: u64) {
    while progress.delivered.load(Ordering::Relaxed) < count {
        progress.news.notified().await;
    }
}

const BEGIN_AT_ONCE: usize = 100;
/// Of so many watchers one takes the time of what it receives.
const TIMED_OF: usize = 20;
