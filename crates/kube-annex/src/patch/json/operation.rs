//! One operation of a JSON patch.

use super::Failure;
use super::budget::Budget;
use super::document::{self, Place};
use crate::patch::type_name;
use serde_json::{Map, Value};

/// Characters of an operation that an error repeats.
const SHOWN: usize = 200;

/// An operation as it was written. Whether it makes sense is known only when its turn comes: a patch with a wrong last
/// operation still fails at the first that does not apply.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    op: Text,
    path: Text,
    from: Text,
    value: Value,
}

/// A member that should be text.
#[derive(Clone, Debug)]
enum Text {
    Missing,
    Wrong,
    Is(String),
}

impl Operation {
    /// Reads an item of the patch, and answers it with the names of members that mean nothing.
    ///
    /// `lenient` takes what is no text for something that no operation has.
    pub(super) fn of(item: Value, lenient: bool) -> Result<(Self, Vec<String>), String> {
        let mut members = match item {
            Value::Object(members) => members,
            Value::Null => Map::new(),
            other => return Err(format!("an operation is an object, this is {}", type_name(&other))),
        };
        let operation = Self {
            op: text(&mut members, "op", lenient)?,
            path: text(&mut members, "path", lenient)?,
            from: text(&mut members, "from", lenient)?,
            value: members.remove("value").unwrap_or_default(),
        };
        Ok((operation, members.into_iter().map(|(name, _)| name).collect()))
    }

    /// Where a value is put, as the path of a field; `None` where none is, or below an item of a list.
    pub(super) fn member(&self) -> Option<String> {
        let path = self.path.as_str().filter(|_| matches!(self.op.as_str(), Some("add" | "replace")))?;
        let (_, members) = path.split_once('/')?;
        let is_item = |part: &str| part == "-" || part.bytes().all(|byte| byte.is_ascii_digit());
        (!members.split('/').any(is_item)).then(|| members.replace('/', ".").replace("~1", "/").replace("~0", "~"))
    }

    /// The operation in short, for an error.
    pub(super) fn label(&self) -> String {
        let op = self.op.as_str().unwrap_or("no op");
        let path = self.path.as_str().unwrap_or("without path");
        op.chars().take(SHOWN).chain([' ']).chain(path.chars().take(SHOWN)).collect()
    }

    /// One operation on `document`, which is abandoned when it fails: no undo is needed.
    pub(super) fn apply(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Failure> {
        match self.op.as_str() {
            Some("add") => self.put(document, self.value.clone(), budget),
            Some("remove") => place(&self.path, "path", document, budget)?.remove().map(drop),
            Some("replace") => self.replace(document, budget),
            Some("move") => self.relocate(document, budget),
            Some("copy") => self.copy(document, budget),
            Some("test") => self.test(document, budget),
            _ => Err(Failure::new("`op` must be one of add, remove, replace, move, copy, test")),
        }
    }

    fn put(&self, document: &mut Value, value: Value, budget: &mut Budget) -> Result<(), Failure> {
        budget.nest(document::depth(self.path.as_str().unwrap_or_default()), &value)?;
        place(&self.path, "path", document, budget)?.add(value)
    }

    fn replace(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Failure> {
        if self.path.as_str() == Some("") {
            if !self.value.is_object() && !self.value.is_array() {
                return Err(Failure::new("the whole object is replaced by an object or an array only"));
            }
            budget.nest(0, &self.value)?;
            *document = self.value.clone();
            return Ok(());
        }
        budget.nest(document::depth(self.path.as_str().unwrap_or_default()), &self.value)?;
        place(&self.path, "path", document, budget)?.set(self.value.clone())
    }

    fn relocate(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Failure> {
        let value = place(&self.from, "from", document, budget)?.remove()?;
        self.put(document, value, budget)
    }

    fn copy(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Failure> {
        let value = match place(&self.from, "from", document, budget)?.get()? {
            Some(source) => {
                budget.copy(source)?;
                source.clone()
            }
            None => Value::Null,
        };
        self.put(document, value, budget)
    }

    fn test(&self, document: &mut Value, budget: &mut Budget) -> Result<(), Failure> {
        let equal = if self.path.as_str() == Some("") {
            *document == self.value
        } else {
            let place = place(&self.path, "path", document, budget)?;
            // What is not there is as good as null.
            place.get()?.unwrap_or(&Value::Null) == &self.value
        };
        if equal { Ok(()) } else { Err(Failure::new("value did not match")) }
    }
}

/// Where a member of the operation leads.
fn place<'d>(text: &Text, name: &str, document: &'d mut Value, budget: &mut Budget) -> Result<Place<'d>, Failure> {
    let path = match text {
        Text::Is(path) => path,
        Text::Missing => return Err(Failure::new(format!("it needs a `{name}`"))),
        Text::Wrong => return Err(Failure::new(format!("`{name}` must be a string"))),
    };
    let place = document::find(document, path)
        .ok_or_else(|| Failure::new(format!("there is nothing that `{name}` could lead into")))?;
    budget.shift(place.siblings())?;
    Ok(place)
}

impl Text {
    fn as_str(&self) -> Option<&str> {
        match self {
            Self::Is(text) => Some(text),
            _ => None,
        }
    }
}

/// A member that is text; `null` counts as absent.
fn text(members: &mut Map<String, Value>, name: &str, lenient: bool) -> Result<Text, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Text::Missing),
        Some(Value::String(text)) => Ok(Text::Is(text)),
        Some(_) if lenient => Ok(Text::Wrong),
        Some(other) => Err(format!("`{name}` must be a string, this is {}", type_name(&other))),
    }
}
