//! Putting a process on this machine behind the control plane's aggregator.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::binaries::SAMPLE_APISERVER;
use super::launch::launch_etcd;
use super::{Binaries, ControlPlane, User, ready};
use crate::pki::{Authority, write_public};
use crate::process::{Daemon, free_ports};
use crate::step::step_async;
use crate::wait;

/// A server on a loopback port, known to the aggregator as a Service of type `ExternalName`.
///
/// Its serving certificate must hold the name `<service>.<namespace>.svc`, which is what the aggregator asks for.
#[derive(Debug, Clone)]
pub struct ExternalService {
    /// The namespace of the Service; made if need be.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// The loopback port that the server listens on.
    pub port: u16,
    /// The certificate, PEM, of the authority that signed the serving certificate.
    pub ca: String,
}

impl ExternalService {
    /// The name that the serving certificate must hold.
    pub fn host(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    /// Takes these group versions away from the aggregator, whoever serves them.
    pub async fn unregister(client: &Client, group_versions: &[(String, String)]) -> Result<()> {
        let api_services: Api<APIService> = Api::all(client.clone());
        for (group, version) in group_versions {
            let name = format!("{version}.{group}");
            match api_services.delete(&name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                outcome => drop(outcome.with_context(|| format!("cannot delete APIService {name}"))?),
            }
        }
        Ok(())
    }

    /// Registers these group versions and waits until each is Available, and until the front's own discovery and OpenAPI
    /// tell of it, which is a little later.
    ///
    /// * Errors: the condition's reason and message when that takes more than `limit`.
    pub async fn register(&self, client: &Client, group_versions: &[(String, String)], limit: Duration) -> Result<()> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        apply(&namespaces, &self.namespace, &namespace).await?;
        let services: Api<Service> = Api::namespaced(client.clone(), &self.namespace);
        apply(&services, &self.name, &self.service()).await?;
        let api_services: Api<APIService> = Api::all(client.clone());
        for (group, version) in group_versions {
            apply(&api_services, &format!("{version}.{group}"), &self.api_service(group, version)).await?;
        }
        for (group, version) in group_versions {
            available(&api_services, &format!("{version}.{group}"), limit).await?;
        }
        for (group, version) in group_versions {
            wait::until(&format!("{group}/{version} in discovery"), limit, async || {
                told_of(client, group, version).await
            })
            .await?;
        }
        Ok(())
    }

    fn service(&self) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": { "name": self.name, "namespace": self.namespace },
            "spec": {
                "type": "ExternalName",
                "externalName": "localhost",
                "ports": [{ "port": self.port, "protocol": "TCP" }],
            },
        })
    }

    fn api_service(&self, group: &str, version: &str) -> Value {
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": { "name": format!("{version}.{group}") },
            "spec": {
                "group": group,
                "version": version,
                "groupPriorityMinimum": 1000,
                "versionPriority": if version.contains("alpha") { 10 } else { 15 },
                "caBundle": STANDARD.encode(&self.ca),
                "service": { "name": self.name, "namespace": self.namespace, "port": self.port },
            },
        })
    }
}

async fn told_of(client: &Client, group: &str, version: &str) -> Result<()> {
    let discovery = client.list_api_groups_aggregated().await.context("discovery")?;
    let found =
        discovery.items.iter().filter(|found| found.metadata.as_ref().and_then(|of| of.name.as_deref()) == Some(group));
    let fresh = found
        .flat_map(|group| &group.versions)
        .any(|found| found.version.as_deref() == Some(version) && !found.resources.is_empty());
    ensure!(fresh, "discovery does not tell of it");
    let request = http::Request::get("/openapi/v3").body(Vec::new()).context("not a request")?;
    let paths: Value = client.request(request).await.context("OpenAPI")?;
    ensure!(paths["paths"].get(format!("apis/{group}/{version}")).is_some(), "OpenAPI does not tell of it");
    Ok(())
}

/// Waits until an APIService is Available.
///
/// * Errors: after the limit, the condition's reason and message.
pub async fn available(api_services: &Api<APIService>, name: &str, limit: Duration) -> Result<()> {
    wait::until(&format!("APIService {name} to be Available"), limit, async || {
        let found = api_services.get(name).await.with_context(|| format!("cannot read APIService {name}"))?;
        let conditions = found.status.and_then(|status| status.conditions).unwrap_or_default();
        let condition = conditions.into_iter().find(|condition| condition.type_ == "Available");
        let condition = condition.context("the aggregator has not looked at it yet")?;
        ensure!(
            condition.status == "True",
            "{}: {}",
            condition.reason.unwrap_or_default(),
            condition.message.unwrap_or_default()
        );
        Ok(())
    })
    .await
}

/// A server to be started beside a control plane and put behind its aggregator.
#[derive(Debug, Clone)]
pub struct AggregatedServer {
    /// What people call it; also its namespace, its Service and the stem of its files.
    pub name: String,
    /// Its program.
    pub program: PathBuf,
    /// What comes before the flags that every such server has.
    pub arguments: Vec<String>,
    /// What it serves.
    pub group_versions: Vec<(String, String)>,
}

/// What a server that runs beside a control plane is told and known by.
#[derive(Debug, Clone)]
pub struct Beside {
    /// The flags that all aggregated servers share, upstream's and ours.
    pub flags: Vec<String>,
    /// The file with the authority of its certificate.
    pub ca: PathBuf,
    /// What the aggregator would know it as.
    pub service: ExternalService,
}

impl AggregatedServer {
    /// Go's sample-apiserver, keeping its objects in the control plane's etcd.
    ///
    /// * Errors: these binaries have none.
    pub fn sample(behind: &ControlPlane, binaries: &Binaries) -> Result<Self> {
        ensure!(binaries.has(SAMPLE_APISERVER), "{} has no {SAMPLE_APISERVER}", binaries.folder().display());
        let versions = ["v1alpha1", "v1beta1"].into_iter();
        Ok(Self {
            name: SAMPLE_APISERVER.to_owned(),
            program: binaries.program(SAMPLE_APISERVER),
            arguments: vec![format!("--etcd-servers={}", behind.etcd())],
            group_versions: versions.map(|version| ("wardle.example.com".to_owned(), version.to_owned())).collect(),
        })
    }
}

impl ControlPlane {
    /// Starts a server as one more process of this control plane, registers what it serves and waits until every
    /// `APIService` is Available. Nothing happens if one of this name runs already.
    ///
    /// * Errors: it cannot be started, ends, or does not become Available, with the end of its log.
    pub async fn serve(&mut self, server: &AggregatedServer) -> Result<()> {
        if self.server_of(&server.name).is_some() {
            return Ok(());
        }
        let (service, daemon) = self.spawn(server)?;
        let client = self.client(User::Admin).await?;
        let register = async || service.register(&client, &server.group_versions, Duration::from_mins(1)).await;
        step_async(format!("start {} behind the aggregator", server.name), ready(&server.name, &[&daemon], register))
            .await
    }

    /// Starts a server as one more process of this control plane, waits until it listens, and registers nothing: give
    /// the service to the aggregator when its turn comes.
    ///
    /// * Errors: it cannot be started, or ends, with the end of its log.
    pub async fn serve_unregistered(&mut self, server: &AggregatedServer) -> Result<ExternalService> {
        let (service, daemon) = self.spawn(server)?;
        let listens =
            async || TcpStream::connect(("127.0.0.1", service.port)).await.map(drop).context("not listening yet");
        step_async(format!("start {}", server.name), ready(&server.name, &[&daemon], listens)).await?;
        Ok(service)
    }

    /// Starts one more etcd as a process of this control plane, and gives its address.
    ///
    /// * Errors: it cannot be started, or ends, with the end of its log.
    pub async fn etcd_beside(&mut self, binaries: &Binaries, name: &str) -> Result<String> {
        launch_etcd(self, binaries, name).await
    }

    fn spawn(&mut self, server: &AggregatedServer) -> Result<(ExternalService, Daemon)> {
        let [port] = free_ports()?;
        let Beside { flags, service, .. } = self.beside(server, port)?;
        let mut command = Command::new(&server.program);
        command.current_dir(&self.dir).args(&server.arguments).args(flags);
        let log = self.dir.join(format!("{}.log", server.name));
        let daemon = Daemon::spawn(&server.name, &mut command, &[port], &log, &self.dir)?;
        self.state.daemons.push(daemon.clone());
        self.save()?;
        Ok((service, daemon))
    }

    /// What a server needs to run beside this control plane on a port: its certificate is made.
    pub fn beside(&self, server: &AggregatedServer, port: u16) -> Result<Beside> {
        let authority = Authority::new(&format!("{}-ca", server.name), DAYS)?;
        let service = ExternalService {
            namespace: server.name.clone(),
            name: "api".to_owned(),
            port,
            ca: authority.certificate().to_owned(),
        };
        let names = [service.host(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        let file = |end: &str| self.pki(&format!("{}{end}", server.name));
        authority.server(&names, DAYS)?.write(&file(".crt"), &file(".key"))?;
        write_public(&file("-ca.crt"), &service.ca)?;
        Ok(Beside { flags: self.delegating_flags(&server.name, port), ca: file("-ca.crt"), service })
    }

    /// The process id of one of its own processes that still runs.
    pub fn pid_of(&self, name: &str) -> Option<i32> {
        let found = self.state.daemons.iter().find(|daemon| daemon.name == name && daemon.is_running())?;
        Some(found.pid)
    }

    /// The address of a server that was started beside this control plane and still runs.
    pub fn server_of(&self, name: &str) -> Option<String> {
        let found = self.state.daemons.iter().find(|daemon| daemon.name == name && daemon.is_running())?;
        found.ports.first().map(|port| format!("https://127.0.0.1:{port}"))
    }

    /// The flags that all aggregated servers share, upstream's and ours.
    fn delegating_flags(&self, name: &str, port: u16) -> Vec<String> {
        let kubeconfig = self.kubeconfig(User::Admin).display().to_string();
        [
            ("secure-port", port.to_string()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("tls-cert-file", self.pki(&format!("{name}.crt")).display().to_string()),
            ("tls-private-key-file", self.pki(&format!("{name}.key")).display().to_string()),
            ("kubeconfig", kubeconfig.clone()),
            ("authentication-kubeconfig", kubeconfig.clone()),
            ("authorization-kubeconfig", kubeconfig),
        ]
        .into_iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
    }
}

async fn apply<K>(to: &Api<K>, name: &str, object: &Value) -> Result<()>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let params = PatchParams::apply(FIELD_MANAGER).force();
    to.patch(name, &params, &Patch::Apply(object)).await.with_context(|| format!("cannot apply {name}"))?;
    Ok(())
}

const FIELD_MANAGER: &str = "annex-xtask";
const DAYS: u16 = 365;
