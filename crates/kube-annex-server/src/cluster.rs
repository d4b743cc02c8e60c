//! The cluster that the server asks: who somebody is, and what they may do.

use anyhow::Context as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::path::Path;

/// A client for the cluster of a kubeconfig, or of the pod that this process runs in.
///
/// * `flag` is what a person would change.
pub(crate) async fn client(flag: &str, kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path)
                .with_context(|| format!("the kubeconfig {} that {flag} names cannot be read", path.display()))?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .with_context(|| format!("the kubeconfig {} that {flag} names is of no use", path.display()))?
        }
        None => Config::incluster().with_context(|| {
            format!("no cluster is known: give {flag}, run in a pod with an account, or use --standalone")
        })?,
    };
    Client::try_from(config).with_context(|| format!("the cluster that {flag} names cannot be used"))
}
