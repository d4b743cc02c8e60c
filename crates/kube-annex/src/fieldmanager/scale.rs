//! Managed fields as a scale subresource shows them: of all fields, only the replicas.

use super::managed::{Entry, Managed, Written, assemble};
use super::path::PathElement;
use super::set::Set;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Turns the managed fields of an object into those of its `Scale`, and back.
///
/// * Source: `ScaleHandler` of `k8s.io/apimachinery/pkg/util/managedfields`.
#[derive(Debug)]
pub struct ScaleFields<'a> {
    parent: Option<&'a Value>,
    api_version: &'a str,
    replicas: &'a BTreeMap<String, Option<Vec<String>>>,
}

impl<'a> ScaleFields<'a> {
    /// For an object with these `managedFields`, whose scale is written through the endpoint of `api_version`.
    ///
    /// `replicas` has for each served version where its objects have their replicas, as the names on the way; `None`
    /// for a version without scale.
    pub fn new(
        parent: Option<&'a Value>,
        api_version: &'a str,
        replicas: &'a BTreeMap<String, Option<Vec<String>>>,
    ) -> Self {
        Self { parent, api_version, replicas }
    }

    /// The `managedFields` of the scale; `None` when nobody manages the replicas.
    ///
    /// * Errors: why those of the object cannot be read.
    pub fn to_scale(&self) -> Result<Option<Value>, String> {
        let mut managed = Managed::read(self.parent)?;
        managed.entries.retain_mut(|entry| {
            let Some(Some(path)) = self.path(&entry.api_version) else { return false };
            let has = entry.set.has(&path);
            entry.set = one(&replicas_of_scale());
            entry.api_version = Cow::Borrowed(SCALE_VERSION);
            entry.origin = None;
            has
        });
        Ok(write(managed, None))
    }

    /// The `managedFields` of the object after its scale, which now has these, was written.
    ///
    /// * Errors: why either cannot be read.
    pub fn to_parent(&self, scale: Option<&Value>) -> Result<Option<Value>, String> {
        let mut managed = Managed::read(self.parent)?;
        let scale = Managed::read(scale)?;
        let mut kept = vec![false; scale.entries.len()];
        let times: Vec<_> = scale
            .entries
            .iter()
            .map(|entry| managed.position(&entry.identity).and_then(|at| managed.entries.get(at)?.time))
            .collect();
        managed.entries.retain_mut(|entry| {
            let Some(path) = self.path(&entry.api_version) else { return false };
            let Some(path) = path.filter(|path| entry.set.has(path)) else { return true };
            if let Some(kept) = scale.position(&entry.identity).and_then(|at| kept.get_mut(at)) {
                *kept = true;
                return true;
            }
            entry.set.subtract(&one(&path));
            entry.origin = None;
            !entry.set.is_empty()
        });
        let own_path = self.path(self.api_version).flatten();
        for ((entry, kept), time) in scale.entries.into_iter().zip(kept).zip(times) {
            if kept || !entry.set.has(&replicas_of_scale()) {
                continue;
            }
            let Some(path) = &own_path else { continue };
            let api_version = Cow::Borrowed(self.api_version);
            managed.entries.push(Entry { api_version, set: one(path), time, origin: None, ..entry });
        }
        Ok(write(managed, self.parent))
    }

    /// Where a version has its replicas; `None` when it is not served, `Some(None)` when it has none.
    #[expect(clippy::option_option, reason = "entries of versions without scale stay, those of versions not served go")]
    fn path(&self, api_version: &str) -> Option<Option<Vec<PathElement<'a>>>> {
        let path = self.replicas.get(api_version)?;
        Some(path.as_ref().map(|names| names.iter().map(|name| PathElement::Field(name)).collect()))
    }
}

fn write(managed: Managed<'_>, original: Option<&Value>) -> Option<Value> {
    let entries = managed.write().map(Written::detach)?;
    Some(assemble(entries, |at| original?.get(at)?.get("fieldsV1").cloned()))
}

fn one<'a>(path: &[PathElement<'a>]) -> Set<'a> {
    let mut set = Set::default();
    set.insert(path);
    set
}

fn replicas_of_scale() -> [PathElement<'static>; 2] {
    [PathElement::Field("spec"), PathElement::Field("replicas")]
}

const SCALE_VERSION: &str = "autoscaling/v1";
