//! Answers in protobuf: metadata, lists of it, errors, scales. Objects of the types served here have no such form.

use crate::endpoint::Endpoint;
use crate::endpoint::respond::{self, ListAnswer};
use crate::registry::item::{Item, unreadable};
use crate::request::negotiate::{MetaVersion, Transform};
use kube_annex::encode::Stored;
use kube_annex::protobuf::{self, Envelope, Frame, metadata, no_form, wire::Writer};
use kube_annex::{ResourceDescriptor, Status};
use serde_json::{Value, json};

/// An object as it is asked for. The scale of an object is upstream's own kind, and can be told whole.
///
/// * Errors: 406 for what has no such form.
pub(super) fn object(endpoint: &Endpoint, transform: Transform, item: &Item) -> Result<Vec<u8>, Status> {
    let mut out = Vec::new();
    match transform {
        Transform::PartialObjectMetadata(version) => {
            let places = Stored::find(&item.bytes).map_err(unreadable)?;
            write_partial(&places, &item.bytes, item.revision, version, &mut out)?;
        }
        Transform::PartialObjectMetadataList(_) => return Err(respond::not_a_list(endpoint.descriptor())),
        Transform::None | Transform::Table(_) => {
            let mut json = Vec::with_capacity(item.bytes.len() + 64);
            respond::write_object(item, &mut json)?;
            let tree: Value = serde_json::from_slice(&json).map_err(unreadable)?;
            let kind = tree.get("kind").and_then(Value::as_str).unwrap_or_default();
            out = protobuf::write(&tree).ok_or_else(|| Status::not_acceptable(no_form(kind)))?;
        }
    }
    Ok(out)
}

/// A list as it is asked for. One without items says nothing that protobuf could not.
///
/// * Errors: 406 for what has no such form.
pub(super) fn list(
    descriptor: &ResourceDescriptor,
    transform: Transform,
    answer: &ListAnswer,
) -> Result<Vec<u8>, Status> {
    match transform {
        Transform::PartialObjectMetadataList(version) => {
            let mut items = Vec::new();
            for item in &answer.items {
                let places = Stored::find(&item.bytes).map_err(unreadable)?;
                write_item(&places, &item.bytes, item.revision, version, &mut items)?;
            }
            let Frame { mut head, tail } = list_frame(version, answer, items.len());
            head.extend_from_slice(&items);
            head.extend_from_slice(&tail);
            Ok(head)
        }
        Transform::PartialObjectMetadata(_) => Err(respond::a_list(descriptor)),
        Transform::None | Transform::Table(_) => {
            let kind = descriptor.list_kind();
            if !answer.items.is_empty() {
                return Err(Status::not_acceptable(no_form(&kind)));
            }
            let mut fields = Vec::new();
            protobuf::write_fields(&protobuf::messages::LIST_META, &list_metadata(answer), &mut fields);
            let mut raw = Vec::new();
            Writer(&mut raw).bytes(1, &fields);
            Ok(Envelope { api_version: &descriptor.api_version(), kind: &kind, raw: &raw }.seal())
        }
    }
}

/// An error, or the answer of a deletion.
pub(super) fn status(status: &Status) -> Vec<u8> {
    serde_json::to_value(status).ok().and_then(|tree| protobuf::write(&tree)).unwrap_or_default()
}

/// Appends an object's metadata in its envelope.
pub(super) fn write_partial(
    places: &Stored,
    bytes: &[u8],
    revision: u64,
    version: MetaVersion,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let mut raw = Vec::with_capacity(512);
    metadata::write_partial(&metadata_of(places, bytes, revision)?, &mut raw);
    let envelope = Envelope { api_version: version.api_version(), kind: "PartialObjectMetadata", raw: &raw };
    out.append(&mut envelope.seal());
    Ok(())
}

/// Appends an object's metadata as an item of a list.
pub(super) fn write_item(
    places: &Stored,
    bytes: &[u8],
    revision: u64,
    version: MetaVersion,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    metadata::write_item(version.api_version(), &metadata_of(places, bytes, revision)?, out);
    Ok(())
}

/// What is around so many bytes of items in a list of metadata.
pub(super) fn list_frame(version: MetaVersion, head: &ListAnswer, items: usize) -> Frame {
    metadata::list_frame(version.api_version(), &list_metadata(head), items)
}

fn metadata_of(places: &Stored, bytes: &[u8], revision: u64) -> Result<Value, Status> {
    let metadata = places.metadata(bytes).map_err(unreadable)?;
    let mut metadata: Value = serde_json::from_slice(metadata).map_err(unreadable)?;
    // What was not written, as in a dry run, has no version.
    if let Some(members) = metadata.as_object_mut().filter(|_| revision > 0) {
        members.insert("resourceVersion".to_owned(), revision.to_string().into());
    }
    Ok(metadata)
}

fn list_metadata(answer: &ListAnswer) -> Value {
    json!({
        "resourceVersion": answer.revision.to_string(),
        "continue": answer.continue_token,
        "remainingItemCount": answer.remaining,
    })
}
