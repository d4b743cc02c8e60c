//! The table that `kubectl get` prints.

use crate::resource::ResourceDescriptor;
use serde_json::Value;

/// The cells of a row, without the name.
pub fn cells(descriptor: &ResourceDescriptor, object: &Value) -> Vec<Value> {
    let _ = (descriptor, object);
    Vec::new()
}
