//! Where things are: the work tree, and the cache outside it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The root of the work tree.
pub fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// The folder of build products: `CARGO_TARGET_DIR`, or `target` in the work tree.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), |dir| workspace().join(dir))
}

/// The project's folder in the user's cache: `$XDG_CACHE_HOME/kube-annex`, or `~/.cache/kube-annex`.
///
/// * Errors: neither `XDG_CACHE_HOME` nor `HOME` is set.
pub fn cache() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_CACHE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("kube-annex"))
        .context("no place for a cache: set XDG_CACHE_HOME or HOME")
}

/// The program of this name on the PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|dir| dir.join(name)).find(|program| program.is_file())
}

/// The cargo that runs this, else the one on the PATH, in the work tree.
///
/// What cargo tells a program about its own package is taken out of the environment: build scripts watch some of it, and would
/// build half the dependencies again at each change between this cargo and one started from a shell.
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    let told = env::vars_os().map(|(name, _)| name).filter(|name| name.to_str().is_some_and(is_about_a_package));
    for name in told {
        cargo.env_remove(name);
    }
    cargo
}

fn is_about_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "CARGO_TARGET_TMPDIR"]
        .iter()
        .any(|start| variable.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cargo_started_from_here_is_not_told_of_this_package() {
        let cargo = cargo();
        let removed = |name: &str| cargo.get_envs().any(|(key, value)| key == name && value.is_none());
        assert!(env::var_os("CARGO_PKG_NAME").is_some(), "cargo no longer sets it");
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
        assert!(!removed("CARGO_HOME") && !removed("CARGO_TARGET_DIR"));
    }
}
