//! One resource as it is served: its versions, its rules, and where its objects come from.
//!
//! This is the rim between Rust types and erased objects: here alone are both known.

use crate::source::{Computed, Handled};
use kube_annex::decode::{self, KnownFields};
use kube_annex::fieldmanager::{self, ConvertError, ResetFields};
use kube_annex::handlers::HandledBy;
use kube_annex::schema::{Schema, TypeSchema, Validator, crd};
use kube_annex::strategy::NameRule;
use kube_annex::table::Columns;
use kube_annex::{AggregatedResource, Object, ResourceDescriptor, Spoke, Strategy, field};
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

/// A resource and everything the server needs to serve it.
pub struct Registration {
    pub(crate) versions: Vec<ServedVersion>,
    /// The version that strategies judge, as `group/version`.
    hub: String,
    /// The version that objects are stored in, an index into `versions`.
    pub(crate) stored: usize,
    pub(crate) rules: Box<dyn Rules>,
    /// Where objects come from when they are not stored.
    pub(crate) computed: Option<Arc<dyn Computed>>,
}

/// One version of a resource.
pub(crate) struct ServedVersion {
    pub(crate) descriptor: &'static ResourceDescriptor,
    pub(crate) schema: TypeSchema,
    pub(crate) columns: Columns,
    pub(crate) codec: Box<dyn Codec>,
    api_version: String,
    /// What stored bytes of this version begin with, as this server and upstream's write them.
    head: String,
    /// The object to which nothing was written yet, once somebody needed it.
    empty: OnceLock<Value>,
}

impl Registration {
    /// A resource whose objects are stored. `R` is its hub: strategies judge it, other versions convert to it.
    pub fn stored<R: AggregatedResource>() -> StoredRegistration<R> {
        let registration = Self {
            versions: vec![ServedVersion::of::<R>(Box::new(Typed::<R>::new(|object| object, |hub| hub)))],
            hub: R::DESCRIPTOR.api_version(),
            stored: 0,
            rules: Box::new(RulesOf::<R>(PhantomData)),
            computed: None,
        };
        StoredRegistration { registration, hub: PhantomData }
    }

    /// A resource whose objects `handlers` computes.
    ///
    /// Does not compile when `R` declares `watch`: a handlers trait has no method that could serve it.
    pub fn computed<R: HandledBy<H>, H: Send + Sync + 'static>(handlers: H) -> Self {
        const {
            assert!(
                !R::DESCRIPTOR.serves(kube_annex::Verb::Watch),
                "the type declares `watch`, which handlers cannot serve; name its verbs, such as `verbs(get, list)`, or store it"
            );
        }
        Self {
            versions: vec![ServedVersion::of::<R>(Box::new(Typed::<R>::new(|object| object, |hub| hub)))],
            hub: R::DESCRIPTOR.api_version(),
            stored: 0,
            rules: Box::new(RulesOf::<R>(PhantomData)),
            computed: Some(Arc::new(Handled::<R, H>::new(handlers))),
        }
    }

    /// The descriptor of the hub.
    pub fn descriptor(&self) -> &'static ResourceDescriptor {
        self.versions[0].descriptor
    }

    /// The names of all served versions.
    pub(crate) fn version_names(&self) -> Vec<&'static str> {
        self.descriptors().map(|descriptor| descriptor.version).collect()
    }

    /// The descriptors of all served versions.
    pub fn descriptors(&self) -> impl Iterator<Item = &'static ResourceDescriptor> + '_ {
        self.versions.iter().map(|version| version.descriptor)
    }

    /// The descriptor of the version that objects are stored in; `None` when they are computed.
    pub fn storage_version(&self) -> Option<&'static ResourceDescriptor> {
        if self.computed.is_some() { None } else { self.versions.get(self.stored).map(|version| version.descriptor) }
    }

    /// What a kube-apiserver would have to be given to serve the resource as a custom one; `None` when its objects are
    /// computed. Rules written in Rust are not part of it, nor is conversion between versions.
    pub fn custom_resource_definition(&self) -> Option<Value> {
        self.storage_version()?;
        let versions: Vec<crd::Version<'_>> = self
            .versions
            .iter()
            .enumerate()
            .map(|(index, served)| crd::Version {
                descriptor: served.descriptor,
                schema: &served.schema,
                storage: index == self.stored,
            })
            .collect();
        crd::definition(&versions)
    }

    pub(crate) fn stored_codec(&self) -> &dyn Codec {
        &*self.versions[self.stored].codec
    }

    /// The version that stored bytes are in, an index into `versions`: that of the storage when they were written. Bytes
    /// that do not tell are taken for the storage version of today.
    pub(crate) fn version_of(&self, stored: &[u8]) -> usize {
        let begins = |version: &ServedVersion| stored.starts_with(version.head.as_bytes());
        if begins(&self.versions[self.stored]) {
            return self.stored;
        }
        let known = self.versions.iter().position(begins).or_else(|| {
            let told: Told<'_> = serde_json::from_slice(stored).ok()?;
            self.versions.iter().position(|version| version.api_version == told.api_version)
        });
        known.unwrap_or(self.stored)
    }

    /// What reads those stored bytes.
    pub(crate) fn codec_of(&self, stored: &[u8]) -> &dyn Codec {
        &*self.versions[self.version_of(stored)].codec
    }

    /// Reads and writes the version that strategies judge.
    pub(crate) fn hub_codec(&self) -> &dyn Codec {
        &*self.versions[0].codec
    }

    /// Whether the resource keeps its status apart from the rest.
    pub(crate) fn has_status(&self) -> bool {
        self.descriptor().subresource("status").is_some()
    }

    /// What clients of each endpoint do not own, because the endpoint does not let them write it.
    pub(crate) fn resets(&self) -> ResetFields {
        if !self.has_status() {
            return ResetFields::default();
        }
        ResetFields::default().with("", &[&["status"]]).with("status", &[&["metadata"], &["spec"]])
    }

    fn version(&self, api_version: &str) -> Option<&ServedVersion> {
        self.versions.iter().find(|version| version.api_version == api_version)
    }

    fn converted(&self, object: &Value, api_version: &str) -> Result<Value, ConvertError> {
        let not_served = |api_version: &str| ConvertError::NotServed { api_version: api_version.to_owned() };
        let is = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let from = self.version(is).ok_or_else(|| not_served(is))?;
        let to = self.version(api_version).ok_or_else(|| not_served(api_version))?;
        let failed = |error: &dyn fmt::Display| ConvertError::Failed(error.to_string());
        let hub = from.codec.trust(object.clone()).map_err(|error| failed(&error))?;
        to.codec.convert(hub).to_value().map_err(|error| failed(&error))
    }
}

impl fieldmanager::Versions for Registration {
    fn schema(&self, api_version: &str) -> Option<&TypeSchema> {
        self.version(api_version).map(|version| &version.schema)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConvertError> {
        self.converted(object, api_version)
    }

    fn hub(&self) -> &str {
        &self.hub
    }

    fn empty(&self, api_version: &str) -> Value {
        let nothing = || Value::Object(serde_json::Map::new());
        let Some(version) = self.version(api_version) else { return nothing() };
        let empty = version.empty.get_or_init(|| {
            // A type that requires what nobody wrote has no empty object, as custom resources have none.
            let hub = version.codec.decode(nothing(), &mut Vec::new());
            hub.ok().and_then(|hub| version.codec.convert(hub).to_value().ok()).unwrap_or_else(nothing)
        });
        empty.clone()
    }
}

/// What bytes tell of their version, wherever in them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.descriptors().map(ResourceDescriptor::gvr)).finish()
    }
}

impl ServedVersion {
    fn of<R: AggregatedResource>(codec: Box<dyn Codec>) -> Self {
        let descriptor = const { &R::DESCRIPTOR };
        let api_version = descriptor.api_version();
        let head = format!(r#"{{"kind":"{}","apiVersion":"{api_version}""#, descriptor.kind);
        let (schema, columns) = (Schema::of::<R>(), Columns::of(descriptor));
        Self { descriptor, schema, columns, codec, api_version, head, empty: OnceLock::new() }
    }
}

/// A stored resource, to be given more versions.
#[derive(Debug)]
#[must_use = "hand it to the server, or the resource is not served"]
pub struct StoredRegistration<Hub> {
    registration: Registration,
    hub: PhantomData<fn() -> Hub>,
}

impl<Hub: AggregatedResource> StoredRegistration<Hub> {
    /// Serves the resource in this version too.
    pub fn serve_as<R: Spoke<Hub>>(mut self) -> Self {
        let codec = Typed::<R, Hub>::new(R::to_hub, R::from_hub);
        self.registration.versions.push(ServedVersion::of::<R>(Box::new(codec)));
        self
    }

    /// Serves the resource in this version too, and stores its objects in it.
    pub fn store_as<R: Spoke<Hub>>(self) -> Self {
        let mut this = self.serve_as::<R>();
        this.registration.stored = this.registration.versions.len() - 1;
        this
    }
}

impl<Hub> From<StoredRegistration<Hub>> for Registration {
    fn from(stored: StoredRegistration<Hub>) -> Self {
        stored.registration
    }
}

/// Between the bytes and trees of one version and objects of the hub.
pub(crate) trait Codec: Send + Sync {
    /// A client's tree as an object of the hub, this version's defaults filled in; unknown fields are added to `unknown`.
    ///
    /// * Errors: also what the object violates of its type's declarations.
    fn decode(&self, tree: Value, unknown: &mut Vec<String>) -> Result<Object, decode::DecodeError>;

    /// What an apply made of an object, as an object of the hub.
    ///
    /// * Errors: also what the object violates of its type's declarations, which a value of another type does too.
    fn decode_applied(&self, tree: Value) -> Result<Object, decode::DecodeError>;

    /// A tree that is no client's, as an object of the hub: it is not judged.
    fn trust(&self, tree: Value) -> Result<Object, decode::DecodeError>;

    /// Whether the type declares what an object could violate.
    fn declares(&self) -> bool;

    /// Bytes that this server stored in this version, as an object of the hub.
    fn read(&self, stored: &[u8]) -> Result<Object, decode::DecodeError>;

    /// An object of the hub in this version.
    fn convert(&self, hub: Object) -> Object;
}

struct Typed<R, Hub = R> {
    to_hub: fn(R) -> Hub,
    from_hub: fn(Hub) -> R,
    fields: KnownFields,
    validator: Validator,
}

impl<R: AggregatedResource, Hub: AggregatedResource> Typed<R, Hub> {
    fn new(to_hub: fn(R) -> Hub, from_hub: fn(Hub) -> R) -> Self {
        let validator = Validator::of(Schema::of::<R>());
        Self { to_hub, from_hub, fields: KnownFields::of(&R::schema()), validator }
    }

    fn hub(&self, mut object: R) -> Object {
        R::Strategy::default(&mut object);
        Object::new((self.to_hub)(object))
    }
}

impl<R: AggregatedResource, Hub: AggregatedResource> Codec for Typed<R, Hub> {
    fn decode(&self, tree: Value, unknown: &mut Vec<String>) -> Result<Object, decode::DecodeError> {
        Ok(self.hub(decode::declared::<R>(tree, &self.fields, &self.validator, unknown)?))
    }

    fn decode_applied(&self, tree: Value) -> Result<Object, decode::DecodeError> {
        Ok(self.hub(decode::applied::<R>(tree, &self.fields, &self.validator)?))
    }

    fn trust(&self, tree: Value) -> Result<Object, decode::DecodeError> {
        Ok(self.hub(decode::typed::<R>(tree, &self.fields)?.0))
    }

    fn declares(&self) -> bool {
        self.validator.declares()
    }

    fn read(&self, stored: &[u8]) -> Result<Object, decode::DecodeError> {
        Ok(self.hub(decode::stored::<R>(stored)?))
    }

    fn convert(&self, hub: Object) -> Object {
        match hub.downcast::<Hub>() {
            Ok(hub) => Object::new((self.from_hub)(hub)),
            Err(other) => other,
        }
    }
}

/// A strategy whose type is erased.
pub(crate) trait Rules: Send + Sync {
    fn name_rule(&self) -> NameRule;
    fn allow_create_on_update(&self) -> bool;
    fn allow_unconditional_update(&self) -> bool;
    fn strategic_merge(&self) -> bool;
    fn prepare_for_create(&self, object: &mut Object);
    fn prepare_for_update(&self, object: &mut Object, old: &Object);
    fn validate(&self, object: &Object) -> field::ErrorList;
    fn validate_update(&self, object: &Object, old: &Object) -> field::ErrorList;
    fn warnings(&self, object: &Object) -> Vec<String>;
    fn canonicalize(&self, object: &mut Object);
}

struct RulesOf<R>(PhantomData<fn() -> R>);

impl<R: AggregatedResource> Rules for RulesOf<R> {
    fn name_rule(&self) -> NameRule {
        R::Strategy::NAME_RULE
    }

    fn allow_create_on_update(&self) -> bool {
        R::Strategy::ALLOW_CREATE_ON_UPDATE
    }

    fn allow_unconditional_update(&self) -> bool {
        R::Strategy::ALLOW_UNCONDITIONAL_UPDATE
    }

    fn strategic_merge(&self) -> bool {
        R::Strategy::STRATEGIC_MERGE
    }

    fn prepare_for_create(&self, object: &mut Object) {
        if let Some(object) = object.downcast_mut::<R>() {
            R::Strategy::prepare_for_create(object);
        }
    }

    fn prepare_for_update(&self, object: &mut Object, old: &Object) {
        if let (Some(object), Some(old)) = (object.downcast_mut::<R>(), old.downcast_ref()) {
            R::Strategy::prepare_for_update(object, old);
        }
    }

    fn validate(&self, object: &Object) -> field::ErrorList {
        object.downcast_ref::<R>().map(R::Strategy::validate).unwrap_or_default()
    }

    fn validate_update(&self, object: &Object, old: &Object) -> field::ErrorList {
        match (object.downcast_ref::<R>(), old.downcast_ref()) {
            (Some(object), Some(old)) => R::Strategy::validate_update(object, old),
            _ => field::ErrorList::new(),
        }
    }

    fn warnings(&self, object: &Object) -> Vec<String> {
        object.downcast_ref::<R>().map(R::Strategy::warnings).unwrap_or_default()
    }

    fn canonicalize(&self, object: &mut Object) {
        if let Some(object) = object.downcast_mut::<R>() {
            R::Strategy::canonicalize(object);
        }
    }
}
