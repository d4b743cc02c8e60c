//! `deprecated`, `deprecated = "why"` and `deprecated(since = "1.3", removed = "1.10", replacement = "g/v Kind")`

use super::read::{Entry, Value, entries, once};
use super::{Setting, unknown_key};
use crate::diag::Errors;
use syn::{Lit, LitStr};

/// The deprecation as it was written.
pub(crate) enum Deprecated {
    /// `deprecated = false`
    No,
    /// `deprecated`, or `deprecated = true`
    Yes,
    /// `deprecated = "the whole warning"`
    Warning(LitStr),
    /// `deprecated(..)`
    Releases(Releases),
}

/// When, and what instead.
#[derive(Default)]
pub(crate) struct Releases {
    pub(crate) since: Setting<LitStr>,
    pub(crate) removed: Setting<LitStr>,
    pub(crate) replacement: Setting<LitStr>,
}

const KEYS: [&str; 3] = ["since", "removed", "replacement"];

/// Reads the deprecation.
pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Deprecated> {
    match &entry.value {
        Value::Bare => Some(Deprecated::Yes),
        Value::Lit(Lit::Bool(flag)) => Some(if flag.value { Deprecated::Yes } else { Deprecated::No }),
        Value::Lit(Lit::Str(text)) => Some(Deprecated::Warning(text.clone())),
        Value::List(tokens) => {
            let mut releases = Releases::default();
            for entry in entries(tokens.clone(), errors) {
                releases.set(&entry, errors);
            }
            Some(Deprecated::Releases(releases))
        }
        _ => entry.refuse("nothing, a warning or releases", "deprecated(since = \"1.3\", removed = \"1.10\")", errors),
    }
}

impl Releases {
    fn set(&mut self, entry: &Entry, errors: &Errors) {
        match entry.key.to_string().as_str() {
            "since" => once(&mut self.since, entry, errors, || entry.text("1.3", errors)),
            "removed" => once(&mut self.removed, entry, errors, || entry.text("1.10", errors)),
            "replacement" => {
                once(&mut self.replacement, entry, errors, || entry.text("sample.example.com/v1 Gizmo", errors));
            }
            _ => {
                unknown_key(entry, &KEYS, errors);
            }
        }
    }
}
