//! Bodies, and the objects they are read into.

use std::sync::LazyLock;

use kube_annex::decode::{self, Decoded, KnownFields, MediaType};
use kube_annex::schema::{Schema, Validator, schema_of};
use kube_annex::{encode, serde_json as json};
use kube_annex_server::resources::gadget::Gadget;
use serde_json::Value;

use super::{assert_readable, written};

/// What is read can be written, and read again as the same; and what the plain reader takes, this one takes too.
pub(crate) fn json(input: &[u8]) {
    let read = decode::decode(input, MediaType::Json);
    if let (Ok(plain), Err(error)) = (json::from_slice::<Value>(input), &read) {
        assert!(depth(&plain) > decode::MAX_DEPTH, "{error}");
    }
    if let Ok(read) = read {
        assert_readable(&read.value);
        object(input, MediaType::Json, read);
    }
}

/// JSON is YAML: what is read and written as JSON says the same to both readers.
pub(crate) fn yaml(input: &[u8]) {
    let Ok(read) = decode::decode(input, MediaType::Yaml) else { return };
    assert_readable(&read.value);
    let bytes = written(&read.value);
    let again = decode::decode(&bytes, MediaType::Yaml).map(|again| again.value);
    assert_eq!(again.as_ref(), Ok(&read.value), "{}", String::from_utf8_lossy(&bytes));
    object(input, MediaType::Yaml, read);
}

/// An object that was read, completed and judged is still itself after another time.
fn object(input: &[u8], media: MediaType, read: Decoded) {
    let mut unknown = read.duplicates;
    let object = decode::declared::<Gadget>(read.value, &FIELDS, &VALIDATOR, &mut unknown);
    decode::in_document_order(input, media, unknown);
    let Ok(object) = object else { return };
    let tree = encode::to_value(&object).expect("an object is always written");
    let mut unknown = Vec::new();
    match decode::declared::<Gadget>(tree.clone(), &FIELDS, &VALIDATOR, &mut unknown) {
        Ok(again) => assert_eq!(encode::to_value(&again).ok(), Some(tree)),
        Err(error) => assert_eq!(error.to_string(), "", "{tree}"),
    }
    assert_eq!(unknown, Vec::<String>::new());
}

fn depth(tree: &Value) -> usize {
    match tree {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

static FIELDS: LazyLock<KnownFields> = LazyLock::new(|| KnownFields::of(&schema_of::<Gadget>()));
static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::of(Schema::of::<Gadget>()));
