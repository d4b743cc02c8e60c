//! What the flags say, checked as a whole before anything is started.

use crate::cli::{ServeFlags, StorageBackend};
use anyhow::{Context as _, bail};
use http::HeaderName;
use kube_annex_runtime::authn::{FrontProxyHeaders, TrustFiles};
use kube_annex_storage::Storage;
use kube_annex_storage::memory::Memory;
use std::sync::Arc;

/// Refuses flags that contradict each other or ask for what this build does not contain.
pub(crate) fn check(flags: &ServeFlags) -> anyhow::Result<()> {
    match flags.storage_backend {
        StorageBackend::Memory if !flags.etcd_servers.is_empty() => {
            bail!("--etcd-servers is given, but --storage-backend is memory; objects would not be kept in etcd")
        }
        StorageBackend::Memory => {}
        StorageBackend::Redb | StorageBackend::Etcd => {
            bail!(
                "this build does not contain --storage-backend {}; it contains: memory",
                if flags.storage_backend == StorageBackend::Redb { "redb" } else { "etcd" }
            )
        }
    }
    if flags.standalone
        && (flags.kubeconfig.is_some()
            || flags.authentication_kubeconfig.is_some()
            || flags.authorization_kubeconfig.is_some())
    {
        bail!(
            "--standalone asks no cluster; leave out --kubeconfig, --authentication-kubeconfig and --authorization-kubeconfig"
        )
    }
    if flags.standalone
        && (flags.client_ca_file.is_some()
            || flags.requestheader_client_ca_file.is_some()
            || flags.tls_cert_file.is_some())
    {
        bail!(
            "--standalone makes its own certificates; leave out --client-ca-file, --requestheader-client-ca-file and --tls-cert-file"
        )
    }
    Ok(())
}

/// The storage that the flags choose.
pub(crate) fn storage(_: &ServeFlags) -> Arc<dyn Storage> {
    tracing::info!("objects are kept in memory: they are gone when this process ends");
    Arc::new(Memory::new())
}

/// The authorities and headers that the flags name.
pub(crate) fn trust_files(flags: &ServeFlags) -> anyhow::Result<TrustFiles> {
    Ok(TrustFiles {
        client_ca: flags.client_ca_file.clone(),
        front_proxy_ca: flags.requestheader_client_ca_file.clone(),
        allowed_names: flags.requestheader_allowed_names.clone(),
        headers: FrontProxyHeaders {
            username: names("--requestheader-username-headers", &flags.requestheader_username_headers)?,
            uid: names("--requestheader-uid-headers", &flags.requestheader_uid_headers)?,
            group: names("--requestheader-group-headers", &flags.requestheader_group_headers)?,
            extra_prefix: flags
                .requestheader_extra_headers_prefix
                .iter()
                .map(|prefix| prefix.trim().to_ascii_lowercase())
                .collect(),
        },
    })
}

fn names(flag: &str, names: &[String]) -> anyhow::Result<Vec<HeaderName>> {
    names
        .iter()
        .map(|name| name.trim().parse().with_context(|| format!("{flag}: {name:?} is not the name of a header")))
        .collect()
}
