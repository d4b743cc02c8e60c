//! `wardle.example.com` as its users meet it, one set of tests for every server that serves it.
//!
//! Go's sample-apiserver passes them too, which shows that they ask for what upstream does.

use std::io::{BufRead, BufReader};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use xtask::control_plane::User;
use xtask::wait;

use crate::harness::Cluster;
use crate::kubectl::Kubectl;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("every_api_service_is_available", every_api_service_is_available),
    ("kubectl_api_resources_lists_the_types", api_resources_lists_the_types),
    ("kubectl_explain_describes_the_fields", explain_describes_the_fields),
    ("kubectl_create_get_and_describe", create_get_and_describe),
    ("kubectl_get_watch_shows_what_comes", watch_shows_what_comes),
    ("kubectl_label_patch_replace_and_delete", label_patch_replace_and_delete),
    ("kubectl_delete_all_leaves_nothing", delete_all_leaves_nothing),
    ("kubectl_apply_on_the_client_side", apply_on_the_client_side),
    ("a_version_reads_what_another_wrote", a_version_reads_what_another_wrote),
    ("banned_flunders_are_refused", banned_flunders_are_refused),
    ("an_unknown_field_is_refused_by_strict_validation", an_unknown_field_is_refused),
    ("rbac_allows_one_user_and_refuses_another", rbac_allows_one_user_and_refuses_another),
    ("a_deleted_namespace_takes_its_flunders_along", a_deleted_namespace_takes_its_flunders_along),
    ("kube_rs_creates_patches_lists_and_deletes", kube_rs_creates_patches_lists_and_deletes),
    ("bad_requests_get_a_status", bad_requests_get_a_status),
];

fn every_api_service_is_available(cluster: &Cluster) -> Result<()> {
    let services = cluster.kubectl(User::Admin).json(&["get", "apiservices"])?;
    let items = services["items"].as_array().context("no items")?;
    let wardle = items.iter().filter(|item| item["spec"]["group"] == "wardle.example.com").count();
    ensure!(wardle == 2, "{wardle} versions of wardle.example.com");
    for item in items {
        let conditions = item["status"]["conditions"].as_array().context("no conditions")?;
        ensure!(conditions.iter().any(|one| one["type"] == "Available" && one["status"] == "True"), "{item}");
    }
    Ok(())
}

fn api_resources_lists_the_types(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let text = kubectl.ok(&["api-resources", "--api-group=wardle.example.com", "--no-headers"])?;
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        vec!["fischers", "wardle.example.com/v1alpha1", "false", "Fischer"],
        vec!["flunders", "wardle.example.com/v1beta1", "true", "Flunder"],
    ];
    ensure!(lines == expected, "{text}");
    Ok(())
}

fn explain_describes_the_fields(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let text = kubectl.ok(&["explain", "flunders"])?;
    for part in ["GROUP:", "wardle.example.com", "KIND:", "Flunder", "spec", "metadata\t<ObjectMeta>"] {
        ensure!(text.contains(part), "{part} is missing from {text}");
    }
    let text = kubectl.ok(&["explain", "flunders.spec", "--api-version=wardle.example.com/v1alpha1"])?;
    ensure!(text.contains("referenceType\t<string>"), "{text}");
    Ok(())
}

fn create_get_and_describe(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("create-get")?;
    let created = kubectl.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    ensure!(created == "flunder.wardle.example.com/one created\n", "{created}");
    let again = kubectl.fails(&["create", "-f", "-"], &flunder("one"))?;
    ensure!(
        again.contains("AlreadyExists") && again.contains("flunders.wardle.example.com \"one\" already exists"),
        "{again}"
    );

    let table = kubectl.ok(&["get", "flunders"])?;
    let (head, row) = table.split_once('\n').context("no rows")?;
    ensure!(head.split_whitespace().eq(["NAME", "CREATED", "AT"]) && row.starts_with("one "), "{table}");
    let yaml = kubectl.ok(&["get", "flunder", "one", "-o", "yaml"])?;
    for line in ["apiVersion: wardle.example.com/v1beta1", "kind: Flunder", "  name: one", "  uid: ", "status: {}"] {
        ensure!(yaml.contains(line), "{line} is missing from {yaml}");
    }
    let described = kubectl.ok(&["describe", "flunder", "one"])?;
    ensure!(described.contains("Kind:         Flunder"), "{described}");
    let missing = kubectl.fails(&["get", "flunder", "two"], "")?;
    ensure!(missing.contains("(NotFound): flunders.wardle.example.com \"two\" not found"), "{missing}");
    Ok(())
}

fn watch_shows_what_comes(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("watch")?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("before"))?;
    let mut watch = kubectl.spawn(&["get", "flunders", "--watch", "--output-watch-events", "-o", EVENTS])?;
    let outcome = watched(&kubectl, watch.stdout.take().context("no output")?);
    watch.kill().and_then(|()| watch.wait()).context("cannot stop kubectl")?;
    outcome
}

fn watched(kubectl: &Kubectl, output: impl std::io::Read + Send + 'static) -> Result<()> {
    let (send, seen) = mpsc::channel();
    thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).all(|line| send.send(line).is_ok()));
    let next = || seen.recv_timeout(Duration::from_secs(30)).context("nothing to be seen for 30 s");
    let mut events = vec![next()?];
    kubectl.ok_with(&["create", "-f", "-"], &flunder("during"))?;
    kubectl.ok(&["label", "flunder", "during", "a=b"])?;
    kubectl.ok(&["delete", "flunder", "before"])?;
    while events.len() < 4 {
        events.push(next()?);
    }
    let events: Vec<Vec<&str>> = events.iter().map(|line| line.split_whitespace().collect()).collect();
    let expected = [["ADDED", "before"], ["ADDED", "during"], ["MODIFIED", "during"], ["DELETED", "before"]];
    ensure!(events == expected, "{events:?}");
    Ok(())
}

fn label_patch_replace_and_delete(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("change")?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("two"))?;
    kubectl.ok(&["label", "flunder", "one", "colour=green"])?;
    let green = kubectl.ok(&["get", "flunders", "--selector=colour=green", "-o", "name"])?;
    ensure!(green == "flunder.wardle.example.com/one\n", "{green}");

    let spec = r#"{"spec":{"fischerReference":"a","referenceType":"Fischer"}}"#;
    kubectl.ok(&["patch", "flunder", "one", "--type=merge", "-p", spec])?;
    let operations = r#"[{"op":"replace","path":"/spec/fischerReference","value":"b"}]"#;
    kubectl.ok(&["patch", "flunder", "one", "--type=json", "-p", operations])?;
    let mut one = kubectl.json(&["get", "flunder", "one"])?;
    ensure!(one["spec"]["fischerReference"] == "b", "{one}");

    // What `kubectl edit` does, without the editor.
    one["metadata"]["annotations"] = json!({ "edited": "yes" });
    kubectl.ok_with(&["replace", "-f", "-"], &one.to_string())?;
    let stale = kubectl.fails(&["replace", "-f", "-"], &one.to_string())?;
    ensure!(stale.contains("(Conflict)") && stale.contains("the object has been modified"), "{stale}");

    kubectl.ok(&["delete", "flunder", "one"])?;
    let left = kubectl.ok(&["get", "flunders", "-o", "name"])?;
    ensure!(left == "flunder.wardle.example.com/two\n", "{left}");
    Ok(())
}

fn delete_all_leaves_nothing(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("delete-all")?;
    for name in ["one", "two", "three"] {
        kubectl.ok_with(&["create", "-f", "-"], &flunder(name))?;
    }
    let deleted = kubectl.ok(&["delete", "flunders", "--all"])?;
    ensure!(deleted.lines().count() == 3, "{deleted}");
    let left = kubectl.ok(&["get", "flunders", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    Ok(())
}

fn apply_on_the_client_side(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("apply")?;
    let apply = |object: &Value| kubectl.ok_with(&["apply", "-f", "-"], &object.to_string());
    let mut object = json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Flunder",
        "metadata": { "name": "one", "labels": { "a": "b" } },
        "spec": { "reference": "other" },
    });
    for expected in ["created", "unchanged"] {
        let said = apply(&object)?;
        ensure!(said.trim_end() == format!("flunder.wardle.example.com/one {expected}"), "{said}");
    }
    object["metadata"]["labels"] = json!({ "c": "d" });
    let said = apply(&object)?;
    ensure!(said.contains("one configured"), "{said}");
    let found = kubectl.json(&["get", "flunder", "one"])?;
    ensure!(found["metadata"]["labels"] == json!({ "c": "d" }), "{found}");
    Ok(())
}

fn a_version_reads_what_another_wrote(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("convert")?;
    let object = json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Flunder",
        "metadata": { "name": "one" },
        "spec": { "reference": "other" },
    });
    kubectl.ok_with(&["create", "-f", "-"], &object.to_string())?;
    let alpha = kubectl.json(&["get", "flunders.v1alpha1.wardle.example.com", "one"])?;
    ensure!(alpha["spec"] == json!({ "reference": "other", "referenceType": "Flunder" }), "{alpha}");
    let beta = kubectl.json(&["get", "flunders.v1beta1.wardle.example.com", "one"])?;
    ensure!(beta["spec"] == json!({ "flunderReference": "other", "referenceType": "Flunder" }), "{beta}");
    Ok(())
}

fn banned_flunders_are_refused(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("ban")?;
    let fischer = json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Fischer",
        "metadata": { "name": "ban" },
        "disallowedFlunders": ["the-banned-one"],
    });
    kubectl.ok_with(&["create", "-f", "-"], &fischer.to_string())?;
    // Upstream learns of the ban through a watch of its own, a moment later.
    let refused = cluster.block_on(wait::until("the ban", Duration::from_secs(15), async || {
        kubectl.fails(&["create", "--dry-run=server", "-f", "-"], &flunder("the-banned-one"))
    }))?;
    ensure!(refused.contains("(Forbidden)"), "{refused}");
    ensure!(refused.contains("this name may not be used, please change the resource name"), "{refused}");
    kubectl.ok_with(&["create", "-f", "-"], &flunder("another"))?;
    kubectl.ok(&["delete", "fischer", "ban"])?;
    Ok(())
}

fn an_unknown_field_is_refused(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("strict")?;
    let mut object: Value = serde_json::from_str(&flunder("one"))?;
    object["spec"]["unknownField"] = json!(1);
    let refused = kubectl.fails(&["create", "--validate=strict", "-f", "-"], &object.to_string())?;
    ensure!(refused.contains("unknown field \"spec.unknownField\""), "{refused}");
    let warned = kubectl.run(&["create", "--validate=warn", "-f", "-"], &object.to_string())?;
    ensure!(warned.success && warned.stderr.contains("unknown field \"spec.unknownField\""), "{warned:?}");
    Ok(())
}

fn rbac_allows_one_user_and_refuses_another(cluster: &Cluster) -> Result<()> {
    let admin = cluster.in_namespace("rbac")?;
    admin.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    let alice = cluster.kubectl(User::Alice).in_namespace("rbac");
    let refused = alice.fails(&["get", "flunders"], "")?;
    ensure!(refused.contains("(Forbidden)") && refused.contains("User \"alice\" cannot list"), "{refused}");

    admin.ok(&["create", "role", "reader", "--verb=get,list", "--resource=flunders.wardle.example.com"])?;
    admin.ok(&["create", "rolebinding", "alice-reads", "--role=reader", "--user=alice"])?;
    let seen = cluster.block_on(wait::until("the binding", Duration::from_secs(30), async || {
        alice.ok(&["get", "flunders", "-o", "name"])
    }))?;
    ensure!(seen == "flunder.wardle.example.com/one\n", "{seen}");
    let refused = alice.fails(&["delete", "flunder", "one"], "")?;
    ensure!(refused.contains("User \"alice\" cannot delete"), "{refused}");
    let elsewhere = alice.fails(&["get", "flunders", "--all-namespaces"], "")?;
    ensure!(elsewhere.contains("(Forbidden)"), "{elsewhere}");
    Ok(())
}

fn a_deleted_namespace_takes_its_flunders_along(cluster: &Cluster) -> Result<()> {
    ensure!(cluster.control_plane().deletes_namespaces(), "this control plane has no kube-controller-manager");
    let kubectl = cluster.in_namespace("doomed")?;
    kubectl.ok_with(&["create", "-f", "-"], &flunder("one"))?;
    kubectl.ok(&["delete", "namespace", "doomed", "--timeout=80s"])?;
    let left = kubectl.ok(&["get", "flunders", "-o", "name"])?;
    ensure!(left.is_empty(), "{left}");
    let refused = kubectl.fails(&["create", "-f", "-"], &flunder("late"))?;
    ensure!(refused.contains("namespaces \"doomed\" not found"), "{refused}");
    Ok(())
}

fn kube_rs_creates_patches_lists_and_deletes(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("kube-rs")?;
    let client = cluster.client(User::Admin)?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("wardle.example.com", "v1beta1", "Flunder"));
    let flunders: Api<DynamicObject> = Api::namespaced_with(client, "kube-rs", &kind);
    cluster.block_on(async {
        let mut generated = DynamicObject::new("", &kind).data(json!({ "spec": {} }));
        generated.metadata.name = None;
        generated.metadata.generate_name = Some("some-".to_owned());
        let created = flunders.create(&PostParams::default(), &generated).await.context("create")?;
        let name = created.name_any();
        ensure!(name.starts_with("some-") && name.len() == "some-".len() + 5, "{name}");

        let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } }));
        let patched = flunders.patch(&name, &PatchParams::default(), &patch).await.context("patch")?;
        ensure!(patched.resource_version() != created.resource_version(), "the version stays after a change");
        let list = flunders.list(&ListParams::default().labels("a=b")).await.context("list")?;
        ensure!(list.items.len() == 1 && list.metadata.resource_version.is_some(), "{list:?}");
        flunders.delete(&name, &DeleteParams::default()).await.context("delete")?;
        ensure!(flunders.get_opt(&name).await.context("get")?.is_none(), "it is still there");
        Ok(())
    })
}

fn bad_requests_get_a_status(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("bad")?;
    let path = "/apis/wardle.example.com/v1beta1/namespaces/bad/flunders";
    let post = |body: &str| kubectl.fails(&["create", "--raw", path, "-f", "-"], body);
    let malformed = post("{\"kind\": ")?;
    ensure!(malformed.contains("(BadRequest)"), "{malformed}");
    let other_kind = post(&json!({ "apiVersion": "wardle.example.com/v1beta1", "kind": "Fischer" }).to_string())?;
    ensure!(other_kind.contains("(BadRequest)"), "{other_kind}");
    let mut elsewhere: Value = serde_json::from_str(&flunder("one"))?;
    elsewhere["metadata"]["namespace"] = json!("default");
    let elsewhere = post(&elsewhere.to_string())?;
    ensure!(elsewhere.contains("does not match the namespace"), "{elsewhere}");
    let unknown = kubectl.fails(&["get", "--raw", "/apis/wardle.example.com/v1beta1/nothings"], "")?;
    ensure!(unknown.contains("(NotFound)"), "{unknown}");
    Ok(())
}

fn flunder(name: &str) -> String {
    json!({
        "apiVersion": "wardle.example.com/v1beta1",
        "kind": "Flunder",
        "metadata": { "name": name },
        "spec": {},
    })
    .to_string()
}

/// A line for each event: its type and the object's name.
const EVENTS: &str = r#"jsonpath={.type} {.object.metadata.name}{"\n"}"#;
