//! `cargo xtask bench`: Go's sample-apiserver and ours beside one etcd and one kube-apiserver, under the same load, in
//! turns, and what each needs for it as a ratio.

mod contender;
mod load;
mod machine;
mod report;
mod work;

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
    /// Where our server keeps its objects [default: etcd if it can, else memory].
    #[arg(long, value_enum)]
    storage_backend: Option<Backend>,
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
    go: Contender,
    annex: Contender,
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
    let backends = describe::run(&server)?.storage_backends;
    let backend = args.storage_backend.unwrap_or_else(|| Backend::best_of(&backends));
    ensure!(backends.iter().any(|name| name == backend.name()), "this server cannot use {}", backend.name());
    let binaries = Binaries::find_or_build()?;
    let dir = paths::target().join("bench");
    let effort = Effort::of(args);
    let plane = step_async("start a control plane", ControlPlane::start_durable(&binaries, &dir)).await?;
    let _guard = plane.guard()?;
    let mut bench = Bench {
        go: Contender::go(&plane, &binaries)?,
        annex: Contender::annex(&plane, server, backend)?,
        load: Load::new(programs.join("kube-annex-load")),
        works: if args.only.is_empty() { Work::ALL.to_vec() } else { args.only.clone() },
        effort,
        plane,
    };
    let mut report = Report::default();
    let outcome = bench.measure(&mut report).await;
    let stopped = bench.stop().await;
    outcome.and(stopped)?;
    let text = report.table();
    say(&text);
    note(format!("all of it took {}", human(began.elapsed())));
    if args.write {
        report::write(&format!("{}\n{text}", machine::describe(backend)))?;
    }
    Ok(())
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
    async fn measure(&mut self, report: &mut Report) -> Result<()> {
        let client = self.plane.client(User::Admin).await?;
        let namespaces: Api<Namespace> = Api::all(client);
        for name in [OBJECTS, CREATED, EMBEDDED] {
            let mut namespace = Namespace::default();
            namespace.metadata.name = Some(name.to_owned());
            namespaces.create(&PostParams::default(), &namespace).await.context("cannot make a namespace")?;
        }
        for round in 0..self.effort.rounds {
            note(format!("round {} of {}", round + 1, self.effort.rounds));
            self.round(round, report).await?;
        }
        Ok(())
    }

    /// Fresh servers, and each work once by both of them.
    async fn round(&mut self, round: usize, report: &mut Report) -> Result<()> {
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
