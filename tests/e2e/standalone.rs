//! `cargo xtask up`: what it prints works when pasted.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use xtask::control_plane::Binaries;
use xtask::{paths, wait};

use crate::harness::Harness;

/// Starts it, runs the three lines it suggests, starts it again over the same data, and stops it politely each time.
pub(crate) fn what_up_prints_works(_: &Harness) -> Result<()> {
    let dir = tempfile::tempdir()?;
    for _ in ["new data", "the same data"] {
        let mut up = paths::cargo();
        up.args(["run", "--quiet", "--package", "xtask", "--", "up", "--data-dir"]);
        let mut up = up.arg(dir.path()).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0).spawn()?;
        let outcome = lines(&mut up).and_then(|lines| suggestions_work(&lines));
        let stopped = stop(&mut up);
        outcome.and(stopped)?;
    }
    Ok(())
}

fn lines(up: &mut Child) -> Result<Receiver<String>> {
    let output = up.stdout.take().context("no output")?;
    let (send, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
    Ok(lines)
}

fn suggestions_work(lines: &Receiver<String>) -> Result<()> {
    let kubectl = Binaries::find_or_build()?.folder().join("kubectl");
    let (mut export, mut commands) = (String::new(), Vec::new());
    while commands.len() < 3 {
        // The first line may have to wait for cargo.
        let line = lines.recv_timeout(Duration::from_mins(5)).context("`up` prints nothing more")?;
        if line.starts_with("export KUBECONFIG=") {
            export = line;
        } else if let Some(arguments) = line.strip_prefix("kubectl ") {
            commands.push(arguments.to_owned());
        }
    }
    for arguments in commands {
        let script = format!("{export}; {} {arguments} --request-timeout=20s", kubectl.display());
        let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output()?;
        let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "`{script}` failed: {stdout}{stderr}");
    }
    Ok(())
}

fn stop(up: &mut Child) -> Result<()> {
    Command::new("kill").args(["-INT", &up.id().to_string()]).status().context("cannot run kill")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(wait::until("`up` to end", Duration::from_secs(20), async || {
        up.try_wait().context("cannot wait")?.context("it still runs")
    }));
    if ended.is_err() {
        up.kill().and_then(|()| up.wait())?;
    }
    ensure!(ended?.success(), "`up` failed after ctrl-c");
    Ok(())
}
