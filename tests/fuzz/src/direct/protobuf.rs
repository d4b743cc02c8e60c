//! Messages.

use kube_annex::protobuf::{self, Message, messages};
use serde_json::{Map, Value};

/// The first byte is the kind; the rest is a message of it, or one in an envelope. What is read can be
/// written and read again, and is then written as the same: messages that are always written come back empty.
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
    let first = written(message, read);
    let again = protobuf::read(message, &first).expect("what was written can be read");
    assert_eq!(written(message, again), first);
}

fn written(message: &Message, object: Map<String, Value>) -> Vec<u8> {
    let mut out = Vec::new();
    protobuf::write_fields(message, &Value::Object(object), &mut out);
    out
}
