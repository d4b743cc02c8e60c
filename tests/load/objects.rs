//! The objects of the load: Flunders of about three quarters of a kilobyte.

use bytes::Bytes;
use serde_json::{Value, json};

/// A Flunder. Its size does not depend on its name's number.
pub(crate) fn flunder(namespace: &str, name: &str) -> Bytes {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "Flunder",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": { "app": "load", "tier": "measured", "round": "0" },
            "annotations": { "load.example.com/purpose": "x".repeat(120) },
        },
        "spec": { "reference": "another-flunder", "referenceType": "Flunder" },
    });
    Bytes::from(object.to_string())
}

/// What one of three managers applies: its third of about ten kilobytes, one value of which changes with `round`.
pub(crate) fn applied(namespace: &str, name: &str, manager: usize, round: u64) -> Bytes {
    let mut annotations = serde_json::Map::new();
    for index in 0..ANNOTATIONS_OF_A_MANAGER {
        annotations.insert(format!("manager-{manager}.example.com/key-{index:02}"), Value::from("v".repeat(64)));
    }
    annotations.insert(format!("manager-{manager}.example.com/round"), Value::from(round.to_string()));
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "Flunder",
        "metadata": { "name": name, "namespace": namespace, "annotations": annotations },
    });
    Bytes::from(object.to_string())
}

/// The path of the Flunders of a namespace.
pub(crate) fn flunders(namespace: &str) -> String {
    format!("/apis/{API_VERSION}/namespaces/{namespace}/flunders")
}

const API_VERSION: &str = "wardle.example.com/v1alpha1";
const ANNOTATIONS_OF_A_MANAGER: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_three_managers_apply_makes_ten_kilobytes() {
        let size: usize = (0..3).map(|manager| applied("n", "x", manager, 1).len()).sum();
        assert!((9_000..11_000).contains(&size), "{size}");
    }
}
