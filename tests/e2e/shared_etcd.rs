//! Go's sample-apiserver and our server on one etcd and one prefix: what one writes, the other reads as its own.
//!
//! Both are asked directly, since an aggregator can have only one of them for the group.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::io::AsyncBufReadExt as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};
use xtask::control_plane::User;
use xtask::wait;

use crate::harness::{ANNEX, Cluster, SAMPLE};

/// A test of both servers.
type Test = (&'static str, fn(&Cluster) -> Result<()>);

pub(crate) const TESTS: &[Test] = &[
    ("each_reads_what_the_other_wrote", each_reads_what_the_other_wrote),
    ("watches_of_both_tell_the_same", watches_of_both_tell_the_same),
    ("each_changes_and_deletes_what_the_other_wrote", each_changes_and_deletes_what_the_other_wrote),
    ("a_conflict_is_a_conflict_whoever_wrote", a_conflict_is_a_conflict_whoever_wrote),
    ("cluster_scoped_objects_are_shared_too", cluster_scoped_objects_are_shared_too),
];

/// A client of one server, and its name.
struct Server {
    name: &'static str,
    client: Client,
}

impl Server {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let media = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", media).body(body)?;
        self.client.request(request).await.with_context(|| format!("{}: {path}", self.name))
    }
}

fn both(cluster: &Cluster, namespace: &str) -> Result<[Server; 2]> {
    cluster.in_namespace(namespace)?;
    let servers = [SAMPLE, ANNEX].map(|name| {
        let url = cluster.control_plane().server_of(name).with_context(|| format!("{name} does not run"))?;
        let mut config = kube::Config::new(url.parse().context("not a URL")?);
        config.accept_invalid_certs = true;
        config.auth_info.token = Some(User::Admin.token().to_owned().into());
        let client = cluster.block_on(async { Client::try_from(config) }).context("no client")?;
        anyhow::Ok(Server { name, client })
    });
    let [sample, annex] = servers;
    let servers = [sample?, annex?];
    for server in &servers {
        cluster.block_on(wait::until(server.name, Duration::from_secs(30), async || {
            server.ask(Method::GET, "/apis/wardle.example.com/v1alpha1", None).await
        }))?;
    }
    Ok(servers)
}

fn flunders(version: &str, namespace: &str) -> String {
    format!("/apis/wardle.example.com/{version}/namespaces/{namespace}/flunders")
}

fn flunder(version: &str, name: &str, more: &Value) -> Value {
    let mut flunder = json!({
        "apiVersion": format!("wardle.example.com/{version}"),
        "kind": "Flunder",
        "metadata": { "name": name, "labels": { "of": name }, "annotations": { "text": "<a & b>" } },
        "spec": {},
    });
    if let (Some(spec), Some(more)) = (flunder["spec"].as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    flunder
}

/// Every form that an object has here.
fn forms() -> Vec<Value> {
    let reference = json!({ "reference": "x" });
    let fischer = json!({ "reference": "y", "referenceType": "Fischer" });
    vec![
        flunder("v1alpha1", "plain", &json!({})),
        flunder("v1alpha1", "to-a-flunder", &reference),
        flunder("v1alpha1", "to-a-fischer", &fischer),
        flunder("v1beta1", "beta", &json!({ "flunderReference": "z", "referenceType": "Flunder" })),
    ]
}

async fn create(server: &Server, namespace: &str, mut object: Value, prefix: &str) -> Result<Value> {
    let name = format!("{prefix}-{}", object["metadata"]["name"].as_str().unwrap_or_default());
    object["metadata"]["name"] = name.into();
    let version =
        object["apiVersion"].as_str().and_then(|text| text.split('/').nth(1)).context("no version")?.to_owned();
    server.ask(Method::POST, &flunders(&version, namespace), Some(object)).await
}

/// Objects and lists in both versions are equal, but for the revision of the list: others write to this etcd.
async fn ensure_equal(servers: &[Server; 2], namespace: &str, count: usize) -> Result<()> {
    for version in ["v1alpha1", "v1beta1"] {
        let path = flunders(version, namespace);
        let mut lists = Vec::new();
        for server in servers {
            lists.push(server.ask(Method::GET, &path, None).await?["items"].take());
        }
        ensure!(lists[0] == lists[1], "{version}: {} instead of {}", lists[1], lists[0]);
        let items = lists[0].as_array().context("no items")?;
        ensure!(items.len() == count, "{count} objects: {items:?}");
        for item in items {
            let path = format!("{path}/{}", item["metadata"]["name"].as_str().context("no name")?);
            let mut texts = Vec::new();
            for server in servers {
                let request = Request::get(&path).body(Vec::new())?;
                texts.push(server.client.request_text(request).await?);
            }
            ensure!(texts[0] == texts[1], "{} instead of {}", texts[1], texts[0]);
        }
    }
    Ok(())
}

fn each_reads_what_the_other_wrote(cluster: &Cluster) -> Result<()> {
    let servers = both(cluster, "shared-reads")?;
    cluster.block_on(async {
        for server in &servers {
            for form in forms() {
                create(server, "shared-reads", form, server.name).await?;
            }
        }
        ensure_equal(&servers, "shared-reads", 2 * forms().len()).await
    })
}

/// The next events of a watch, after a resource version.
async fn events(server: &Server, namespace: &str, from: &str, count: usize) -> Result<Vec<Value>> {
    let path = format!("{}?watch=true&timeoutSeconds=30&resourceVersion={from}", flunders("v1alpha1", namespace));
    let lines = server.client.request_stream(Request::get(path).body(Vec::new())?).await?.lines();
    let events = lines.take(count).map_err(anyhow::Error::from);
    events.and_then(async |line| Ok(serde_json::from_str(&line)?)).try_collect().await
}

fn watches_of_both_tell_the_same(cluster: &Cluster) -> Result<()> {
    let namespace = "shared-watches";
    let servers = both(cluster, namespace)?;
    let [sample, annex] = &servers;
    cluster.block_on(async {
        let first = create(sample, namespace, flunder("v1alpha1", "first", &json!({})), "go").await?;
        let from = first["metadata"]["resourceVersion"].as_str().context("no resourceVersion")?;
        let writes = async {
            for round in 0..3 {
                for (writer, other) in [(sample, annex), (annex, sample)] {
                    let creation =
                        create(writer, namespace, flunder("v1alpha1", &round.to_string(), &json!({})), writer.name);
                    let name = creation.await?["metadata"]["name"].as_str().context("no name")?.to_owned();
                    let path = format!("{}/{name}", flunders("v1beta1", namespace));
                    let labelled = json!({ "metadata": { "labels": { "by": other.name } } });
                    other.ask(Method::PATCH, &path, Some(labelled)).await?;
                    writer.ask(Method::DELETE, &path, None).await?;
                }
            }
            anyhow::Ok(())
        };
        let count = 3 * 2 * 3;
        let told =
            async { tokio::try_join!(events(sample, namespace, from, count), events(annex, namespace, from, count)) };
        let (told, wrote) = tokio::join!(told, writes);
        wrote?;
        let (by_sample, by_annex) = told?;
        ensure!(by_sample.len() == count && by_annex.len() == count, "{} and {}", by_sample.len(), by_annex.len());
        for (one, other) in by_sample.iter().zip(&by_annex) {
            ensure!(one == other, "{other} instead of {one}");
        }
        // Once more, from the past alone.
        ensure!(events(annex, namespace, from, count).await? == by_sample, "the past is told otherwise");
        Ok(())
    })
}

fn each_changes_and_deletes_what_the_other_wrote(cluster: &Cluster) -> Result<()> {
    let namespace = "shared-writes";
    let servers = both(cluster, namespace)?;
    cluster.block_on(async {
        for (writer, other) in [(&servers[0], &servers[1]), (&servers[1], &servers[0])] {
            let mut made = create(writer, namespace, flunder("v1alpha1", "one", &json!({})), writer.name).await?;
            let name = made["metadata"]["name"].as_str().context("no name")?.to_owned();
            let path = format!("{}/{name}", flunders("v1alpha1", namespace));
            for (round, server) in [other, writer, other].into_iter().enumerate() {
                made["metadata"]["annotations"]["round"] = round.to_string().into();
                made["spec"]["reference"] = format!("r{round}").into();
                made = server.ask(Method::PUT, &path, Some(made)).await?;
                ensure_equal(&servers, namespace, 1).await?;
            }
            // What is unchanged is not written again, whoever wrote it.
            let before = made["metadata"]["resourceVersion"].clone();
            let after = other.ask(Method::PATCH, &path, Some(json!({ "spec": { "reference": "r2" } }))).await?;
            ensure!(after["metadata"]["resourceVersion"] == before, "{} wrote the same again", other.name);
            other.ask(Method::DELETE, &path, None).await?;
            ensure_equal(&servers, namespace, 0).await?;
        }
        Ok(())
    })
}

fn a_conflict_is_a_conflict_whoever_wrote(cluster: &Cluster) -> Result<()> {
    let namespace = "shared-conflicts";
    let servers = both(cluster, namespace)?;
    cluster.block_on(async {
        for (writer, other) in [(&servers[0], &servers[1]), (&servers[1], &servers[0])] {
            let made = create(writer, namespace, flunder("v1alpha1", "one", &json!({})), writer.name).await?;
            let path = format!(
                "{}/{}",
                flunders("v1alpha1", namespace),
                made["metadata"]["name"].as_str().context("no name")?
            );
            other.ask(Method::PATCH, &path, Some(json!({ "spec": { "reference": "theirs" } }))).await?;
            let error = writer.ask(Method::PUT, &path, Some(made.clone())).await.err().context("it is stale")?;
            ensure!(format!("{error:#}").contains("the object has been modified"), "{error:#}");
            let again = create(other, namespace, flunder("v1alpha1", "one", &json!({})), writer.name).await;
            let error = again.err().context("it exists")?;
            ensure!(format!("{error:#}").contains("already exists"), "{error:#}");
        }
        Ok(())
    })
}

fn cluster_scoped_objects_are_shared_too(cluster: &Cluster) -> Result<()> {
    let servers = both(cluster, "shared-fischers")?;
    let path = "/apis/wardle.example.com/v1alpha1/fischers";
    cluster.block_on(async {
        for server in &servers {
            let fischer = json!({
                "apiVersion": "wardle.example.com/v1alpha1",
                "kind": "Fischer",
                "metadata": { "name": server.name },
                "disallowedFlunders": ["bad-one"],
            });
            server.ask(Method::POST, path, Some(fischer)).await?;
        }
        let mut lists = Vec::new();
        for server in &servers {
            lists.push(server.ask(Method::GET, path, None).await?["items"].take());
        }
        ensure!(lists[0] == lists[1] && lists[0].as_array().is_some_and(|items| items.len() == 2), "{lists:?}");
        for (server, other) in [(&servers[0], &servers[1]), (&servers[1], &servers[0])] {
            other.ask(Method::DELETE, &format!("{path}/{}", server.name), None).await?;
        }
        Ok(())
    })
}
