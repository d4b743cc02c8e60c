//! `serve`: from flags to a server that runs until it is asked to stop.

use crate::cli::ServeFlags;
use crate::cluster::Cluster;
use crate::config;
use crate::encryption;
use crate::program::Program;
use crate::signals::Signals;
use crate::standalone::Standalone;
use crate::storage::{self, Kept};
use anyhow::{Context as _, bail};
use kube_annex_runtime::admission::NamespaceLifecycle;
use kube_annex_runtime::authn::{
    Authenticators, ClusterConfig, ClusterConfigError, TokenReviewOptions, TokenReviews, TrustStore, UnixClock,
};
use kube_annex_runtime::authz::{
    self, AlwaysAllowPaths, Authorizer, Authorizers, SubjectAccessReviewOptions, SubjectAccessReviews,
};
use kube_annex_runtime::serve::{self, ServeOptions, Shutdown, TlsHandle, TlsOptions};
use kube_annex_runtime::{Seams, ServerBuilder};
use rustls_pki_types::UnixTime;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How often certificate files are looked at.
const FILES_EVERY: Duration = Duration::from_mins(1);

/// How long the cluster may take to answer at start-up.
const START_UP_PATIENCE: Duration = Duration::from_secs(20);

/// How long tasks beside the requests may take to end once no request is left.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT.
///
/// * Errors: why it cannot start; or a second signal, when requests were cut off.
pub(crate) async fn serve(program: Program, flags: ServeFlags) -> anyhow::Result<()> {
    config::check(&flags)?;
    let signals = Signals::listen()?;
    let shutdown = Shutdown::new();
    tokio::select! {
        ended = run(program, &flags, &shutdown) => ended,
        () = signals.obey(&shutdown) => bail!("a second signal ended the server before all requests had finished"),
    }
}

async fn run(program: Program, flags: &ServeFlags, shutdown: &Shutdown) -> anyhow::Result<()> {
    let listener = serve::bind(flags.bind_address, flags.secure_port)?;
    let seams = Seams::default();
    let prepared = async {
        // Whoever has the folder has what is kept in it.
        let own = if flags.standalone { Some(own_folder(flags, &listener)?) } else { None };
        let group = program.registrations.first().map_or("", |first| first.descriptor().group);
        let gate = async {
            match own {
                Some(own) => standalone(flags, &seams, own).await,
                None => in_cluster(flags, &seams, shutdown).await,
            }
        };
        // Neither waits for the other; what is wrong with the storage is told first, whichever is known first.
        let (kept, gate) = tokio::try_join!(storage::open(flags, group, &seams), async { Ok(gate.await) })?;
        let (gate, Kept { storage, place, keyed, checks, upkeep }) = (gate?, kept);
        if let Some(upkeep) = upkeep {
            let stop = shutdown.token();
            seams.tasks.spawn(async move { stop.run_until_cancelled(upkeep).await.unwrap_or_default() });
        }
        let storage = encryption::around(storage, flags.encryption_provider_config.as_deref(), &keyed)?;
        let builder = program.server().storage(storage).shutdown(shutdown.clone()).seams(seams.clone());
        let builder = checks.into_iter().fold(builder, ServerBuilder::check);
        anyhow::Ok((gate.open(builder)?, place))
    };
    // A server that is asked to stop while it waits for the cluster need not wait any longer.
    let (served, place) = tokio::select! {
        served = prepared => served?,
        () = shutdown.asked() => return Ok(()),
    };
    served.server.warm();
    let address = listener.local_addr().context("the listener has no address")?;
    seams.tasks.spawn(served.tls.clone().watch(FILES_EVERY, shutdown.token()));
    tracing::info!(%address, "serving; objects are kept in {place}");
    if let Some(own) = &served.own {
        greet(own);
    }
    let options = ServeOptions {
        shutdown_delay: flags.shutdown_delay_duration,
        coalesce_writes: flags.coalesce_writes,
        ..ServeOptions::default()
    };
    serve::serve(listener, served.tls, served.server, shutdown.clone(), options).await?;
    if tokio::time::timeout(LAST_WORDS, seams.tasks.finished()).await.is_err() {
        tracing::warn!("leaving background tasks behind that have not ended within {LAST_WORDS:?}");
    }
    tracing::info!("stopped");
    Ok(())
}

/// A server and the TLS it is served with.
struct Served {
    server: kube_annex_runtime::Server,
    tls: TlsHandle,
    /// The folder of a server without a cluster, which is its alone while this lives.
    own: Option<Standalone>,
}

/// Who may come in, and by which certificate they know where they are.
struct Gate {
    authenticators: Authenticators,
    authorizer: Arc<dyn Authorizer>,
    tls: TlsHandle,
    /// The cluster that has the namespaces, if there is one.
    cluster: Option<kube::Client>,
    own: Option<Standalone>,
}

impl Gate {
    /// The server behind it.
    fn open(self, builder: ServerBuilder) -> anyhow::Result<Served> {
        let Self { authenticators, authorizer, tls, cluster, own } = self;
        let builder = match cluster {
            Some(cluster) => builder.admission(|_| NamespaceLifecycle::new(cluster)),
            None => builder,
        };
        Ok(Served { server: builder.build(authenticators, authorizer)?, tls, own })
    }
}

/// Prints the two lines that a person needs. Nobody has to read them.
fn greet(own: &Standalone) {
    let kubeconfig = shell_word(&own.kubeconfig());
    if let Err(error) = writeln!(std::io::stdout(), "export KUBECONFIG={kubeconfig}\nkubectl api-resources") {
        tracing::warn!(%error, "standard output is closed");
    }
}

/// A path as a shell takes it.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The time of day as certificates tell it.
fn unix_clock(seams: &Seams) -> UnixClock {
    let clock = seams.clock.clone();
    Arc::new(move || {
        let seconds = u64::try_from(clock.now().as_second()).unwrap_or_default();
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    })
}

fn own_folder(flags: &ServeFlags, listener: &TcpListener) -> anyhow::Result<Standalone> {
    let folder = flags.data_dir.as_deref().context("--standalone needs --data-dir")?;
    let port = listener.local_addr().context("the listener has no address")?.port();
    Standalone::prepare(folder, flags.bind_address, port)
}

async fn standalone(flags: &ServeFlags, seams: &Seams, own: Standalone) -> anyhow::Result<Gate> {
    let trust = TrustStore::new(own.trust()?);
    let tls =
        TlsHandle::from_files(&own.certificate(), &own.private_key(), trust.clone(), TlsOptions::default()).await?;
    let authenticators = Authenticators::standard(&trust, None, &unix_clock(seams));
    let authorizer = Authorizers::standard(open_paths(flags)?, Arc::new(authz::Standalone::new()));
    Ok(Gate { authenticators, authorizer: Arc::new(authorizer), tls, cluster: None, own: Some(own) })
}

async fn in_cluster(flags: &ServeFlags, seams: &Seams, shutdown: &Shutdown) -> anyhow::Result<Gate> {
    let (flag, kubeconfig) =
        own_or_common("--authentication-kubeconfig", flags.authentication_kubeconfig.as_deref(), flags);
    let authn_cluster = Cluster::find(flag, kubeconfig).await?;
    let (flag, kubeconfig) =
        own_or_common("--authorization-kubeconfig", flags.authorization_kubeconfig.as_deref(), flags);
    let authz_client = Cluster::find(flag, kubeconfig).await?.client;

    let files = config::trust_files(flags)?;
    let trust = TrustStore::new(files.load().await?);
    seams.tasks.spawn(files.watch(trust.clone(), FILES_EVERY, shutdown.token()));
    look_up_trust(flags, &authn_cluster, &trust, seams, shutdown).await?;

    let tls = serving_tls(flags, &trust).await?;
    let options =
        TokenReviewOptions { cache_ttl: flags.authentication_token_webhook_cache_ttl, ..TokenReviewOptions::default() };
    let tokens = Arc::new(TokenReviews::new(authn_cluster.client, &options)?);
    let authenticators = Authenticators::standard(&trust, Some(tokens), &unix_clock(seams));
    let options = SubjectAccessReviewOptions {
        allowed_ttl: flags.authorization_webhook_cache_authorized_ttl,
        refused_ttl: flags.authorization_webhook_cache_unauthorized_ttl,
        ..SubjectAccessReviewOptions::default()
    };
    let reviews = Arc::new(SubjectAccessReviews::new(authz_client.clone(), &options));
    let authorizer: Arc<dyn Authorizer> = Arc::new(Authorizers::standard(open_paths(flags)?, reviews));
    // Who writes one for all resources takes it that it holds here too.
    tracing::info!("admission webhooks and policies of the cluster are not asked about the objects served here");
    Ok(Gate { authenticators, authorizer, tls, cluster: Some(authz_client), own: None })
}

fn own_or_common<'a>(
    flag: &'static str,
    own: Option<&'a Path>,
    flags: &'a ServeFlags,
) -> (&'static str, Option<&'a Path>) {
    match own {
        Some(path) => (flag, Some(path)),
        None => ("--kubeconfig", flags.kubeconfig.as_deref()),
    }
}

/// Reads whom the cluster believes, and keeps up with it.
async fn look_up_trust(
    flags: &ServeFlags,
    cluster: &Cluster,
    trust: &Arc<TrustStore>,
    seams: &Seams,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    if flags.authentication_skip_lookup {
        return Ok(());
    }
    let mut config = ClusterConfig::new(cluster.client.clone(), trust.clone());
    match load(&mut config, cluster).await {
        Err(error) if flags.authentication_tolerate_lookup_failure => {
            let error: &(dyn std::error::Error + 'static) = error.as_ref();
            tracing::warn!(error, "going on without the cluster's authentication configuration");
        }
        loaded => loaded?,
    }
    seams.tasks.spawn(config.watch(shutdown.token()));
    Ok(())
}

async fn load(config: &mut ClusterConfig, cluster: &Cluster) -> anyhow::Result<()> {
    let loaded = tokio::time::timeout(START_UP_PATIENCE, config.load())
        .await
        .with_context(|| format!("{} did not answer within {START_UP_PATIENCE:?}", cluster.name))?;
    if let Err(ClusterConfigError::Unreadable(source)) = loaded {
        let lacking = "does not tell ConfigMap kube-system/extension-apiserver-authentication";
        return Err(source).with_context(|| format!("{} {lacking}", cluster.name));
    }
    Ok(loaded?)
}

async fn serving_tls(flags: &ServeFlags, trust: &Arc<TrustStore>) -> anyhow::Result<TlsHandle> {
    let options = TlsOptions::default();
    if let (Some(certificate), Some(private_key)) = (&flags.tls_cert_file, &flags.tls_private_key_file) {
        return Ok(TlsHandle::from_files(certificate, private_key, trust.clone(), options).await?);
    }
    tracing::warn!(
        "no --tls-cert-file: serving a certificate that this process signed itself; kube-apiserver will not trust it"
    );
    let (certificate, private_key) = crate::standalone::self_signed(flags.bind_address)?;
    Ok(TlsHandle::from_pem(certificate.as_bytes(), private_key.as_bytes(), trust.clone(), options).await?)
}

fn open_paths(flags: &ServeFlags) -> anyhow::Result<AlwaysAllowPaths> {
    let paths = flags.authorization_always_allow_paths.iter().map(String::as_str);
    Ok(AlwaysAllowPaths::new(paths)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_quoted_only_where_a_shell_would_break_it() {
        assert_eq!(shell_word(Path::new("/tmp/annex-data/kubeconfig")), "/tmp/annex-data/kubeconfig");
        assert_eq!(shell_word(Path::new("/tmp/it's here")), r"'/tmp/it'\''s here'");
    }
}
