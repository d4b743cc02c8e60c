//! Objects are only created in namespaces that exist and stay. Upstream calls this plug-in `NamespaceLifecycle`.

use super::{Attributes, Operation, Plugin};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube_annex::gvk::GroupResource;
use kube_annex::handlers::BoxFuture;
use kube_annex::status::Cause;
use kube_annex::{Scope, Status};
use moka::future::Cache;
use std::fmt;
use std::time::Duration;

/// For how long a namespace that was active is taken to be so. A namespace that goes away refuses objects at most this
/// much later; its controller looks again until nothing is left in it.
const ACTIVE_FOR: Duration = Duration::from_secs(1);

const MOST_NAMESPACES: u64 = 10_000;

/// How long the cluster may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Refuses creations in namespaces that are missing or going away.
pub struct NamespaceLifecycle {
    namespaces: Api<Namespace>,
    active: Cache<String, ()>,
}

impl NamespaceLifecycle {
    /// Asks the cluster about namespaces, which needs `get` on them.
    pub fn new(client: kube::Client) -> Self {
        let active = Cache::builder().max_capacity(MOST_NAMESPACES).time_to_live(ACTIVE_FOR).build();
        Self { namespaces: Api::all(client), active }
    }

    async fn check(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let name = attributes.namespace;
        if self.active.contains_key(name) {
            return Ok(());
        }
        // The name becomes part of a URL that is asked with this server's own credentials.
        if !kube_annex::names::dns::label(name).is_empty() {
            return Err(Status::not_found(&GroupResource::new("", "namespaces"), name));
        }
        let found = tokio::time::timeout(PATIENCE, self.namespaces.get_opt(name)).await;
        let namespace = found
            .map_err(|_| Status::internal(format_args!("namespace {name} could not be looked up in time")))?
            .map_err(|error| {
                tracing::error!(namespace = name, error = &error as &dyn std::error::Error, "cannot be looked up");
                Status::internal(format_args!("namespace {name} could not be looked up"))
            })?
            .ok_or_else(|| Status::not_found(&GroupResource::new("", "namespaces"), name))?;
        let phase = namespace.status.and_then(|status| status.phase).unwrap_or_default();
        if phase == "Terminating" || namespace.metadata.deletion_timestamp.is_some() {
            return Err(terminating(attributes));
        }
        self.active.insert(name.to_owned(), ()).await;
        Ok(())
    }
}

fn terminating(attributes: &Attributes<'_>) -> Status {
    // As upstream: what has no name yet is known by the beginning of it.
    let object = attributes.object.as_deref();
    let beginning = object.and_then(|object| object.metadata().generate_name.as_deref());
    let name = if attributes.name.is_empty() { beginning.unwrap_or_default() } else { attributes.name };
    let namespace = attributes.namespace;
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    Status::forbidden(&attributes.descriptor.group_resource(), name, why).with_cause(Cause {
        reason: "NamespaceTerminating".to_owned(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".to_owned(),
    })
}

impl Plugin for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation == Operation::Create
    }

    fn admit<'a>(&'a self, attributes: &'a mut Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        Box::pin(async move {
            if attributes.descriptor.scope == Scope::Cluster || attributes.namespace.is_empty() {
                return Ok(());
            }
            self.check(attributes).await
        })
    }
}

impl fmt::Debug for NamespaceLifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NamespaceLifecycle").finish_non_exhaustive()
    }
}
