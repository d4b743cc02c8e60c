//! Starting the processes in order, with a PKI of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client};
use rcgen::KeyPair;

use super::users::{Credential, User, write_kubeconfig};
use super::{Binaries, ControlPlane, Durability, ready};
use crate::pki::{Authority, write_private, write_public};
use crate::process::{Daemon, free_ports};
use crate::step::{note, step, step_async};

/// Fills in `starting` step by step, so that what has been started can be stopped whatever happens next.
pub(super) async fn launch(starting: &mut ControlPlane, binaries: &Binaries) -> Result<()> {
    let [etcd_client, etcd_peer, apiserver] = free_ports()?;
    starting.state.etcd = format!("http://127.0.0.1:{etcd_client}");
    starting.state.server = format!("https://127.0.0.1:{apiserver}");
    starting.state.kubectl = binaries.program("kubectl");
    fs::create_dir_all(starting.dir.join("pki")).context("cannot make the folder of the PKI")?;
    step("make certificates and kubeconfigs", || write_pki(starting))?;

    let flags = etcd_flags(starting.state.durability, &starting.dir.join("etcd"), starting.etcd(), etcd_peer);
    let etcd = run(starting, binaries, "etcd", &flags, &[etcd_client, etcd_peer])?;
    let server = run(starting, binaries, KUBE_APISERVER, &apiserver_flags(starting, apiserver), &[apiserver])?;
    let client = starting.client(User::Admin).await?;
    step_async("start etcd and kube-apiserver", async {
        ready("kube-apiserver", &[&etcd, &server], async || readyz(&client).await).await
    })
    .await?;
    if !starting.state.deletes_namespaces {
        note("there is no kube-controller-manager: deleted namespaces stay");
        return Ok(());
    }
    let manager = run(starting, binaries, KUBE_CONTROLLER_MANAGER, &controller_manager_flags(starting), &[])?;
    step_async("start kube-controller-manager", async {
        ready("the first work of kube-controller-manager", &[&manager], async || published_root_ca(&client).await).await
    })
    .await
}

fn run(
    starting: &mut ControlPlane,
    binaries: &Binaries,
    name: &str,
    flags: &[String],
    ports: &[u16],
) -> Result<Daemon> {
    run_named(starting, name, binaries, name, flags, ports)
}

fn run_named(
    starting: &mut ControlPlane,
    name: &str,
    binaries: &Binaries,
    program: &str,
    flags: &[String],
    ports: &[u16],
) -> Result<Daemon> {
    let mut command = Command::new(binaries.program(program));
    let dir = &starting.dir;
    command.args(flags).current_dir(dir);
    let daemon = Daemon::spawn(name, &mut command, ports, &dir.join(format!("{name}.log")), dir)?;
    starting.state.daemons.push(daemon.clone());
    starting.save()?;
    Ok(daemon)
}

fn write_pki(of: &ControlPlane) -> Result<()> {
    let authority = Authority::new("annex-control-plane-ca", DAYS)?;
    write_public(&of.pki("ca.crt"), authority.certificate())?;
    let names: Vec<String> = SERVER_NAMES.into_iter().map(str::to_owned).collect();
    authority.server(&names, DAYS)?.write(&of.pki("apiserver.crt"), &of.pki("apiserver.key"))?;

    let front_proxy = Authority::new("annex-front-proxy-ca", DAYS)?;
    write_public(&of.pki("front-proxy-ca.crt"), front_proxy.certificate())?;
    let proxy = front_proxy.client(FRONT_PROXY_NAME, None, DAYS)?;
    proxy.write(&of.pki("front-proxy-client.crt"), &of.pki("front-proxy-client.key"))?;

    let accounts = KeyPair::generate().context("cannot make a key")?;
    write_private(&of.pki("service-accounts.key"), &accounts.serialize_pem())?;
    write_public(&of.pki("service-accounts.pub"), &accounts.public_key_pem())?;
    write_private(&of.pki("tokens.csv"), &(User::Admin.token_line() + &User::Alice.token_line()))?;

    let admin = authority.client(User::Admin.name(), Some("system:masters"), DAYS)?;
    admin.write(&of.pki("admin.crt"), &of.pki("admin.key"))?;
    let ca = authority.certificate();
    write_kubeconfig(&of.kubeconfig(User::Admin), of.server(), ca, &Credential::Certificate(&admin))?;
    write_kubeconfig(&of.kubeconfig(User::Alice), of.server(), ca, &Credential::Token(User::Alice.token()))?;
    let manager = authority.client("system:kube-controller-manager", Some("system:masters"), DAYS)?;
    write_kubeconfig(&manager_kubeconfig(&of.dir), of.server(), ca, &Credential::Certificate(&manager))
}

/// Starts one more etcd, whose revisions are counted by nobody else's writes, and gives its address.
pub(super) async fn launch_etcd(beside: &mut ControlPlane, binaries: &Binaries, name: &str) -> Result<String> {
    let [client, peer] = free_ports()?;
    let address = format!("http://127.0.0.1:{client}");
    let flags = etcd_flags(beside.state.durability, &beside.dir.join(name), &address, peer);
    let etcd = run_named(beside, name, binaries, "etcd", &flags, &[client, peer])?;
    ready(name, &[&etcd], async || {
        tokio::net::TcpStream::connect(("127.0.0.1", client)).await.map(drop).context("not listening yet")
    })
    .await?;
    Ok(address)
}

fn etcd_flags(durability: Durability, data: &Path, address: &str, peer: u16) -> Vec<String> {
    let peer = format!("http://127.0.0.1:{peer}");
    flags(&[
        ("data-dir", &path(data)),
        ("listen-client-urls", address),
        ("advertise-client-urls", address),
        ("listen-peer-urls", &peer),
        ("initial-advertise-peer-urls", &peer),
        ("initial-cluster", &format!("default={peer}")),
        ("log-level", "warn"),
        ("unsafe-no-fsync", if durability == Durability::Disk { "false" } else { "true" }),
    ])
}

fn apiserver_flags(of: &ControlPlane, port: u16) -> Vec<String> {
    let pki = |file| path(&of.pki(file));
    flags(&[
        ("etcd-servers", of.etcd()),
        ("bind-address", "127.0.0.1"),
        ("advertise-address", "127.0.0.1"),
        ("secure-port", &port.to_string()),
        ("endpoint-reconciler-type", "none"),
        ("tls-cert-file", &pki("apiserver.crt")),
        ("tls-private-key-file", &pki("apiserver.key")),
        ("client-ca-file", &pki("ca.crt")),
        ("token-auth-file", &pki("tokens.csv")),
        ("service-account-key-file", &pki("service-accounts.pub")),
        ("service-account-signing-key-file", &pki("service-accounts.key")),
        ("service-account-issuer", "https://kubernetes.default.svc"),
        ("authorization-mode", "RBAC"),
        ("requestheader-client-ca-file", &pki("front-proxy-ca.crt")),
        ("requestheader-allowed-names", FRONT_PROXY_NAME),
        ("requestheader-username-headers", "X-Remote-User"),
        ("requestheader-uid-headers", "X-Remote-Uid"),
        ("requestheader-group-headers", "X-Remote-Group"),
        ("requestheader-extra-headers-prefix", "X-Remote-Extra-"),
        ("proxy-client-cert-file", &pki("front-proxy-client.crt")),
        ("proxy-client-key-file", &pki("front-proxy-client.key")),
        ("service-cluster-ip-range", SERVICE_RANGE),
        ("disable-admission-plugins", "ServiceAccount"),
    ])
}

fn controller_manager_flags(of: &ControlPlane) -> Vec<String> {
    flags(&[
        ("kubeconfig", &path(&manager_kubeconfig(&of.dir))),
        ("leader-elect", "false"),
        ("controllers", "*"),
        ("secure-port", "0"),
        ("root-ca-file", &path(&of.pki("ca.crt"))),
        ("service-account-private-key-file", &path(&of.pki("service-accounts.key"))),
    ])
}

fn flags(of: &[(&str, &str)]) -> Vec<String> {
    of.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn path(of: &Path) -> String {
    of.display().to_string()
}

fn manager_kubeconfig(dir: &Path) -> PathBuf {
    dir.join("controller-manager.kubeconfig")
}

async fn readyz(client: &Client) -> Result<()> {
    let request = http::Request::get("/readyz").body(Vec::new()).context("not a request")?;
    let answer = client.request_text(request).await.context("not ready yet")?;
    ensure!(answer == "ok", "it answers: {answer}");
    Ok(())
}

/// The `ConfigMap` of the root CA is what the controller manager writes into a namespace early on.
async fn published_root_ca(client: &Client) -> Result<()> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    maps.get("kube-root-ca.crt").await.context("nothing published yet")?;
    Ok(())
}

pub(super) const KUBE_APISERVER: &str = "kube-apiserver";
pub(super) const KUBE_CONTROLLER_MANAGER: &str = "kube-controller-manager";
/// The name in the aggregator's certificate that servers behind it believe.
const FRONT_PROXY_NAME: &str = "front-proxy-client";
/// Addresses that a test can listen on, so that it can stand in for kube-proxy.
const SERVICE_RANGE: &str = "127.96.0.0/16";
const SERVER_NAMES: [&str; 7] =
    ["kubernetes.default.svc", "kubernetes", "kubernetes.default", "localhost", "127.0.0.1", "::1", "127.96.0.1"];
const DAYS: u16 = 365;
