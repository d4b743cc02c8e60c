//! `scale(spec_replicas = ".spec.replicas", status_replicas = ".status.replicas", label_selector = ".status.selector")`

use super::read::{Entry, Value, entries, once};
use super::{Setting, unknown_key};
use crate::diag::Errors;
use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::LitStr;

/// The scale as it was written.
pub(crate) struct Scale {
    /// The key, to point at when one of its own is missing.
    pub(crate) place: TokenStream,
    pub(crate) spec_replicas: Setting<LitStr>,
    pub(crate) status_replicas: Setting<LitStr>,
    pub(crate) label_selector: Setting<LitStr>,
}

const KEYS: [&str; 3] = ["spec_replicas", "status_replicas", "label_selector"];
const EXAMPLE: &str = "scale(spec_replicas = \".spec.replicas\", status_replicas = \".status.replicas\")";

/// Reads the scale. What is wrong inside of it is left out.
pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Scale> {
    let Value::List(tokens) = &entry.value else {
        return entry.refuse("the paths of the replicas", EXAMPLE, errors);
    };
    let mut scale = Scale {
        place: entry.key.to_token_stream(),
        spec_replicas: Setting::Absent,
        status_replicas: Setting::Absent,
        label_selector: Setting::Absent,
    };
    for entry in entries(tokens.clone(), errors) {
        scale.set(&entry, errors);
    }
    Some(scale)
}

impl Scale {
    fn set(&mut self, entry: &Entry, errors: &Errors) {
        match entry.key.to_string().as_str() {
            "spec_replicas" => once(&mut self.spec_replicas, entry, errors, || entry.text(".spec.replicas", errors)),
            "status_replicas" => {
                once(&mut self.status_replicas, entry, errors, || entry.text(".status.replicas", errors));
            }
            "label_selector" => {
                once(&mut self.label_selector, entry, errors, || entry.text(".status.selector", errors));
            }
            _ => match unknown_key(entry, &KEYS, errors) {
                Some("spec_replicas") => self.spec_replicas.refuse(),
                Some("status_replicas") => self.status_replicas.refuse(),
                _ => {}
            },
        }
    }
}
