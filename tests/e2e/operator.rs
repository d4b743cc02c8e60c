//! kube-rs beyond its watcher: a controller with a finalizer and children, discovery, pages, metadata, entries and
//! subresources.

use std::collections::BTreeSet;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use futures_util::StreamExt;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersion, GroupVersionKind, PartialObjectMeta};
use kube::discovery::{self, Discovery};
use kube::runtime::controller::{Action, Controller};
use kube::runtime::finalizer::{Event, finalizer};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use xtask::control_plane::User;

use crate::harness::Cluster;

/// A test of one server behind one aggregator.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("x_20_kube_rs_controls_objects_and_their_children", x_20_kube_rs_controls_objects_and_their_children),
    ("x_20_kube_rs_discovers_reads_pages_and_metadata", x_20_kube_rs_discovers_reads_pages_and_metadata),
    ("x_20_kube_rs_commits_entries_and_is_told_of_conflicts", x_20_kube_rs_commits_entries),
];

/// What our server alone serves.
pub(crate) const OF_GADGETS: &[Test] =
    &[("x_20_kube_rs_scales_gadgets_and_writes_their_status", x_20_kube_rs_scales_gadgets)];

/// What a reconciliation is given.
struct World {
    objects: Api<DynamicObject>,
    kind: ApiResource,
}

fn x_20_kube_rs_controls_objects_and_their_children(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("operator")?;
    let kind = flunders();
    let objects: Api<DynamicObject> = Api::namespaced_with(cluster.client(User::Admin)?, "operator", &kind);
    let world = Arc::new(World { objects: objects.clone(), kind: kind.clone() });
    let parents = watcher::Config::default().labels("role=parent").streaming_lists();
    let children = watcher::Config::default().labels("role=child").page_size(1);
    let controller = Controller::new_with(objects.clone(), parents, kind.clone())
        .owns_with(objects.clone(), kind.clone(), children)
        .run(reconcile, |_, _, _| Action::requeue(Duration::from_millis(200)), world)
        .for_each(|_| ready(()));
    cluster.block_on(async {
        tokio::select! {
            () = controller => Err(anyhow!("the controller ended")),
            outcome = timeout(LIMIT, life(&objects, &kind)) => outcome.context("the operator's work")?,
        }
    })
}

/// Gives each parent a child, and says so in an annotation; a parent goes only after its operator said good-bye.
async fn reconcile(
    parent: Arc<DynamicObject>,
    world: Arc<World>,
) -> Result<Action, kube::runtime::finalizer::Error<kube::Error>> {
    let (objects, kind) = (&world.objects, &world.kind);
    finalizer(objects, "example.com/operator", parent, |event| async {
        let Event::Apply(parent) = event else { return Ok(Action::await_change()) };
        let owner = json!({
            "apiVersion": kind.api_version, "kind": kind.kind, "name": parent.name_any(), "uid": parent.uid(),
            "controller": true, "blockOwnerDeletion": true,
        });
        let name = format!("{}-child", parent.name_any());
        let child = json!({
            "apiVersion": kind.api_version, "kind": kind.kind, "spec": {},
            "metadata": { "name": name, "labels": { "role": "child" }, "ownerReferences": [owner] },
        });
        objects.patch(&name, &PatchParams::apply("operator").force(), &Patch::Apply(child)).await?;
        let says = json!({ "metadata": { "annotations": { "child": name } } });
        objects.patch(&parent.name_any(), &PatchParams::default(), &Patch::Merge(says)).await?;
        Ok(Action::await_change())
    })
    .await
}

async fn life(objects: &Api<DynamicObject>, kind: &ApiResource) -> Result<()> {
    for name in ["one", "two"] {
        let mut parent = DynamicObject::new(name, kind).data(json!({ "spec": {} }));
        parent.labels_mut().insert("role".to_owned(), "parent".to_owned());
        objects.create(&PostParams::default(), &parent).await.context("create")?;
    }
    let ready =
        |object: Option<&DynamicObject>| object.is_some_and(|object| object.annotations().contains_key("child"));
    let mut uids = Vec::new();
    for name in ["one", "two"] {
        await_condition(objects.clone(), name, ready).await.context("a parent with a child")?;
        let child = objects.get(&format!("{name}-child")).await.context("its child")?;
        ensure!(child.managed_fields().iter().any(|entry| entry.manager.as_deref() == Some("operator")), "{child:?}");
        uids.push(child.uid().context("no uid")?);
    }
    // A child that goes comes again, as another.
    objects.delete("one-child", &DeleteParams::default()).await.context("delete a child")?;
    let again = |object: Option<&DynamicObject>| object.is_some_and(|object| object.uid().as_ref() != uids.first());
    await_condition(objects.clone(), "one-child", again).await.context("the child again")?;
    // What nobody changes is not written again.
    let version = |name: &'static str| async move { Ok::<_, kube::Error>(objects.get(name).await?.resource_version()) };
    let before = version("two-child").await?;
    objects
        .patch("two", &PatchParams::default(), &Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } } })))
        .await?;
    objects.delete("one", &DeleteParams::foreground()).await.context("delete a parent")?;
    let gone = objects.get("one").await.context("a parent that waits")?.uid().context("no uid")?;
    await_condition(objects.clone(), "one", conditions::is_deleted(&gone)).await.context("the end of a parent")?;
    ensure!(objects.get_opt("one-child").await?.is_none(), "the child outlived its parent, which waited for it");
    ensure!(version("two-child").await? == before, "an apply that changes nothing wrote");
    objects.delete("two", &DeleteParams::background()).await.context("delete the other parent")?;
    await_condition(objects.clone(), "two-child", conditions::is_deleted(&uids[1])).await.context("no child left")?;
    Ok(())
}

fn x_20_kube_rs_discovers_reads_pages_and_metadata(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("kube-rs-pages")?;
    let client = cluster.client(User::Admin)?;
    cluster.block_on(async {
        discovers(&client).await?;
        let kind = flunders();
        let metadata: Api<PartialObjectMeta<DynamicObject>> =
            Api::namespaced_with(client.clone(), "kube-rs-pages", &kind);
        let objects: Api<DynamicObject> = Api::namespaced_with(client, "kube-rs-pages", &kind);
        for index in 0..5 {
            let mut object = DynamicObject::new(&format!("f-{index}"), &kind).data(json!({ "spec": {} }));
            object.labels_mut().insert("parity".to_owned(), (index % 2).to_string());
            objects.create(&PostParams::default(), &object).await.context("create")?;
        }
        let mut pages = Vec::new();
        let mut asked = ListParams::default().limit(2);
        loop {
            let page = objects.list(&asked).await.context("a page")?;
            pages.push((page.items.len(), page.metadata.remaining_item_count));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => asked = asked.continue_token(&token),
                None => break,
            }
        }
        ensure!(pages == [(2, Some(3)), (2, Some(1)), (1, None)], "{pages:?}");
        let even = objects.list_metadata(&ListParams::default().labels("parity=0").match_any()).await?;
        ensure!(even.items.len() == 3, "{even:?}");
        let merge = Patch::Merge(json!({ "metadata": { "labels": { "seen": "yes" } } }));
        let patched = objects.patch_metadata("f-1", &PatchParams::default(), &merge).await.context("metadata")?;
        ensure!(patched.labels().contains_key("seen"), "{patched:?}");
        let config = watcher::Config::default().fields("metadata.name!=f-0");
        for config in [config.clone().page_size(2), config.clone().any_semantic(), config.streaming_lists()] {
            let told = pin!(watcher(metadata.clone(), config).applied_objects().take(4));
            let told: Vec<_> = timeout(LIMIT, told.collect()).await.context("the first objects")?;
            let names: BTreeSet<String> =
                told.into_iter().map(|object| Ok(object?.name_any())).collect::<Result<_>>()?;
            ensure!(names.iter().map(String::as_str).eq(["f-1", "f-2", "f-3", "f-4"]), "{names:?}");
        }
        let odd = ListParams::default().labels("parity=1");
        objects.delete_collection(&DeleteParams::default(), &odd).await.context("delete some")?;
        let left = objects.list_metadata(&ListParams::default()).await?;
        ensure!(left.items.len() == 3 && left.items.iter().all(|object| object.labels()["parity"] == "0"), "{left:?}");
        Ok(())
    })
}

/// All ways to find a kind find the same one.
async fn discovers(client: &Client) -> Result<()> {
    let wanted = flunders();
    for all in [
        Discovery::new(client.clone()).filter(&[GROUP]).run().await.context("discovery")?,
        Discovery::new(client.clone()).filter(&[GROUP]).run_aggregated().await.context("aggregated discovery")?,
    ] {
        let group = all.groups().next().context("no group")?;
        ensure!(group.preferred_version_or_latest() == VERSION, "another version is preferred");
        let (found, can) = group.recommended_kind("Flunder").context("no Flunder")?;
        ensure!(found == wanted && can.supports_operation("deletecollection"), "{found:?} {can:?}");
    }
    let (found, can) = discovery::pinned_kind(client, &GroupVersionKind::gvk(GROUP, VERSION, "Flunder")).await?;
    ensure!(found == wanted && can.scope == discovery::Scope::Namespaced, "{found:?} {can:?}");
    let (found, can) = discovery::pinned_kind(client, &GroupVersionKind::gvk(GROUP, "v1alpha1", "Fischer")).await?;
    ensure!(found.plural == "fischers" && can.scope == discovery::Scope::Cluster, "{found:?} {can:?}");
    let group = discovery::pinned_group(client, &GroupVersion::gv(GROUP, "v1alpha1")).await?;
    ensure!(group.versioned_resources("v1alpha1").len() == 2, "a kind is missing");
    Ok(())
}

fn x_20_kube_rs_commits_entries(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("kube-rs-entries")?;
    let kind = flunders();
    let objects: Api<DynamicObject> = Api::namespaced_with(cluster.client(User::Admin)?, "kube-rs-entries", &kind);
    let made = || DynamicObject::new("one", &kind).data(json!({ "spec": {} }));
    let label = |object: &mut DynamicObject, value: &str| {
        object.labels_mut().insert("by".to_owned(), value.to_owned());
    };
    cluster.block_on(async {
        let mut first = objects.entry("one").await?.or_insert(made).and_modify(|object| label(object, "first"));
        let mut second = objects.entry("one").await?.or_insert(made).and_modify(|object| label(object, "second"));
        first.commit(&PostParams::default()).await.context("the first")?;
        let late = second.commit(&PostParams::default()).await.err().map(|error| error.to_string());
        ensure!(late.is_some(), "an object was created twice");
        let mut second = objects.entry("one").await?.or_insert(made).and_modify(|object| label(object, "second"));
        label(first.get_mut(), "third");
        first.commit(&PostParams::default()).await.context("the first again")?;
        let stale = second.commit(&PostParams::default()).await.err();
        ensure!(stale.is_some(), "a stale object was written");
        let mut old = objects.get("one").await?;
        old.metadata.resource_version = Some("1".to_owned());
        let refused = objects.replace("one", &PostParams::default(), &old).await;
        ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.is_conflict()), "{refused:?}");
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        old.metadata.resource_version = None;
        let halved = json!({ "spec": { "flunderReference": "other" } });
        let invalid = objects.create(&dry, &DynamicObject::new("two", &kind).data(halved)).await;
        ensure!(matches!(&invalid, Err(kube::Error::Api(status)) if status.is_invalid()), "{invalid:?}");
        let twice = objects.create(&dry, &made()).await;
        ensure!(matches!(&twice, Err(kube::Error::Api(status)) if status.is_already_exists()), "{twice:?}");
        ensure!(objects.get_opt("two").await?.is_none(), "an object that nobody made");
        let only = objects.get("one").await?;
        ensure!(only.labels()["by"] == "third", "{only:?}");
        Ok(())
    })
}

fn x_20_kube_rs_scales_gadgets(cluster: &Cluster) -> Result<()> {
    cluster.in_namespace("kube-rs-gadgets")?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("rich.example.com", "v1", "Gadget"));
    let gadgets: Api<DynamicObject> = Api::namespaced_with(cluster.client(User::Admin)?, "kube-rs-gadgets", &kind);
    let gadget = DynamicObject::new("one", &kind).data(json!({ "spec": { "color": "red" } }));
    cluster.block_on(async {
        gadgets.create(&PostParams::default(), &gadget).await.context("create")?;
        let mut scale = gadgets.get_scale("one").await.context("the scale")?;
        ensure!(scale.spec.as_ref().and_then(|spec| spec.replicas) == Some(1), "{scale:?}");
        let more = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
        let scaled = gadgets.patch_scale("one", &PatchParams::default(), &more).await.context("scale")?;
        ensure!(scaled.spec.and_then(|spec| spec.replicas) == Some(3), "not scaled");
        scale.spec = Some(k8s_openapi::api::autoscaling::v1::ScaleSpec { replicas: Some(4) });
        let refused = gadgets.replace_scale("one", &PostParams::default(), &scale).await;
        ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.is_conflict()), "{refused:?}");
        let status = |of: Value| json!({ "apiVersion": "rich.example.com/v1", "kind": "Gadget", "spec": { "color": "blue" }, "status": of });
        let says = Patch::Apply(status(json!({ "conditions": [{ "type": "Ready", "status": "True" }] })));
        gadgets.patch_status("one", &PatchParams::apply("operator").force(), &says).await.context("apply a status")?;
        let ready = |object: Option<&DynamicObject>| {
            object.is_some_and(|object| object.data["status"]["conditions"][0]["status"] == "True")
        };
        await_condition(gadgets.clone(), "one", ready).await.context("a gadget that is ready")?;
        let mut read = gadgets.get_status("one").await.context("the status")?;
        ensure!(read.data["spec"]["color"] == "red" && read.data["spec"]["replicas"] == 3, "{read:?}");
        read.data["status"]["replicas"] = json!(3);
        let written = gadgets.replace_status("one", &PostParams::default(), &read).await.context("replace a status")?;
        ensure!(written.data["status"]["replicas"] == 3, "{written:?}");
        Ok(())
    })
}

fn flunders() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(GROUP, VERSION, "Flunder"))
}

const GROUP: &str = "wardle.example.com";
const VERSION: &str = "v1beta1";
/// The garbage collector looks for new kinds twice in a minute.
const LIMIT: Duration = Duration::from_mins(2);
