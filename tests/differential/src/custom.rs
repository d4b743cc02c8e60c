//! What a custom resource and a derived type write differently, though it says the same: both are brought to one form.

use serde_json::Value;

/// Brings an answer to the common form: keys in order, items of lists without their type, violations in order.
///
/// * Shape: upstream keeps custom resources as maps, and writes their keys in order and the type of each item of a list. It
///   validates them in the order of a map of Go's, another each time.
pub(crate) fn common(text: &str) -> String {
    let (head, body) = text.split_once("\n\n").unwrap_or(("", text));
    let mut common = String::new();
    if !head.is_empty() || text.starts_with('\n') {
        common = format!("{head}\n\n");
    }
    for line in one_a_line(body) {
        common.push_str(&line);
        common.push('\n');
    }
    common
}

/// A document that is JSON as one line; else each line by itself, as a watch has them.
fn one_a_line(body: &str) -> Vec<String> {
    let told = |text: &str| {
        serde_json::from_str::<Value>(text).ok().map(|mut value| {
            settle(&mut value);
            value.to_string()
        })
    };
    match told(body) {
        Some(line) => vec![line],
        None => body.lines().map(|line| told(line).unwrap_or_else(|| line.to_owned())).collect(),
    }
}

fn settle(value: &mut Value) {
    if let Some(items) = value.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            if let Some(fields) = item.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            settle(item);
        }
    }
    match value.get_mut("rows") {
        // No rows are an empty list here, and none there: upstream has both, by how a table is made.
        Some(rows @ Value::Null) => *rows = Value::Array(Vec::new()),
        Some(Value::Array(rows)) => {
            rows.iter_mut().filter_map(|row| row.get_mut("object")).for_each(settle);
            let cells = rows.iter_mut().filter_map(|row| row.get_mut("cells")?.as_array_mut()).flatten();
            for cell in cells.filter(|cell| cell.as_str().is_some_and(is_age)) {
                *cell = Value::from("<age>");
            }
        }
        _ => {}
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        // An empty token is none.
        if metadata.get("continue").is_some_and(|token| token == "") {
            metadata.remove("continue");
        }
        if let Some(entries) = metadata.get_mut("managedFields").and_then(Value::as_array_mut) {
            // Their order depends on the second in which each was written.
            entries.sort_by_cached_key(|entry| {
                format!("{}{}{}", entry["manager"], entry["operation"], entry["subresource"])
            });
        }
    }
    if let Some(event) = value.get_mut("object") {
        settle(event);
    }
    if let Some(Value::String(message)) = value.get_mut("message") {
        settle_mistakes(message);
    }
    let Some(causes) = value.pointer_mut("/details/causes").and_then(Value::as_array_mut) else { return };
    // What metadata violate is told in one order, and so is each manager's part of a conflict.
    causes.sort_by_cached_key(|cause| match (cause["field"].as_str(), cause["reason"].as_str()) {
        (_, Some("FieldManagerConflict")) => cause["message"].to_string(),
        (Some(field), _) if field.starts_with("metadata.") => String::new(),
        _ => cause.to_string(),
    });
    // Upstream tells a mistake in the replicas a second time, with the scale's path.
    let once = causes.len() > 1;
    causes.retain(|cause| !(once && cause["field"].as_str().is_some_and(|field| field.starts_with('.'))));
    if let Some(Value::String(message)) = value.get_mut("message")
        && let Some(at) = message.find(" is invalid: ")
    {
        // The rest repeats the causes.
        message.truncate(at);
    }
}

/// Puts in order what is wrong with an applied object, which upstream tells in the order of a map of Go's.
fn settle_mistakes(message: &mut String) {
    let Some((head, mistakes)) = message.split_once(": errors:\n") else { return };
    let mut mistakes: Vec<&str> = mistakes.split('\n').collect();
    mistakes.sort_unstable();
    *message = format!("{head}: errors:\n{}", mistakes.join("\n"));
}

/// Whether a cell tells how long ago something was.
fn is_age(cell: &str) -> bool {
    cell.strip_suffix(['s', 'm'])
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_violations_come_in_order() {
        let text =
            "422\n\n{\"message\":\"x is invalid: [b, a]\",\"details\":{\"causes\":[{\"f\":\"b\"},{\"f\":\"a\"}]}}\n";
        let told = "422\n\n{\"details\":{\"causes\":[{\"f\":\"a\"},{\"f\":\"b\"}]},\"message\":\"x\"}\n";
        assert_eq!(common(text), told);
    }

    #[test]
    fn mistakes_of_an_apply_come_in_order_and_all_of_them_stay() {
        let told = |text: &str| common(&format!("500\n\n{}\n", serde_json::json!({ "message": text })));
        assert_eq!(told("x: errors:\n  .b: two\n  .a: one"), told("x: errors:\n  .a: one\n  .b: two"));
        assert_ne!(told("x: errors:\n  .b: two\n  .a: one"), told("x: errors:\n  .a: one"));
    }

    #[test]
    fn who_manages_fields_is_told_in_one_order_everywhere() {
        let object = |managers: [&str; 2]| {
            let entries = managers.map(|manager| serde_json::json!({ "manager": manager }));
            serde_json::json!({ "metadata": { "managedFields": entries } })
        };
        let [one, other] = [object(["a", "b"]), object(["b", "a"])];
        for wrap in [
            |object: &Value| object.clone(),
            |object: &Value| serde_json::json!({ "items": [object] }),
            |object: &Value| serde_json::json!({ "type": "ADDED", "object": object }),
            |object: &Value| serde_json::json!({ "rows": [{ "object": object }] }),
        ] {
            assert_eq!(common(&format!("200\n\n{}\n", wrap(&one))), common(&format!("200\n\n{}\n", wrap(&other))));
        }
    }

    #[test]
    fn events_stay_apart() {
        assert_eq!(common("{\"b\":1,\"a\":2}\nsilence\n"), "{\"a\":2,\"b\":1}\nsilence\n");
    }
}
