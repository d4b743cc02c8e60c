//! One operation of a JSON patch as it was written.

use super::Failure;
use crate::patch::type_name;
use json_patch::jsonptr::PointerBuf;
use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation,
};
use serde_json::{Map, Value};

/// Characters of an operation that an error repeats.
const SHOWN: usize = 200;

/// An operation whose members have the right types. Whether they make sense is known only when its turn comes: a
/// patch with a wrong last operation still fails at the first that does not apply.
pub(super) struct Operation {
    op: Option<String>,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

impl Operation {
    /// Reads an item of the patch; other members are ignored, as RFC 6902 wants.
    pub(super) fn of(item: Value) -> Result<Self, String> {
        let Value::Object(mut members) = item else {
            return Err(format!("an operation is an object, this is {}", type_name(&item)));
        };
        Ok(Self {
            op: text(&mut members, "op")?,
            path: text(&mut members, "path")?,
            from: text(&mut members, "from")?,
            value: members.remove("value"),
        })
    }

    /// The operation in short, for an error.
    pub(super) fn label(&self) -> String {
        let op = self.op.as_deref().unwrap_or("no op");
        let path = self.path.as_deref().unwrap_or("without path");
        op.chars().take(SHOWN).chain([' ']).chain(path.chars().take(SHOWN)).collect()
    }

    pub(super) fn into_patch_operation(self) -> Result<PatchOperation, Failure> {
        let Self { op, path, from, value } = self;
        let path = || pointer("path", path);
        let from = || pointer("from", from);
        let value = || value.ok_or_else(|| Failure::new("it needs a `value`; write null if null is meant"));
        Ok(match op.as_deref() {
            Some("add") => PatchOperation::Add(AddOperation { path: path()?, value: value()? }),
            Some("remove") => PatchOperation::Remove(RemoveOperation { path: path()? }),
            Some("replace") => PatchOperation::Replace(ReplaceOperation { path: path()?, value: value()? }),
            Some("move") => PatchOperation::Move(MoveOperation { from: from()?, path: path()? }),
            Some("copy") => PatchOperation::Copy(CopyOperation { from: from()?, path: path()? }),
            Some("test") => PatchOperation::Test(TestOperation { path: path()?, value: value()? }),
            _ => return Err(Failure::new("`op` must be one of add, remove, replace, move, copy, test")),
        })
    }
}

/// A member that is text; `null` counts as absent.
fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!("`{name}` must be a string, this is {}", type_name(&other))),
    }
}

fn pointer(name: &str, text: Option<String>) -> Result<PointerBuf, Failure> {
    let text = text.ok_or_else(|| Failure::new(format!("it needs a `{name}`")))?;
    PointerBuf::parse(text).map_err(|_| {
        Failure::new(format!(
            "`{name}` is not a JSON pointer; it starts with /, and writes ~ as ~0 and / as ~1 in a key"
        ))
    })
}
