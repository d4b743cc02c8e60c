//! Objects: member by member.

use super::directives::{list_name, plain, replace_or_delete, retain_keys};
use super::strategy::Strategies;
use super::{DELETE_FROM_PRIMITIVE_LIST, DIRECTIVE, Error, list, order};
use serde_json::{Map, Value};

/// An object with a patch of it.
pub(super) fn objects(
    mut live: Map<String, Value>,
    mut patch: Map<String, Value>,
    at: Strategies<'_>,
) -> Result<Map<String, Value>, Error> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        let directive = directive.clone();
        return replace_or_delete(&directive, patch);
    }
    retain_keys(&mut live, &mut patch)?;
    order::lists(&mut live, &mut patch, at)?;
    for (key, value) in patch {
        let deletes = key.starts_with(DELETE_FROM_PRIMITIVE_LIST);
        let name = if deletes {
            list_name(&key, DELETE_FROM_PRIMITIVE_LIST).ok_or(Error::BadPrimitiveList)?
        } else {
            key.as_str()
        };
        if value.is_null() {
            live.remove(name);
            continue;
        }
        match (live.remove(name), value) {
            (Some(Value::Object(live_member)), Value::Object(member)) => {
                let (below, strategy) = at.field(name)?;
                let merged = if strategy.replaces { member } else { objects(live_member, member, below)? };
                live.insert(name.to_owned(), Value::Object(merged));
            }
            (Some(Value::Array(live_items)), Value::Array(items)) => {
                let (below, strategy) = at.list(name)?;
                let merged = if deletes || strategy.merges {
                    list::merged(live_items, items, strategy.key, deletes, below)?
                } else {
                    items
                };
                live.insert(name.to_owned(), Value::Array(merged));
            }
            (there, value) => {
                let new = if deletes { there } else { plain(value) };
                live.extend(new.map(|new| (name.to_owned(), new)));
            }
        }
    }
    Ok(live)
}
