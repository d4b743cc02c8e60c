//! `cargo xtask bench`: Go's sample-apiserver and ours beside one etcd and one kube-apiserver, under the same load, in
//! turns, and what each needs for it as a ratio.

mod contender;
mod load;
mod machine;
mod report;
mod work;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::PostParams;

use crate::control_plane::{Binaries, ControlPlane, User};
use crate::describe;
use crate::paths;
use crate::step::{human, note, say, step, step_async};
use contender::{Backend, Contender};
use load::Load;
use report::Report;
use work::Work;

/// What `cargo xtask bench` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Short measurements, and one of each: under three minutes.
    #[arg(long)]
    quick: bool,
    /// Where our server keeps its objects; may be given several times [default: etcd and redb, with --quick etcd].
    #[arg(long, value_enum)]
    storage_backend: Vec<Backend>,
    /// Only this work; may be given several times [default: all].
    #[arg(long, value_enum, value_name = "WORK")]
    only: Vec<Work>,
    /// How often everything is measured [default: 3, with --quick 1].
    #[arg(long)]
    rounds: Option<usize>,
    /// Write the table into docs/benchmarks.md.
    #[arg(long)]
    write: bool,
    /// The profile that cargo builds our server and the load with.
    #[arg(long, default_value = "release")]
    cargo_profile: String,
    /// Measure this server of ours instead of the one that is built.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// How long and how often things are measured.
#[derive(Clone, Copy, Debug)]
struct Effort {
    rounds: usize,
    window: Duration,
    /// Changes that watchers see, all watchers together.
    deliveries: usize,
}

/// Everything that works on a measurement need.
struct Bench {
    plane: ControlPlane,
    load: Load,
    binaries: Binaries,
    server: PathBuf,
    go: Contender,
    annex: Contender,
    /// Where ours keeps its objects.
    backend: Backend,
    effort: Effort,
    works: Vec<Work>,
}

/// Measures, prints the table, and writes it if asked to.
///
/// * Errors: something cannot be built or started, or a request failed: what is measured must also be right.
pub async fn run(args: &Args) -> Result<()> {
    let began = Instant::now();
    let programs = build(&args.cargo_profile)?;
    let server = args.server.clone().unwrap_or_else(|| programs.join("kube-annex-server"));
    let contained = describe::run(&server)?.storage_backends;
    let backends = backends(args);
    for backend in &backends {
        ensure!(contained.iter().any(|name| name == backend.name()), "this server cannot use {}", backend.name());
    }
    let binaries = Binaries::find_or_build()?;
    let first = *backends.first().context("no backend is chosen")?;
    let dir = paths::target().join("bench");
    let plane = step_async("start a control plane", ControlPlane::start_durable(&binaries, &dir)).await?;
    let _guard = plane.guard()?;
    let mut bench = Bench {
        go: Contender::go(&plane, &binaries, "start")?,
        annex: Contender::annex(&plane, server.clone(), first, "start")?,
        binaries,
        server,
        load: Load::new(programs.join("kube-annex-load")),
        backend: first,
        works: if args.only.is_empty() { Work::ALL.to_vec() } else { args.only.clone() },
        effort: Effort::of(args),
        plane,
    };
    let mut text = String::new();
    let outcome = bench.measure_all(&backends, &mut text).await;
    let stopped = bench.stop().await;
    say(&text);
    outcome.and(stopped)?;
    note(format!("all of it took {}", human(began.elapsed())));
    if args.write {
        report::write(&format!("{}\n{text}", machine::describe()))?;
    }
    Ok(())
}

fn backends(args: &Args) -> Vec<Backend> {
    match args.storage_backend.as_slice() {
        [] if args.quick => vec![Backend::Etcd],
        [] => vec![Backend::Etcd, Backend::Redb],
        chosen => chosen.to_vec(),
    }
}

impl Effort {
    fn of(args: &Args) -> Self {
        let rounds = args.rounds.unwrap_or(if args.quick { 1 } else { 3 });
        let window = if args.quick { Duration::from_secs(2) } else { Duration::from_secs(5) };
        let deliveries = if args.quick { 100_000 } else { 300_000 };
        Self { rounds, window, deliveries }
    }
}

impl Bench {
    /// A table for each backend; what does not depend on it is in the first.
    async fn measure_all(&mut self, backends: &[Backend], text: &mut String) -> Result<()> {
        self.make_namespaces().await?;
        for (index, backend) in backends.iter().enumerate() {
            self.backend = *backend;
            if index > 0 {
                self.works.retain(|work| work.depends_on_backend());
            }
            if self.works.is_empty() {
                break;
            }
            let mut report = Report::default();
            let measured = self.measure(&mut report).await;
            // What was measured is worth telling even when the rest failed.
            let _ = write!(text, "Ours keeps its objects in {}:\n\n{}\n", backend.name(), report.table());
            measured?;
        }
        Ok(())
    }

    async fn make_namespaces(&self) -> Result<()> {
        let client = self.plane.client(User::Admin).await?;
        let namespaces: Api<Namespace> = Api::all(client);
        for name in [OBJECTS, CREATED, EMBEDDED] {
            let mut namespace = Namespace::default();
            namespace.metadata.name = Some(name.to_owned());
            namespaces.create(&PostParams::default(), &namespace).await.context("cannot make a namespace")?;
        }
        Ok(())
    }

    async fn measure(&mut self, report: &mut Report) -> Result<()> {
        for round in 0..self.effort.rounds {
            note(format!("round {} of {}", round + 1, self.effort.rounds));
            self.round(round, report).await?;
        }
        Ok(())
    }

    /// Fresh servers without objects of an earlier round, and each work once by both of them.
    async fn round(&mut self, round: usize, report: &mut Report) -> Result<()> {
        let place = format!("{}-{round}", self.backend.name());
        self.go = Contender::go(&self.plane, &self.binaries, &place)?;
        self.annex = Contender::annex(&self.plane, self.server.clone(), self.backend, &place)?;
        for work in self.works.clone().into_iter().filter(|work| work.is_before_start()) {
            work.measure(self, round, report).await?;
        }
        if self.works.iter().all(|work| work.is_before_start()) {
            return Ok(());
        }
        self.go.start(&self.plane, &self.load).await?;
        self.annex.start(&self.plane, &self.load).await?;
        step("fill both servers with 10,000 objects", || {
            self.go.fill(&self.load)?;
            self.annex.fill(&self.load)
        })?;
        for work in self.works.clone().into_iter().filter(|work| !work.is_before_start()) {
            work.measure(self, round, report).await?;
        }
        self.go.stop().await?;
        self.annex.stop().await
    }

    async fn stop(mut self) -> Result<()> {
        let stopped = self.go.stop().await.and(self.annex.stop().await);
        stopped.and(self.plane.stop().await)
    }
}

fn build(profile: &str) -> Result<PathBuf> {
    let mut cargo = paths::cargo();
    cargo.args(["build", "--quiet", "--profile", profile, "--package", "kube-annex-server"]);
    cargo.args(["--all-features", "--package", "kube-annex-load"]);
    step(format!("build our server and the load ({profile})"), || {
        let status = cargo.status().context("cannot run cargo")?;
        ensure!(status.success(), "cargo could not build them ({status})");
        Ok(())
    })?;
    let folder = if profile == "dev" { "debug" } else { profile };
    fs::canonicalize(paths::target().join(folder)).context("there is nothing built")
}

/// The namespace of the ten thousand.
const OBJECTS: &str = "bench";
/// That of what is created while measured.
const CREATED: &str = "bench-created";
/// That of what is created in the embedded store.
const EMBEDDED: &str = "bench-embedded";
