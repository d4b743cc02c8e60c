//! What work costs: the server's processor time and memory as the system counts them, and how long answers took.

use anyhow::{Context as _, Result};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    /// How often the work was done.
    operations: u64,
    /// Bytes of answers.
    bytes: u64,
    seconds: f64,
    /// Microseconds of the server's processor time, per operation.
    cpu_us: f64,
    /// Microseconds from request to answer: of half of them at most, and so on.
    p50_us: u32,
    p90_us: u32,
    p99_us: u32,
    max_us: u32,
    /// KiB of the server afterwards.
    rss_kib: u64,
    pss_kib: u64,
}

/// A measurement that runs.
pub(crate) struct Measuring {
    pid: u32,
    cpu: Duration,
    started: Instant,
}

/// What one worker did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) bytes: u64,
    latencies: Vec<u32>,
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    /// Resident.
    pub(crate) rss_kib: u64,
    /// Resident, what is shared with others counted in part.
    pub(crate) pss_kib: u64,
}

impl Measuring {
    pub(crate) fn begin(pid: u32) -> Result<Self> {
        Ok(Self { pid, cpu: cpu(pid)?, started: Instant::now() })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// * Errors: nothing was done, or the process is gone.
    pub(crate) fn end(self, tallies: impl IntoIterator<Item = Tally>) -> Result<Found> {
        let seconds = self.started.elapsed().as_secs_f64();
        let cpu = cpu(self.pid)?.saturating_sub(self.cpu);
        let mut total = Tally::default();
        for tally in tallies {
            total.operations += tally.operations;
            total.bytes += tally.bytes;
            total.latencies.extend(tally.latencies);
        }
        anyhow::ensure!(total.operations > 0, "nothing was done");
        total.latencies.sort_unstable();
        let Memory { rss_kib, pss_kib } = memory(self.pid)?;
        #[allow(clippy::cast_precision_loss, reason = "a count of operations is far below 2^52")]
        let operations = total.operations as f64;
        Ok(Found {
            operations: total.operations,
            bytes: total.bytes,
            seconds,
            cpu_us: cpu.as_secs_f64() * 1e6 / operations,
            p50_us: quantile(&total.latencies, 50),
            p90_us: quantile(&total.latencies, 90),
            p99_us: quantile(&total.latencies, 99),
            max_us: quantile(&total.latencies, 100),
            rss_kib,
            pss_kib,
        })
    }
}

impl Tally {
    pub(crate) fn add(&mut self, began: Instant, bytes: u64) {
        self.operations += 1;
        self.bytes += bytes;
        self.record(began.elapsed());
    }

    pub(crate) fn record(&mut self, took: Duration) {
        if self.latencies.len() < MOST_LATENCIES {
            self.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }
}

/// Of sorted values, the one below which so many of a hundred are.
fn quantile(sorted: &[u32], percent: usize) -> u32 {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// The processor time of a process, of its user and of the system for it, in units of 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the server is gone")?;
    // The second field is the program's name, which may hold blanks.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>();
    Ok(Duration::from_millis(ticks.context("not the line of a process")? * 1000 / TICKS_PER_SECOND))
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).context("the server is gone")?;
    let find = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim().trim_end_matches(" kB").parse::<u64>().with_context(|| format!("there is no {name}"))
    };
    Ok(Memory { rss_kib: find("Rss:")?, pss_kib: find("Pss:")? })
}

/// `USER_HZ`, which is this on all of Linux that matters here.
const TICKS_PER_SECOND: u64 = 100;
/// Per worker.
const MOST_LATENCIES: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_values() {
        let sorted: Vec<u32> = (0..200).collect();
        assert_eq!([50, 99, 100].map(|percent| quantile(&sorted, percent)), [100, 198, 199]);
        assert_eq!(quantile(&[], 50), 0);
    }

    #[test]
    fn this_process_has_memory_and_uses_its_processor() {
        let pid = std::process::id();
        let before = cpu(pid).unwrap();
        let began = Instant::now();
        while cpu(pid).unwrap() == before {
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        let memory = memory(pid).unwrap();
        assert!(memory.rss_kib >= memory.pss_kib && memory.pss_kib > 0);
    }
}
