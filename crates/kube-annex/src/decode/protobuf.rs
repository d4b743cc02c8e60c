//! Bodies in protobuf: those of upstream's own kinds can be read, those of types declared here say only what they are.

use super::{DecodeError, Decoded, kind};
use crate::gvk::GroupVersionKind;
use crate::protobuf::{self, Envelope, messages};
use crate::status::Status;
use serde_json::{Map, Value};

/// Opens the envelope of a body.
///
/// * Errors: [`DecodeError::Unrecognized`], in upstream's words but for what is wrong with a field.
pub(crate) fn open(bytes: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    let why = match bytes {
        [] => "empty data".to_owned(),
        b"k8s\0" => "empty body".to_owned(),
        _ => match protobuf::open(bytes) {
            Ok(envelope) => return Ok(envelope),
            Err(protobuf::Error::NoEnvelope) => NO_MESSAGE.to_owned(),
            Err(error) => error.to_string(),
        },
    };
    Err(DecodeError::Unrecognized(why))
}

/// The tree that a message says, with its type.
///
/// * Errors: 400 when it is no message, of another kind, or of a kind that has no protobuf form.
pub(super) fn body(bytes: &[u8], expected: &GroupVersionKind) -> Result<Decoded, Status> {
    let Envelope { api_version, kind, raw } = open(bytes).map_err(|error| error.into_status(expected, bytes))?;
    let types = [("apiVersion", api_version), ("kind", kind)];
    let types = types.into_iter().filter(|(_, text)| !text.is_empty());
    let mut value: Value = types.map(|(key, text)| (key.to_owned(), Value::from(text))).collect::<Map<_, _>>().into();
    kind::check_type(&mut value, expected, &[]).map_err(|other| other.into_status(expected, bytes))?;
    let misfit = |why: String| kind::cannot_handle(expected, expected, &DecodeError::Misfit(why));
    let message = messages::of_kind(&expected.group_version().to_string(), &expected.kind)
        .ok_or_else(|| misfit(protobuf::no_form(&expected.kind)))?;
    let fields = protobuf::read(message, raw).map_err(|error| misfit(error.to_string()))?;
    if let Value::Object(tree) = &mut value {
        tree.extend(fields);
    }
    Ok(Decoded { value, duplicates: Vec::new() })
}

const NO_MESSAGE: &str = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
