//! The cluster that the server asks: who somebody is, and what they may do.

use anyhow::{Context as _, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use kube_annex_runtime::authn::reviewing_client;
use std::path::Path;
use std::time::Duration;

/// How long a connection may take to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// A way to a cluster.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    /// Where it is and who says so, for sentences about it.
    pub(crate) name: String,
}

impl Cluster {
    /// The cluster of a kubeconfig, or of the pod that this process runs in. It is not asked anything yet.
    ///
    /// * `flag` is what a person would change.
    pub(crate) async fn find(flag: &str, kubeconfig: Option<&Path>) -> anyhow::Result<Self> {
        let (mut config, source) = match kubeconfig {
            Some(path) => {
                let source = format!("the kubeconfig {} that {flag} names", path.display());
                (read(path, &source).await?, source)
            }
            None => (of_this_pod(flag)?, "this pod's service account".to_owned()),
        };
        config.connect_timeout = Some(CONNECT_PATIENCE);
        let name = format!("kube-apiserver at {} (by {source})", config.cluster_url);
        let client = reviewing_client(config).with_context(|| format!("{source} is of no use"))?;
        Ok(Self { client, name })
    }
}

async fn read(path: &Path, source: &str) -> anyhow::Result<Config> {
    // The library reads it again, from its path: files that it names are beside it.
    tokio::fs::read(path).await.with_context(|| format!("{source} cannot be read"))?;
    let kubeconfig = Kubeconfig::read_from(path).with_context(|| format!("{source} is of no use"))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    config.with_context(|| format!("{source} is of no use"))
}

fn of_this_pod(flag: &str) -> anyhow::Result<Config> {
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_none() {
        bail!("no cluster is known: give {flag}, run in a pod with a service account, or use --standalone")
    }
    Config::incluster().with_context(|| format!("this pod's service account is of no use; give it one, or give {flag}"))
}
