//! What the derive writes, used as a type crate uses it, under the strictest lints.
#![deny(warnings, missing_docs, unreachable_pub, unnameable_types, clippy::pedantic)]

use kube_annex::gvk::GroupVersionKind;
use kube_annex::handlers::{Call, Dispatch, HandledBy};
use kube_annex::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
use kube_annex::resource::{ColumnDescriptor, ColumnType, Deprecation, Scope, SubresourceDescriptor};
use kube_annex::{AggregatedResource, JsonSchema, ObjectMeta, Status, Strategy, Verb};
use serde::{Deserialize, Serialize};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Greets. It says hello
/// to everyone.
///
/// A second paragraph.
#[derive(AggregatedResource, Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(group = "simple.aa.io", version = "v1beta1", verbs(list, get, watch))]
pub struct Hello {
    /// Its metadata.
    pub metadata: ObjectMeta,
}

/// Uses every key.
#[derive(AggregatedResource, Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[aggregated_resource(
    group = "x.example.com",
    version = "v1beta2",
    kind = "Gizmo",
    plural = "gizmos",
    singular = "gizmo",
    short_names("gz", "giz"),
    categories("all"),
    scope = Cluster,
    status = true,
    columns(
        (name = "Size", path = ".spec.size", type = integer, priority = 1, description = "How large."),
        (name = "Ready", path = ".status.conditions[?(@.type=='Ready')].status", type = string),
    ),
    strategy = GizmoRules,
    deprecated(since = "1.3", removed = "1.10", replacement = "x.example.com/v1 Gizmo"),
    crate = kube_annex
)]
struct Contraption {
    metadata: ObjectMeta,
    spec: GizmoSpec,
    status: Option<GizmoStatus>,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct GizmoSpec {
    size: i64,
}

#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
struct GizmoStatus {
    conditions: Vec<String>,
}

struct GizmoRules;

impl Strategy<Contraption> for GizmoRules {
    fn prepare_for_create(object: &mut Contraption) {
        object.status = None;
    }
}

#[test]
fn what_is_left_out_follows_from_the_struct() {
    let descriptor = Hello::DESCRIPTOR;
    assert_eq!(descriptor.gvk(), GroupVersionKind::new("simple.aa.io", "v1beta1", "Hello"));
    assert_eq!((descriptor.plural, descriptor.singular), ("hellos", "hello"));
    assert_eq!(descriptor.scope, Scope::Namespaced);
    assert_eq!(descriptor.verbs, [Verb::Get, Verb::List, Verb::Watch]);
    assert_eq!(descriptor.description, "Greets. It says hello to everyone.");
    assert!(descriptor.short_names.is_empty() && descriptor.categories.is_empty() && descriptor.columns.is_empty());
    assert!(descriptor.subresources.is_empty());
    assert_eq!(descriptor.deprecated, None);
}

#[test]
fn every_key_reaches_the_descriptor() {
    let descriptor = Contraption::DESCRIPTOR;
    assert_eq!(descriptor.gvk(), GroupVersionKind::new("x.example.com", "v1beta2", "Gizmo"));
    assert_eq!((descriptor.plural, descriptor.singular), ("gizmos", "gizmo"));
    assert_eq!(descriptor.short_names, ["gz", "giz"]);
    assert_eq!(descriptor.categories, ["all"]);
    assert_eq!(descriptor.scope, Scope::Cluster);
    assert_eq!(descriptor.verbs, Verb::ALL);
    assert_eq!(
        descriptor.subresources,
        [SubresourceDescriptor {
            name: "status",
            group: "x.example.com",
            version: "v1beta2",
            kind: "Gizmo",
            verbs: &[Verb::Get, Verb::Patch, Verb::Update],
        }]
    );
    let size = ColumnDescriptor {
        name: "Size",
        path: ".spec.size",
        r#type: ColumnType::Integer,
        description: "How large.",
        priority: 1,
    };
    let ready = ColumnDescriptor {
        name: "Ready",
        path: ".status.conditions[?(@.type=='Ready')].status",
        r#type: ColumnType::String,
        description: "",
        priority: 0,
    };
    assert_eq!(descriptor.columns, [size, ready]);
    let deprecation = Deprecation { since: "1.3", removed: "1.10", replacement: "x.example.com/v1 Gizmo", warning: "" };
    assert_eq!(descriptor.deprecated, Some(deprecation));
}

#[test]
fn the_strategy_and_the_metadata_are_those_of_the_struct() {
    let mut object = Contraption { status: Some(GizmoStatus::default()), ..Contraption::default() };
    <Contraption as AggregatedResource>::Strategy::prepare_for_create(&mut object);
    assert!(object.status.is_none());
    object.metadata_mut().name = Some("one".to_owned());
    assert_eq!(AggregatedResource::metadata(&object).name.as_deref(), Some("one"));
}

#[test]
fn the_schema_is_that_of_the_struct() {
    let schema = Contraption::schema();
    let properties = schema.get("properties").and_then(|properties| properties.as_object()).expect("properties");
    assert!(["metadata", "spec", "status"].iter().all(|field| properties.contains_key(*field)));
}

/// Says hello.
struct Greeter;

impl HelloHandlers for Greeter {
    async fn get(&self, call: &Call, name: &str) -> Result<Hello, Status> {
        if name == "world" {
            let metadata = ObjectMeta { namespace: Some(call.info.namespace.clone()), ..ObjectMeta::default() };
            return Ok(Hello { metadata });
        }
        Err(Status::not_found(&Hello::DESCRIPTOR.group_resource(), name))
    }

    async fn list(&self, call: &Call, _options: &ListOptions) -> Result<Vec<Hello>, Status> {
        Ok(vec![self.get(call, "world").await?])
    }
}

/// Answers each verb in its own way.
struct Workshop;

impl ContraptionHandlers for Workshop {
    async fn create(&self, _: &Call, object: Contraption, _: &CreateOptions) -> Result<Contraption, Status> {
        Ok(object)
    }

    async fn delete(&self, _: &Call, _: &str, options: &DeleteOptions) -> Result<Contraption, Status> {
        Err(Status::bad_request(options.dry_run.concat()))
    }

    async fn get(&self, _: &Call, name: &str) -> Result<Contraption, Status> {
        let size = name.parse().map_err(|_| Status::bad_request("the name is not a size"))?;
        Ok(Contraption { spec: GizmoSpec { size }, ..Contraption::default() })
    }

    async fn list(&self, _: &Call, _: &ListOptions) -> Result<Vec<Contraption>, Status> {
        Ok(vec![Contraption::default(); 2])
    }

    async fn update(&self, _: &Call, object: Contraption, _: &UpdateOptions) -> Result<Contraption, Status> {
        Ok(Contraption { spec: GizmoSpec { size: object.spec.size + 1 }, ..object })
    }

    async fn update_status(&self, _: &Call, object: Contraption, _: &UpdateOptions) -> Result<Contraption, Status> {
        Ok(Contraption { spec: GizmoSpec { size: object.spec.size + 2 }, ..object })
    }
}

/// The outcome of a future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("no handler here waits"),
    }
}

#[test]
fn declared_verbs_reach_their_handler() {
    let mut call = Call::default();
    "default".clone_into(&mut call.info.namespace);
    let hello = now(Hello::get(&Greeter, &call, "world")).unwrap();
    assert_eq!(hello.metadata.namespace.as_deref(), Some("default"));
    let refused = now(Hello::get(&Greeter, &call, "moon")).unwrap_err();
    assert_eq!(refused.code, 404);
    let all = now(Hello::list(&Greeter, &call, &ListOptions::default())).unwrap();
    assert_eq!(all.len(), 1);
}

#[test]
fn a_resource_is_handled_by_what_implements_its_handlers() {
    fn handled<R: HandledBy<H>, H>(_: H) -> &'static str {
        R::DESCRIPTOR.plural
    }
    assert_eq!(handled::<Hello, _>(Greeter), "hellos");
    assert_eq!(handled::<Contraption, _>(Workshop), "gizmos");
}

#[test]
fn each_verb_reaches_its_own_handler() {
    let (call, options) = (Call::default(), CreateOptions::default());
    let object = |size| Contraption { spec: GizmoSpec { size }, ..Contraption::default() };
    let size = |answer: Result<Contraption, Status>| answer.unwrap().spec.size;
    assert_eq!(size(now(Contraption::get(&Workshop, &call, "4"))), 4);
    assert_eq!(size(now(Contraption::create(&Workshop, &call, object(7), &options))), 7);
    assert_eq!(size(now(Contraption::update(&Workshop, &call, object(7), &options))), 8);
    assert_eq!(size(now(Contraption::update_status(&Workshop, &call, object(7), &options))), 9);
    assert_eq!(now(Contraption::list(&Workshop, &call, &ListOptions::default())).unwrap().len(), 2);
    let delete = DeleteOptions { dry_run: vec!["All".to_owned()], ..DeleteOptions::default() };
    assert_eq!(now(Contraption::delete(&Workshop, &call, "x", &delete)).unwrap_err().message, "All");
}

#[test]
fn a_verb_that_is_not_declared_is_refused() {
    let mut call = Call::default();
    "create".clone_into(&mut call.info.verb);
    let hello = Hello { metadata: ObjectMeta::default() };
    let options = CreateOptions::default();
    let create = Hello::create(&Greeter, &call, hello, &options);
    assert_eq!(now(create).unwrap_err().code, 405);
}

#[test]
fn resources_that_can_be_told_apart_are_listed() {
    let served = kube_annex::resources![Hello, Contraption];
    assert_eq!(served.iter().map(|resource| resource.plural).collect::<Vec<_>>(), ["hellos", "gizmos"]);
}
