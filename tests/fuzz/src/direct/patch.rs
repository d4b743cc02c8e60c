//! Patches as functions of objects.

use std::sync::LazyLock;

use kube_annex::options::FieldValidation;
use kube_annex::patch::{Patch, json, merge, strategic};
use kube_annex::schema::{Schema, TypeSchema};
use kube_annex_server::resources::gadget::Gadget;
use serde_json::Value;

use super::assert_readable;

/// The first byte is the kind of the patch. What a patch makes can be stored and read; a merge that was done changes
/// nothing.
pub(crate) fn patched(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let validation = if kind & 64 == 0 { FieldValidation::Warn } else { FieldValidation::Strict };
    let patch = match kind % 3 {
        0 => json::Patch::decode(bytes, validation).map(|(patch, _)| Patch::Json(patch)),
        1 => merge::Patch::decode(bytes, validation).map(|(patch, _)| Patch::Merge(patch)),
        _ => strategic::Patch::decode(bytes, validation).map(|(patch, _)| Patch::Strategic(patch)),
    };
    let Ok(patch) = patch else { return };
    let Ok(patched) = patch.apply(LIVE.clone(), &SCHEMA) else { return };
    assert_readable(&patched);
    if let Patch::Merge(patch) = patch {
        assert_eq!(patch.apply(patched.clone()), patched);
    }
}

static SCHEMA: LazyLock<TypeSchema> = LazyLock::new(Schema::of::<Gadget>);
static LIVE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::json!({
        "apiVersion": "rich.example.com/v1",
        "kind": "Gadget",
        "metadata": { "name": "a", "labels": { "a": "b" }, "finalizers": ["x/y"] },
        "spec": {
            "color": "red",
            "ports": [{ "port": 80, "protocol": "TCP", "name": "web" }, { "port": 53, "protocol": "UDP" }],
            "parts": [{ "name": "one" }, { "name": "two" }],
            "words": ["a", "b"],
            "numbers": [1, 2, 3],
            "anything": { "x": [null, { "y": {} }] },
        },
    })
});
