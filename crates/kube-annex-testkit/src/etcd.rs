//! Real etcd processes on free loopback ports, alone or as a cluster. They end with whoever holds them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::PipeWriter;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The etcd of `KUBEBUILDER_ASSETS`, else the one that `cargo xtask control-plane build` last put into the cache.
pub fn program() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let in_folder = |folder: &Path| Some(folder.join("etcd")).filter(|program| program.is_file());
    if let Some(assets) = set("KUBEBUILDER_ASSETS") {
        return in_folder(&assets);
    }
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    let built = fs::read_dir(cache.join("kube-annex/control-plane")).ok()?.flatten();
    let built = built.filter_map(|folder| Some((folder.metadata().ok()?.modified().ok()?, in_folder(&folder.path())?)));
    built.max().map(|(_, program)| program)
}

/// Whether a test may not be skipped for want of an etcd.
pub fn required() -> bool {
    env::var_os("KUBE_ANNEX_REQUIRE_CONTROL_PLANE").is_some()
}

/// An etcd of one or several members.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    folder: TempDir,
}

/// One member: how it is started, and its process while it runs.
#[derive(Debug)]
struct Member {
    program: PathBuf,
    arguments: Vec<OsString>,
    port: u16,
    log: PathBuf,
    running: Option<Running>,
}

/// A process, and a small shell that kills it should this one die first.
#[derive(Debug)]
struct Running {
    process: Child,
    guard: Child,
    _held: PipeWriter,
}

impl Etcd {
    /// One member, speaking HTTP; ready when this returns.
    pub fn start(program: &Path) -> Self {
        Self::cluster(program, 1, &[])
    }

    /// So many members, with more flags for each; ready when this returns.
    pub fn cluster(program: &Path, size: usize, more: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for etcd");
        let ports = free_ports(2 * size);
        let (clients, peers) = ports.split_at(size);
        let peer = |index: usize| format!("http://127.0.0.1:{}", peers[index]);
        let all: Vec<String> = (0..size).map(|index| format!("m{index}={}", peer(index))).collect();
        let scheme = if more.iter().any(|flag| flag.starts_with("--cert-file")) { "https" } else { "http" };
        let members = (0..size).map(|index| {
            let client = format!("{scheme}://127.0.0.1:{}", clients[index]);
            let data = folder.path().join(format!("m{index}"));
            let flags = [
                format!("--name=m{index}"),
                format!("--data-dir={}", data.display()),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={}", peer(index)),
                format!("--initial-advertise-peer-urls={}", peer(index)),
                format!("--initial-cluster={}", all.join(",")),
                "--heartbeat-interval=50".to_owned(),
                "--election-timeout=500".to_owned(),
                "--log-level=warn".to_owned(),
            ];
            let arguments = flags.iter().chain(more).map(OsString::from).collect();
            let log = folder.path().join(format!("m{index}.log"));
            Member { program: program.to_owned(), arguments, port: clients[index], log, running: None }
        });
        let mut etcd = Self { members: members.collect(), folder };
        for index in 0..size {
            etcd.members[index].start();
        }
        for index in 0..size {
            etcd.ready(index);
        }
        etcd
    }

    /// The client addresses, as `--etcd-servers` takes them, without a scheme.
    pub fn addresses(&self) -> Vec<String> {
        self.members.iter().map(|member| format!("127.0.0.1:{}", member.port)).collect()
    }

    /// The folder of its data, for what belongs to it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Kills a member at once.
    pub fn kill(&mut self, member: usize) {
        self.members[member].running = None;
    }

    /// Starts a member that was killed, with its data; it accepts connections when this returns.
    pub fn start_again(&mut self, member: usize) {
        self.members[member].start();
        self.ready(member);
    }

    fn ready(&mut self, index: usize) {
        let member = &mut self.members[index];
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, member.port)).is_err() {
            let process = member.running.as_mut().map(|running| running.process.try_wait());
            let runs = matches!(process, Some(Ok(None)));
            assert!(runs && begun.elapsed() < PATIENCE, "etcd does not start: {}", member.words());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Member {
    fn start(&mut self) {
        let log = fs::File::options().create(true).append(true).open(&self.log).expect("a log for etcd");
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let process = command.spawn().expect("etcd can be started");
        let (read, held) = std::io::pipe().expect("a pipe");
        let guard = Command::new("sh")
            .args(["-c", "cat >/dev/null; kill -KILL \"$1\" 2>/dev/null", "guard", &process.id().to_string()])
            .stdin(read)
            .spawn()
            .expect("a shell");
        self.running = Some(Running { process, guard, _held: held });
    }

    fn words(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for process in [&mut self.guard, &mut self.process] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn free_ports(count: usize) -> Vec<u16> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    let listeners: Vec<TcpListener> = (0..count).map(|_| bind()).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

const PATIENCE: Duration = Duration::from_secs(30);
