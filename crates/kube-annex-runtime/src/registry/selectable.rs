//! Fields of a resource's own that objects can be selected by.

use crate::registry::item::unreadable;
use crate::registry::registration::Registration;
use kube_annex::Status;
use kube_annex::selector::field::{self, KNOWN_FIELDS, Selector};
use kube_annex::table::json_path::JsonPath;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The fields that a selector asks for beside name and namespace, and where they are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selectable {
    paths: Vec<(String, JsonPath)>,
    /// The version whose fields they are, when objects may be stored in another.
    version: Option<(Arc<Registration>, usize)>,
}

impl Selectable {
    /// Finds the fields of a selector in a version of a resource.
    ///
    /// * Errors: 400 for a field that objects cannot be selected by, in the words that upstream has for types with
    ///   fields of their own, and in others for those without.
    pub(crate) fn of(selector: &Selector, registration: &Arc<Registration>, version: usize) -> Result<Self, Status> {
        let served = &registration.versions[version];
        let declared = served.descriptor.selectable_fields;
        if declared.is_empty() {
            selector.check(KNOWN_FIELDS).map_err(|error| Status::bad_request(error.to_string()))?;
            return Ok(Self::default());
        }
        let mut paths = Vec::new();
        let asked = selector.requirements().iter().map(field::Requirement::field);
        for field in asked.filter(|field| !KNOWN_FIELDS.contains(field)) {
            let path = declared.iter().find(|path| path.strip_prefix('.') == Some(field));
            let path = path.and_then(|path| JsonPath::parse(path).ok());
            let path = path.ok_or_else(|| Status::bad_request(format!("field label not supported: {field}")))?;
            paths.push((field.to_owned(), path));
        }
        let converts = !paths.is_empty() && registration.versions.len() > 1;
        Ok(Self { paths, version: converts.then(|| (registration.clone(), version)) })
    }

    /// The values that a stored object has in these fields, as texts. One that is not there is not in the answer.
    pub(crate) fn values(&self, stored: &[u8]) -> Result<BTreeMap<&str, String>, Status> {
        if self.paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let tree = match &self.version {
            Some((registration, version)) if registration.version_of(stored) != *version => {
                let hub = registration.codec_of(stored).read(stored).map_err(unreadable)?;
                registration.versions[*version].codec.convert(hub).to_value().map_err(unreadable)?
            }
            _ => serde_json::from_slice(stored).map_err(unreadable)?,
        };
        let found = self.paths.iter().filter_map(|(field, path)| Some((field.as_str(), text(path.first(&tree)?)?)));
        Ok(found.collect())
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
