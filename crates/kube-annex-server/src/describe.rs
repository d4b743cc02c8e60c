//! What a program serves and what it needs from a cluster, for tools that write manifests.

use crate::program::Program;
use crate::storage;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube_annex::{ResourceDescriptor, Scope};
use kube_annex_runtime::Registration;
use serde::Serialize;
use serde_json::{Value, json};

/// Everything that manifests are made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Description {
    name: &'static str,
    version: &'static str,
    storage_backends: Vec<&'static str>,
    resources: Vec<Resource>,
    /// What the server's account must be allowed, besides delegating and reading its authentication configuration.
    rules: Vec<PolicyRule>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    singular: &'static str,
    scope: &'static str,
    short_names: &'static [&'static str],
    categories: &'static [&'static str],
    verbs: Vec<&'static str>,
    subresources: Vec<Subresource>,
    stored: bool,
    deprecated: bool,
}

#[derive(Debug, Serialize)]
struct Subresource {
    name: &'static str,
    kind: &'static str,
    verbs: Vec<&'static str>,
}

/// Describes a program. The order is that of its registrations.
pub(crate) fn describe(program: &Program) -> Description {
    let resources = program
        .registrations
        .iter()
        .flat_map(|registration| {
            let stored = registration.storage_version().is_some();
            registration.descriptors().map(move |descriptor| resource(descriptor, stored))
        })
        .collect();
    Description {
        name: program.name,
        version: program.version,
        storage_backends: storage::BACKENDS.to_vec(),
        resources,
        rules: rules(),
    }
}

/// The stored resources as custom ones: a list that `kubectl apply` takes.
pub(crate) fn custom_resources(program: &Program) -> Value {
    let definitions = program.registrations.iter().filter_map(Registration::custom_resource_definition);
    json!({"apiVersion": "v1", "kind": "List", "items": definitions.collect::<Value>()})
}

fn resource(descriptor: &'static ResourceDescriptor, stored: bool) -> Resource {
    Resource {
        group: descriptor.group,
        version: descriptor.version,
        kind: descriptor.kind,
        plural: descriptor.plural,
        singular: descriptor.singular,
        scope: match descriptor.scope {
            Scope::Namespaced => "Namespaced",
            Scope::Cluster => "Cluster",
        },
        short_names: descriptor.short_names,
        categories: descriptor.categories,
        verbs: descriptor.verbs.iter().map(|verb| verb.as_str()).collect(),
        subresources: descriptor
            .subresources
            .iter()
            .map(|subresource| Subresource {
                name: subresource.name,
                kind: subresource.kind,
                verbs: subresource.verbs.iter().map(|verb| verb.as_str()).collect(),
            })
            .collect(),
        stored,
        deprecated: descriptor.deprecated.is_some(),
    }
}

/// Objects are not created in namespaces that are missing or going away, so the server looks at namespaces.
fn rules() -> Vec<PolicyRule> {
    vec![PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["namespaces".to_owned()]),
        verbs: vec!["get".to_owned()],
        ..PolicyRule::default()
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

    #[test]
    fn the_stored_resources_are_described_as_custom_ones() {
        let list = custom_resources(&crate::resources::program());
        let names = list["items"].as_array().unwrap().iter().map(|definition| {
            let definition: CustomResourceDefinition = serde_json::from_value(definition.clone()).unwrap();
            assert_eq!(definition.spec.versions.iter().filter(|version| version.storage).count(), 1);
            definition.metadata.name.unwrap()
        });
        let expected = ["flunders.wardle.example.com", "fischers.wardle.example.com", "gadgets.rich.example.com"];
        assert_eq!(names.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_example_program_is_described_without_wildcards() {
        let description = serde_json::to_value(super::describe(&crate::resources::program())).unwrap();
        let plurals: Vec<&str> = description["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|resource| resource["plural"].as_str().unwrap())
            .collect();
        assert_eq!(plurals, ["flunders", "flunders", "fischers", "hellos", "processinfos", "gadgets"]);
        let scale = &description["resources"][5]["subresources"][0];
        assert_eq!((&scale["name"], &scale["kind"]), (&"scale".into(), &"Scale".into()));
        assert!(!description["rules"].to_string().contains('*'), "{}", description["rules"]);
    }
}
