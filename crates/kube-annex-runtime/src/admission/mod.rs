//! Who else has a say in a write: plug-ins that may change an object and plug-ins that may refuse it.

mod lifecycle;

pub use lifecycle::NamespaceLifecycle;

use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use kube_annex::{Object, ResourceDescriptor, Status};
use std::fmt;
use std::sync::Arc;

/// What is about to happen to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// It is created.
    Create,
    /// It is changed, by `PUT` or by a patch.
    Update,
    /// It is deleted.
    Delete,
}

/// A write as the plug-ins see it.
pub struct Attributes<'a> {
    /// What is about to happen.
    pub operation: Operation,
    /// The resource, in the version asked for.
    pub descriptor: &'static ResourceDescriptor,
    /// The subresource; empty for the object itself.
    pub subresource: &'a str,
    /// The object's namespace; empty for cluster-scoped resources.
    pub namespace: &'a str,
    /// The object's name as the URL or the body has it; empty when it is still to be generated.
    pub name: &'a str,
    /// The object after the write, in the hub version; `None` for a deletion.
    pub object: Option<&'a mut Object>,
    /// The object before the write, in the hub version; `None` for a creation.
    pub old_object: Option<&'a Object>,
    /// Who writes.
    pub user: &'a UserInfo,
    /// Whether nothing will be kept.
    pub dry_run: bool,
}

/// A plug-in that has a say in writes.
pub trait Plugin: Send + Sync + 'static {
    /// The name that logs and metrics know it by.
    fn name(&self) -> &'static str;

    /// Whether it has a say in such a write.
    fn handles(&self, operation: Operation) -> bool;

    /// Changes the object, or refuses the write. Runs before the object has a uid or a generated name.
    fn admit<'a>(&'a self, attributes: &'a mut Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        let _ = attributes;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Refuses the write. Runs on the object as it would be stored.
    fn validate<'a>(&'a self, attributes: &'a Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        let _ = attributes;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Plug-ins in the order in which they are asked.
#[derive(Clone, Default)]
pub struct Chain(Arc<[Arc<dyn Plugin>]>);

impl Chain {
    /// Asks these, in this order.
    pub fn new(plugins: Vec<Arc<dyn Plugin>>) -> Self {
        Self(plugins.into())
    }

    /// Whether any plug-in has a say in such a write.
    pub fn handles(&self, operation: Operation) -> bool {
        self.0.iter().any(|plugin| plugin.handles(operation))
    }

    /// Lets every plug-in change the object; the first refusal ends it.
    pub async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let operation = attributes.operation;
        for plugin in self.0.iter().filter(|plugin| plugin.handles(operation)) {
            plugin.admit(attributes).await?;
        }
        Ok(())
    }

    /// Lets every plug-in refuse the object; the first refusal ends it.
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        for plugin in self.0.iter().filter(|plugin| plugin.handles(attributes.operation)) {
            plugin.validate(attributes).await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|plugin| plugin.name())).finish()
    }
}
