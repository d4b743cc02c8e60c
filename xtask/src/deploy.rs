//! Putting a server behind the aggregator of a cluster, and taking it away again.

mod consent;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind, TypeMeta};
use kube::{Api, Client, Config};
use serde_json::Value;

use crate::certs;
use crate::control_plane::available;
use crate::describe::{DescribeArgs, Description};
use crate::manifests::{Settings, SettingsArgs, Trust, objects, serving_secret};
use crate::step::{note, say, step, step_async};
use crate::wait;

/// What `cargo xtask deploy` and `undeploy` are told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server.
    #[command(flatten)]
    pub describe: DescribeArgs,
    /// How to deploy it.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// The kubeconfig [default: KUBECONFIG, else ~/.kube/config].
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// The context [default: the current one].
    #[arg(long)]
    pub context: Option<String>,
    /// Do not ask before changing a cluster for the first time.
    #[arg(long)]
    pub yes: bool,
    /// The folder of the certificates [default: target/certs/NAMESPACE/SERVICE].
    #[arg(long)]
    pub certs: Option<PathBuf>,
    /// How many seconds to wait until every APIService is Available, or everything is gone.
    #[arg(long, default_value_t = 180)]
    pub timeout: u64,
}

/// Applies everything and waits until every `APIService` is Available. Running it again changes what has changed.
///
/// * Errors: what could not be applied; after the limit, the reason why an `APIService` is not Available and the state of the pods.
pub async fn deploy(args: &Args) -> Result<()> {
    let description = args.describe.describe()?;
    let cluster = Cluster::connect(args).await?;
    cluster.consent(args, &format!("deploy {}", description.name))?;
    let plan = args.settings.settings(&description, Trust::LaterByDeploy);
    let folder = args.certs.clone().unwrap_or_else(|| certs::default_folder(&plan.namespace, &description.name));
    let certificates = step(format!("certificates in {}", folder.display()), || {
        certs::ensure_in(&folder, &plan.namespace, &description.name)
    })?;
    let plan = match plan.trust {
        Trust::Anyone => plan,
        _ => Settings { trust: Trust::Authority(certificates.ca), ..plan },
    };
    let mut all = objects(&description, &plan);
    // After the namespace, before the Deployment that mounts it.
    all.insert(1, serving_secret(&description, &plan, &certificates.serving));
    if cluster.namespace_of_others(&plan.namespace, &description).await? {
        note(format!("the namespace {} is somebody else's and stays as it is", plan.namespace));
        all.retain(|object| object["kind"] != "Namespace");
    }
    step_async(format!("apply {} objects to {}", all.len(), cluster.context), async {
        for object in &all {
            cluster.apply(object).await?;
        }
        Ok(())
    })
    .await?;
    let limit = Duration::from_secs(args.timeout);
    step_async("wait until every APIService is Available", cluster.await_available(&description, &plan, limit)).await?;
    for (group, version) in description.group_versions() {
        say(format!("{version}.{group} is Available"));
    }
    Ok(())
}

/// Deletes everything that [`deploy`] applied, and waits until it is gone. The certificates on this machine stay.
pub async fn undeploy(args: &Args) -> Result<()> {
    let description = args.describe.describe()?;
    let cluster = Cluster::connect(args).await?;
    cluster.consent(args, &format!("remove {}", description.name))?;
    let plan = args.settings.settings(&description, Trust::LaterByDeploy);
    let nothing = crate::pki::Pair { certificate: String::new(), key: String::new() };
    let mut all = objects(&description, &plan);
    all.insert(1, serving_secret(&description, &plan, &nothing));
    if cluster.namespace_of_others(&plan.namespace, &description).await? {
        all.retain(|object| object["kind"] != "Namespace");
    }
    // Last applied, first deleted: the aggregator must not send requests to a server that is gone.
    all.reverse();
    step_async(format!("delete {} objects from {}", all.len(), cluster.context), async {
        for object in &all {
            cluster.delete(object).await?;
        }
        Ok(())
    })
    .await?;
    let limit = Duration::from_secs(args.timeout);
    step_async("wait until they are gone", async {
        for object in &all {
            wait::until(&title(object), limit, async || cluster.ensure_gone(object).await).await?;
        }
        Ok(())
    })
    .await
}

/// One context of a kubeconfig.
struct Cluster {
    client: Client,
    context: String,
    server: String,
}

impl Cluster {
    async fn connect(args: &Args) -> Result<Self> {
        let kubeconfig = match &args.kubeconfig {
            Some(path) => Kubeconfig::read_from(path).with_context(|| format!("cannot read {}", path.display()))?,
            None => Kubeconfig::read().context("no usable kubeconfig; set KUBECONFIG or use --kubeconfig")?,
        };
        let context = args.context.clone().or_else(|| kubeconfig.current_context.clone());
        let context = context.context("the kubeconfig has no current context; name one with --context")?;
        let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let config = config.with_context(|| format!("the context {context} is not usable"))?;
        let server = config.cluster_url.to_string();
        let client = Client::try_from(config).context("cannot make a client")?;
        client.apiserver_version().await.with_context(|| format!("cannot reach {server} (context {context})"))?;
        Ok(Self { client, context, server })
    }

    fn consent(&self, args: &Args, deed: &str) -> Result<()> {
        if args.yes { Ok(()) } else { consent::ask(&self.context, &self.server, deed) }
    }

    /// Whether the namespace exists without having been made for this server.
    async fn namespace_of_others(&self, name: &str, description: &Description) -> Result<bool> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let found = namespaces.get_opt(name).await.with_context(|| format!("cannot read the namespace {name}"))?;
        Ok(found.is_some_and(|found| {
            let labels = found.metadata.labels.unwrap_or_default();
            labels.get("app.kubernetes.io/name") != Some(&description.name)
        }))
    }

    async fn apply(&self, object: &Value) -> Result<()> {
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let applied = self.api(object)?.patch(name(object), &params, &Patch::Apply(object)).await;
        applied.map(drop).with_context(|| format!("cannot apply {}", title(object)))
    }

    async fn delete(&self, object: &Value) -> Result<()> {
        match self.api(object)?.delete(name(object), &DeleteParams::background()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            outcome => outcome.map(drop).with_context(|| format!("cannot delete {}", title(object))),
        }
    }

    async fn ensure_gone(&self, object: &Value) -> Result<()> {
        let found = self.api(object)?.get_opt(name(object)).await.context("cannot look for it")?;
        ensure!(found.is_none(), "it is still there");
        Ok(())
    }

    fn api(&self, object: &Value) -> Result<Api<DynamicObject>> {
        let types: TypeMeta = serde_json::from_value(object.clone()).context("an object without a kind")?;
        let kind = GroupVersionKind::try_from(&types).context("an object of no version")?;
        let resource = ApiResource::from_gvk(&kind);
        Ok(match object["metadata"]["namespace"].as_str() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        })
    }

    async fn await_available(&self, of: &Description, settings: &Settings, limit: Duration) -> Result<()> {
        let api_services: Api<APIService> = Api::all(self.client.clone());
        for (group, version) in of.group_versions() {
            if let Err(error) = available(&api_services, &format!("{version}.{group}"), limit).await {
                bail!("{error:#}\n{}", self.pods(of, settings).await);
            }
        }
        Ok(())
    }

    /// One line for each pod, saying why a container does not run.
    async fn pods(&self, of: &Description, settings: &Settings) -> String {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &settings.namespace);
        let ours = ListParams::default().labels(&format!("app.kubernetes.io/name={}", of.name));
        match pods.list(&ours).await {
            Err(error) => format!("the pods in {} cannot be listed: {error}", settings.namespace),
            Ok(pods) if pods.items.is_empty() => format!("there are no pods in {}", settings.namespace),
            Ok(pods) => pods.items.iter().map(pod_line).collect::<Vec<_>>().join("\n"),
        }
    }
}

fn pod_line(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let status = pod.status.clone().unwrap_or_default();
    let waiting = status.container_statuses.unwrap_or_default().into_iter().filter_map(|container| {
        let waiting = container.state?.waiting?;
        Some(format!("{}: {}", waiting.reason.unwrap_or_default(), waiting.message.unwrap_or_default()))
    });
    let waiting: Vec<String> = waiting.collect();
    format!("pod {name} is {} {}", status.phase.unwrap_or_default(), waiting.join("; ")).trim_end().to_owned()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn title(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap_or_default(), name(object))
}

const FIELD_MANAGER: &str = "kube-annex-xtask";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_that_cannot_pull_its_image_says_so() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "server-1" },
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "server", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "waiting": { "reason": "ErrImagePull", "message": "not found" } },
            }] },
        }))
        .unwrap();
        assert_eq!(pod_line(&pod), "pod server-1 is Pending ErrImagePull: not found");
    }
}
