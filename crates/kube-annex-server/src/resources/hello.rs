//! The smallest computed resource: greetings that nobody stores.

use kube_annex::handlers::Call;
use kube_annex::options::ListOptions;
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status};
use serde::{Deserialize, Serialize};

/// A greeting.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "simple.aa.io",
    version = "v1beta1",
    plural = "hellos",
    short_names("hi"),
    categories("all"),
    scope = Namespaced,
    verbs(get, list),
    columns((name = "Message", path = ".spec.message", type = string)),
)]
pub struct Hello {
    metadata: ObjectMeta,
    /// What is said.
    spec: HelloSpec,
}

/// What is said.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct HelloSpec {
    /// The greeting.
    message: String,
}

/// Computes the greetings.
#[derive(Clone, Copy, Debug)]
pub struct Greeter;

impl HelloHandlers for Greeter {
    async fn get(&self, call: &Call, name: &str) -> Result<Hello, Status> {
        greetings(&call.info.namespace)
            .into_iter()
            .find(|hello| hello.metadata.name.as_deref() == Some(name))
            .ok_or_else(|| Status::not_found(&Hello::DESCRIPTOR.group_resource(), name))
    }

    async fn list(&self, call: &Call, _: &ListOptions) -> Result<Vec<Hello>, Status> {
        Ok(greetings(&call.info.namespace))
    }
}

/// The greetings of a namespace. They are in every namespace; those of all namespaces are shown as the default one's.
fn greetings(namespace: &str) -> Vec<Hello> {
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    [("hello", "Hello, world!"), ("moin", "Moin!"), ("namaste", "Namaste!")]
        .map(|(name, message)| Hello {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..ObjectMeta::default()
            },
            spec: HelloSpec { message: message.to_owned() },
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_greeting_is_found_by_its_name_in_the_namespace_asked_for() {
        let mut call = Call::default();
        call.info.namespace = "team".to_owned();
        let hello = Greeter.get(&call, "moin").await.unwrap();
        assert_eq!((hello.metadata.namespace.as_deref(), hello.spec.message.as_str()), (Some("team"), "Moin!"));
        assert_eq!(Greeter.get(&call, "hola").await.unwrap_err().message, "hellos.simple.aa.io \"hola\" not found");
    }
}
