use std::fmt::Debug;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::describe::tests::example;
use crate::pki::Pair;

fn settings(trust: Trust) -> Settings {
    SettingsArgs::default().settings(&example(), trust)
}

fn find<K: DeserializeOwned>(kind: &str, trust: Trust) -> Vec<K> {
    let all = objects(&example(), &settings(trust));
    all.into_iter()
        .filter(|object| object["kind"] == kind)
        .map(|object| serde_json::from_value(object).unwrap())
        .collect()
}

/// A field that the type does not know would not come back.
fn ensure_typed<K: Debug + DeserializeOwned + Serialize>(object: &Value) {
    let typed: K = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(&serde_json::to_value(typed).unwrap(), object);
}

#[test]
fn every_field_of_every_object_is_one_that_the_api_knows() {
    let (description, settings) = (example(), settings(Trust::Authority("ca".to_owned())));
    let serving = Pair { certificate: "certificate".to_owned(), key: "key".to_owned() };
    ensure_typed::<Secret>(&serving_secret(&description, &settings, &serving));
    for object in objects(&description, &settings) {
        match object["kind"].as_str().unwrap() {
            "Namespace" => ensure_typed::<Namespace>(&object),
            "ServiceAccount" => ensure_typed::<ServiceAccount>(&object),
            "ClusterRole" => ensure_typed::<ClusterRole>(&object),
            "ClusterRoleBinding" => ensure_typed::<ClusterRoleBinding>(&object),
            "RoleBinding" => ensure_typed::<RoleBinding>(&object),
            "Service" => ensure_typed::<Service>(&object),
            "Deployment" => ensure_typed::<Deployment>(&object),
            "APIService" => ensure_typed::<APIService>(&object),
            kind => panic!("an object of kind {kind}"),
        }
    }
}

#[test]
fn as_1_each_group_version_has_an_api_service_of_its_name_and_stable_versions_come_first() {
    let priorities: Vec<(String, i32)> = find::<APIService>("APIService", Trust::LaterByDeploy)
        .into_iter()
        .map(|found| (found.metadata.name.unwrap(), found.spec.unwrap().version_priority))
        .collect();
    let expected = [
        ("v1alpha1.host.example.com", 10),
        ("v1beta1.simple.aa.io", 10),
        ("v1beta1.wardle.example.com", 15),
        ("v1alpha1.wardle.example.com", 10),
    ];
    assert_eq!(priorities, expected.map(|(name, priority)| (name.to_owned(), priority)));
}

#[test]
fn as_3_a_bundle_and_skipping_verification_never_meet() {
    let trusts = [Trust::Authority("ca".to_owned()), Trust::LaterByDeploy, Trust::Anyone];
    let seen = trusts.map(|trust| {
        let spec = find::<APIService>("APIService", trust).remove(0).spec.unwrap();
        (spec.ca_bundle.is_some(), spec.insecure_skip_tls_verify.unwrap_or_default())
    });
    assert_eq!(seen, [(true, false), (false, false), (false, true)]);
}

#[test]
fn rb_1_the_rights_are_the_described_rules_and_the_two_roles_of_every_aggregated_server() {
    let role = find::<ClusterRole>("ClusterRole", Trust::LaterByDeploy).remove(0);
    let rules = serde_json::to_value(role.rules.unwrap()).unwrap();
    assert_eq!(rules, serde_json::to_value(example().rules).unwrap());
    let bound: Vec<String> = find::<ClusterRoleBinding>("ClusterRoleBinding", Trust::LaterByDeploy)
        .into_iter()
        .map(|binding| binding.role_ref.name)
        .collect();
    assert_eq!(bound, ["system:auth-delegator", "kube-annex-server"]);
    let reader = find::<RoleBinding>("RoleBinding", Trust::LaterByDeploy).remove(0);
    assert_eq!(reader.metadata.namespace.as_deref(), Some("kube-system"));
    assert_eq!(reader.role_ref.name, "extension-apiserver-authentication-reader");
}

#[test]
fn a_server_without_rules_gets_no_role_of_its_own() {
    let mut description = example();
    description.rules.clear();
    let all = objects(&description, &settings(Trust::LaterByDeploy));
    assert!(all.iter().all(|object| object["kind"] != "ClusterRole"));
}

#[test]
fn the_files_hold_no_key_and_are_the_same_every_time() {
    let files = || super::files(&example(), &settings(Trust::LaterByDeploy)).unwrap();
    assert_eq!(files(), files());
    for (name, text) in files() {
        assert!(!text.contains("kind: Secret") && !text.contains("PRIVATE KEY"), "{name}");
    }
}

#[test]
fn check_mode_names_the_stale_file_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let files = super::files(&example(), &settings(Trust::LaterByDeploy)).unwrap();
    write(dir.path(), &files).unwrap();
    check(dir.path(), &files).unwrap();
    fs::write(dir.path().join("service.yaml"), "old").unwrap();
    let error = check(dir.path(), &files).unwrap_err().to_string();
    assert!(error.contains("service.yaml") && !error.contains("rbac.yaml"), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join("service.yaml")).unwrap(), "old");
}

#[test]
fn what_was_written_reads_back_as_the_same_objects() {
    let files = super::files(&example(), &settings(Trust::LaterByDeploy)).unwrap();
    let read: Vec<Value> = serde_saphyr::from_multiple(&files["rbac.yaml"]).unwrap();
    let expected: Vec<Value> = objects(&example(), &settings(Trust::LaterByDeploy))
        .into_iter()
        .filter(|object| file_of(object).unwrap() == "rbac.yaml")
        .collect();
    assert_eq!(read, expected);
}
