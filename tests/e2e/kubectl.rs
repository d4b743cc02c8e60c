//! kubectl, bounded.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::harness::Place;

/// kubectl as one user of one cluster.
#[derive(Clone)]
pub(crate) struct Kubectl {
    program: PathBuf,
    flags: Vec<String>,
    editor: Option<String>,
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Output {
    /// Whether it exited with 0.
    pub(crate) success: bool,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Kubectl {
    /// kubectl that knows no other configuration than this one.
    pub(crate) fn new(program: &Path, kubeconfig: &Path, cache: &Path) -> Self {
        let flags = vec![
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--cache-dir={}", cache.display()),
            "--request-timeout=30s".to_owned(),
        ];
        Self { program: program.to_path_buf(), flags, editor: None }
    }

    /// The same in a namespace.
    pub(crate) fn in_namespace(mut self, namespace: &str) -> Self {
        self.flags.push(format!("--namespace={namespace}"));
        self
    }

    /// The same at a server, be it the front or the one behind it.
    pub(crate) fn at(mut self, place: &Place) -> Self {
        self.flags.push(format!("--server={}", place.url));
        self.flags.push(format!("--certificate-authority={}", place.ca.display()));
        self
    }

    /// The same with a command that `edit` edits with.
    pub(crate) fn editing(mut self, editor: &str) -> Self {
        self.editor = Some(editor.to_owned());
        self
    }

    /// Runs a command that must succeed, and gives its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Result<String> {
        self.ok_with(arguments, "")
    }

    /// [`Kubectl::ok`] with a text on standard input.
    pub(crate) fn ok_with(&self, arguments: &[&str], input: &str) -> Result<String> {
        let output = self.run(arguments, input)?;
        ensure!(output.success, "kubectl {} failed: {}{}", arguments.join(" "), output.stdout, output.stderr);
        Ok(output.stdout)
    }

    /// Runs a command that must succeed and print JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Result<Value> {
        let text = self.ok(&[arguments, &["-o", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("kubectl {} printed no JSON: {text}", arguments.join(" ")))
    }

    /// Runs a command that must fail, and gives its standard error.
    pub(crate) fn fails(&self, arguments: &[&str], input: &str) -> Result<String> {
        let output = self.run(arguments, input)?;
        ensure!(!output.success, "kubectl {} succeeded: {}", arguments.join(" "), output.stdout);
        Ok(output.stderr)
    }

    /// Runs a command to its end, however it ends.
    ///
    /// * Errors: it cannot be started, or is still running after a minute and a half.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Result<Output> {
        let mut child = self.spawn(arguments)?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
        // A command that does not read its input closes it: no error of the test's.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let success = wait(&mut child).with_context(|| format!("kubectl {}", arguments.join(" ")))?;
        Ok(Output { success, stdout: join(stdout), stderr: join(stderr) })
    }

    /// Starts a command and leaves it running, for `get --watch`; the caller kills it.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Result<Child> {
        let mut command = Command::new(&self.program);
        command.envs(self.editor.as_ref().map(|editor| ("KUBE_EDITOR", editor)));
        command
            .args(arguments)
            .args(&self.flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.program.display()))
    }
}

/// Whether a command that was left running ends with 0.
///
/// * Errors: it is still running after a minute and a half.
pub(crate) fn ended_well(child: &mut Child) -> Result<bool> {
    wait(child)
}

fn wait(child: &mut Child) -> Result<bool> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().context("cannot wait")? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    bail!("still running after {} s", LIMIT.as_secs())
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn join(reader: JoinHandle<String>) -> String {
    reader.join().unwrap_or_default()
}

const LIMIT: Duration = Duration::from_secs(90);
