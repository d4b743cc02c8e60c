//! What a server binary says about itself: the JSON of `<binary> describe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::paths;
use crate::step::step;

/// A server's description of itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// The binary's name, which becomes the name of what is deployed.
    pub name: String,
    /// The binary's version, which becomes the image's tag.
    pub version: String,
    /// The storage backends compiled in.
    #[serde(default)]
    pub storage_backends: Vec<String>,
    /// What it serves, each resource in each version.
    pub resources: Vec<Resource>,
    /// What it must be allowed to do in the cluster, beyond what every aggregated server needs.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// One resource in one version.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The API group.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The plural, as in URLs.
    pub plural: String,
    /// `Namespaced` or `Cluster`.
    #[serde(default)]
    pub scope: String,
    /// The verbs it answers.
    #[serde(default)]
    pub verbs: Vec<String>,
}

/// One rule of a `ClusterRole`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The groups, the core group being the empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// The resources of those groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The only objects meant; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// Paths outside of any resource.
    #[serde(default, rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
    /// The verbs.
    pub verbs: Vec<String>,
}

impl Description {
    /// Reads a description and refuses what must never be deployed.
    ///
    /// * Errors: not such JSON; a name that no Kubernetes object can have; no resource; a wildcard in a rule.
    pub fn parse(json: &str) -> Result<Self> {
        let read: Self = serde_json::from_str(json).context("not the JSON of `describe`")?;
        let wrong = kube_annex_names::dns::label_1035(&read.name);
        ensure!(wrong.is_empty(), "the server's name {:?} cannot name a Service: {}", read.name, wrong.join("; "));
        ensure!(!read.resources.is_empty(), "{} serves no resources, so there is nothing to register", read.name);
        for rule in &read.rules {
            let texts = [&rule.api_groups, &rule.resources, &rule.resource_names, &rule.non_resource_urls, &rule.verbs];
            if texts.into_iter().flatten().any(|text| text.contains('*')) {
                bail!("{} asks for a rule with a wildcard: {}", read.name, serde_json::to_string(rule)?);
            }
        }
        Ok(read)
    }

    /// The group versions served: groups by name, their versions in the order of preference.
    pub fn group_versions(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<(&str, &str)> =
            self.resources.iter().map(|resource| (resource.group.as_str(), resource.version.as_str())).collect();
        all.sort_by(|a, b| a.0.cmp(b.0).then_with(|| kube_annex_names::version::compare(a.1, b.1)));
        all.dedup();
        all
    }
}

/// Which binary to work on.
#[derive(Clone, Debug, clap::Args)]
pub struct BinArgs {
    /// A binary of this workspace by name, or any server binary by path.
    #[arg(long, default_value = "kube-annex-server", value_name = "NAME|PATH")]
    pub bin: String,
    /// Build it with optimizations.
    #[arg(long)]
    pub release: bool,
}

impl BinArgs {
    /// The binary's path, built by cargo first if it is one of this workspace.
    ///
    /// * Errors: there is no file of that path; the build fails.
    pub fn build(&self) -> Result<PathBuf> {
        if self.bin.contains('/') {
            return fs::canonicalize(&self.bin).with_context(|| format!("there is no binary {}", self.bin));
        }
        let profile = if self.release { "release" } else { "debug" };
        let mut cargo = paths::cargo();
        cargo.args(["build", "--quiet", "--bin", &self.bin]);
        if self.release {
            cargo.arg("--release");
        }
        step(format!("build {} ({profile})", self.bin), || {
            let status = cargo.status().context("cannot run cargo")?;
            ensure!(
                status.success(),
                "cargo could not build {} ({status}); a server outside of this workspace is named by its path, with a `/`",
                self.bin
            );
            Ok(())
        })?;
        Ok(paths::target().join(profile).join(&self.bin))
    }
}

/// Where a description comes from.
#[derive(Clone, Debug, clap::Args)]
pub struct DescribeArgs {
    /// The binary that describes itself.
    #[command(flatten)]
    pub bin: BinArgs,
    /// Read the output of `describe` from a file instead of running the binary.
    #[arg(long, value_name = "FILE")]
    pub describe_file: Option<PathBuf>,
}

impl DescribeArgs {
    /// The description, from the file or from the binary.
    ///
    /// * Errors: those of [`BinArgs::build`], [`run`] and [`Description::parse`].
    pub fn describe(&self) -> Result<Description> {
        let Some(file) = &self.describe_file else {
            return run(&self.bin.build()?);
        };
        let json = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        Description::parse(&json).with_context(|| format!("cannot use {}", file.display()))
    }
}

/// Asks a binary to describe itself.
///
/// * Errors: it cannot be run, fails, or prints something else.
pub fn run(binary: &Path) -> Result<Description> {
    let output = Command::new(binary).arg("describe").output();
    let output = output.with_context(|| format!("cannot run {}", binary.display()))?;
    ensure!(
        output.status.success(),
        "`{} describe` failed ({}): {}",
        binary.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let json = String::from_utf8_lossy(&output.stdout);
    Description::parse(&json).with_context(|| format!("cannot use what `{} describe` prints", binary.display()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn example() -> Description {
        Description::parse(include_str!("../fixtures/describe.json")).unwrap()
    }

    #[test]
    fn group_versions_are_unique_and_in_the_order_of_preference() {
        let example = example();
        let expected = [
            ("host.example.com", "v1alpha1"),
            ("simple.aa.io", "v1beta1"),
            ("wardle.example.com", "v1beta1"),
            ("wardle.example.com", "v1alpha1"),
        ];
        assert_eq!(example.group_versions(), expected);
    }

    #[test]
    fn a_rule_with_a_wildcard_is_refused_and_shown() {
        let mut example = example();
        example.rules[0].verbs.push("*".to_owned());
        let error = Description::parse(&serde_json::to_string(&example).unwrap()).unwrap_err().to_string();
        assert!(error.contains("wildcard") && error.contains("namespaces"), "{error}");
    }

    #[test]
    fn a_name_that_no_service_can_have_is_refused() {
        let mut example = example();
        example.name = "My_Server".to_owned();
        let error = Description::parse(&serde_json::to_string(&example).unwrap()).unwrap_err().to_string();
        assert!(error.contains("My_Server"), "{error}");
    }
}
