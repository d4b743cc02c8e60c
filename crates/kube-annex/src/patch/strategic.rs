//! Strategic merge patch: objects are merged as by a merge patch, and lists item by item where their schema says so.
//!
//! What is in a patch beside values are directives: `$patch` replaces or deletes an object, an item or a list,
//! `$retainKeys` names the members that stay, `$deleteFromPrimitiveList/<list>` takes values out of a list, and
//! `$setElementOrder/<list>` says in which order the items of a list come.

mod directives;
mod list;
mod merge;
mod order;
mod strategy;
#[cfg(test)]
mod tests;
mod text;

use super::{findings, read, type_name};
use crate::options::FieldValidation;
use crate::schema::TypeSchema;
use crate::status::{Details, Reason, Status};
use serde_json::{Map, Value};
use strategy::Strategies;

/// A strategic merge patch that has been read.
#[derive(Clone, Debug)]
pub struct Patch(Map<String, Value>);

impl Patch {
    /// Reads a strategic merge patch, and answers it with what it says twice.
    ///
    /// * Shape: a JSON object; `null` is an empty one.
    /// * Errors: 400 when the patch is not JSON, nests deeper than the parser reads, or is not an object.
    pub fn decode(patch: &[u8], validation: FieldValidation) -> Result<(Self, Vec<String>), Status> {
        let decoded = read(patch)?;
        match decoded.value {
            Value::Object(members) => Ok((Self(members), findings(validation, decoded.duplicates))),
            Value::Null => Ok((Self(Map::new()), Vec::new())),
            other => {
                Err(Status::bad_request(format!("a strategic merge patch is an object, this is {}", type_name(&other))))
            }
        }
    }

    /// The live object with the patch applied. Recurses as deep as the patch, which the parser bounds.
    ///
    /// * Errors: 400 for a directive of the wrong form; 422 for lists of lists; else 500 without a reason, as upstream,
    ///   for a patch that does not fit the schema or the live object.
    pub fn apply(&self, live: Value, schema: &TypeSchema) -> Result<Value, Status> {
        let live = match live {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        let merged = merge::objects(live, self.0.clone(), Strategies::of(schema)).map_err(Status::from)?;
        Ok(Value::Object(merged))
    }
}

/// Why a patch cannot be merged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
enum Error {
    #[error("invalid patch format of primitive list")]
    BadPrimitiveList,
    #[error("invalid patch format of retainKeys")]
    BadRetainKeys,
    #[error("invalid patch format of setElementOrder list")]
    BadElementOrder,
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// What upstream has no kind of answer for.
    #[error("{0}")]
    Other(String),
}

impl Error {
    fn no_merge_key(item: &Value, key: &str) -> Self {
        Self::Other(format!("map: {} does not contain declared merge key: {key}", text::of(item)))
    }

    fn expected(what: &str, found: &Value) -> Self {
        Self::Other(format!("expected {what}, but received {}", type_name(found)))
    }

    fn unknown_directive(directive: &Value, item: Map<String, Value>) -> Self {
        let (directive, item) = (text::of(directive), text::of(&Value::Object(item)));
        Self::Other(format!("unknown patch type: {directive} in map: {item}"))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::BadPrimitiveList | Error::BadRetainKeys | Error::BadElementOrder => {
                Self::bad_request(error.to_string())
            }
            // Upstream's generic answer, which keeps the error to itself.
            Error::ListOfLists => {
                let text = "the server rejected our request due to an error in our request";
                Self::failure(422, Reason::Invalid, text).with_details(Details::default())
            }
            Error::Other(text) => Self::untyped(text),
        }
    }
}

const DIRECTIVE: &str = "$patch";
const DELETE: &str = "delete";
const REPLACE: &str = "replace";
const MERGE: &str = "merge";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList";
const SET_ELEMENT_ORDER: &str = "$setElementOrder";
