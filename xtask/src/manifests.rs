//! The manifests that put a server behind a cluster's aggregator, computed from what the server says about itself.
//!
//! Nothing secret is ever written here: `deploy` adds the Secret with the serving certificate, and the `caBundle` of each
//! `APIService`, when it applies them.

mod objects;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

pub use objects::{Settings, Trust, objects, serving_secret};

use crate::describe::{DescribeArgs, Description};
use crate::paths;
use crate::step::{note, say};

/// What `cargo xtask manifests` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    describe: DescribeArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    /// The folder to write to [default: deploy].
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write nothing; fail if the folder does not hold exactly what would be written.
    #[arg(long)]
    check: bool,
    /// The authority's certificate to put into each APIService; without it `deploy` does so.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure_skip_tls_verify")]
    ca_file: Option<PathBuf>,
}

/// How the server is to be deployed.
#[derive(Clone, Debug, clap::Args)]
pub struct SettingsArgs {
    /// The namespace [default: the server's name].
    #[arg(long)]
    pub namespace: Option<String>,
    /// The container image [default: the server's name and version].
    #[arg(long)]
    pub image: Option<String>,
    /// The port of the Service.
    #[arg(long, default_value_t = HTTPS)]
    pub service_port: u16,
    /// Tell the aggregator to believe any certificate. Whoever can answer for the Service's address can then read and change every
    /// request: for experiments only.
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
}

impl Default for SettingsArgs {
    fn default() -> Self {
        Self { namespace: None, image: None, service_port: HTTPS, insecure_skip_tls_verify: false }
    }
}

impl SettingsArgs {
    /// The settings for one server, with a warning where one is due.
    pub fn settings(&self, of: &Description, trust: Trust) -> Settings {
        if self.insecure_skip_tls_verify {
            note("WARNING: --insecure-skip-tls-verify: the aggregator will believe whoever answers for this server");
        }
        Settings {
            namespace: self.namespace.clone().unwrap_or_else(|| of.name.clone()),
            image: self.image.clone().unwrap_or_else(|| format!("{}:{}", of.name, of.version)),
            service_port: self.service_port,
            trust: if self.insecure_skip_tls_verify { Trust::Anyone } else { trust },
        }
    }
}

/// Writes the manifests, or checks that they are what is there.
pub fn run(args: &Args) -> Result<()> {
    let description = args.describe.describe()?;
    let trust = match &args.ca_file {
        None => Trust::LaterByDeploy,
        Some(file) => {
            Trust::Authority(fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?)
        }
    };
    let settings = args.settings.settings(&description, trust);
    let out = args.out.clone().unwrap_or_else(|| paths::workspace().join("deploy"));
    let files = files(&description, &settings)?;
    if args.check { check(&out, &files) } else { write(&out, &files) }
}

/// Fails unless `deploy/` holds what would be written there for this server with the default settings.
pub fn check_deploy(description: &Description) -> Result<()> {
    let settings = SettingsArgs::default().settings(description, Trust::LaterByDeploy);
    check(&paths::workspace().join("deploy"), &files(description, &settings)?)
}

/// Every file by name, complete. The same description and settings give the same bytes.
fn files(description: &Description, settings: &Settings) -> Result<BTreeMap<&'static str, String>> {
    let mut files: BTreeMap<&'static str, String> = BTreeMap::new();
    for object in objects(description, settings) {
        let name = file_of(&object)?;
        let text = serde_saphyr::to_string(&object).context("an object that is not YAML")?;
        let file = files.entry(name).or_insert_with(|| header(name));
        file.push_str("---\n");
        file.push_str(text.trim_end());
        file.push('\n');
    }
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": files.keys().collect::<Vec<_>>(),
    });
    let list = serde_saphyr::to_string(&kustomization).context("a list that is not YAML")?;
    files.insert(KUSTOMIZATION, format!("{HEADER}{list}"));
    Ok(files)
}

fn file_of(object: &Value) -> Result<&'static str> {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    Ok(match kind {
        "Namespace" => "namespace.yaml",
        "ServiceAccount" | "ClusterRole" | "ClusterRoleBinding" | "RoleBinding" => "rbac.yaml",
        "Service" => "service.yaml",
        "Deployment" => "deployment.yaml",
        "APIService" => API_SERVICES,
        _ => bail!("there is no file for objects of kind {kind:?}"),
    })
}

fn header(name: &str) -> String {
    let more = match name {
        API_SERVICES => {
            "# Without a caBundle the aggregator believes the system's authorities only; `cargo xtask deploy` fills it in.\n"
        }
        "deployment.yaml" => {
            "# The Secret with the serving certificate is not in this folder; `cargo xtask deploy` makes it.\n"
        }
        _ => "",
    };
    format!("{HEADER}{more}")
}

fn write(out: &Path, files: &BTreeMap<&'static str, String>) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for (name, text) in files {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(path.display());
    }
    Ok(())
}

fn check(out: &Path, files: &BTreeMap<&'static str, String>) -> Result<()> {
    let differs =
        |(name, text): &(&&'static str, &String)| fs::read_to_string(out.join(name)).ok().as_ref() != Some(*text);
    let stale: Vec<&str> = files.iter().filter(differs).map(|(name, _)| *name).collect();
    if stale.is_empty() {
        note(format!("{} is up to date", out.display()));
        return Ok(());
    }
    bail!("out of date in {}: {}; run `cargo xtask manifests`", out.display(), stale.join(", "))
}

const HTTPS: u16 = 443;
const API_SERVICES: &str = "apiservices.yaml";
const KUSTOMIZATION: &str = "kustomization.yaml";
const HEADER: &str = "# Written by `cargo xtask manifests`; do not edit.\n";

#[cfg(test)]
mod tests;
