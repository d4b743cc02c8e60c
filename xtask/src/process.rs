//! Processes that outlive the command that started them, known by their pid.

use std::fs::{self, File};
use std::io::{PipeWriter, pipe};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, test_kill_process, waitpid};
use serde::{Deserialize, Serialize};

use crate::wait;

/// A process in the background, and what it takes to stop it later.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Daemon {
    /// What people call it.
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// The loopback ports it listens on, free again once it has stopped.
    pub ports: Vec<u16>,
    /// Where its output goes.
    pub log: PathBuf,
    /// Text in its command line that tells it from a stranger who was given the same pid later.
    marker: String,
}

impl Daemon {
    /// Starts `command` in a process group of its own, its output appended to `log`.
    ///
    /// * Shape: `marker` is text that the command line contains and others do not, such as a folder's name.
    /// * Errors: the program or the log cannot be opened.
    pub fn spawn(name: &str, command: &mut Command, ports: &[u16], log: &Path, marker: &Path) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log);
        let out = out.with_context(|| format!("cannot write the log {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(out.try_clone().context("cannot share the log")?)
            .stderr(out)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name} ({})", command.get_program().display()))?;
        let pid = i32::try_from(child.id()).context("a pid that is no pid")?;
        let marker = marker.display().to_string();
        Ok(Self { name: name.to_owned(), pid, ports: ports.to_vec(), log: log.to_path_buf(), marker })
    }

    /// Whether it still runs. A process that ended is reaped if it is ours.
    pub fn is_running(&self) -> bool {
        let Some(pid) = self.id() else { return false };
        let reaped = matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(Some(_)));
        !reaped && test_kill_process(pid).is_ok() && self.is_the_one_we_started()
    }

    /// Fails with the end of its log if it no longer runs.
    pub fn ensure_running(&self) -> Result<()> {
        ensure!(self.is_running(), "{} ended; the end of {}:\n{}", self.name, self.log.display(), tail(&self.log));
        Ok(())
    }

    /// Asks it to stop, and kills it when `grace` has passed; then waits until its ports are free.
    ///
    /// * Errors: it is still there, or a port is still taken, ten seconds after being killed.
    pub async fn stop(&self, grace: Duration) -> Result<()> {
        self.signal(Signal::TERM);
        if wait::until(&self.name, grace, async || self.ensure_gone()).await.is_err() {
            self.signal(Signal::KILL);
            wait::until(&self.name, Duration::from_secs(10), async || self.ensure_gone()).await?;
        }
        wait::until(&format!("the ports of {}", self.name), Duration::from_secs(10), async || {
            self.ports.iter().try_for_each(|port| ensure_free(*port))
        })
        .await
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.id().filter(|_| self.is_running()) {
            // It may end by itself between the two lines: the wait that follows decides.
            let _ = kill_process(pid, signal);
        }
    }

    fn ensure_gone(&self) -> Result<()> {
        ensure!(!self.is_running(), "pid {} still runs", self.pid);
        Ok(())
    }

    fn id(&self) -> Option<Pid> {
        Pid::from_raw(self.pid)
    }

    /// Pids are used again. Where the system shows command lines, ours must still be there.
    fn is_the_one_we_started(&self) -> bool {
        let proc = PathBuf::from(format!("/proc/{}", self.pid));
        match (fs::read(proc.join("cmdline")), fs::read_to_string(proc.join("stat"))) {
            // Just after its start the line is still empty; so it is for a zombie that nobody reaps.
            (Ok(line), Ok(stat)) if line.is_empty() => !is_dead(&stat),
            (Ok(line), _) => String::from_utf8_lossy(&line).contains(&self.marker),
            (Err(_), _) => !Path::new("/proc/self/cmdline").exists(),
        }
    }
}

/// The state is the letter after the program's name, which is in parentheses and may hold some itself.
fn is_dead(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Kills a set of processes when its owner dies, however it dies.
///
/// A small shell holds one end of a pipe; the other end closes with its owner. Dropping it in good order kills nobody.
#[derive(Debug)]
pub struct Guard {
    shell: Child,
    #[allow(dead_code, reason = "held open until its owner is gone")]
    held: PipeWriter,
}

impl Guard {
    /// Starts to watch over `daemons` for the current process.
    ///
    /// * Errors: no pipe or no `sh`.
    pub fn over<'a>(daemons: impl IntoIterator<Item = &'a Daemon>) -> Result<Self> {
        let (read, held) = pipe().context("cannot make a pipe")?;
        let shell = Command::new("sh")
            .args(["-c", "cat >/dev/null; kill -KILL \"$@\" 2>/dev/null", "guard"])
            .args(daemons.into_iter().map(|daemon| daemon.pid.to_string()))
            .stdin(read)
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self { shell, held })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// So many free loopback ports, all different.
///
/// They are free when this returns; whoever takes one in between makes the server that wanted it fail with a clear text.
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free loopback port")?;
        *port = listener.local_addr().context("a listener without an address")?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// The last lines of a log, for an error text.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn ensure_free(port: u16) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| format!("port {port} is still taken"))?;
    Ok(())
}

const TAIL_LINES: usize = 15;

#[cfg(test)]
mod tests;
