//! Servers as processes: started on a free port, asked over TLS, stopped by their id. Every wait has an end.

#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The example server.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_kube-annex-server");

/// Longer than anything here takes, even on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A process and what it has written.
pub(crate) struct Process {
    child: Child,
    stdout: Text,
    stderr: Text,
}

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A standalone server that is ready.
pub(crate) struct Standalone {
    pub(crate) process: Process,
    pub(crate) kubeconfig: PathBuf,
}

/// What was read so far, and the thread that reads on until the process closes the other end.
struct Text {
    read: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Process {
    /// Starts a program. Its environment asks for backtraces, so that one that is printed is seen.
    pub(crate) fn start<S: AsRef<OsStr>>(binary: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(binary);
        command.args(arguments).env("RUST_BACKTRACE", "1").env_remove("RUST_LOG").env_remove("KUBECONFIG");
        command.env_remove("KUBERNETES_SERVICE_HOST").env_remove("KUBERNETES_SERVICE_PORT");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Text::follow(child.stdout.take().unwrap());
        let stderr = Text::follow(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGKILL, which no process survives or hears.
    pub(crate) fn kill(&self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
    }

    /// Kills it, and returns when nothing is left of it.
    pub(crate) fn kill_and_wait(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(self) -> Ended {
        self.ended_within(PATIENCE)
    }

    /// Waits longer, or less long, for its end.
    pub(crate) fn ended_within(mut self, patience: Duration) -> Ended {
        let status = wait_within(patience, "the process to end", || self.child.try_wait().unwrap());
        let code = status.code();
        Ended { code, stdout: self.stdout.whole(), stderr: self.stderr.whole() }
    }

    /// What it has written to standard error so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.so_far()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Text {
    fn follow(from: impl Read + Send + 'static) -> Self {
        let read = Arc::new(Mutex::new(String::new()));
        let shared = read.clone();
        let reader = std::thread::spawn(move || {
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
                shared.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { read, reader }
    }

    fn so_far(&self) -> String {
        self.read.lock().unwrap().clone()
    }

    fn whole(&self) -> String {
        wait_until("the output to end", || self.reader.is_finished().then_some(()));
        self.so_far()
    }
}

impl Standalone {
    /// Starts the example server on a free port and waits until it says that it is ready.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(Path::new(BINARY), data, &[])
    }

    /// Starts any server so, with more flags.
    pub(crate) fn start_with(binary: &Path, data: &Path, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--standalone", "--bind-address=127.0.0.1", "--secure-port=0", "--data-dir"];
        arguments.push(data.to_str().unwrap());
        arguments.extend(more);
        let mut process = Process::start(binary, arguments);
        let printed = wait_until("the two lines", || {
            let printed = process.stdout.so_far();
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}: {}", process.log());
            (printed.lines().count() == 2).then_some(printed)
        });
        let kubeconfig = printed.lines().next().and_then(|line| line.strip_prefix("export KUBECONFIG=")).unwrap();
        Self { process, kubeconfig: kubeconfig.into() }
    }

    /// Where it serves.
    pub(crate) async fn url(&self) -> http::Uri {
        self.config().await.cluster_url
    }

    /// A client with the kubeconfig that the server wrote.
    pub(crate) async fn admin(&self) -> kube::Client {
        kube::Client::try_from(self.config().await).unwrap()
    }

    /// A client that trusts the server and says nothing of itself.
    pub(crate) async fn nobody(&self) -> kube::Client {
        let mut config = self.config().await;
        config.auth_info = kube::config::AuthInfo::default();
        kube::Client::try_from(config).unwrap()
    }

    async fn config(&self) -> kube::Config {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap()
    }
}

/// The program of etcd, or a note that a test is skipped.
pub(crate) fn etcd(test: &str) -> Option<PathBuf> {
    let program = kube_annex_testkit::etcd::program();
    if program.is_none() {
        assert!(!kube_annex_testkit::etcd::required(), "there is no etcd; `cargo xtask control-plane build` makes one");
        let _ = writeln!(std::io::stderr(), "skipped: {test}: there is no etcd on this machine");
    }
    program
}

/// Runs a program to its end.
pub(crate) fn run(binary: &Path, arguments: &[&str]) -> Ended {
    Process::start(binary, arguments).ended()
}

/// Runs the example server to its end.
pub(crate) fn run_server(arguments: &[&str]) -> Ended {
    run(Path::new(BINARY), arguments)
}

/// Asks, and reads the answer as JSON; a text that is none is a JSON string.
pub(crate) async fn ask(client: &kube::Client, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    ask_for("application/json", client, method, path, body).await
}

/// Asks for a media type.
pub(crate) async fn ask_for(
    accept: &str,
    client: &kube::Client,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::ACCEPT, accept)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body))
        .unwrap();
    let exchange = async {
        let response = client.send(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes())
    };
    let (status, bytes) = tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time");
    let text = || Value::String(String::from_utf8_lossy(&bytes).into_owned());
    (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| text()))
}

/// Looks now and then until there is something to see.
pub(crate) fn wait_until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, what, look)
}

fn wait_within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(started.elapsed() < patience, "waited {patience:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
