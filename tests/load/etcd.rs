//! Writes to etcd itself: the most that a server which keeps its objects there can reach.
//!
//! One call of one service needs no gRPC library: it is a POST of a length and a message.

use crate::measure::{Found, Measuring, Tally};
use crate::objects::flunder;
use crate::{LONGEST, seconds};
use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// etcd's port for clients on this machine, without TLS.
    #[arg(long)]
    port: u16,
    /// etcd's process.
    #[arg(long)]
    pid: u32,
    /// What the keys begin with.
    #[arg(long)]
    prefix: String,
    /// For how many seconds.
    #[arg(long, default_value = "3", value_parser = seconds)]
    seconds: Duration,
    /// How many clients there are.
    #[arg(long, default_value_t = 32)]
    clients: usize,
}

pub(crate) async fn run(args: &Args) -> Result<Found> {
    let stream = TcpStream::connect(("127.0.0.1", args.port)).await.context("cannot connect")?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let mut connections = JoinSet::new();
    connections.spawn(async move { drop(connection.await) });
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    let measuring = Measuring::begin(args.pid)?;
    let end = Instant::now() + args.seconds;
    for _ in 0..args.clients {
        let (mut sender, next, prefix, port) = (sender.clone(), Arc::clone(&next), args.prefix.clone(), args.port);
        workers.spawn(async move {
            let mut tally = Tally::default();
            while Instant::now() < end {
                let name = format!("{:06}", next.fetch_add(1, Ordering::Relaxed));
                let transaction = creation(format!("{prefix}/{name}"), flunder("default", &name));
                let began = Instant::now();
                create(&mut sender, port, &transaction).await?;
                tally.add(began, 0);
            }
            anyhow::Ok(tally)
        });
    }
    let tallies = tokio::time::timeout(LONGEST, workers.join_all()).await.context("etcd hangs")?;
    measuring.end(tallies.into_iter().collect::<Result<Vec<_>>>()?)
}

/// If the key is not there, it is put.
fn creation(key: String, value: Bytes) -> Transaction {
    let key = Bytes::from(key);
    let compare = Compare { target: TARGET_MOD, key: key.clone() };
    let put = Operation { put: Some(Put { key, value }) };
    Transaction { compare: vec![compare], success: vec![put] }
}

async fn create(sender: &mut SendRequest<Full<Bytes>>, port: u16, transaction: &Transaction) -> Result<()> {
    let mut body = BytesMut::with_capacity(2048);
    body.put_u8(0); // not compressed
    body.put_u32(u32::try_from(transaction.encoded_len())?);
    transaction.encode(&mut body)?;
    let request = Request::post(format!("http://127.0.0.1:{port}/etcdserverpb.KV/Txn"))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .body(Full::new(body.freeze()))?;
    sender.ready().await.context("the connection is closed")?;
    let response = sender.send_request(request).await.context("no answer")?;
    let head = failure(response.headers());
    let answer = response.into_body().collect().await.context("the answer broke off")?;
    let failure = head.or_else(|| answer.trailers().and_then(failure));
    ensure!(failure.is_none(), "etcd failed: {}", failure.unwrap_or_default());
    let answer = answer.to_bytes();
    let answer = Outcome::decode(answer.get(5..).context("an answer without a message")?)?;
    ensure!(answer.succeeded, "a key was there already");
    Ok(())
}

fn failure(headers: &HeaderMap) -> Option<String> {
    let status = headers.get("grpc-status")?.to_str().unwrap_or("?");
    let message = headers.get("grpc-message").and_then(|message| message.to_str().ok()).unwrap_or_default();
    (status != "0").then(|| format!("{status} {message}"))
}

const TARGET_MOD: i32 = 2;

#[derive(Clone, PartialEq, prost::Message)]
struct Transaction {
    #[prost(message, repeated, tag = "1")]
    compare: Vec<Compare>,
    #[prost(message, repeated, tag = "2")]
    success: Vec<Operation>,
}

/// The result asked for is equality, and the revision zero: both are what is meant when nothing is said.
#[derive(Clone, PartialEq, prost::Message)]
struct Compare {
    #[prost(int32, tag = "2")]
    target: i32,
    #[prost(bytes = "bytes", tag = "3")]
    key: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Operation {
    #[prost(message, optional, tag = "2")]
    put: Option<Put>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Put {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Outcome {
    #[prost(bool, tag = "2")]
    succeeded: bool,
}
