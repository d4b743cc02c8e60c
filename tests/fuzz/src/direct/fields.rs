//! Histories of server-side apply.

use std::sync::{Arc, LazyLock};

use kube_annex::decode::{self, MediaType};
use kube_annex::fieldmanager::{ApplyError, FieldManager, ResetFields, Writer, validate_managed_fields};
use kube_annex::k8s_openapi::jiff::Timestamp;
use kube_annex_runtime::Registration;
use kube_annex_server::resources::gadget::Gadget;
use serde_json::{Value, json};

/// Each line is a write: its first byte says who and how, the rest is a JSON object, where `spec` and `status` are read
/// from, and the annotations and managed fields of `metadata`.
///
/// Whatever was written before: to apply again changes nothing, force has no conflicts, managed fields are such as the
/// server takes back, and an update that changes nothing keeps them.
pub(crate) fn history(input: &[u8]) {
    let mut live: Option<Value> = None;
    for (second, line) in input.split(|byte| *byte == b'\n').take(LONGEST).enumerate() {
        let Some((how, text)) = line.split_first() else { continue };
        let Some(object) = gadget(text) else { continue };
        let now = |later: usize| Timestamp::from_second(i64::try_from(second * 2 + later).unwrap_or_default());
        let (Ok(first), Ok(second)) = (now(0), now(1)) else { continue };
        let writer = |now| Writer {
            manager: ["one", "two", "three"][usize::from(how % 3)],
            api_version: API_VERSION,
            subresource: if how & 16 == 0 { "" } else { "status" },
            now,
        };
        let next = if how & 32 == 0 {
            Some(MANAGER.update(live.as_ref(), object, &writer(first)))
        } else {
            applied(live.as_ref(), object, how & 64 != 0, &writer(first), &writer(second))
        };
        if let Some(next) = next {
            let entries = &next["metadata"]["managedFields"];
            assert_eq!(validate_managed_fields(entries), Ok(()), "{entries}");
            let same = MANAGER.update(Some(&next), next.clone(), &writer(second));
            assert_eq!(same, next);
            live = Some(next);
        }
    }
}

fn applied(
    live: Option<&Value>,
    mut object: Value,
    force: bool,
    writer: &Writer<'_>,
    later: &Writer<'_>,
) -> Option<Value> {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    let once = match MANAGER.apply(live, object.clone(), writer, force) {
        Ok(once) => once,
        Err(error) => {
            assert!(!(force && matches!(error, ApplyError::Conflict { .. })), "forced: {error:?}");
            return None;
        }
    };
    let twice = MANAGER.apply(Some(&once), object, later, false);
    // An apply that says nothing may leave no manager; the next one then takes over what was there before.
    if once["metadata"].get("managedFields").is_some() {
        assert_eq!(twice.as_ref().ok(), Some(&once), "{twice:?}");
    }
    Some(once)
}

/// An object with what the text says of it.
fn gadget(text: &[u8]) -> Option<Value> {
    let mut said = decode::decode(text, MediaType::Json).ok()?.value;
    let mut metadata = json!({ "name": "a", "namespace": "default", "uid": "u" });
    for name in ["annotations", "labels", "managedFields"] {
        if let Some(value) = said.get_mut("metadata").and_then(|metadata| metadata.get_mut(name)) {
            metadata[name] = value.take();
        }
    }
    let mut object = json!({ "apiVersion": API_VERSION, "kind": "Gadget", "metadata": metadata });
    for name in ["spec", "status"] {
        if let Some(value) = said.get_mut(name) {
            object[name] = value.take();
        }
    }
    Some(object)
}

const API_VERSION: &str = "rich.example.com/v1";
/// Writes of one history.
const LONGEST: usize = 12;

static MANAGER: LazyLock<FieldManager> = LazyLock::new(|| {
    let registration: Registration = Registration::stored::<Gadget>().into();
    let resets = ResetFields::default().with("", &[&["status"]]).with("status", &[&["metadata"], &["spec"]]);
    FieldManager::new(Arc::new(registration), resets)
});
