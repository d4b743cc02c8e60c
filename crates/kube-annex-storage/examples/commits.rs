//! How fast a folder takes creations and is opened again: `cargo run --release --example commits --features redb --
//! <folder> <writers> <creations> <bytes>`. The folder must be empty.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement ends when something is wrong, and prints")]

use bytes::Bytes;
use kube_annex_storage::redb::Redb;
use kube_annex_storage::{Prefix, Storage as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let mut number = |usual| arguments.next().map_or(usual, |text| text.parse::<u32>().expect("a number"));
    let (writers, creations, size) = (number(32), number(50_000), number(760));
    let store = Arc::new(Redb::open(&folder).unwrap());
    let next = Arc::new(AtomicU32::new(0));
    let value = Bytes::from(vec![b'x'; size as usize]);
    let (started, busy) = (Instant::now(), cpu());
    let writers = (0..writers).map(|_| {
        let (store, next, value) = (store.clone(), next.clone(), value.clone());
        #[allow(clippy::disallowed_methods, reason = "there is no server to spawn through")]
        tokio::spawn(async move {
            let mut waits = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= creations {
                    return waits;
                }
                let key = Prefix::of_resource("example.com", "widgets").in_namespace("default").key(&name(number));
                let asked = Instant::now();
                store.create(&key, value.clone()).await.unwrap();
                waits.push(asked.elapsed());
            }
        })
    });
    let mut waits = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        waits.extend(writer.await.unwrap());
    }
    let (took, busy) = (started.elapsed(), cpu().saturating_sub(busy));
    waits.sort_unstable();
    let at = |share: usize| waits[(waits.len() - 1) * share / 100];
    println!(
        "{creations} creations of {size} bytes in {took:.2?}: {:.0}/s, {:.1} us of CPU each; p50 {:.2?}, p99 {:.2?}",
        f64::from(creations) / took.as_secs_f64(),
        busy.as_secs_f64() * 1e6 / f64::from(creations),
        at(50),
        at(99),
    );
    let closing = Instant::now();
    drop(store);
    println!("closed in {:.2?}", closing.elapsed());
    let opening = Instant::now();
    let store = Redb::open(&folder).unwrap();
    let file = std::fs::metadata(std::path::Path::new(&folder).join("store.redb")).unwrap().len();
    println!("opened again in {:.2?}: {file} bytes of file, {} bytes resident", opening.elapsed(), resident());
    drop(store);
}

/// Names that do not come in order.
fn name(number: u32) -> String {
    format!("{:08x}", number.wrapping_mul(2_654_435_761))
}

/// The CPU time of this process.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
