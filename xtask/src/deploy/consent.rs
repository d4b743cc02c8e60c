//! Asking before a cluster is changed for the first time.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::paths;

/// Asks, once per context and server; the answer yes is remembered in the target folder.
///
/// * Errors: the answer is no, or there is nobody to ask.
pub(super) fn ask(context: &str, server: &str, deed: &str) -> Result<()> {
    let remembered = paths::target().join("deploy-contexts");
    if is_known(&remembered, context, server) {
        return Ok(());
    }
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        bail!(
            "context {context} ({server}) was never used before, and there is nobody to ask; add --yes to {deed} there"
        );
    }
    write!(io::stderr(), "{deed} in context {context} ({server})? [y/N] ").context("cannot ask")?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).context("cannot read the answer")?;
    ensure!(matches!(answer.trim(), "y" | "Y" | "yes"), "not confirmed");
    remember(&remembered, context, server)
}

fn is_known(file: &Path, context: &str, server: &str) -> bool {
    let known = fs::read_to_string(file).unwrap_or_default();
    known.lines().any(|known| known == line(context, server))
}

fn remember(file: &Path, context: &str, server: &str) -> Result<()> {
    let write = || writeln!(fs::File::options().create(true).append(true).open(file)?, "{}", line(context, server));
    write().with_context(|| format!("cannot write {}", file.display()))
}

fn line(context: &str, server: &str) -> String {
    format!("{context}\t{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_is_known_by_its_server_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("contexts");
        assert!(!is_known(&file, "dev", "https://one"));
        remember(&file, "dev", "https://one").unwrap();
        assert!(is_known(&file, "dev", "https://one"));
        assert!(!is_known(&file, "dev", "https://two"));
    }
}
