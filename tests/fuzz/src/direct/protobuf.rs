//! Messages.

use kube_annex::protobuf::{self, messages};
use serde_json::Value;

/// The first byte is the kind; the rest is a message of it, or one in an envelope. What is read can be written, and read
/// again as the same.
pub(crate) fn message(input: &[u8]) {
    let Some((kind, bytes)) = input.split_first() else { return };
    let bytes = protobuf::open(bytes).map_or(bytes, |envelope| envelope.raw);
    let kinds = [
        &messages::DELETE_OPTIONS,
        &messages::SCALE,
        &messages::STATUS,
        &messages::OBJECT_META,
        &messages::PARTIAL_OBJECT_METADATA_LIST,
        &messages::API_GROUP_LIST,
        &messages::API_RESOURCE_LIST,
        &messages::API_GROUP_DISCOVERY_LIST,
    ];
    let message = kinds[usize::from(*kind) % kinds.len()];
    let Ok(read) = protobuf::read(message, bytes) else { return };
    let mut again = Vec::new();
    protobuf::write_fields(message, &Value::Object(read.clone()), &mut again);
    assert_eq!(protobuf::read(message, &again).as_ref(), Ok(&read));
}
