//! kubectl's commands, one after the other, against whichever server serves `wardle.example.com`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use xtask::control_plane::User;

use crate::harness::Cluster;
use crate::kubectl::Kubectl;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("x_6_get_in_pages_by_name_as_yaml_and_raw", x_6_get_in_pages_by_name_as_yaml_and_raw),
    ("x_7_get_everywhere_wide_sorted_and_with_labels", x_7_get_everywhere_wide_sorted_and_with_labels),
    ("x_8_apply_on_the_server_side", x_8_apply_on_the_server_side),
    ("x_8_apply_prunes", x_8_apply_prunes),
    ("x_9_diff_and_edit", x_9_diff_and_edit),
    ("x_10_replace_by_force", x_10_replace_by_force),
    ("x_11_delete_waits_for_finalizers", x_11_delete_waits_for_finalizers),
    ("x_12_wait_for_a_field_and_for_the_end", x_12_wait_for_a_field_and_for_the_end),
    ("x_14_resources_explanations_and_rights", x_14_resources_explanations_and_rights),
    ("x_15_describe_label_annotate_and_patch", x_15_describe_label_annotate_and_patch),
];

/// What our server alone serves.
pub(crate) const OF_GADGETS: &[Test] = &[
    ("x_13_scale_a_gadget", x_13_scale_a_gadget),
    ("x_7_gadgets_are_found_by_short_name_and_selected_by_fields", x_7_gadgets_are_found),
    ("x_8_gadgets_merge_what_two_apply", x_8_gadgets_merge_what_two_apply),
    ("x_14_the_metadata_of_an_embedded_object_is_explained", x_14_the_metadata_of_an_embedded_object_is_explained),
    ("p_11_kubectl_takes_out_of_a_gadget_what_is_no_longer_applied", p_11_kubectl_takes_out_what_is_no_longer_applied),
];

fn x_6_get_in_pages_by_name_as_yaml_and_raw(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-6")?;
    let names: Vec<String> = (0..12).map(|index| format!("f-{index:02}")).collect();
    let list: Vec<Value> = names.iter().map(|name| flunder(name, &json!({}))).collect();
    create(&kubectl, &json!({ "apiVersion": "v1", "kind": "List", "items": list }))?;
    let paged = kubectl.ok(&["get", "flunders", "--chunk-size=5", "-o", "name"])?;
    let whole = kubectl.ok(&["get", "flunders", "--chunk-size=0", "-o", "name"])?;
    ensure!(paged == whole && paged.lines().count() == 12, "{paged}");
    let two = kubectl.ok(&["get", "flunders", "f-03", "f-07", "-o", "jsonpath={.items[*].metadata.name}"])?;
    ensure!(two == "f-03 f-07", "{two}");
    let yaml = kubectl.ok(&["get", "flunder", "f-03", "-o", "yaml", "--show-managed-fields"])?;
    ensure!(yaml.contains("manager: kubectl-create") && yaml.contains("f:flunderReference"), "{yaml}");
    let raw = kubectl.ok(&["get", "--raw", "/apis/wardle.example.com/v1beta1/namespaces/x-6/flunders?limit=2"])?;
    let raw: Value = serde_json::from_str(&raw).context("raw")?;
    ensure!(raw["metadata"]["remainingItemCount"] == 10, "{raw}");
    Ok(())
}

fn x_7_get_everywhere_wide_sorted_and_with_labels(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-7")?;
    for (name, colour) in [("b", "red"), ("a", "green"), ("c", "blue")] {
        create(&kubectl, &flunder(name, &json!({ "shade": colour })))?;
    }
    let everywhere = kubectl.ok(&["get", "flunders", "--all-namespaces", "-l", "shade", "--no-headers"])?;
    ensure!(everywhere.lines().all(|line| line.starts_with("x-7 ")) && everywhere.lines().count() == 3, "{everywhere}");
    let sorted = kubectl.ok(&["get", "flunders", "--sort-by=.metadata.labels.shade", "--no-headers", "-L", "shade"])?;
    let names: Vec<&str> = sorted.lines().filter_map(|line| line.split_whitespace().next()).collect();
    ensure!(names == ["c", "a", "b"] && sorted.contains("blue"), "{sorted}");
    let wide = kubectl.ok(&["get", "flunders", "-o", "wide", "--show-labels"])?;
    ensure!(wide.lines().next().is_some_and(|head| head.trim_end().ends_with("LABELS")), "{wide}");
    let one =
        kubectl.ok(&["get", "flunders", "--field-selector=metadata.name!=a,metadata.namespace=x-7", "-o", "name"])?;
    ensure!(one.lines().count() == 2, "{one}");
    Ok(())
}

fn x_8_apply_on_the_server_side(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-8")?;
    let apply = |object: &Value, flags: &[&str]| {
        kubectl.run(&[&["apply", "--server-side", "-f", "-"], flags].concat(), &object.to_string())
    };
    let mine = flunder("one", &json!({ "colour": "red" }));
    for _ in 0..2 {
        let said = apply(&mine, &[])?;
        ensure!(said.success && said.stdout.trim_end().ends_with("serverside-applied"), "{said:?}");
    }
    let version = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.metadata.resourceVersion}"])?;
    apply(&mine, &[])?;
    let same = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.metadata.resourceVersion}"])?;
    ensure!(version == same, "an apply that changes nothing wrote: {version}, {same}");
    let theirs = flunder("one", &json!({ "colour": "blue" }));
    let refused = apply(&theirs, &["--field-manager=other"])?;
    let conflict = refused.stderr.contains("conflict with \"kubectl\": .metadata.labels.colour");
    ensure!(!refused.success && conflict, "{refused:?}");
    ensure!(apply(&theirs, &["--field-manager=other", "--force-conflicts"])?.success, "force does not take the field");
    let colour = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.metadata.labels.colour}"])?;
    ensure!(colour == "blue", "{colour}");
    // What kubectl applied on the client's side becomes what it applies on the server's.
    let older = flunder("two", &json!({ "colour": "red" }));
    kubectl.ok_with(&["apply", "-f", "-"], &older.to_string())?;
    let migrated = apply(&flunder("two", &json!({})), &[])?;
    ensure!(migrated.success, "{migrated:?}");
    let left = kubectl.json(&["get", "flunder", "two"])?;
    ensure!(left["metadata"].get("labels").is_none(), "{left}");
    Ok(())
}

fn x_8_apply_prunes(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-8-prune")?;
    let both = json!({ "apiVersion": "v1", "kind": "List", "items": [
        flunder("stays", &json!({ "set": "a" })), flunder("goes", &json!({ "set": "a" })) ] });
    kubectl.ok_with(&["apply", "-f", "-"], &both.to_string())?;
    let one = flunder("stays", &json!({ "set": "a" }));
    let prune = ["apply", "-f", "-", "--prune", "-l", "set=a", "--prune-allowlist=wardle.example.com/v1beta1/Flunder"];
    let said = kubectl.ok_with(&prune, &one.to_string())?;
    ensure!(said.contains("flunder.wardle.example.com/goes pruned"), "{said}");
    let left = kubectl.ok(&["get", "flunders", "-o", "name"])?;
    ensure!(left == "flunder.wardle.example.com/stays\n", "{left}");
    Ok(())
}

fn x_9_diff_and_edit(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-9")?;
    let mut object = flunder("one", &json!({}));
    kubectl.ok_with(&["apply", "-f", "-"], &object.to_string())?;
    let same = kubectl.run(&["diff", "-f", "-"], &object.to_string())?;
    ensure!(same.success && same.stdout.is_empty(), "{same:?}");
    object["spec"]["flunderReference"] = json!("changed");
    for side in [&["diff", "-f", "-"][..], &["diff", "--server-side", "--force-conflicts", "-f", "-"][..]] {
        let differs = kubectl.run(side, &object.to_string())?;
        ensure!(!differs.success && differs.stdout.contains("+  flunderReference: changed"), "{differs:?}");
    }
    let kept = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.spec.flunderReference}"])?;
    ensure!(kept == "other", "a diff wrote {kept}");
    let edit = kubectl.clone().editing("sed -i s/flunderReference:.*/flunderReference:\\ edited/");
    let said = edit.ok(&["edit", "flunder", "one"])?;
    ensure!(said.contains("edited"), "{said}");
    let kept = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.spec.flunderReference}"])?;
    ensure!(kept == "edited", "{kept}");
    Ok(())
}

fn x_10_replace_by_force(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-10")?;
    let object = flunder("one", &json!({}));
    create(&kubectl, &object)?;
    let before = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.metadata.uid}"])?;
    kubectl.ok_with(&["replace", "--force", "-f", "-"], &object.to_string())?;
    let after = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.metadata.uid}"])?;
    ensure!(before != after && !after.is_empty(), "{before} {after}");
    // What is printed can be created elsewhere: versions and uids are taken out or ignored.
    let printed = kubectl.ok(&["get", "flunder", "one", "-o", "yaml"])?.replace("name: one", "name: two");
    kubectl.ok_with(&["create", "-f", "-"], &printed)?;
    Ok(())
}

fn x_11_delete_waits_for_finalizers(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-11")?;
    for cascade in ["background", "orphan", "foreground"] {
        create(&kubectl, &flunder(cascade, &json!({})))?;
        let said = kubectl.ok(&["delete", "flunder", cascade, &format!("--cascade={cascade}"), "--timeout=60s"])?;
        ensure!(said.contains("deleted"), "{said}");
        kubectl.fails(&["get", "flunder", cascade], "")?;
    }
    let mut held = flunder("held", &json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/wait"]);
    create(&kubectl, &held)?;
    let timed_out = kubectl.fails(&["delete", "flunder", "held", "--timeout=2s"], "")?;
    ensure!(timed_out.contains("timed out"), "{timed_out}");
    let again = kubectl.fails(&["create", "-f", "-"], &held.to_string())?;
    ensure!(again.contains("object is being deleted"), "{again}");
    kubectl.ok(&["patch", "flunder", "held", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#])?;
    kubectl.fails(&["get", "flunder", "held"], "")?;
    Ok(())
}

fn x_12_wait_for_a_field_and_for_the_end(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-12")?;
    create(&kubectl, &flunder("one", &json!({})))?;
    let field = "--for=jsonpath={.spec.flunderReference}=ready";
    let mut waiting = kubectl.spawn(&["wait", "flunder", "one", field, "--timeout=30s"])?;
    kubectl.ok(&["patch", "flunder", "one", "--type=merge", "-p", r#"{"spec":{"flunderReference":"ready"}}"#])?;
    ensure!(crate::kubectl::ended_well(&mut waiting)?, "kubectl wait does not see the field");
    let mut waiting = kubectl.spawn(&["wait", "flunder", "one", "--for=delete", "--timeout=30s"])?;
    kubectl.ok(&["delete", "flunder", "one"])?;
    ensure!(crate::kubectl::ended_well(&mut waiting)?, "kubectl wait does not see the end");
    kubectl.ok(&["wait", "flunder", "--all", "--for=delete", "--timeout=5s"])?;
    Ok(())
}

fn x_14_resources_explanations_and_rights(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let versions = kubectl.ok(&["api-versions"])?;
    ensure!(versions.contains("wardle.example.com/v1alpha1\nwardle.example.com/v1beta1\n"), "{versions}");
    let wide = kubectl.ok(&["api-resources", "--verbs=deletecollection,patch", "-o", "name"])?;
    ensure!(wide.contains("flunders.wardle.example.com") && wide.contains("fischers.wardle.example.com"), "{wide}");
    let tree = kubectl.ok(&["explain", "flunders", "--recursive"])?;
    ensure!(tree.contains("fischerReference\t<string>") && tree.contains("managedFields"), "{tree}");
    let openapi = kubectl.ok(&["explain", "flunders.metadata.ownerReferences", "--output=plaintext"])?;
    ensure!(openapi.contains("<[]OwnerReference>"), "{openapi}");
    let can = |arguments: &[&str]| cluster.kubectl(User::Alice).run(&[&["auth", "can-i"], arguments].concat(), "");
    ensure!(can(&["list", "flunders.wardle.example.com"])?.stdout.trim() == "no", "alice may list");
    ensure!(kubectl.ok(&["auth", "can-i", "delete", "flunders/status"])?.trim() == "yes", "an admin may not delete");
    Ok(())
}

fn x_15_describe_label_annotate_and_patch(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-15")?;
    create(&kubectl, &flunder("one", &json!({})))?;
    kubectl.ok(&["label", "flunder", "one", "a=b", "c=d"])?;
    let refused = kubectl.fails(&["label", "flunder", "one", "a=x"], "")?;
    ensure!(refused.contains("--overwrite"), "{refused}");
    kubectl.ok(&["label", "flunder", "one", "a=x", "c-", "--overwrite"])?;
    kubectl.ok(&["annotate", "flunder", "one", "note=with spaces"])?;
    let patches = [
        ("merge", r#"{"spec":{"flunderReference":"merge"}}"#, "merge"),
        ("json", r#"[{"op":"replace","path":"/spec/flunderReference","value":"json"}]"#, "json"),
        ("strategic", r#"{"spec":{"flunderReference":"strategic"}}"#, "strategic"),
    ];
    for (kind, patch, expected) in patches {
        kubectl.ok(&["patch", "flunder", "one", &format!("--type={kind}"), "-p", patch])?;
        let seen = kubectl.ok(&["get", "flunder", "one", "-o", "jsonpath={.spec.flunderReference}"])?;
        ensure!(seen == expected, "{kind}: {seen}");
    }
    let described = kubectl.ok(&["describe", "flunder", "one"])?;
    for part in ["Labels:       a=x", "Annotations:  note: with spaces", "Flunder Reference:  strategic"] {
        ensure!(described.contains(part), "{part} is missing from {described}");
    }
    Ok(())
}

fn x_13_scale_a_gadget(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("x-13")?;
    create(&kubectl, &gadget("one", &json!({ "color": "red", "replicas": 2 })))?;
    let said = kubectl.ok(&["scale", "gadget", "one", "--replicas=5", "--current-replicas=2"])?;
    ensure!(said.contains("scaled"), "{said}");
    let seen = kubectl.ok(&["get", "gadget", "one", "-o", "jsonpath={.spec.replicas} {.metadata.generation}"])?;
    ensure!(seen == "5 2", "{seen}");
    let refused = kubectl.fails(&["scale", "gadget", "one", "--replicas=7", "--current-replicas=2"], "")?;
    ensure!(refused.contains("Expected replicas to be 2, was 5"), "{refused}");
    let scale = kubectl.json(&["get", "gadget", "one", "--subresource=scale"])?;
    ensure!(
        scale["kind"] == "Scale" && scale["apiVersion"] == "autoscaling/v1" && scale["spec"]["replicas"] == 5,
        "{scale}"
    );
    Ok(())
}

fn x_7_gadgets_are_found(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gadgets")?;
    create(&kubectl, &gadget("one", &json!({ "color": "red" })))?;
    create(&kubectl, &gadget("two", &json!({ "color": "blue", "replicas": 3 })))?;
    let blue = kubectl.ok(&["get", "gd", "--field-selector=spec.color=blue,spec.replicas=3", "-o", "name"])?;
    ensure!(blue == "gadget.rich.example.com/two\n", "{blue}");
    let patch = r#"{"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#;
    kubectl.ok(&["patch", "gadget", "one", "--subresource=status", "--type=merge", "-p", patch])?;
    kubectl.ok(&["wait", "gadget", "one", "--for=condition=Ready", "--timeout=20s"])?;
    let table = kubectl.ok(&["get", "gadgets", "-o", "wide"])?;
    let head: Vec<&str> = table.lines().next().context("nothing")?.split_whitespace().collect();
    ensure!(head == ["NAME", "COLOR", "DESIRED", "READY", "MODE", "AGE"], "{table}");
    let row: Vec<&str> = table.lines().nth(1).context("no row")?.split_whitespace().collect();
    ensure!(row[..5] == ["one", "red", "1", "True", "Auto"], "{table}");
    let refused = kubectl.fails(&["create", "-f", "-"], &gadget("three", &json!({ "color": "pink" })).to_string())?;
    ensure!(
        refused.contains(r#"spec.color: Unsupported value: "pink": supported values: "red", "green", "blue""#),
        "{refused}"
    );
    kubectl.ok(&["get", "rich"])?;
    Ok(())
}

fn x_8_gadgets_merge_what_two_apply(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gadgets-apply")?;
    let apply = |manager: &str, spec: Value| {
        let manager = format!("--field-manager={manager}");
        kubectl.ok_with(&["apply", "--server-side", &manager, "-f", "-"], &gadget("one", &spec).to_string())
    };
    apply("a", json!({ "color": "red", "ports": [{ "port": 80, "name": "web" }], "words": ["x"] }))?;
    apply("b", json!({ "ports": [{ "port": 53, "protocol": "UDP" }], "words": ["y"], "color": "red" }))?;
    let one = kubectl.json(&["get", "gadget", "one"])?;
    let ports = json!([{ "port": 80, "protocol": "TCP", "name": "web" }, { "port": 53, "protocol": "UDP" }]);
    ensure!(one["spec"]["ports"] == ports && one["spec"]["words"] == json!(["x", "y"]), "{one}");
    apply("a", json!({ "color": "red" }))?;
    let one = kubectl.json(&["get", "gadget", "one"])?;
    ensure!(
        one["spec"]["ports"] == json!([{ "port": 53, "protocol": "UDP" }]) && one["spec"]["words"] == json!(["y"]),
        "{one}"
    );
    Ok(())
}

fn x_14_the_metadata_of_an_embedded_object_is_explained(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.kubectl(User::Admin);
    let labels = kubectl.ok(&["explain", "gadgets.spec.template.metadata.labels"])?;
    ensure!(labels.contains("<map[string]string>"), "{labels}");
    Ok(())
}

/// Applied by kubectl itself: the patch that it computes speaks of lists as our OpenAPI documents do.
fn p_11_kubectl_takes_out_what_is_no_longer_applied(cluster: &Cluster) -> Result<()> {
    let kubectl = cluster.in_namespace("gadgets-apply-by-kubectl")?;
    let apply = |spec: Value| kubectl.ok_with(&["apply", "-f", "-"], &gadget("one", &spec).to_string());
    apply(json!({
        "color": "red", "words": ["x", "y"], "plain": ["a", "b"], "limits": { "cpu": "1", "memory": "2Gi" },
        "ports": [{ "port": 80, "name": "web" }, { "port": 53, "protocol": "UDP" }],
        "parts": [{ "name": "p", "image": "i", "env": [{ "name": "A", "value": "B" }] }, { "name": "q" }],
    }))?;
    let theirs = r#"{"spec":{"words":["theirs"],"parts":[{"name":"theirs"}]}}"#;
    kubectl.ok(&["patch", "gadget", "one", "--type=strategic", "-p", theirs])?;
    apply(json!({
        "color": "red", "words": ["y", "z"], "plain": ["b"], "limits": { "cpu": "2" },
        "ports": [{ "port": 53, "protocol": "UDP" }], "parts": [{ "name": "p", "image": "j" }],
    }))?;
    let spec = kubectl.json(&["get", "gadget", "one"])?["spec"].take();
    let mut words: Vec<&str> = spec["words"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.sort_unstable();
    ensure!(words == ["theirs", "y", "z"], "{spec}");
    ensure!(spec["plain"] == json!(["b"]) && spec["limits"] == json!({ "cpu": "2" }), "{spec}");
    ensure!(spec["ports"] == json!([{ "port": 53, "protocol": "UDP" }]), "{spec}");
    let mut parts = spec["parts"].as_array().cloned().unwrap_or_default();
    parts.sort_by_key(|part| part["name"].to_string());
    let own = json!({ "name": "p", "image": "j", "weight": 10 });
    ensure!(parts == [own, json!({ "name": "theirs", "weight": 10 })], "{spec}");
    Ok(())
}

fn create(kubectl: &Kubectl, object: &Value) -> Result<String> {
    kubectl.ok_with(&["create", "-f", "-"], &object.to_string())
}

fn flunder(name: &str, labels: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "wardle.example.com/v1beta1",
        "kind": "Flunder",
        "metadata": { "name": name },
        "spec": { "flunderReference": "other", "referenceType": "Flunder" },
    });
    if labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        object["metadata"]["labels"] = labels.clone();
    }
    object
}

fn gadget(name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "rich.example.com/v1", "kind": "Gadget", "metadata": { "name": name }, "spec": spec })
}
