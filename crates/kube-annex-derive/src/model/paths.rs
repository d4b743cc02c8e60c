//! The paths that name one field each: those of a scale, and those that objects are selected by.

use super::json_path;
use crate::attr::{Attrs, Setting};
use crate::diag::Errors;
use syn::LitStr;

/// Where an object keeps its replicas.
pub(crate) struct Scale {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) label_selector: Option<String>,
}

/// As many as a custom resource may have.
const MOST_SELECTABLE: usize = 8;

/// Judges the scale. `None` when there is none, or at least one error was left.
pub(super) fn scale(attrs: &Attrs<'_>, errors: &Errors) -> Option<Scale> {
    let written = attrs.scale.given()?;
    let required = |key: &str, setting: &Setting<LitStr>, root: &str, example: &str| {
        if let Setting::Absent = setting {
            errors.at(&written.place, format!("the scale has no {key}; add `{key} = \"{example}\"`"));
        }
        field_below(setting.given()?, &[root], example, errors)
    };
    let spec = required("spec_replicas", &written.spec_replicas, "spec", ".spec.replicas");
    let status = required("status_replicas", &written.status_replicas, "status", ".status.replicas");
    let selector = written.label_selector.given();
    let selector = selector.map(|path| field_below(path, &["status", "spec"], ".status.selector", errors));
    Some(Scale {
        spec_replicas: spec?,
        status_replicas: status?,
        label_selector: selector.map_or(Some(None), |path| path.map(Some))?,
    })
}

/// Judges the fields that objects are selected by. One that is wrong leaves an error.
pub(super) fn selectable(attrs: &Attrs<'_>, errors: &Errors) -> Vec<String> {
    let mut paths = Vec::new();
    let written = attrs.selectable_fields.given().map(Vec::as_slice).unwrap_or_default();
    for path in written {
        let text = path.value();
        if root(&text) == "metadata" {
            errors.at(path, "objects are selected by their name and namespace already; leave this one out");
        } else if paths.contains(&text) {
            errors.at(path, format!("`{text}` is there already; leave it out"));
        } else {
            let _ = field(path, ".spec.color", errors);
        }
        paths.push(text);
    }
    if let Some(last) = written.get(MOST_SELECTABLE) {
        errors.at(last, format!("objects can be selected by at most {MOST_SELECTABLE} fields; leave some out"));
    }
    paths
}

/// A path of plain fields below one of the roots.
fn field_below(path: &LitStr, roots: &[&str], example: &str, errors: &Errors) -> Option<String> {
    let text = field(path, example, errors)?;
    if roots.contains(&root(&text)) {
        return Some(text);
    }
    let roots: Vec<String> = roots.iter().map(|root| format!("`.{root}`")).collect();
    errors.at(path, format!("`{text}` is not below {}; write one such as `{example}`", roots.join(" or ")));
    None
}

/// A path that leads to one field whatever the object holds.
fn field(path: &LitStr, example: &str, errors: &Errors) -> Option<String> {
    let text = path.value();
    let why = match json_path::check(&text) {
        Err(why) => why,
        Ok(()) if text.contains('[') => "a bracket may lead to several values or to none".to_owned(),
        Ok(()) if text == "." => "it names no field".to_owned(),
        Ok(()) => return Some(text),
    };
    errors.at(path, format!("`{text}` is not the path of one field: {why}; write one such as `{example}`"));
    None
}

fn root(path: &str) -> &str {
    path.trim_start_matches('.').split(['.', '[']).next().unwrap_or_default()
}
