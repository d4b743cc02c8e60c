//! An object of any resource: its type erased, its metadata at hand.

use crate::resource::{AggregatedResource, ResourceDescriptor};
use crate::{encode, table};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use std::any::Any;
use std::fmt;

/// One object whose Rust type only its registration knows.
pub struct Object(Box<dyn Erased>);

impl Object {
    /// Erases the type of an object.
    pub fn new<R: AggregatedResource>(object: R) -> Self {
        Self(Box::new(object))
    }

    /// What is known of the object's resource.
    pub fn descriptor(&self) -> &'static ResourceDescriptor {
        self.0.descriptor()
    }

    /// The object's metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        self.0.metadata()
    }

    /// The object's metadata, to change.
    pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
        self.0.metadata_mut()
    }

    /// The object as the type it has, if that is `R`.
    pub fn downcast_ref<R: AggregatedResource>(&self) -> Option<&R> {
        self.0.as_any().downcast_ref()
    }

    /// The object as the type it has, to change, if that is `R`.
    pub fn downcast_mut<R: AggregatedResource>(&mut self) -> Option<&mut R> {
        self.0.as_any_mut().downcast_mut()
    }

    /// The object as the type it has; itself again when that is not `R`.
    pub fn downcast<R: AggregatedResource>(self) -> Result<R, Self> {
        if self.0.as_any().is::<R>() {
            match self.0.into_any().downcast() {
                Ok(object) => Ok(*object),
                Err(_) => unreachable!("the type was just compared"),
            }
        } else {
            Err(self)
        }
    }

    /// The name, empty when there is none.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// The namespace, empty when there is none.
    pub fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or_default()
    }

    /// The uid, empty when there is none.
    pub fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }

    /// The object as a JSON tree, `apiVersion` and `kind` included. Fails when the type's own `Serialize` does.
    pub fn to_value(&self) -> Result<Value, encode::Error> {
        self.0.to_value()
    }

    /// The whole number at a path such as `.spec.replicas`; see [`encode::number_at`].
    pub fn number_at(&self, path: &str) -> Result<Option<i64>, encode::Error> {
        self.0.number_at(path)
    }

    /// Writes the object as compact JSON in upstream's key order: kind, apiVersion, metadata, then the type's fields.
    /// Fails when the type's own `Serialize` does; `out` is then as before.
    pub fn write_json(&self, out: &mut Vec<u8>) -> Result<(), encode::Error> {
        self.0.write_json(out)
    }

    /// The cells of the object's table row at that moment, the name included. Fails when the type's own `Serialize` does.
    pub fn cells(&self, now: Timestamp) -> Result<Vec<Value>, encode::Error> {
        Ok(table::cells(self.descriptor(), &self.to_value()?, now))
    }
}

impl Clone for Object {
    fn clone(&self) -> Self {
        Self(self.0.clone_box())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.descriptor().kind, self.namespace(), self.name())
    }
}

trait Erased: Any + Send + Sync {
    fn descriptor(&self) -> &'static ResourceDescriptor;
    fn metadata(&self) -> &ObjectMeta;
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    fn clone_box(&self) -> Box<dyn Erased>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn to_value(&self) -> Result<Value, encode::Error>;
    fn number_at(&self, path: &str) -> Result<Option<i64>, encode::Error>;
    fn write_json(&self, out: &mut Vec<u8>) -> Result<(), encode::Error>;
}

impl<R: AggregatedResource> Erased for R {
    fn descriptor(&self) -> &'static ResourceDescriptor {
        const { &R::DESCRIPTOR }
    }

    fn metadata(&self) -> &ObjectMeta {
        AggregatedResource::metadata(self)
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        AggregatedResource::metadata_mut(self)
    }

    fn clone_box(&self) -> Box<dyn Erased> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn to_value(&self) -> Result<Value, encode::Error> {
        encode::to_value(self)
    }

    fn number_at(&self, path: &str) -> Result<Option<i64>, encode::Error> {
        encode::number_at(self, path)
    }

    fn write_json(&self, out: &mut Vec<u8>) -> Result<(), encode::Error> {
        encode::write_object(self, out)
    }
}
