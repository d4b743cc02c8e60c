//! The works of goals, each done by both servers.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use super::contender::{Backend, Contender};
use super::load::Found;
use super::report::{Report, Row};
use super::{Bench, CREATED, EMBEDDED, OBJECTS};
use crate::process::{Daemon, Guard, free_ports};
use crate::step::step_async;
use crate::wait;

/// Something that servers do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub(super) enum Work {
    /// The size of the binary.
    Binary,
    /// From the start to being ready, and the memory then.
    Start,
    /// One object, as new as it is in the store.
    Get,
    /// One object, as new as the server has it.
    GetCached,
    /// All ten thousand objects, beside a server that sends as many bytes from memory; and the memory afterwards.
    List,
    /// A page of five hundred objects.
    ListPage,
    /// All ten thousand objects for a client that asks for gzip, as kube-apiserver does.
    ListGzip,
    /// Changes of an object that a thousand watch.
    Watch1000,
    /// Changes of an object that ten thousand watch, and the memory while they do.
    Watch10000,
    /// Applying to an object of ten kilobytes as three managers.
    Apply,
    /// New objects from 32 clients, beside transactions of etcd itself.
    Create,
    /// New objects in the embedded store, beside Go's on etcd.
    CreateEmbedded,
}

impl Work {
    /// In the order in which they are done: what makes objects comes last.
    pub(super) const ALL: [Self; 12] = [
        Self::Binary,
        Self::Start,
        Self::Get,
        Self::GetCached,
        Self::List,
        Self::ListPage,
        Self::ListGzip,
        Self::Watch1000,
        Self::Watch10000,
        Self::Apply,
        Self::Create,
        Self::CreateEmbedded,
    ];

    /// Whether it depends on where objects are kept, and on nothing but that.
    pub(super) fn depends_on_backend(self) -> bool {
        !matches!(self, Self::Binary | Self::Start | Self::CreateEmbedded)
    }

    /// Whether it is done before the two servers run.
    pub(super) fn is_before_start(self) -> bool {
        matches!(self, Self::Binary | Self::Start)
    }

    /// Measures it once with each server.
    pub(super) async fn measure(self, bench: &Bench, round: usize, report: &mut Report) -> Result<()> {
        let name = clap::ValueEnum::to_possible_value(&self);
        let name = name.map(|value| value.get_name().to_owned()).unwrap_or_default();
        step_async(name, self.measure_quietly(bench, round, report)).await
    }

    async fn measure_quietly(self, bench: &Bench, round: usize, report: &mut Report) -> Result<()> {
        match self {
            Self::Binary => binary(bench, report),
            Self::Start => start(bench, report),
            Self::Get => get(bench, report, Row::GetCpu, Row::GetRate, ""),
            Self::GetCached => get(bench, report, Row::GetCachedCpu, Row::GetCachedRate, "?resourceVersion=0"),
            Self::List => list(bench, report).await,
            Self::ListPage => list_page(bench, report),
            Self::ListGzip => list_gzip(bench, report),
            Self::Watch1000 => watch(bench, report, 1000, [Row::Watch1000Cpu, Row::Watch1000Latency]),
            Self::Watch10000 => watch(bench, report, 10_000, [Row::Watch10000Cpu, Row::Watch10000Latency]),
            Self::Apply => apply(bench, report),
            Self::Create => create(bench, round, report),
            Self::CreateEmbedded => create_embedded(bench, round, report).await,
        }
    }
}

/// A work that both servers are able to do, Go's first.
fn both(bench: &Bench, work: &str, arguments: &[String]) -> Result<[Found; 2]> {
    let run = |server: &Contender| bench.load.run(server.name, work, arguments);
    Ok([run(&bench.go)?, run(&bench.annex)?])
}

fn binary(bench: &Bench, report: &mut Report) -> Result<()> {
    let size = |server: &Contender| {
        let file = fs::metadata(server.program()).context("there is no binary")?;
        #[allow(clippy::cast_precision_loss, reason = "no binary has 2^52 bytes")]
        anyhow::Ok(file.len() as f64 / 1024.0)
    };
    report.add(Row::Binary, size(&bench.go)?, size(&bench.annex)?);
    Ok(())
}

fn start(bench: &Bench, report: &mut Report) -> Result<()> {
    let start = |server: &Contender| {
        let (command, ca) = server.command(&bench.plane)?;
        let flags = [format!("--port={}", server.port()), format!("--ca={}", ca.display()), "--".to_owned()];
        bench.load.run_alone("start", flags.into_iter().chain(command))
    };
    let (go, annex) = (start(&bench.go)?, start(&bench.annex)?);
    report.add(Row::Start, go.ready_ms, annex.ready_ms);
    report.add(Row::Idle, go.rss_kib, annex.rss_kib);
    Ok(())
}

fn get(bench: &Bench, report: &mut Report, cpu: Row, rate: Row, query: &str) -> Result<()> {
    let path = format!("--path={}/object-000500{query}", flunders());
    let [go, annex] = both(bench, "repeat", &[path, window(bench)])?;
    report.add(cpu, go.cpu_us, annex.cpu_us);
    report.add(rate, go.per_second(), annex.per_second());
    Ok(())
}

async fn list(bench: &Bench, report: &mut Report) -> Result<()> {
    let path = format!("--path={}", flunders());
    let few = ["--streams=4".to_owned(), "--connections=2".to_owned(), window(bench)];
    let arguments = [vec![path], few.to_vec()].concat();
    let [go, annex] = both(bench, "repeat", &arguments)?;
    report.add(Row::ListCpu, go.cpu_us, annex.cpu_us);
    report.add(Row::ListRate, go.megabytes_per_second(), annex.megabytes_per_second());
    report.add(Row::ListLatency, go.p50_us, annex.p50_us);
    report.add(Row::ListedMemory, go.rss_kib, annex.rss_kib);
    let fixed = fixed(bench, annex.bytes / annex.operations, &few).await?;
    report.add(Row::FixedCpu, fixed.cpu_us, annex.cpu_us);
    report.add(Row::FixedRate, fixed.megabytes_per_second(), annex.megabytes_per_second());
    Ok(())
}

/// The same load at a server that sends as many bytes from memory.
async fn fixed(bench: &Bench, size: f64, arguments: &[String]) -> Result<Found> {
    let [port] = free_ports()?;
    let pki = |end: &str| bench.plane.pki(&format!("annex{end}"));
    let mut command = Command::new(bench.load.program());
    command.args(["fixed", &format!("--port={port}"), &format!("--size={size:.0}")]);
    command.arg("--certificate").arg(pki(".crt")).arg("--key").arg(pki(".key"));
    let log = bench.plane.dir().join("fixed.log");
    let daemon = Daemon::spawn("fixed", &mut command, &[port], &log, bench.plane.dir())?;
    let _guard = Guard::over([&daemon])?;
    bench.load.aim("fixed", daemon.pid, port, &pki("-ca.crt"), "");
    let ready = wait::until("the fixed server", Duration::from_secs(10), async || {
        bench.load.run("fixed", "repeat", ["--path=/", "--seconds=0.01", "--streams=1"])
    });
    let ready = ready.await;
    let found = ready.and_then(|_| {
        let path = ["--path=/".to_owned()];
        bench.load.run("fixed", "repeat", path.iter().chain(arguments))
    });
    daemon.stop(Duration::from_millis(500)).await?;
    found
}

fn list_page(bench: &Bench, report: &mut Report) -> Result<()> {
    let path = format!("--path={}?limit=500", flunders());
    let [go, annex] = both(bench, "repeat", &[path, "--streams=8".to_owned(), window(bench)])?;
    report.add(Row::ListPageCpu, go.cpu_us, annex.cpu_us);
    Ok(())
}

fn list_gzip(bench: &Bench, report: &mut Report) -> Result<()> {
    let path = format!("--path={}", flunders());
    let few = ["--streams=4".to_owned(), "--connections=2".to_owned(), "--gzip".to_owned()];
    let [go, annex] = both(bench, "repeat", &[vec![path, window(bench)], few.to_vec()].concat())?;
    report.add(Row::ListGzipCpu, go.cpu_us, annex.cpu_us);
    Ok(())
}

fn watch(bench: &Bench, report: &mut Report, watchers: usize, [cpu, latency]: [Row; 2]) -> Result<()> {
    let events = bench.effort.deliveries / watchers;
    let arguments = [format!("--namespace={OBJECTS}"), format!("--watchers={watchers}"), format!("--events={events}")];
    let [go, annex] = both(bench, "watch", &arguments)?;
    report.add(cpu, go.cpu_us, annex.cpu_us);
    report.add(latency, go.p99_us, annex.p99_us);
    if watchers >= 10_000 {
        report.add(Row::WatchBegin, go.begin_cpu_us, annex.begin_cpu_us);
        report.add(Row::WatchedMemory, go.watching.rss_kib, annex.watching.rss_kib);
    }
    Ok(())
}

fn apply(bench: &Bench, report: &mut Report) -> Result<()> {
    let seconds = window(bench);
    let [go, annex] =
        both(bench, "apply", &[format!("--namespace={CREATED}"), "--prefix=applied".to_owned(), seconds])?;
    report.add(Row::ApplyCpu, go.cpu_us, annex.cpu_us);
    report.add(Row::ApplyRate, go.per_second(), annex.per_second());
    Ok(())
}

fn create(bench: &Bench, round: usize, report: &mut Report) -> Result<()> {
    let arguments = [format!("--namespace={CREATED}"), format!("--prefix=created-{round}"), window(bench)];
    let [go, annex] = both(bench, "create", &arguments)?;
    report.add(Row::CreateCpu, go.cpu_us, annex.cpu_us);
    report.add(Row::CreateRate, go.per_second(), annex.per_second());
    if bench.backend == Backend::Etcd {
        let etcd = etcd(bench, round)?;
        report.add(Row::EtcdRate, etcd.per_second(), annex.per_second());
    }
    Ok(())
}

fn etcd(bench: &Bench, round: usize) -> Result<Found> {
    let port = bench.plane.etcd().rsplit(':').next().context("etcd without a port")?;
    let pid = bench.plane.pid_of("etcd").context("etcd does not run")?;
    let prefix = format!("--prefix=/bench/raw/{round}");
    bench.load.run_alone("etcd", [format!("--port={port}"), format!("--pid={pid}"), prefix, window(bench)])
}

async fn create_embedded(bench: &Bench, round: usize, report: &mut Report) -> Result<()> {
    let mut embedded = Contender::embedded(&bench.plane, bench.annex.program().clone())?;
    let arguments = [format!("--namespace={EMBEDDED}"), format!("--prefix=embedded-{round}"), window(bench)];
    let go = bench.load.run(bench.go.name, "create", &arguments)?;
    // For a moment the load's name for our server is another one's.
    embedded.start(&bench.plane, &bench.load).await?;
    let annex = bench.load.run(embedded.name, "create", &arguments);
    let stopped = embedded.stop().await;
    bench.annex.aim(&bench.plane, &bench.load);
    let annex = annex?;
    stopped?;
    report.add(Row::EmbeddedCpu, go.cpu_us, annex.cpu_us);
    report.add(Row::EmbeddedRate, go.per_second(), annex.per_second());
    Ok(())
}

fn flunders() -> String {
    format!("/apis/wardle.example.com/v1alpha1/namespaces/{OBJECTS}/flunders")
}

fn window(bench: &Bench) -> String {
    format!("--seconds={}", bench.effort.window.as_secs_f64())
}
