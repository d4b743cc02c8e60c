//! The command line. Flags are spelled as upstream's wherever the thing is the same.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;

/// An aggregated API server.
#[derive(Debug, Parser)]
// As in Go, of a flag that is given twice the last holds, and lists add up.
#[command(arg_required_else_help = true, args_override_self = true, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the APIs.
    Serve(Box<ServeFlags>),
    /// Print what is served and what it needs from a cluster, as JSON.
    Describe {
        /// Print instead what a cluster would have to be given to serve the stored resources as custom ones.
        #[arg(long)]
        crd: bool,
    },
    /// Look after the objects that are kept under --data-dir.
    #[cfg(feature = "redb")]
    Storage {
        #[command(subcommand)]
        command: crate::maintenance::StorageCommand,
    },
}

/// Where stored objects are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StorageBackend {
    /// In memory: nothing survives the process.
    Memory,
    /// In a file under --data-dir.
    Redb,
    /// In the etcd of --etcd-servers.
    #[value(alias = "etcd3")]
    Etcd,
}

#[derive(Args, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct ServeFlags {
    /// The port to serve HTTPS on; 0 takes a free one.
    #[arg(long, default_value_t = 443)]
    pub(crate) secure_port: u16,
    /// The address to listen on.
    #[arg(long, default_value = "0.0.0.0")]
    pub(crate) bind_address: IpAddr,
    /// The serving certificate, PEM, leaf first.
    #[arg(long, requires = "tls_private_key_file")]
    pub(crate) tls_cert_file: Option<PathBuf>,
    /// The key of the serving certificate, PEM.
    #[arg(long, requires = "tls_cert_file")]
    pub(crate) tls_private_key_file: Option<PathBuf>,

    /// Authorities whose client certificates are users, besides the cluster's.
    #[arg(long)]
    pub(crate) client_ca_file: Option<PathBuf>,
    /// Authorities of the front proxy's certificate, instead of the cluster's.
    #[arg(long)]
    pub(crate) requestheader_client_ca_file: Option<PathBuf>,
    /// Common names that the front proxy's certificate may have; none allows any.
    #[arg(long, value_delimiter = ',')]
    pub(crate) requestheader_allowed_names: Vec<String>,
    /// Headers with the user's name.
    #[arg(long, value_delimiter = ',', default_value = "x-remote-user")]
    pub(crate) requestheader_username_headers: Vec<String>,
    /// Headers with the user's uid.
    #[arg(long, value_delimiter = ',')]
    pub(crate) requestheader_uid_headers: Vec<String>,
    /// Headers with the user's groups.
    #[arg(long, value_delimiter = ',', default_value = "x-remote-group")]
    pub(crate) requestheader_group_headers: Vec<String>,
    /// Prefixes of headers with what else is known of the user.
    #[arg(long, value_delimiter = ',', default_value = "x-remote-extra-")]
    pub(crate) requestheader_extra_headers_prefix: Vec<String>,

    /// The cluster, for everything that has no kubeconfig of its own. Without any, the pod's own account.
    #[arg(long)]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The cluster that says whose a token is.
    #[arg(long)]
    pub(crate) authentication_kubeconfig: Option<PathBuf>,
    /// The cluster that says who may do what.
    #[arg(long)]
    pub(crate) authorization_kubeconfig: Option<PathBuf>,
    /// Do not read the authentication configuration of the cluster.
    #[arg(long)]
    pub(crate) authentication_skip_lookup: bool,
    /// Start although the authentication configuration of the cluster may not be read.
    #[arg(long)]
    pub(crate) authentication_tolerate_lookup_failure: bool,
    /// How long an answer about a token is remembered.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) authentication_token_webhook_cache_ttl: std::time::Duration,
    /// Paths that everyone may read.
    #[arg(long, value_delimiter = ',', default_value = "/healthz,/readyz,/livez")]
    pub(crate) authorization_always_allow_paths: Vec<String>,
    /// How long a permission is remembered.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) authorization_webhook_cache_authorized_ttl: std::time::Duration,
    /// How long a refusal is remembered.
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub(crate) authorization_webhook_cache_unauthorized_ttl: std::time::Duration,

    /// Where stored objects are kept [default: etcd with --etcd-servers, redb with --standalone, else memory].
    #[arg(long, value_enum)]
    pub(crate) storage_backend: Option<StorageBackend>,
    /// How objects are written down.
    #[arg(long, default_value = "application/json", value_parser = ["application/json"])]
    pub(crate) storage_media_type: String,
    #[command(flatten)]
    pub(crate) etcd: EtcdFlags,
    /// The file that says which objects are encrypted at rest, and with which keys.
    #[arg(long)]
    pub(crate) encryption_provider_config: Option<PathBuf>,
    /// The folder for what the server keeps itself.
    #[arg(long)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Serve without a cluster: own authority, own certificates and a kubeconfig under --data-dir.
    #[arg(long, requires = "data_dir")]
    pub(crate) standalone: bool,

    /// Whether what a connection has to write is gathered and written at once, rather than frame by frame.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) coalesce_writes: bool,
    /// How long a server that was asked to stop still accepts requests.
    #[arg(long, default_value = "0s", value_parser = parse_duration)]
    pub(crate) shutdown_delay_duration: std::time::Duration,
    /// How much the log tells: 0 to 10.
    #[arg(short = 'v', long = "v", default_value_t = 0)]
    pub(crate) verbosity: u8,
}

/// Which etcd, and how it is used.
#[derive(Args, Debug)]
#[allow(clippy::struct_field_names, reason = "the flags are named after them, and these are upstream's")]
pub(crate) struct EtcdFlags {
    /// The servers of etcd: scheme, host and port of each.
    #[arg(long, value_delimiter = ',')]
    pub(crate) etcd_servers: Vec<String>,
    /// What the keys in etcd start with [default: /registry/ and the group of the first resource].
    #[arg(long)]
    pub(crate) etcd_prefix: Option<String>,
    /// The authority of the certificates of etcd, PEM.
    #[arg(long)]
    pub(crate) etcd_cafile: Option<PathBuf>,
    /// The certificate that etcd is shown, PEM, leaf first.
    #[arg(long, requires = "etcd_keyfile")]
    pub(crate) etcd_certfile: Option<PathBuf>,
    /// The key of that certificate, PEM.
    #[arg(long, requires = "etcd_certfile")]
    pub(crate) etcd_keyfile: Option<PathBuf>,
    /// How long etcd keeps history at least; 0 leaves it to others.
    #[arg(long, default_value = "5m", value_parser = parse_duration)]
    pub(crate) etcd_compaction_interval: std::time::Duration,
    /// How long etcd may take to be healthy.
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub(crate) etcd_healthcheck_timeout: std::time::Duration,
    /// How long etcd may take to be ready.
    #[arg(long, default_value = "2s", value_parser = parse_duration)]
    pub(crate) etcd_readycheck_timeout: std::time::Duration,
    /// Accepted as upstream's; objects are not counted in the background.
    #[arg(long, default_value = "1m", value_parser = parse_duration)]
    pub(crate) etcd_count_metric_poll_period: std::time::Duration,
    /// Accepted as upstream's; the size of etcd is not measured in the background.
    #[arg(long, default_value = "30s", value_parser = parse_duration)]
    pub(crate) etcd_db_metric_poll_interval: std::time::Duration,
}

/// Go's durations, as upstream's flags take them.
fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    kube_annex_runtime::request::duration::parse(text)
        .ok_or_else(|| "write a number and a unit, such as 10s, 500ms or 1m30s".to_owned())
}
