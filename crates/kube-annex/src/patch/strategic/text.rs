//! Values in the errors of upstream: as Go prints them.

use serde_json::Value;
use std::fmt::Write as _;

/// Bytes of a value that an error repeats.
const MOST: usize = 1024;

/// `map[a:1 b:[x y]]`, cut when it is long.
pub(super) fn of(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    if out.len() > MOST {
        out.truncate(out.floor_char_boundary(MOST));
        out.push_str("...");
    }
    out
}

/// Stops early once there is more than will be told. Recurses as deep as the value, which the parser bounds.
fn write(value: &Value, out: &mut String) {
    if out.len() > MOST {
        return;
    }
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push_str("map[");
            for (index, (key, member)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                let _ = write!(out, "{key}:");
                write(member, out);
            }
            out.push(']');
        }
    }
}
