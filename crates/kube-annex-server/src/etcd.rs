//! Objects in etcd: from flags to a store, its checks and its compaction.

use crate::cli::EtcdFlags;
use crate::storage::{Kept, Upkeep};
use anyhow::{Context as _, bail};
use kube_annex_runtime::health::Check;
use kube_annex_storage::Storage;
use kube_annex_storage::etcd::{Endpoint, Etcd, Options, TlsFiles};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Refuses flags with which no etcd could be found.
pub(crate) fn check(flags: &EtcdFlags) -> anyhow::Result<()> {
    if flags.etcd_servers.is_empty() {
        bail!("--storage-backend etcd keeps objects in an etcd; give --etcd-servers too")
    }
    endpoints(flags)?;
    let identity = flags.etcd_certfile.iter().chain(&flags.etcd_keyfile);
    for (flag, file) in flags
        .etcd_cafile
        .iter()
        .map(|file| ("--etcd-cafile", file))
        .chain(identity.map(|file| ("--etcd-certfile or --etcd-keyfile", file)))
    {
        std::fs::metadata(file).with_context(|| format!("{flag}: {} cannot be read", file.display()))?;
    }
    Ok(())
}

/// A store in that etcd, which must answer.
///
/// * Errors: why it does not; an etcd that is lost later is waited for instead.
pub(crate) async fn open(flags: &EtcdFlags, group: &str) -> anyhow::Result<Kept> {
    check(flags)?;
    let prefix = flags.etcd_prefix.clone().unwrap_or_else(|| format!("/registry/{group}"));
    let mut options = Options::new(endpoints(flags)?, &prefix);
    options.tls = tls(flags);
    options.health_patience = flags.etcd_healthcheck_timeout;
    let etcd = Etcd::new(options.clone());
    answers(&etcd, flags).await?;

    options.health_patience = flags.etcd_readycheck_timeout;
    let probe = Etcd::new(options);
    let ready = Check::new("etcd-readiness", &["readyz"], move || {
        let probe = probe.clone();
        async move { probe.health().await.map_err(|error| error.to_string()) }
    });
    let upkeep = (!flags.etcd_compaction_interval.is_zero())
        .then(|| Box::pin(etcd.compactor().run(flags.etcd_compaction_interval)) as Upkeep);
    let place = format!("etcd at {}, below {prefix}", flags.etcd_servers.join(","));
    let keyed = etcd.root();
    let kept = Kept::new(etcd, place);
    Ok(Kept { keyed, checks: vec![ready], upkeep, ..kept })
}

async fn answers(etcd: &Etcd, flags: &EtcdFlags) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_UP_PATIENCE;
    loop {
        match etcd.health().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                let servers = flags.etcd_servers.join(",");
                return Err(error)
                    .with_context(|| format!("--etcd-servers {servers} gave no answer in {START_UP_PATIENCE:?}"));
            }
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

fn endpoints(flags: &EtcdFlags) -> anyhow::Result<Vec<Endpoint>> {
    let parse = |text: &String| text.parse().context("--etcd-servers");
    flags.etcd_servers.iter().map(parse).collect()
}

fn tls(flags: &EtcdFlags) -> Option<TlsFiles> {
    let identity: Option<(PathBuf, PathBuf)> = flags.etcd_certfile.clone().zip(flags.etcd_keyfile.clone());
    let authorities = flags.etcd_cafile.clone();
    (authorities.is_some() || identity.is_some()).then_some(TlsFiles { authorities, identity })
}

/// As long as upstream's servers wait.
const START_UP_PATIENCE: Duration = Duration::from_secs(20);
