//! Short texts: selectors, options, quantities, JSON paths.

use std::collections::BTreeMap;
use std::str;
use std::sync::LazyLock;

use kube_annex::options::{CreateOptions, DeleteOptions, GetOptions, ListOptions, PatchOptions};
use kube_annex::quantity;
use kube_annex::selector::{field, label};
use kube_annex::table::json_path::JsonPath;
use serde_json::{Value, json};

/// Printing a selector gives text that parses to an equal one.
pub(crate) fn selectors(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Ok(selector) = label::Selector::parse(text) {
        let printed = selector.to_string();
        assert_eq!(label::Selector::parse(&printed).as_ref(), Ok(&selector), "{printed:?}");
        let labels = BTreeMap::from([("a".to_owned(), "b".to_owned()), ("n".to_owned(), "5".to_owned())]);
        selector.matches(&labels);
        selector.matches(&BTreeMap::new());
    }
    if let Ok(selector) = field::Selector::parse(text) {
        let printed = selector.to_string();
        assert_eq!(field::Selector::parse(&printed).as_ref(), Ok(&selector), "{printed:?}");
        selector.matches(|field| Some(field.to_owned()));
        drop(selector.check(field::KNOWN_FIELDS));
        drop(selector.with_name("a"));
    }
}

/// A query as each verb reads it.
pub(crate) fn options(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    drop(GetOptions::parse(text));
    for parse in [ListOptions::parse_list, ListOptions::parse_watch, ListOptions::parse_watch_path] {
        drop(parse(text));
    }
    drop(CreateOptions::parse_create(text));
    drop(CreateOptions::parse_update(text));
    drop(PatchOptions::parse(text, false));
    drop(PatchOptions::parse(text, true));
    drop(DeleteOptions::parse_query(text).and_then(DeleteOptions::for_collection));
}

/// The canonical form of a canonical form is itself.
pub(crate) fn quantities(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Some(canonical) = quantity::canonical(text) {
        assert_eq!(quantity::canonical(&canonical).as_ref(), Some(&canonical), "{text:?}");
    }
}

/// A path, and what it leads to.
pub(crate) fn json_paths(input: &[u8]) {
    static ROOT: LazyLock<Value> = LazyLock::new(|| {
        let items: Vec<Value> = (0..5).map(|at| json!({ "name": at.to_string(), "at": at, "type": "Ready" })).collect();
        json!({ "spec": { "size": 3, "a.b": true }, "items": items, "nested": [[1, 2], [3], []], "none": null })
    });
    let Ok(text) = str::from_utf8(input) else { return };
    match JsonPath::parse(text) {
        Ok(path) => drop(path.first(&ROOT)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
