//! The JSON paths of columns: kubectl's `JSONPath` without templates, unions and recursive descent.
//!
//! `.spec.size`, `.metadata.annotations.example\.com/note`, `.spec['size']`, `.items[0]`, `[-1]`, `[1:3]`, `[*]`,
//! `.status.conditions[?(@.type=='Ready')].status`. Filters know `==`, `!=`, `<`, `<=`, `>`, `>=` and, without any of
//! them, whether the value exists. A leading `$` and braces around the whole are accepted.

mod filter;
mod parse;
#[cfg(test)]
mod tests;

use filter::Filter;
use serde_json::Value;
use std::ops::ControlFlow;

/// A parsed path.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

/// A path that is not one, or that uses more of `JSONPath` than columns can.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the JSON path {path} is wrong at byte {position}: {why}", path = crate::field::quote(.path))]
pub struct Error {
    path: String,
    position: usize,
    why: &'static str,
}

impl JsonPath {
    /// Reads a path.
    ///
    /// * Errors: [`Error`] with the byte at which reading stopped, and what was expected there.
    pub fn parse(path: &str) -> Result<Self, Error> {
        parse::path(path).map(Self)
    }

    /// The first value that the path leads to.
    pub fn first<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        first(&self.0, root)
    }
}

/// One step from a value to those below it.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// The member of that name.
    Field(String),
    /// The item at that index; from the end when it is negative.
    Index(isize),
    /// The items from `start` up to but without `end`, each `step`th; negative bounds count from the end.
    Slice { start: isize, end: Option<isize>, step: usize },
    /// All items, or the values of all members.
    All,
    /// The items that pass.
    Filter(Filter),
}

fn first<'a>(steps: &[Step], root: &'a Value) -> Option<&'a Value> {
    let mut first = None;
    let _ = walk(steps, root, &mut |value| {
        first = Some(value);
        ControlFlow::Break(())
    });
    first
}

/// The only value that the steps lead to; `None` when there is none, or several.
fn only<'a>(steps: &[Step], root: &'a Value) -> Option<&'a Value> {
    let mut found = None;
    let several = walk(steps, root, &mut |value| match found.replace(value) {
        None => ControlFlow::Continue(()),
        Some(_) => ControlFlow::Break(()),
    });
    found.filter(|_| several.is_continue())
}

/// Depth first and in order. Recurses once for each step, of which a path has few.
fn walk<'a>(steps: &[Step], value: &'a Value, found: &mut dyn FnMut(&'a Value) -> ControlFlow<()>) -> ControlFlow<()> {
    let Some((step, rest)) = steps.split_first() else { return found(value) };
    match (step, value) {
        (Step::Field(name), Value::Object(members)) => match members.get(name) {
            Some(member) => walk(rest, member, found),
            None => ControlFlow::Continue(()),
        },
        (Step::All, Value::Object(members)) => members.values().try_for_each(|member| walk(rest, member, found)),
        (Step::All, Value::Array(items)) => items.iter().try_for_each(|item| walk(rest, item, found)),
        (Step::Index(index), Value::Array(items)) => match items.get(from_end(*index, items.len())) {
            Some(item) => walk(rest, item, found),
            None => ControlFlow::Continue(()),
        },
        (Step::Slice { start, end, step }, Value::Array(items)) => {
            let end = end.map_or(items.len(), |end| from_end(end, items.len()));
            let slice = items.get(from_end(*start, items.len())..end).unwrap_or_default();
            slice.iter().step_by(*step).try_for_each(|item| walk(rest, item, found))
        }
        (Step::Filter(filter), Value::Array(items)) => {
            items.iter().filter(|item| filter.passes(item)).try_for_each(|item| walk(rest, item, found))
        }
        _ => ControlFlow::Continue(()),
    }
}

/// The index in a list of `length`; beyond every list when it is before the first item.
fn from_end(index: isize, length: usize) -> usize {
    match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => length.checked_sub(index.unsigned_abs()).unwrap_or(usize::MAX),
    }
}
