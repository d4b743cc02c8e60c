//! Who may talk to the control plane, and their kubeconfigs.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::{self, Pair};

/// A user of the control plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
pub enum User {
    /// Member of `system:masters`, by client certificate.
    Admin,
    /// A user without any rights beyond discovery, by token: what RBAC gives it is what a test gave it.
    Alice,
}

impl User {
    /// The name that RBAC sees.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Alice => "alice",
        }
    }

    /// The bearer token, which works beside any certificate.
    pub fn token(self) -> &'static str {
        match self {
            Self::Admin => "admin-token-of-a-loopback-control-plane",
            Self::Alice => "alice-token-of-a-loopback-control-plane",
        }
    }

    pub(super) fn kubeconfig_name(self) -> &'static str {
        match self {
            Self::Admin => "kubeconfig",
            Self::Alice => "alice.kubeconfig",
        }
    }

    /// The line of `--token-auth-file` for this user.
    pub(super) fn token_line(self) -> String {
        let groups = match self {
            Self::Admin => ",system:masters",
            Self::Alice => "",
        };
        format!("{},{},{}-uid{groups}\n", self.token(), self.name(), self.name())
    }
}

/// How a kubeconfig proves who its user is.
pub(super) enum Credential<'a> {
    Certificate(&'a Pair),
    Token(&'a str),
}

/// Writes a kubeconfig, complete in itself, that its owner alone may read.
pub(super) fn write_kubeconfig(path: &Path, server: &str, ca: &str, credential: &Credential<'_>) -> Result<()> {
    let user = match credential {
        Credential::Certificate(pair) => json!({
            "client-certificate-data": STANDARD.encode(&pair.certificate),
            "client-key-data": STANDARD.encode(&pair.key),
        }),
        Credential::Token(token) => json!({ "token": token }),
    };
    let config: Value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": CONTEXT,
            "cluster": { "server": server, "certificate-authority-data": STANDARD.encode(ca) },
        }],
        "users": [{ "name": CONTEXT, "user": user }],
        "contexts": [{ "name": CONTEXT, "context": { "cluster": CONTEXT, "user": CONTEXT } }],
        "current-context": CONTEXT,
    });
    let text = serde_saphyr::to_string(&config).context("a kubeconfig that is not YAML")?;
    pki::write_private(path, &text)?;
    fs::metadata(path).map(drop).with_context(|| format!("{} vanished", path.display()))
}

/// The name of cluster, user and context in every kubeconfig written here.
const CONTEXT: &str = "annex-control-plane";
