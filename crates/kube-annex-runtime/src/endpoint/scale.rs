//! The scale subresource: `GET`, `PUT` and `PATCH` of how many replicas of an object there are.

use crate::endpoint::mutation::{self, Authorship};
use crate::endpoint::patch::{self, Kind};
use crate::endpoint::{Endpoint, respond};
use crate::registry::scale::Scaling;
use crate::registry::store::Written;
use crate::request::body;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, negotiate};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use kube_annex::decode::{self, MediaType};
use kube_annex::options::{FieldValidation, GetOptions, PatchOptions, UpdateOptions};
use kube_annex::{Object, Status, version};
use serde_json::Value;

pub(super) async fn get(endpoint: &Endpoint, exchange: &Exchange) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Known)?;
    let options = GetOptions::parse(&exchange.query)?;
    let at_least = version::parse_get(&options.resource_version)?;
    let write = endpoint.write(exchange, false);
    let item = endpoint.resource.get(&write, &exchange.call.info.name, at_least).await?;
    let item = endpoint.resource.render(item, endpoint.version)?;
    let tree: Value = serde_json::from_slice(&item.bytes).map_err(crate::registry::item::unreadable)?;
    let shown = scaling(endpoint)?.shown(&tree, &endpoint.descriptor().api_version(), item.revision)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &shown)
}

pub(super) async fn update(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Known)?;
    let bytes = body::read(body).await?;
    let options = UpdateOptions::parse_update(&exchange.query)?;
    let media = mutation::media_type(exchange)?;
    let rescaling = Rescaling::new(endpoint, exchange, &options.field_manager)?;
    let sent = rescaling.sent(&bytes, media, options.field_validation)?;
    let write = endpoint.write(exchange, options.dry_run);
    let change = |live: &Object| {
        let uid = sent.pointer("/metadata/uid").and_then(Value::as_str).unwrap_or_default();
        mutation::check_uid(endpoint, live, uid)?;
        rescaling.rescaled(live, |live_scale| Ok(rescaling.tracked(live_scale, sent.clone())))
    };
    let written = endpoint.resource.update(&write, &exchange.call.info.name, change).await?;
    let item = answer(endpoint, &written)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &item)
}

pub(super) async fn patch(endpoint: &Endpoint, exchange: &Exchange, body: Body) -> Result<Response, Status> {
    let kind = patch::kind(endpoint, exchange)?;
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Known)?;
    let bytes = body::read(body).await?;
    let options = PatchOptions::parse(&exchange.query, kind == Kind::Apply)?;
    if kind != Kind::Apply {
        patch::check_json(&bytes)?;
    }
    let rescaling = Rescaling::new(endpoint, exchange, &options.field_manager)?;
    let mut write = endpoint.write(exchange, options.dry_run);
    if kind == Kind::Apply {
        write = write.that_applies();
    }
    let change = |live: &Object| {
        rescaling.rescaled(live, |live_scale| match kind {
            Kind::Apply => rescaling.applied(live_scale, &bytes, &options),
            _ => rescaling.patched(live_scale, kind, &bytes, options.field_validation),
        })
    };
    let written = endpoint.resource.update(&write, &exchange.call.info.name, change).await?;
    let item = answer(endpoint, &written)?;
    respond::object(exchange, endpoint, negotiated, StatusCode::OK, &item)
}

fn answer(endpoint: &Endpoint, written: &Written) -> Result<crate::registry::item::Item, Status> {
    let tree = mutation::tree_of(endpoint, &written.object)?;
    scaling(endpoint)?.written(&tree, &endpoint.descriptor().api_version(), written.item.revision)
}

fn scaling(endpoint: &Endpoint) -> Result<&Scaling, Status> {
    endpoint.resource.scale.as_ref().ok_or_else(Status::no_such_path)
}

/// One change of a scale, made again when other writers are faster.
struct Rescaling<'a> {
    endpoint: &'a Endpoint,
    exchange: &'a Exchange,
    scaling: &'a Scaling,
    api_version: String,
    author: Authorship,
}

impl<'a> Rescaling<'a> {
    fn new(endpoint: &'a Endpoint, exchange: &'a Exchange, manager: &str) -> Result<Self, Status> {
        let author = Authorship::of(endpoint, exchange, manager).in_version(crate::registry::scale::API_VERSION);
        let api_version = endpoint.descriptor().api_version();
        Ok(Self { endpoint, exchange, scaling: scaling(endpoint)?, api_version, author })
    }

    /// The `Scale` in the body of a `PUT`.
    fn sent(&self, bytes: &Bytes, media: MediaType, validation: FieldValidation) -> Result<Value, Status> {
        let expected = Scaling::gvk();
        let (tree, mut findings) = mutation::sent_tree(bytes, media, &expected, &[])?;
        let scale = self.scaling.decode(tree, &mut findings).map_err(|error| error.into_status(&expected, b""))?;
        let order = |found| decode::in_document_order(bytes, media, found);
        mutation::tell(self.exchange, findings, order, validation, &expected)?;
        self.check_place(&scale)?;
        Ok(scale)
    }

    /// A `Scale` has the name and the namespace of its URL.
    fn check_place(&self, scale: &Value) -> Result<(), Status> {
        let info = &self.exchange.call.info;
        let text = |pointer: &str| scale.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let namespace = text("/metadata/namespace");
        if self.endpoint.resource.namespaced() && !namespace.is_empty() && namespace != info.namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        mutation::check_name(text("/metadata/name"), &info.name)
    }

    /// The object with the replicas that `change` makes of its scale.
    fn rescaled(&self, live: &Object, change: impl FnOnce(&Value) -> Result<Value, Status>) -> Result<Object, Status> {
        let mut tree = mutation::tree_of(self.endpoint, live)?;
        let live_scale = self.scaling.live(&tree, &self.api_version)?;
        let scale = change(&live_scale)?;
        self.check_place(&scale)?;
        self.scaling.rescale(&mut tree, &self.api_version, &scale)?;
        let codec = &self.endpoint.resource.served(self.endpoint.version).codec;
        let refused = |error: decode::DecodeError| error.into_status(&self.endpoint.descriptor().gvk(), b"");
        codec.decode(tree, &mut Vec::new()).map_err(refused)
    }

    fn tracked(&self, live: &Value, scale: Value) -> Value {
        self.scaling.fields.update(Some(live), scale, &self.author.writer())
    }

    fn patched(&self, live: &Value, kind: Kind, bytes: &Bytes, validation: FieldValidation) -> Result<Value, Status> {
        let (patch, mut findings) = patch::read(kind, bytes, validation)?;
        let mut tree = patch.apply(live.clone(), &self.scaling.schema)?;
        let invalid = |why: String| kube_annex::patch::invalid(why);
        decode::check_type(&mut tree, &Scaling::gvk(), &[]).map_err(|other| invalid(other.to_string()))?;
        let scale = self.scaling.decode(tree, &mut findings).map_err(|error| invalid(error.to_string()))?;
        patch::tell(self.exchange, findings, validation)?;
        Ok(self.tracked(live, scale))
    }

    fn applied(&self, live: &Value, bytes: &Bytes, options: &PatchOptions) -> Result<Value, Status> {
        let applied = crate::endpoint::apply::Applied::read(bytes)?;
        let force = options.force.unwrap_or_default();
        let merged = self.scaling.fields.apply(Some(live), applied.body()?, &self.author.writer(), force)?;
        let scale = self
            .scaling
            .decode(merged, &mut Vec::new())
            .map_err(|error| kube_annex::patch::invalid(error.to_string()))?;
        applied.tell_duplicates(self.exchange, options.field_validation)?;
        Ok(scale)
    }
}
