//! Putting a process on this machine behind the control plane's aggregator.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::binaries::SAMPLE_APISERVER;
use super::{Binaries, ControlPlane, User, ready};
use crate::pki::Authority;
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

    /// Registers these group versions and waits until each is Available.
    ///
    /// * Errors: the condition's reason and message when that takes more than `limit`.
    pub async fn register(&self, client: &Client, group_versions: &[(&str, &str)], limit: Duration) -> Result<()> {
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

/// Go's sample-apiserver, behind the aggregator.
#[derive(Debug)]
pub struct SampleApiserver;

impl SampleApiserver {
    /// Starts it as one more process of `behind` and registers `wardle.example.com`; nothing if it runs already.
    ///
    /// * Errors: there is no such program, or it does not get ready.
    pub async fn start(behind: &mut ControlPlane, binaries: &Binaries) -> Result<()> {
        if behind.sample_apiserver().is_some() {
            return Ok(());
        }
        ensure!(binaries.has(SAMPLE_APISERVER), "{} has no {SAMPLE_APISERVER}", binaries.folder().display());
        let [port] = free_ports()?;
        let authority = Authority::new("sample-apiserver-ca", 365)?;
        let service = ExternalService {
            namespace: "wardle".to_owned(),
            name: "api".to_owned(),
            port,
            ca: authority.certificate().to_owned(),
        };
        let names = [service.host(), "localhost".to_owned(), "127.0.0.1".to_owned()];
        let serving = authority.server(&names, 365)?;
        let (certificate, key) = (behind.pki("sample-apiserver.crt"), behind.pki("sample-apiserver.key"));
        serving.write(&certificate, &key)?;
        crate::pki::write_public(&behind.pki("sample-apiserver-ca.crt"), &service.ca)?;

        let mut command = Command::new(binaries.program(SAMPLE_APISERVER));
        command.current_dir(&behind.dir).args(flags(behind, port, &certificate, &key));
        let log = behind.dir.join("sample-apiserver.log");
        let daemon = Daemon::spawn(SAMPLE_APISERVER, &mut command, &[port], &log, &behind.dir)?;
        behind.state.daemons.push(daemon.clone());
        behind.save()?;
        let client = behind.client(User::Admin).await?;
        let register = async || service.register(&client, &WARDLE, Duration::from_mins(1)).await;
        step_async("start sample-apiserver behind the aggregator", ready("sample-apiserver", &[&daemon], register))
            .await
    }
}

impl ControlPlane {
    /// The address of the sample-apiserver that was started beside this control plane.
    pub fn sample_apiserver(&self) -> Option<String> {
        let found = self.state.daemons.iter().find(|daemon| daemon.name == SAMPLE_APISERVER && daemon.is_running())?;
        found.ports.first().map(|port| format!("https://127.0.0.1:{port}"))
    }
}

fn flags(behind: &ControlPlane, port: u16, certificate: &Path, key: &Path) -> Vec<String> {
    let kubeconfig = behind.kubeconfig(User::Admin).display().to_string();
    [
        ("secure-port", port.to_string()),
        ("bind-address", "127.0.0.1".to_owned()),
        ("tls-cert-file", certificate.display().to_string()),
        ("tls-private-key-file", key.display().to_string()),
        ("etcd-servers", behind.etcd().to_owned()),
        ("kubeconfig", kubeconfig.clone()),
        ("authentication-kubeconfig", kubeconfig.clone()),
        ("authorization-kubeconfig", kubeconfig),
    ]
    .into_iter()
    .map(|(name, value)| format!("--{name}={value}"))
    .collect()
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
const WARDLE: [(&str, &str); 2] = [("wardle.example.com", "v1alpha1"), ("wardle.example.com", "v1beta1")];
