//! The commands of `docs/guide/clients.md`, run one after the other, print what the page says.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use xtask::control_plane::User;
use xtask::paths;
use xtask::process::free_ports;

use crate::harness::Cluster;

/// A test of our server behind an aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[("the_guide_to_clients_prints_what_it_says", guide_to_clients)];

/// A command, and what it prints.
struct Said<'a> {
    command: &'a str,
    printed: Vec<&'a str>,
}

/// What is started with `&`, until this is dropped.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn guide_to_clients(cluster: &Cluster) -> Result<()> {
    let page = fs::read_to_string(paths::workspace().join("docs/guide/clients.md")).context("no such page")?;
    let [port] = free_ports()?;
    let page = page.replace("8001", &port.to_string());
    let commands = commands(&page);
    ensure!(commands.len() > 10, "only {} commands were found; is the search broken?", commands.len());
    let mut background = Vec::new();
    for Said { command, printed } in commands {
        if let Some(command) = command.strip_suffix(" &") {
            let (running, first) = start(cluster, command)?;
            background.push(running);
            ensure!(printed == [first.trim_end()], "`{command}` printed {first}");
            continue;
        }
        let output = shell(cluster, command).output().context("no shell")?;
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        ensure!(lines == printed, "`{command}` printed\n{text}and not\n{}", printed.join("\n"));
    }
    Ok(())
}

/// What stands after a prompt in the page's blocks, and the lines below it.
fn commands(page: &str) -> Vec<Said<'_>> {
    let mut found: Vec<Said<'_>> = Vec::new();
    let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    for line in blocks.flat_map(str::lines) {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Said { command, printed: Vec::new() }),
            (None, Some(last)) => last.printed.push(line),
            (None, None) => {}
        }
    }
    found
}

fn start(cluster: &Cluster, command: &str) -> Result<(Background, String)> {
    let mut running = Background(shell(cluster, &format!("exec {command}")).stdout(Stdio::piped()).spawn()?);
    let mut first = String::new();
    let output = running.0.stdout.take().context("no output")?;
    if BufReader::new(output).read_line(&mut first).context("nothing to read")? == 0 {
        bail!("`{command}` said nothing");
    }
    Ok((running, first))
}

fn shell(cluster: &Cluster, command: &str) -> Command {
    let plane = cluster.control_plane();
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(paths::workspace()).stdin(Stdio::null());
    let programs = plane.kubectl().parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let others = std::env::var("PATH").unwrap_or_default();
    shell.env("PATH", format!("{programs}:{others}")).env("KUBECONFIG", plane.kubeconfig(User::Admin));
    shell
}
