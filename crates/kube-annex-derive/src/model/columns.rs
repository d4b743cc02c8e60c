//! The columns of the table that `kubectl get` prints.

use super::json_path;
use crate::attr::{self, Setting};
use crate::diag::{Errors, list, nearest};
use proc_macro2::Group;
use syn::{Ident, LitInt, LitStr};

/// One column.
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) r#type: ColumnType,
    pub(crate) priority: i32,
    pub(crate) description: String,
}

/// The type of a column's cells.
#[derive(Clone, Copy)]
pub(crate) enum ColumnType {
    Boolean,
    Date,
    Integer,
    Number,
    String,
}

impl ColumnType {
    const ALL: [Self; 5] = [Self::Boolean, Self::Date, Self::Integer, Self::Number, Self::String];

    /// The variant of `kube_annex::resource::ColumnType`.
    pub(crate) fn variant(self) -> &'static str {
        match self {
            Self::Boolean => "Boolean",
            Self::Date => "Date",
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::String => "String",
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::String => "string",
        }
    }
}

/// Judges the columns. A column that is wrong leaves an error and is not in the answer.
pub(super) fn check(written: Option<&Vec<attr::Column>>, errors: &Errors) -> Vec<Column> {
    let mut names = vec!["name".to_owned()];
    let mut columns = Vec::new();
    for column in written.into_iter().flatten() {
        if let Some(name) = column.name.given() {
            distinct(name, &mut names, errors);
        }
        columns.extend(checked(column, errors));
    }
    columns
}

/// Headers are printed in capitals, so case does not tell two apart.
fn distinct(name: &LitStr, names: &mut Vec<String>, errors: &Errors) {
    let folded = name.value().to_lowercase();
    if folded == "name" {
        errors.at(name, "the first column is the name already; leave this one out");
    } else if names.contains(&folded) {
        errors.at(name, format!("column `{}` is there already; give it another name", name.value()));
    }
    names.push(folded);
}

fn checked(column: &attr::Column, errors: &Errors) -> Option<Column> {
    let name = required("name", &column.name, "name = \"Size\"", &column.place, errors);
    let path = required("path", &column.path, "path = \".spec.size\"", &column.place, errors);
    let r#type = required("type", &column.r#type, "type = string", &column.place, errors);
    let name = name.and_then(|name| header(name, errors));
    let path = path.and_then(|path| json_path(path, errors));
    let r#type = r#type.and_then(|word| cell_type(word, errors));
    let priority = priority(column.priority.given(), errors);
    let description = column.description.given().map(LitStr::value).unwrap_or_default();
    Some(Column { name: name?, path: path?, r#type: r#type?, priority: priority?, description })
}

fn required<'a, T>(key: &str, setting: &'a Setting<T>, example: &str, place: &Group, errors: &Errors) -> Option<&'a T> {
    if let Setting::Absent = setting {
        errors.at(place, format!("this column has no {key}; add `{example}`"));
    }
    setting.given()
}

fn header(name: &LitStr, errors: &Errors) -> Option<String> {
    let header = name.value();
    if header.trim().is_empty() || header.chars().any(char::is_control) {
        errors.at(name, "a column needs a header; write one such as `name = \"Size\"`");
        return None;
    }
    Some(header)
}

fn json_path(path: &LitStr, errors: &Errors) -> Option<String> {
    let text = path.value();
    match json_path::check(&text) {
        Ok(()) => Some(text),
        Err(why) => {
            errors.at(path, format!("`{text}` is not a JSON path: {why}"));
            None
        }
    }
}

fn cell_type(word: &Ident, errors: &Errors) -> Option<ColumnType> {
    let written = word.to_string();
    let known = ColumnType::ALL.into_iter().find(|known| known.as_str() == written);
    if known.is_none() {
        let words = ColumnType::ALL.map(ColumnType::as_str);
        let answer = match nearest(&written, words) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the types are {}", list(words)),
        };
        errors.at(word, format!("there is no column type `{written}`; {answer}"));
    }
    known
}

fn priority(number: Option<&LitInt>, errors: &Errors) -> Option<i32> {
    let Some(number) = number else { return Some(0) };
    number
        .base10_parse()
        .map_err(|_| errors.at(number, "a priority is a whole number; 0 is always shown, 1 only with `-o wide`"))
        .ok()
}
