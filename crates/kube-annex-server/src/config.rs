//! What the flags say, checked as a whole before anything is started.

use crate::cli::ServeFlags;
use crate::{encryption, storage};
use anyhow::{anyhow, bail};
use http::HeaderName;
use kube_annex_runtime::authn::{FrontProxyHeaders, TrustFiles};

/// Refuses flags that contradict each other or ask for what this build does not contain.
pub(crate) fn check(flags: &ServeFlags) -> anyhow::Result<()> {
    storage::check(flags)?;
    flags.encryption_provider_config.as_deref().map(encryption::read).transpose()?;
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

/// The authorities and headers that the flags name.
pub(crate) fn trust_files(flags: &ServeFlags) -> anyhow::Result<TrustFiles> {
    Ok(TrustFiles {
        client_ca: flags.client_ca_file.clone(),
        front_proxy_ca: flags.requestheader_client_ca_file.clone(),
        allowed_names: given(&flags.requestheader_allowed_names).map(ToOwned::to_owned).collect(),
        headers: FrontProxyHeaders {
            username: names("--requestheader-username-headers", &flags.requestheader_username_headers)?,
            uid: names("--requestheader-uid-headers", &flags.requestheader_uid_headers)?,
            group: names("--requestheader-group-headers", &flags.requestheader_group_headers)?,
            extra_prefix: names("--requestheader-extra-headers-prefix", &flags.requestheader_extra_headers_prefix)?
                .iter()
                .map(ToString::to_string)
                .collect(),
        },
    })
}

/// Names of headers, or what they begin with, in lower case.
fn names(flag: &str, names: &[String]) -> anyhow::Result<Vec<HeaderName>> {
    given(names)
        .map(|name| name.trim().parse().map_err(|_| anyhow!("{flag}: {name:?} is not the name of a header")))
        .collect()
}

/// As in upstream's flags, an empty text is an empty list.
fn given(list: &[String]) -> impl Iterator<Item = &String> {
    list.iter().filter(|item| !item.is_empty())
}
