//! The processes of this machine, read from `/proc` whenever somebody asks.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube_annex::handlers::Call;
use kube_annex::options::ListOptions;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;

/// A process of the machine that the server runs on.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "host.example.com",
    version = "v1alpha1",
    plural = "processinfos",
    short_names("proc"),
    scope = Cluster,
    verbs(get, list),
    columns(
        (name = "Command", path = ".status.command", type = string),
        (name = "CPU Seconds", path = ".status.cpuSeconds", type = number),
        (name = "Memory KiB", path = ".status.residentKibibytes", type = integer),
        (name = "Age", path = ".metadata.creationTimestamp", type = date),
    ),
)]
pub struct ProcessInfo {
    metadata: ObjectMeta,
    /// What the kernel says of the process.
    status: ProcessStatus,
}

/// What the kernel says of a process.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// The process id, which is also the object's name.
    pid: i32,
    /// The command's name, at most 15 bytes of it.
    command: String,
    /// Processor time spent in user and kernel mode, in seconds.
    cpu_seconds: f64,
    /// Memory that is not swapped out, in KiB.
    resident_kibibytes: i64,
}

/// Reads `/proc`. Where there is none, there are no processes.
#[derive(Clone, Copy, Debug)]
pub struct Proc;

impl ProcessInfoHandlers for Proc {
    async fn get(&self, _: &Call, name: &str) -> Result<ProcessInfo, Status> {
        let pid = name.parse().ok().filter(|pid: &i32| pid.to_string() == name);
        let process = match pid {
            Some(pid) => blocking(move || Ok(read(pid, boot_time()).ok())).await?,
            None => None,
        };
        process.ok_or_else(|| Status::not_found(&ProcessInfo::DESCRIPTOR.group_resource(), name))
    }

    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<ProcessInfo>, Status> {
        blocking(read_all).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await.map_err(Status::internal)?;
    done.map_err(|error| Status::internal(format_args!("/proc cannot be read: {error}")))
}

fn read_all() -> io::Result<Vec<ProcessInfo>> {
    let entries = match fs::read_dir("/proc") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let boot_time = boot_time();
    // A process may be gone by the time it is read: it is then no longer one of the machine's.
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| read(pid, boot_time).ok())
        .collect())
}

/// The kernel counts time in ticks of this length, whatever the machine.
const TICKS_PER_SECOND: i64 = 100;

const KIBIBYTES_PER_PAGE: i64 = 4;

fn read(pid: i32, boot_time: Option<i64>) -> io::Result<ProcessInfo> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (started, status) = parse(pid, &stat).ok_or(io::ErrorKind::InvalidData)?;
    let started = boot_time.and_then(|boot| jiff::Timestamp::from_second(boot + started).ok());
    Ok(ProcessInfo {
        metadata: ObjectMeta {
            name: Some(pid.to_string()),
            creation_timestamp: started.map(Time),
            ..ObjectMeta::default()
        },
        status,
    })
}

/// The seconds from boot to the start of the process, and what else its stat line says: proc(5).
fn parse(pid: i32, stat: &str) -> Option<(i64, ProcessStatus)> {
    // The command is in parentheses and may itself contain any of them.
    let (_, rest) = stat.split_once('(')?;
    let (command, rest) = rest.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<i64>().ok();
    let ticks = number(11)? + number(12)?;
    #[allow(clippy::cast_precision_loss, reason = "ticks stay far below 2^52")]
    let cpu_seconds = ticks as f64 / TICKS_PER_SECOND as f64;
    let status = ProcessStatus {
        pid,
        command: command.to_owned(),
        cpu_seconds,
        resident_kibibytes: number(21)? * KIBIBYTES_PER_PAGE,
    };
    Some((number(19)? / TICKS_PER_SECOND, status))
}

/// When the machine was started, in seconds since 1970.
fn boot_time() -> Option<i64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_even_when_the_command_has_parentheses() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 0 0 0 0 150 50 0 0 20 0 1 0 1000 1000000 256 0";
        let (started, status) = parse(42, stat).unwrap();
        assert_eq!((started, status.command.as_str(), status.resident_kibibytes), (10, "a (b) c", 1024));
        assert!((status.cpu_seconds - 2.0).abs() < f64::EPSILON);
        assert!(parse(42, "42 (short) S 1").is_none());
    }

    #[tokio::test]
    async fn this_very_process_is_listed_and_can_be_got() {
        let own = std::process::id().to_string();
        let all = Proc.list(&Call::default(), &ListOptions::default()).await.unwrap();
        assert!(all.iter().any(|process| process.metadata.name.as_deref() == Some(&own)));
        assert_eq!(Proc.get(&Call::default(), &own).await.unwrap().status.pid.to_string(), own);
        for name in ["0", "01", "x", "-1"] {
            assert_eq!(Proc.get(&Call::default(), name).await.unwrap_err().code, 404, "{name}");
        }
    }
}
