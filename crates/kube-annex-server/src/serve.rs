//! `serve`: from flags to a server that runs until it is asked to stop.

use crate::cli::ServeFlags;
use crate::program::Program;
use crate::standalone::Standalone;
use crate::{cluster, config};
use anyhow::Context as _;
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
const START_UP_PATIENCE: Duration = Duration::from_secs(30);

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn serve(program: Program, flags: ServeFlags) -> anyhow::Result<()> {
    config::check(&flags)?;
    let listener = serve::bind(flags.bind_address, flags.secure_port)?;
    let shutdown = Shutdown::new();
    let seams = Seams::default();
    let builder = program.server().storage(config::storage(&flags)).shutdown(shutdown.clone()).seams(seams.clone());
    let served = if flags.standalone {
        standalone(builder, &flags, &listener).await?
    } else {
        in_cluster(builder, &flags, &seams, &shutdown).await?
    };
    let address = listener.local_addr().context("the listener has no address")?;
    tracing::info!(%address, "serving");
    seams.tasks.spawn(served.tls.clone().watch(FILES_EVERY, shutdown.token()));
    stop_on_signals(&seams, &shutdown)?;
    let options = ServeOptions { shutdown_delay: flags.shutdown_delay_duration, ..ServeOptions::default() };
    serve::serve(listener, served.tls, served.server, shutdown, options).await?;
    tracing::info!("stopped");
    Ok(())
}

/// A server and the TLS it is served with.
struct Served {
    server: kube_annex_runtime::Server,
    tls: TlsHandle,
}

fn clock() -> UnixClock {
    Arc::new(UnixTime::now)
}

async fn standalone(builder: ServerBuilder, flags: &ServeFlags, listener: &TcpListener) -> anyhow::Result<Served> {
    let folder = flags.data_dir.as_deref().context("--standalone needs --data-dir")?;
    let port = listener.local_addr().context("the listener has no address")?.port();
    let own = Standalone::prepare(folder, flags.bind_address, port)?;
    let trust = TrustStore::new(own.trust()?);
    let tls =
        TlsHandle::from_files(&own.certificate(), &own.private_key(), trust.clone(), TlsOptions::default()).await?;
    let authenticators = Authenticators::standard(&trust, None, &clock());
    let authorizer = Authorizers::standard(open_paths(flags)?, Arc::new(authz::Standalone::new()));
    let server = builder.build(authenticators, Arc::new(authorizer))?;
    writeln!(std::io::stdout(), "export KUBECONFIG={}\nkubectl api-resources", own.kubeconfig().display())
        .context("standard output is closed")?;
    Ok(Served { server, tls })
}

async fn in_cluster(
    builder: ServerBuilder,
    flags: &ServeFlags,
    seams: &Seams,
    shutdown: &Shutdown,
) -> anyhow::Result<Served> {
    let (authn_flag, authn_config) =
        own_or_common("--authentication-kubeconfig", flags.authentication_kubeconfig.as_deref(), flags);
    let (authz_flag, authz_config) =
        own_or_common("--authorization-kubeconfig", flags.authorization_kubeconfig.as_deref(), flags);
    let authn_client = cluster::client(authn_flag, authn_config).await?;
    let authz_client = cluster::client(authz_flag, authz_config).await?;

    let files = config::trust_files(flags)?;
    let trust = TrustStore::new(files.load().await?);
    seams.tasks.spawn(files.watch(trust.clone(), FILES_EVERY, shutdown.token()));
    look_up_trust(flags, &authn_client, &trust, seams, shutdown).await?;

    let tls = serving_tls(flags, &trust).await?;
    let options =
        TokenReviewOptions { cache_ttl: flags.authentication_token_webhook_cache_ttl, ..TokenReviewOptions::default() };
    let tokens = Arc::new(TokenReviews::new(authn_client, &options)?);
    let authenticators = Authenticators::standard(&trust, Some(tokens), &clock());
    let options = SubjectAccessReviewOptions {
        allowed_ttl: flags.authorization_webhook_cache_authorized_ttl,
        refused_ttl: flags.authorization_webhook_cache_unauthorized_ttl,
        ..SubjectAccessReviewOptions::default()
    };
    let reviews = Arc::new(SubjectAccessReviews::new(authz_client.clone(), &options));
    let authorizer: Arc<dyn Authorizer> = Arc::new(Authorizers::standard(open_paths(flags)?, reviews));
    let server = builder.admission(|_| NamespaceLifecycle::new(authz_client)).build(authenticators, authorizer)?;
    Ok(Served { server, tls })
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
    client: &kube::Client,
    trust: &Arc<TrustStore>,
    seams: &Seams,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    if flags.authentication_skip_lookup {
        return Ok(());
    }
    let mut cluster = ClusterConfig::new(client.clone(), trust.clone());
    let loaded = tokio::time::timeout(START_UP_PATIENCE, cluster.load()).await.with_context(|| {
        format!("kube-apiserver did not answer in {} seconds; check --kubeconfig", START_UP_PATIENCE.as_secs())
    })?;
    match loaded {
        Err(error @ ClusterConfigError::Forbidden { .. }) if flags.authentication_tolerate_lookup_failure => {
            tracing::warn!(%error, "going on without the cluster's authentication configuration");
        }
        loaded => loaded?,
    }
    seams.tasks.spawn(cluster.watch(shutdown.token()));
    Ok(())
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

/// The first signal asks the server to stop; the second ends the process.
fn stop_on_signals(seams: &Seams, shutdown: &Shutdown) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be handled")?;
    let shutdown = shutdown.clone();
    seams.tasks.spawn(async move {
        for attempt in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if attempt > 0 {
                std::process::exit(1);
            }
            tracing::info!("stopping: requests may finish, watches end; another signal ends the process at once");
            shutdown.ask();
        }
    });
    Ok(())
}
