//! `columns((name = "Size", path = ".spec.size", type = integer, priority = 1, description = ".."))`

use super::read::{Entry, Value, entries, once};
use super::{Setting, unknown_key};
use crate::diag::Errors;
use proc_macro2::{Delimiter, Group, TokenTree};
use syn::{Ident, LitInt, LitStr};

/// One column as it was written.
pub(crate) struct Column {
    /// Its parentheses, to point at when a key is missing.
    pub(crate) place: Group,
    pub(crate) name: Setting<LitStr>,
    pub(crate) path: Setting<LitStr>,
    pub(crate) r#type: Setting<Ident>,
    pub(crate) priority: Setting<LitInt>,
    pub(crate) description: Setting<LitStr>,
}

const KEYS: [&str; 5] = ["name", "path", "type", "priority", "description"];
const EXAMPLE: &str = "columns((name = \"Size\", path = \".spec.size\", type = integer))";

/// Reads the columns. What is wrong inside of one is left out of it.
pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Vec<Column>> {
    let Value::List(tokens) = &entry.value else {
        return entry.refuse("a list of columns", EXAMPLE, errors);
    };
    let mut columns = Vec::new();
    for tree in tokens.clone() {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                columns.push(column(group, errors));
            }
            TokenTree::Punct(comma) if comma.as_char() == ',' => {}
            _ => return entry.refuse("columns, each in its own parentheses", EXAMPLE, errors),
        }
    }
    if columns.is_empty() {
        errors.at(&entry.key, format!("`columns` is empty; write `{EXAMPLE}`, or leave the key out"));
        return None;
    }
    Some(columns)
}

fn column(place: Group, errors: &Errors) -> Column {
    let mut column = Column {
        name: Setting::Absent,
        path: Setting::Absent,
        r#type: Setting::Absent,
        priority: Setting::Absent,
        description: Setting::Absent,
        place,
    };
    for entry in entries(column.place.stream(), errors) {
        let entry = &entry;
        match entry.key.to_string().as_str() {
            "name" => once(&mut column.name, entry, errors, || entry.text("Size", errors)),
            "path" => once(&mut column.path, entry, errors, || entry.text(".spec.size", errors)),
            "type" => once(&mut column.r#type, entry, errors, || entry.word("integer", errors)),
            "priority" => once(&mut column.priority, entry, errors, || entry.number("1", errors)),
            "description" => once(&mut column.description, entry, errors, || entry.text("How large it is", errors)),
            _ => match unknown_key(entry, &KEYS, errors) {
                Some("name") => column.name.refuse(),
                Some("path") => column.path.refuse(),
                Some("type") => column.r#type.refuse(),
                _ => {}
            },
        }
    }
    column
}
