//! Server-side apply: each client has an object of ten kilobytes, to which three managers apply in turn.

use crate::client::Target;
use crate::measure::{Found, Measuring, Tally};
use crate::objects::{applied, flunders};
use crate::{LONGEST, seconds};
use anyhow::{Context as _, Result};
use http::Method;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The namespace of the objects.
    #[arg(long)]
    namespace: String,
    /// What their names begin with.
    #[arg(long)]
    prefix: String,
    /// For how many seconds.
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// How many clients there are.
    #[arg(long, default_value_t = 8)]
    clients: usize,
}

pub(crate) async fn run(args: &Args) -> Result<Found> {
    let connections = args.target.connect(args.clients.min(4)).await?;
    let clients = (0..args.clients).map(|client| (connections.of(client), format!("{}-{client}", args.prefix)));
    let mut clients: Vec<_> = clients.collect();
    for (client, name) in &mut clients {
        for manager in 0..MANAGERS {
            let path = path(&args.namespace, name, manager);
            client.send(Method::PATCH, &path, APPLY, applied(&args.namespace, name, manager, 0)).await?;
        }
    }
    let measuring = Measuring::begin(args.target.pid)?;
    let end = Instant::now() + args.seconds;
    let mut workers = JoinSet::new();
    for (mut client, name) in clients {
        let namespace = args.namespace.clone();
        workers.spawn(async move {
            let mut tally = Tally::default();
            let mut round = 1;
            while Instant::now() < end {
                for manager in 0..MANAGERS {
                    let (path, body) = (path(&namespace, &name, manager), applied(&namespace, &name, manager, round));
                    let began = Instant::now();
                    let answer = client.send(Method::PATCH, &path, APPLY, body).await?;
                    tally.add(began, answer.len() as u64);
                }
                round += 1;
            }
            anyhow::Ok(tally)
        });
    }
    let tallies = tokio::time::timeout(LONGEST, workers.join_all()).await.context("the server hangs")?;
    measuring.end(tallies.into_iter().collect::<Result<Vec<_>>>()?)
}

fn path(namespace: &str, name: &str, manager: usize) -> String {
    format!("{}/{name}?fieldManager=manager-{manager}", flunders(namespace))
}

const MANAGERS: usize = 3;
const APPLY: &str = "application/apply-patch+yaml";
