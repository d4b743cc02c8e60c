//! Large JSON documents as lines, so that a pattern can name what differs in them.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// An answer whose body is written as the leaves of its JSON, one a line: `paths /apis get operationId: "getAPIVersions"`.
///
/// Of what is in an array, objects are told by their name, their kind or else their place, and other values not at all. Parameters that are referred to are written out. Whatever is no JSON stays as it is.
pub(crate) fn leaves(answer: &str) -> String {
    let Some((head, body)) = answer.split_once("\n\n") else { return answer.to_owned() };
    let Ok(mut document) = serde_json::from_str::<Value>(body) else { return answer.to_owned() };
    let shared = match &mut document {
        // Below another member the parameters are an array.
        Value::Object(members) if members.get("parameters").is_some_and(Value::is_object) => {
            members.remove("parameters")
        }
        _ => None,
    };
    let mut lines = Lines { shared: shared.unwrap_or_default(), text: format!("{head}\n\n") };
    lines.add("", &document);
    lines.text
}

/// The leaves in the order of their places; those of one place stay in theirs.
pub(crate) fn sorted(answer: &str) -> String {
    let Some((head, body)) = answer.split_once("\n\n") else { return answer.to_owned() };
    let mut lines: Vec<&str> = body.lines().collect();
    lines.sort_by_key(|line| line.split_once(": ").map_or(*line, |(place, _)| place));
    format!("{head}\n\n{}\n", lines.join("\n"))
}

struct Lines {
    shared: Value,
    text: String,
}

impl Lines {
    fn add(&mut self, place: &str, value: &Value) {
        match value {
            Value::Object(members) if !members.is_empty() => match self.referred(members) {
                Some(parameter) => self.add(place, &parameter),
                None => members.iter().for_each(|(name, member)| self.add(&format!("{place} {name}"), member)),
            },
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    self.add(&format!("{place} {}", self.name(index, item)), item);
                }
            }
            leaf => {
                let _ = writeln!(self.text, "{}: {leaf}", place.trim());
            }
        }
    }

    fn name(&self, index: usize, item: &Value) -> String {
        let Value::Object(members) = item else { return "-".to_owned() };
        let parameter = self.referred(members);
        let told = |of: &str| parameter.as_ref().unwrap_or(item).get(of).and_then(Value::as_str);
        match (told("name"), told("group"), told("version"), told("kind")) {
            (Some(name), ..) => name.to_owned(),
            (None, Some(group), Some(version), Some(kind)) => format!("{group}/{version}/{kind}"),
            _ => index.to_string(),
        }
    }

    fn referred(&self, members: &Map<String, Value>) -> Option<Value> {
        let name = members.get("$ref")?.as_str()?.strip_prefix("#/parameters/")?;
        self.shared.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{leaves, sorted};

    #[test]
    fn a_document_is_told_by_its_leaves() {
        let document = r##"{
            "paths": {
                "/b": {
                    "get": {"tags": ["y", "x"], "parameters": [{"$ref": "#/parameters/limit-1"}]},
                    "kinds": [{"group": "a.b", "version": "v1", "kind": "K"}]
                },
                "/a": {}
            },
            "parameters": {"limit-1": {"name": "limit", "in": "query"}}
        }"##;
        assert_eq!(
            sorted(&leaves(&format!("200\n\n{document}"))),
            "200\n\npaths /a: {}\npaths /b get parameters limit in: \"query\"\n\
             paths /b get parameters limit name: \"limit\"\npaths /b get tags -: \"y\"\npaths /b get tags -: \"x\"\n\
             paths /b kinds a.b/v1/K group: \"a.b\"\npaths /b kinds a.b/v1/K kind: \"K\"\n\
             paths /b kinds a.b/v1/K version: \"v1\"\n"
        );
    }

    #[test]
    fn what_is_no_document_stays_as_it_is() {
        for answer in ["404\n", "406\n\nno", "no answer: a reason\n"] {
            assert_eq!(leaves(answer), answer);
        }
    }
}
