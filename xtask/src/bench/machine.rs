//! Where numbers come from: the machine, the versions, the command.

use std::fs;
use std::process::Command;

/// A paragraph about this run.
pub(super) fn describe() -> String {
    let cpu = of("/proc/cpuinfo", "model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = of("/proc/meminfo", "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
    let memory = memory.unwrap_or_default().div_ceil(1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let rustc = Command::new("rustc").arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let rustc = String::from_utf8_lossy(&rustc).trim().to_owned();
    let day = crate::pki::now().to_string().chars().take(10).collect::<String>();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(2).unwrap_or("?").to_owned();
    format!(
        "Measured on {day} by `{}`: {cpu}, {cores} cores, {memory} GiB, Linux {}; {rustc}. \
         The machine's load over the last 15 minutes was {load}.\n",
        command(),
        kernel.trim(),
    )
}

/// As it was typed.
fn command() -> String {
    std::env::args().skip(1).fold("cargo xtask".to_owned(), |line, word| line + " " + &word)
}

/// The first value of a name in a file of lines such as `name : value`.
fn of(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
