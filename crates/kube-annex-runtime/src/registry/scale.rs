//! The scale subresource: how many replicas of an object there are and shall be, as upstream's `Scale` tells it.

mod managers;

use crate::registry::item::{Item, unreadable};
use crate::registry::registration::Registration;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube_annex::Status;
use kube_annex::decode::{self, DecodeError, KnownFields};
use kube_annex::encode::write_json;
use kube_annex::fieldmanager::{ConvertError, FieldManager, ResetFields, Versions};
use kube_annex::gvk::GroupVersionKind;
use kube_annex::resource::ScaleDescriptor;
use kube_annex::schema::{self, TypeSchema};
use kube_annex::table::Columns;
use managers::Paths;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What scales the objects of one resource.
pub(crate) struct Scaling {
    /// The paths of each served version, by `group/version`.
    versions: BTreeMap<String, Option<ScaleDescriptor>>,
    /// Who manages which field of a `Scale`.
    pub(crate) fields: FieldManager,
    known: KnownFields,
    /// What a `Scale` looks like.
    pub(crate) schema: TypeSchema,
    /// What a table of a `Scale` shows.
    pub(crate) columns: Columns,
}

/// Stands for a number of replicas that nobody wrote. Upstream's.
const UNSET: i64 = i32::MIN as i64;

pub(crate) const API_VERSION: &str = "autoscaling/v1";
pub(crate) const KIND: &str = "Scale";

impl Scaling {
    pub(crate) fn of(registration: &Registration) -> Option<Self> {
        let versions: BTreeMap<_, _> =
            registration.descriptors().map(|descriptor| (descriptor.api_version(), descriptor.scale)).collect();
        if versions.values().all(Option::is_none) {
            return None;
        }
        let mut definitions = schema::scale();
        let root = ROOT.to_owned();
        definitions.entry(root.clone()).or_default();
        let schema = TypeSchema { root, list: String::new(), definitions };
        let fields = FieldManager::new(Arc::new(ScaleVersion(schema.clone())), ResetFields::default());
        let known = KnownFields::of(&schema::schema_of::<Scale>());
        Some(Self { versions, fields, known, schema, columns: Columns::of_scale() })
    }

    /// The kind that the subresource speaks.
    pub(crate) fn gvk() -> GroupVersionKind {
        GroupVersionKind::new("autoscaling", "v1", KIND)
    }

    /// A client's `Scale`, with the fields that it does not know added to `unknown`.
    pub(crate) fn decode(&self, tree: Value, unknown: &mut Vec<String>) -> Result<Value, DecodeError> {
        let (scale, found) = decode::other::<Scale>(tree, &self.known)?;
        unknown.extend(found);
        let managers = scale.metadata.managed_fields.clone();
        let replicas = scale.spec.and_then(|spec| spec.replicas).unwrap_or_default();
        let status = scale.status.unwrap_or_default();
        let mut metadata = serde_json::to_value(&scale.metadata).unwrap_or_default();
        if managers.is_some_and(|managers| managers.is_empty())
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("managedFields".to_owned(), Value::Array(Vec::new()));
        }
        Ok(tree_of(&metadata, i64::from(replicas), i64::from(status.replicas), status.selector.as_deref()))
    }

    /// An object of a version as a `Scale`, for a client that reads it.
    ///
    /// * Errors: 500 when nobody wrote how many replicas there shall be, or when what stands there is no number.
    pub(crate) fn shown(&self, object: &Value, api_version: &str, revision: u64) -> Result<Item, Status> {
        let paths = self.paths(api_version)?;
        let Some(replicas) = number(object, paths.spec_replicas)? else {
            let path = kube_annex::field::quote(paths.spec_replicas);
            return Err(Status::internal(format_args!("the spec replicas field {path} does not exist")));
        };
        Self::item(object, &paths, replicas, revision)
    }

    /// As [`Scaling::shown`], after a write.
    pub(crate) fn written(&self, object: &Value, api_version: &str, revision: u64) -> Result<Item, Status> {
        let paths = self.paths(api_version)?;
        let replicas = number(object, paths.spec_replicas)?.unwrap_or_default();
        Self::item(object, &paths, replicas, revision)
    }

    /// An object of a version as a `Scale`, for a write. It has the managers of the replicas.
    pub(crate) fn live(&self, object: &Value, api_version: &str) -> Result<Value, Status> {
        let paths = self.paths(api_version)?;
        let mut metadata = head(object);
        if let Some(version) = object.pointer("/metadata/resourceVersion") {
            metadata.insert("resourceVersion".to_owned(), version.clone());
        }
        let managers = managers::of_scale(&managers_of(object), &self.managed());
        if !managers.is_empty() {
            metadata.insert("managedFields".to_owned(), serde_json::to_value(managers).map_err(unreadable)?);
        }
        let replicas = number(object, paths.spec_replicas)?.unwrap_or(UNSET);
        let status = number(object, paths.status_replicas)?.unwrap_or_default();
        Ok(tree_of(&Value::Object(metadata), replicas, status, text(object, paths.label_selector)?))
    }

    /// Gives an object of a version the replicas of a `Scale`, and their managers.
    ///
    /// * Errors: 400 when nobody says how many.
    pub(crate) fn rescale(&self, object: &mut Value, api_version: &str, scale: &Value) -> Result<(), Status> {
        let paths = self.paths(api_version)?;
        let replicas = scale.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or_default();
        if replicas == UNSET {
            let path = kube_annex::field::quote(paths.spec_replicas);
            return Err(Status::bad_request(format!("the spec replicas field {path} cannot be empty")));
        }
        let managers = managers::of_parent(&managers_of(object), &managers_of(scale), api_version, &self.managed());
        set(object, &segments(paths.spec_replicas), replicas.into());
        let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return Ok(()) };
        let version = scale.pointer("/metadata/resourceVersion").filter(|version| *version != "");
        if let Some(version) = version {
            metadata.insert("resourceVersion".to_owned(), version.clone());
        }
        metadata.insert("managedFields".to_owned(), serde_json::to_value(managers).map_err(unreadable)?);
        Ok(())
    }

    fn item(object: &Value, paths: &ScaleDescriptor, replicas: i64, revision: u64) -> Result<Item, Status> {
        let status = number(object, paths.status_replicas)?.unwrap_or_default();
        let selector = text(object, paths.label_selector)?.filter(|selector| !selector.is_empty());
        let mut bytes = br#"{"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"#.to_vec();
        let head = head(object);
        let mut first = true;
        for key in HEAD {
            if let Some(value) = head.get(*key) {
                if !std::mem::take(&mut first) {
                    bytes.push(b',');
                }
                bytes.extend_from_slice(format!("\"{key}\":").as_bytes());
                write_json(value, &mut bytes).map_err(unreadable)?;
            }
        }
        let spec = if replicas == 0 { String::new() } else { format!(r#""replicas":{replicas}"#) };
        bytes.extend_from_slice(format!(r#"}},"spec":{{{spec}}},"status":{{"replicas":{status}"#).as_bytes());
        if let Some(selector) = selector {
            bytes.extend_from_slice(br#","selector":"#);
            write_json(selector, &mut bytes).map_err(unreadable)?;
        }
        bytes.extend_from_slice(b"}}");
        Ok(Item { bytes: bytes.into(), revision })
    }

    fn paths(&self, api_version: &str) -> Result<ScaleDescriptor, Status> {
        self.versions.get(api_version).copied().flatten().ok_or_else(Status::no_such_path)
    }

    fn managed(&self) -> Paths {
        let path = |scale: &Option<ScaleDescriptor>| scale.map(|scale| owned_segments(scale.spec_replicas));
        self.versions.iter().map(|(version, scale)| (version.clone(), path(scale))).collect()
    }
}

/// The members of an object's metadata that its `Scale` has, in upstream's order; the resourceVersion is added later.
const HEAD: &[&str] = &["name", "namespace", "uid", "creationTimestamp"];

const ROOT: &str = "io.k8s.api.autoscaling.v1.Scale";

fn head(object: &Value) -> Map<String, Value> {
    let metadata = object.get("metadata").and_then(Value::as_object);
    let found = HEAD.iter().filter_map(|key| Some(((*key).to_owned(), metadata?.get(*key)?.clone())));
    found.collect()
}

fn managers_of(object: &Value) -> Vec<ManagedFieldsEntry> {
    let managers = object.pointer("/metadata/managedFields").cloned().unwrap_or_default();
    serde_json::from_value(managers).unwrap_or_default()
}

/// A `Scale` as a tree. No replicas are no field, as in Go.
fn tree_of(metadata: &Value, replicas: i64, status_replicas: i64, selector: Option<&str>) -> Value {
    let mut scale = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": {},
        "status": {"replicas": status_replicas},
    });
    if replicas != 0 {
        scale["spec"]["replicas"] = replicas.into();
    }
    if let Some(selector) = selector.filter(|selector| !selector.is_empty()) {
        scale["status"]["selector"] = selector.into();
    }
    scale
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_start_matches('.').split('.').collect()
}

fn owned_segments(path: &str) -> Vec<String> {
    segments(path).into_iter().map(str::to_owned).collect()
}

fn find<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    segments(path).into_iter().try_fold(object, |value, key| value.get(key)).filter(|value| !value.is_null())
}

fn number(object: &Value, path: &str) -> Result<Option<i64>, Status> {
    match find(object, path) {
        None => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(Status::untyped(format!("{path} is no whole number"))),
        },
    }
}

fn text<'v>(object: &'v Value, path: Option<&str>) -> Result<Option<&'v str>, Status> {
    match path.and_then(|path| Some((path, find(object, path)?))) {
        None => Ok(None),
        Some((_, Value::String(text))) => Ok(Some(text)),
        Some((path, _)) => Err(Status::untyped(format!("{path} is no text"))),
    }
}

/// Sets a field, and makes the objects on the way to it.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        *object = value;
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    if let Some(members) = object.as_object_mut() {
        set(members.entry(*name).or_insert(Value::Null), rest, value);
    }
}

/// The one version of `Scale`.
struct ScaleVersion(TypeSchema);

impl Versions for ScaleVersion {
    fn schema(&self, api_version: &str) -> Option<&TypeSchema> {
        (api_version == API_VERSION).then_some(&self.0)
    }

    fn convert(&self, object: &Value, api_version: &str) -> Result<Value, ConvertError> {
        if api_version == API_VERSION {
            Ok(object.clone())
        } else {
            Err(ConvertError::NotServed { api_version: api_version.to_owned() })
        }
    }

    fn hub(&self) -> &str {
        API_VERSION
    }

    fn empty(&self, _: &str) -> Value {
        tree_of(&Value::Object(Map::new()), 0, 0, None)
    }
}

/// The managers of an object are those of its `Scale` too, where they manage the replicas; see [`managers`].
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_4_an_object_is_shown_as_its_replicas() {
        let object = json!({
            "metadata": {"name": "a", "namespace": "d", "uid": "u", "labels": {"x": "y"}, "creationTimestamp": "t"},
            "spec": {"replicas": 3},
            "status": {"replicas": 2, "selector": "app=x"},
        });
        assert_eq!(number(&object, ".spec.replicas").unwrap(), Some(3));
        assert_eq!(number(&object, ".spec.nothing").unwrap(), None);
        assert_eq!(number(&object, ".status.selector").unwrap_err().code, 500);
        assert_eq!(text(&object, Some(".status.selector")).unwrap(), Some("app=x"));
        assert_eq!(text(&object, None).unwrap(), None);
    }

    #[test]
    fn a_field_is_set_on_a_way_that_is_not_there_yet() {
        let mut object = json!({"spec": null});
        set(&mut object, &["spec", "deep", "replicas"], 4.into());
        assert_eq!(object, json!({"spec": {"deep": {"replicas": 4}}}));
    }
}
