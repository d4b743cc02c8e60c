//! Who else has a say in a write, when they are asked, and what happens when writers race.

use crate::{OLD_WIDGETS, SHELVES, WIDGETS, at, revision, sized, widget, with_widgets};
use futures_util::future::join_all;
use kube_annex::gvk::GroupResource;
use kube_annex::handlers::BoxFuture;
use kube_annex::{Object, Status};
use kube_annex_runtime::admission::{Attributes, NamespaceLifecycle, Operation, Plugin};
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Prefix, Storage};
use kube_annex_testkit::TestServer;
use kube_annex_testkit::resources::Widget;
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// What plug-ins have seen, a line a call.
type Seen = Arc<Mutex<Vec<String>>>;

/// Remembers what it is asked, labels what is written, refuses what is called `bad`.
struct Recorder(Seen);

impl Recorder {
    fn note(&self, phase: &str, attributes: &Attributes<'_>) {
        let object = attributes.object.as_deref();
        let line = format!(
            "{phase} {:?} {}/{} uid={} old={} dry={} {}",
            attributes.operation,
            attributes.namespace,
            attributes.name,
            object.is_some_and(|object| !object.uid().is_empty()),
            attributes.old_object.map(Object::name).unwrap_or_default(),
            attributes.dry_run,
            attributes.subresource,
        );
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.trim_end().to_owned());
    }
}

impl Plugin for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    fn handles(&self, _: Operation) -> bool {
        true
    }

    fn admit<'a>(&'a self, attributes: &'a mut Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        self.note("admit", attributes);
        if let Some(widget) = attributes.object.as_mut().and_then(|object| object.downcast_mut::<Widget>()) {
            widget.spec.notes.insert("seen".to_owned(), "yes".to_owned());
        }
        Box::pin(async { Ok(()) })
    }

    fn validate<'a>(&'a self, attributes: &'a Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        self.note("validate", attributes);
        let resource: GroupResource = attributes.descriptor.group_resource();
        let refused = attributes.name == "bad";
        Box::pin(async move { if refused { Err(Status::forbidden(&resource, "bad", "it is bad")) } else { Ok(()) } })
    }
}

fn with_recorder() -> (TestServer, Seen) {
    let seen = Seen::default();
    let recorder = Recorder(Arc::clone(&seen));
    (TestServer::builder().with(|builder| builder.admission(|_| recorder)).build(), seen)
}

fn taken(seen: &Seen) -> Vec<String> {
    std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner))
}

#[tokio::test(start_paused = true)]
async fn c_6_mutating_admission_comes_before_uid_and_name_and_validating_admission_after() {
    let (server, seen) = with_recorder();
    server.ids.next_suffixes(&["bcdfg"]);
    let created = server.made(WIDGETS, &json!({"metadata": {"generateName": "w-"}})).await;
    assert_eq!(created["spec"]["notes"], json!({"seen": "yes"}));
    let expected =
        ["admit Create default/ uid=false old= dry=false", "validate Create default/w-bcdfg uid=true old= dry=false"];
    assert_eq!(taken(&seen), expected);
}

#[tokio::test(start_paused = true)]
async fn ad_3_what_the_type_refuses_never_reaches_validating_admission() {
    let (server, seen) = with_recorder();
    assert_eq!(server.post(WIDGETS, &sized("a", -1)).await.status, 422);
    assert_eq!(taken(&seen), ["admit Create default/a uid=false old= dry=false"]);
}

#[tokio::test(start_paused = true)]
async fn ad_5_every_write_has_its_operation() {
    let (server, seen) = with_recorder();
    server.made(WIDGETS, &widget("a")).await;
    taken(&seen);
    server.put(&at(WIDGETS, "a"), &sized("a", 1)).await.ok();
    server.merge(&at(WIDGETS, "a/status?dryRun=All"), &json!({"status": {"phase": "x"}})).await.ok();
    server.delete(&at(WIDGETS, "a")).await.ok();
    let expected = [
        "admit Update default/a uid=false old=a dry=false",
        "validate Update default/a uid=true old=a dry=false",
        "admit Update default/a uid=true old=a dry=true status",
        "validate Update default/a uid=true old=a dry=true status",
        "admit Delete default/a uid=false old=a dry=false",
        "validate Delete default/a uid=false old=a dry=false",
    ];
    assert_eq!(taken(&seen), expected, "del_15");
}

#[tokio::test(start_paused = true)]
async fn ad_5_a_refusal_is_the_answer_and_nothing_is_kept() {
    let (server, _) = with_recorder();
    let text = "widgets.toys.example.com \"bad\" is forbidden: it is bad";
    server.post(WIDGETS, &widget("bad")).await.refused(403, "Forbidden", text);
    server.post(OLD_WIDGETS, &json!({"metadata": {"name": "bad"}})).await.refused(403, "Forbidden", text);
    assert_eq!(server.get(&at(WIDGETS, "bad")).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn dc_4_admission_is_asked_for_each_object_of_a_collection() {
    let (server, seen) = with_recorder();
    for name in ["a", "b"] {
        server.made(WIDGETS, &widget(name)).await;
    }
    taken(&seen);
    server.delete(WIDGETS).await.ok();
    let names: Vec<String> = taken(&seen).into_iter().filter(|line| line.starts_with("admit Delete")).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Changes the object behind the back of the first writer, once.
struct Interloper {
    storage: Arc<Memory>,
    left: Mutex<usize>,
}

impl Plugin for Interloper {
    fn name(&self) -> &'static str {
        "Interloper"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Create
    }

    fn validate<'a>(&'a self, attributes: &'a Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key(attributes.name);
        Box::pin(async move {
            {
                let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
                if *left == 0 {
                    return Ok(());
                }
                *left -= 1;
            }
            let entry = self.storage.get(&key).await.ok().flatten();
            if let Some(entry) = entry {
                let text = String::from_utf8_lossy(&entry.value).replacen(
                    "\"color\":\"grey\"",
                    "\"color\":\"grey\",\"notes\":{\"other\":\"writer\"}",
                    1,
                );
                let _ = self
                    .storage
                    .update(&key, text.into_bytes().into(), kube_annex_storage::Precondition::default())
                    .await;
            }
            Ok(())
        })
    }
}

/// Writes what is stored once more behind the writer's back, as often as a test says.
struct Rewriter {
    storage: Arc<Memory>,
    left: Arc<Mutex<usize>>,
}

impl Plugin for Rewriter {
    fn name(&self) -> &'static str {
        "Rewriter"
    }

    fn handles(&self, operation: Operation) -> bool {
        operation != Operation::Create
    }

    fn validate<'a>(&'a self, attributes: &'a Attributes<'_>) -> BoxFuture<'a, Result<(), Status>> {
        let key = Prefix::of_resource("toys.example.com", "widgets").in_namespace("default").key(attributes.name);
        let races = {
            let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
            let fewer = left.saturating_sub(1);
            std::mem::replace(&mut *left, fewer) > 0
        };
        Box::pin(async move {
            let entry = self.storage.get(&key).await.ok().flatten().filter(|_| races);
            if let Some(entry) = entry {
                let _ = self.storage.update(&key, entry.value, kube_annex_storage::Precondition::default()).await;
            }
            Ok(())
        })
    }
}

fn with_interloper(times: usize) -> TestServer {
    let storage = Arc::new(Memory::new());
    let interloper = Interloper { storage: Arc::clone(&storage), left: Mutex::new(times) };
    TestServer::builder().storage(storage).with(|builder| builder.admission(|_| interloper)).build()
}

#[tokio::test(start_paused = true)]
async fn ad_4_admission_is_asked_again_for_each_attempt_of_a_write() {
    let (storage, seen, left) = (Arc::new(Memory::new()), Seen::default(), Arc::new(Mutex::new(0)));
    let recorder = Recorder(Arc::clone(&seen));
    let rewriter = Rewriter { storage: Arc::clone(&storage), left: Arc::clone(&left) };
    let server = TestServer::builder()
        .storage(storage)
        .with(|builder| builder.admission(|_| recorder).admission(|_| rewriter))
        .build();
    server.made(WIDGETS, &widget("a")).await;
    let races = |times| *left.lock().unwrap_or_else(PoisonError::into_inner) = times;
    taken(&seen);
    for (verb, attempts) in [("patch", 3), ("update", 3), ("delete", 2)] {
        races(attempts - 1);
        let answer = match verb {
            "patch" => server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 5}})).await,
            "update" => server.put(&at(WIDGETS, "a"), &sized("a", 6)).await,
            _ => server.delete(&at(WIDGETS, "a")).await,
        };
        answer.ok();
        let phases: Vec<String> =
            taken(&seen).iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
        assert_eq!(phases, ["admit", "validate"].repeat(attempts), "{verb}");
    }
}

#[tokio::test(start_paused = true)]
async fn p_6_a_patch_that_loses_a_race_is_applied_again() {
    let server = with_interloper(1);
    server.made(WIDGETS, &widget("a")).await;
    let patched = server.merge(&at(WIDGETS, "a"), &json!({"spec": {"size": 5}})).await.ok();
    assert_eq!(
        patched["spec"],
        json!({"size": 5, "color": "grey", "notes": {"other": "writer"}}),
        "both changes are kept"
    );
}

#[tokio::test(start_paused = true)]
async fn u_13_an_unconditional_update_that_loses_a_race_is_written_again() {
    let server = with_interloper(1);
    server.made(WIDGETS, &widget("a")).await;
    let updated = server.put(&at(WIDGETS, "a"), &sized("a", 5)).await.ok();
    assert_eq!(updated["spec"], json!({"size": 5, "color": "grey"}));
}

#[tokio::test(start_paused = true)]
async fn u_13_an_update_with_a_version_that_loses_a_race_is_409() {
    let server = with_interloper(1);
    let mut body = server.made(WIDGETS, &widget("a")).await;
    body["spec"]["size"] = json!(5);
    let text = "Operation cannot be fulfilled on widgets.toys.example.com \"a\": the object has been modified; please apply your changes to the latest version and try again";
    server.put(&at(WIDGETS, "a"), &body).await.refused(409, "Conflict", text);
}

#[tokio::test(start_paused = true)]
async fn sr_4_a_deletion_with_a_precondition_that_loses_a_race_is_409() {
    let server = with_interloper(1);
    let version = server.made(WIDGETS, &widget("a")).await["metadata"]["resourceVersion"].clone();
    let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"resourceVersion": version}});
    let answer = server.delete(&at(WIDGETS, "a")).json(&body).await;
    assert_eq!((answer.status, &answer.json()["reason"]), (409, &json!("Conflict")), "{}", answer.text());
    server.delete(&at(WIDGETS, "a")).await.ok();
}

#[tokio::test(start_paused = true)]
async fn sr_4_of_many_writers_with_one_version_one_wins() {
    let server = with_widgets(&["a"]).await;
    let body = server.get(&at(WIDGETS, "a")).await.ok();
    let mut asks = Vec::new();
    for size in 1..=10 {
        let mut body = body.clone();
        body["spec"]["size"] = json!(size);
        asks.push(server.put(&at(WIDGETS, "a"), &body).into_future());
    }
    let mut codes: Vec<u16> = join_all(asks).await.into_iter().map(|answer| answer.status).collect();
    codes.sort_unstable();
    assert_eq!(codes, [200, 409, 409, 409, 409, 409, 409, 409, 409, 409]);
    assert_eq!(revision(&server.get(&at(WIDGETS, "a")).await.ok()), revision(&body) + 1);
}

#[tokio::test(start_paused = true)]
async fn p_6_of_many_patches_all_are_applied() {
    let server = with_widgets(&["a"]).await;
    let mut asks = Vec::new();
    for number in 0..20 {
        let patch = json!({"spec": {"notes": {format!("n{number}"): "x"}}});
        asks.push(server.merge(&at(WIDGETS, "a"), &patch).into_future());
    }
    assert!(join_all(asks).await.iter().all(|answer| answer.status == 200));
    let notes = server.get(&at(WIDGETS, "a")).await.ok()["spec"]["notes"].clone();
    assert_eq!(notes.as_object().map(serde_json::Map::len), Some(20));
}

/// The cluster answers nothing here: what is asked of it is 500, what is 404 was judged without asking.
#[tokio::test(start_paused = true)]
async fn ad_6_a_namespace_that_cannot_be_one_is_not_asked_for() {
    let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let server = TestServer::builder().with(|server| server.admission(|_| NamespaceLifecycle::new(client))).build();
    let path = |namespace: &str| format!("/apis/toys.example.com/v1/namespaces/{namespace}/widgets");
    for namespace in ["kube-system%252Fsecrets%252Ffoo", "a%3Fwatch=1", "UPPER", "a.b"] {
        let answer = server.post(&path(namespace), &widget("a")).await;
        assert_eq!((answer.status, &answer.json()["details"]["kind"]), (404, &json!("namespaces")), "{namespace}");
    }
    assert_eq!(server.post(&path("legal"), &widget("a")).await.status, 500);
}

/// A cluster whose namespace `going` is on its way out.
fn lifecycle() -> NamespaceLifecycle {
    let client = kube::Client::new(
        tower::service_fn(async |request: http::Request<kube::client::Body>| {
            let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let phase = if name == "going" { "Terminating" } else { "Active" };
            let namespace = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "status": {"phase": phase},
            });
            let body = kube::client::Body::from(namespace.to_string().into_bytes());
            Ok::<_, std::convert::Infallible>(http::Response::new(body))
        }),
        "default",
    );
    NamespaceLifecycle::new(client)
}

#[tokio::test]
async fn ad_7_ad_8_where_a_namespace_is_going_nothing_is_made_and_all_else_goes_on() {
    const GOING: &str = "/apis/toys.example.com/v1/namespaces/going/widgets";
    let storage: Arc<dyn Storage> = Arc::new(Memory::new());
    let before = TestServer::builder().storage(Arc::clone(&storage)).build();
    before.made(GOING, &widget("old")).await;
    let server = TestServer::builder().storage(storage).with(|server| server.admission(|_| lifecycle())).build();
    server.made(WIDGETS, &widget("new")).await;
    let why = "unable to create new content in namespace going because it is being terminated";
    let text = format!("widgets.toys.example.com \"new\" is forbidden: {why}");
    let status = server.post(GOING, &widget("new")).await.refused(403, "Forbidden", &text);
    let cause = json!({
        "reason": "NamespaceTerminating",
        "message": "namespace going is being terminated",
        "field": "metadata.namespace",
    });
    assert_eq!(status["details"]["causes"], json!([cause]));
    let applied = server.patch(&at(GOING, "new?fieldManager=m"), "application/apply-patch+yaml", &widget("new")).await;
    assert_eq!(applied.status, 403, "an apply that creates: {}", applied.text());
    server.merge(&at(GOING, "old"), &json!({"metadata": {"labels": {"a": "b"}}})).await.ok();
    server.put(&at(GOING, "old"), &sized("old", 2)).await.ok();
    server.delete(&at(GOING, "old")).await.ok();
    server.post(SHELVES, &crate::shelf("s")).await.ok();
}
