//! The objects themselves, in the order in which to apply them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::describe::Description;
use crate::pki::Pair;

/// How the server is to be deployed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The namespace of everything that has one.
    pub namespace: String,
    /// The container image.
    pub image: String,
    /// The port of the Service.
    pub service_port: u16,
    /// Whom the aggregator believes.
    pub trust: Trust,
}

/// Whom the aggregator believes to be the server.
#[derive(Clone, Debug)]
pub enum Trust {
    /// A server with a certificate of this authority, PEM.
    Authority(String),
    /// To be filled in when the manifests are applied.
    LaterByDeploy,
    /// Anyone: `insecureSkipTLSVerify`.
    Anyone,
}

/// All objects except the Secret, each one after those it refers to.
pub fn objects(of: &Description, settings: &Settings) -> Vec<Value> {
    let mut all = vec![namespace(of, settings), service_account(of, settings)];
    all.extend(rbac(of, settings));
    all.extend([service(of, settings), deployment(of, settings)]);
    all.extend(api_services(of, settings));
    all
}

/// The Secret with the serving certificate, which the Deployment mounts.
pub fn serving_secret(of: &Description, settings: &Settings, serving: &Pair) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(&secret_name(of), Some(&settings.namespace), of),
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": STANDARD.encode(&serving.certificate), "tls.key": STANDARD.encode(&serving.key) },
    })
}

fn namespace(of: &Description, settings: &Settings) -> Value {
    let mut namespace = json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata(&settings.namespace, None, of),
    });
    // What the Deployment promises, the namespace demands.
    namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = json!("restricted");
    namespace
}

fn service_account(of: &Description, settings: &Settings) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(&of.name, Some(&settings.namespace), of),
        // The Deployment asks for the token; nobody else should get one unasked.
        "automountServiceAccountToken": false,
    })
}

/// Who asks and what they may do are questions for the cluster: hence the first two. The third is the server's own list.
fn rbac(of: &Description, settings: &Settings) -> Vec<Value> {
    let binding = |kind: &str, name: &str, namespace: Option<&str>, role: Value| {
        json!({
            "apiVersion": RBAC,
            "kind": kind,
            "metadata": metadata(name, namespace, of),
            "roleRef": role,
            "subjects": [{ "kind": "ServiceAccount", "name": of.name, "namespace": settings.namespace }],
        })
    };
    let role = |kind: &str, name: &str| json!({ "apiGroup": RBAC_GROUP, "kind": kind, "name": name });
    let mut all = vec![
        binding(
            "ClusterRoleBinding",
            &format!("{}:auth-delegator", of.name),
            None,
            role("ClusterRole", "system:auth-delegator"),
        ),
        binding(
            "RoleBinding",
            &format!("{}:auth-reader", of.name),
            Some("kube-system"),
            role("Role", "extension-apiserver-authentication-reader"),
        ),
    ];
    if !of.rules.is_empty() {
        all.push(json!({
            "apiVersion": RBAC,
            "kind": "ClusterRole",
            "metadata": metadata(&of.name, None, of),
            "rules": of.rules,
        }));
        all.push(binding("ClusterRoleBinding", &of.name, None, role("ClusterRole", &of.name)));
    }
    all
}

fn service(of: &Description, settings: &Settings) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(&of.name, Some(&settings.namespace), of),
        "spec": {
            "selector": selector(of),
            "ports": [{ "name": "https", "port": settings.service_port, "protocol": "TCP", "targetPort": "https" }],
        },
    })
}

fn deployment(of: &Description, settings: &Settings) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(&of.name, Some(&settings.namespace), of),
        "spec": {
            // Objects live in the memory of one process: a second replica would answer with others.
            "replicas": 1,
            "strategy": { "type": "Recreate" },
            "selector": { "matchLabels": selector(of) },
            "template": { "metadata": { "labels": labels(of) }, "spec": pod(of, settings) },
        },
    })
}

fn pod(of: &Description, settings: &Settings) -> Value {
    json!({
        "serviceAccountName": of.name,
        "automountServiceAccountToken": true,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": UNPRIVILEGED,
            "runAsGroup": UNPRIVILEGED,
            "fsGroup": UNPRIVILEGED,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [{
            "name": "server",
            "image": settings.image,
            "command": [of.name],
            "args": [
                "serve",
                format!("--secure-port={SECURE_PORT}"),
                format!("--tls-cert-file={CERTIFICATES}/tls.crt"),
                format!("--tls-private-key-file={CERTIFICATES}/tls.key"),
            ],
            "ports": [{ "name": "https", "containerPort": SECURE_PORT, "protocol": "TCP" }],
            "livenessProbe": probe("/livez", 10, 3),
            "readinessProbe": probe("/readyz", 5, 2),
            "resources": {
                "requests": { "cpu": "50m", "memory": "32Mi" },
                "limits": { "memory": "256Mi" },
            },
            "securityContext": {
                "allowPrivilegeEscalation": false,
                "capabilities": { "drop": ["ALL"] },
                "readOnlyRootFilesystem": true,
            },
            "volumeMounts": [{ "name": "serving-certificate", "mountPath": CERTIFICATES, "readOnly": true }],
        }],
        "volumes": [{
            "name": "serving-certificate",
            "secret": { "secretName": secret_name(of), "defaultMode": 0o440 },
        }],
    })
}

fn probe(path: &str, period: u16, failures: u16) -> Value {
    json!({
        "httpGet": { "path": path, "port": "https", "scheme": "HTTPS" },
        "periodSeconds": period,
        "failureThreshold": failures,
        "timeoutSeconds": 5,
    })
}

/// The preferred version of a group gets the highest priority. Steps of five leave room for versions to come in between.
fn api_services(of: &Description, settings: &Settings) -> Vec<Value> {
    let group_versions = of.group_versions();
    let api_service = |(index, (group, version)): (usize, &(&str, &str))| {
        let less_preferred = group_versions[index..].iter().filter(|(other, _)| other == group).count() - 1;
        let mut spec = json!({
            "group": group,
            "version": version,
            "groupPriorityMinimum": GROUP_PRIORITY,
            "versionPriority": 10 + 5 * less_preferred,
            "service": { "name": of.name, "namespace": settings.namespace, "port": settings.service_port },
        });
        match &settings.trust {
            Trust::Authority(ca) => spec["caBundle"] = json!(STANDARD.encode(ca)),
            Trust::Anyone => spec["insecureSkipTLSVerify"] = json!(true),
            Trust::LaterByDeploy => {}
        }
        json!({
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": metadata(&format!("{version}.{group}"), None, of),
            "spec": spec,
        })
    };
    group_versions.iter().enumerate().map(api_service).collect()
}

fn metadata(name: &str, namespace: Option<&str>, of: &Description) -> Value {
    let mut metadata = json!({ "name": name, "labels": labels(of) });
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    metadata
}

fn labels(of: &Description) -> Value {
    json!({ "app.kubernetes.io/name": of.name, "app.kubernetes.io/version": of.version })
}

/// What does not change from version to version.
fn selector(of: &Description) -> Value {
    json!({ "app.kubernetes.io/name": of.name })
}

fn secret_name(of: &Description) -> String {
    format!("{}-serving-certificate", of.name)
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "/etc/kube-annex/serving-certificate";
const SECURE_PORT: u16 = 8443;
const UNPRIVILEGED: u32 = 65532;
/// Upstream's own add-on APIs lie higher; a kind of the same name in a built-in group wins.
const GROUP_PRIORITY: u32 = 1000;
