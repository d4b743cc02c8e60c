//! What was written: the attribute's settings and the struct around them, with their spans. Nothing is judged here but
//! the spelling: that keys are known and given once, and that values are of the right sort.

mod columns;
mod deprecated;
mod field;
mod read;
mod scale;

pub(crate) use columns::Column;
pub(crate) use deprecated::{Deprecated, Releases};
pub(crate) use field::{FieldAttrs, List, Number, is_ours as is_field, parse as field};
pub(crate) use scale::Scale;

use crate::diag::{Errors, list, nearest};
use proc_macro2::TokenStream;
use quote::ToTokens;
use read::{Entry, entries, once};
use syn::{Attribute, DeriveInput, Expr, ExprLit, Ident, Lit, LitBool, LitStr, Meta, Path, Type};

/// The settings of one resource as they were written.
pub(crate) struct Attrs<'a> {
    /// The struct.
    pub(crate) input: &'a DeriveInput,
    /// Where to point when a key is missing: the attribute, or the struct's name when there is none.
    pub(crate) place: TokenStream,
    /// The first paragraph of the struct's documentation.
    pub(crate) description: String,
    pub(crate) group: Setting<LitStr>,
    pub(crate) version: Setting<LitStr>,
    pub(crate) kind: Setting<LitStr>,
    pub(crate) plural: Setting<LitStr>,
    pub(crate) singular: Setting<LitStr>,
    pub(crate) short_names: Setting<Vec<LitStr>>,
    pub(crate) categories: Setting<Vec<LitStr>>,
    pub(crate) scope: Setting<Path>,
    pub(crate) verbs: Setting<Vec<Ident>>,
    pub(crate) status: Setting<LitBool>,
    pub(crate) scale: Setting<Scale>,
    pub(crate) selectable_fields: Setting<Vec<LitStr>>,
    pub(crate) columns: Setting<Vec<Column>>,
    pub(crate) strategy: Setting<Type>,
    pub(crate) deprecated: Setting<Deprecated>,
    pub(crate) krate: Setting<Path>,
}

/// A key's value.
#[derive(Default)]
pub(crate) enum Setting<T> {
    /// The key was not written.
    #[default]
    Absent,
    /// The key was written, and its value refused.
    Refused,
    /// The value.
    Given(T),
}

impl<T> Setting<T> {
    /// The value, when there is one.
    pub(crate) fn given(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Refused => None,
        }
    }

    /// Keeps a key that was not written from being reported as missing.
    fn refuse(&mut self) {
        if let Self::Absent = self {
            *self = Self::Refused;
        }
    }
}

/// Every key, in the order in which it is best written.
const KEYS: [&str; 16] = [
    "group",
    "version",
    "kind",
    "plural",
    "singular",
    "short_names",
    "categories",
    "scope",
    "verbs",
    "status",
    "scale",
    "selectable_fields",
    "columns",
    "strategy",
    "deprecated",
    "crate",
];

/// Reads the attributes of a struct.
pub(crate) fn parse<'a>(input: &'a DeriveInput, errors: &Errors) -> Attrs<'a> {
    let mut attrs = Attrs::of(input);
    let mut found = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("aggregated_resource")) {
        if !found {
            attrs.place = attribute.path().to_token_stream();
        }
        found = true;
        match &attribute.meta {
            Meta::List(list) => {
                for entry in entries(list.tokens.clone(), errors) {
                    attrs.set(&entry, errors);
                }
            }
            other => {
                errors.at(other, "the settings go in parentheses: `#[aggregated_resource(group = \"sample.example.com\", version = \"v1\")]`");
                attrs.refuse_required();
            }
        }
    }
    if !found {
        let name = &input.ident;
        errors.at(name, format!("`{name}` does not say what it is served as; write `#[aggregated_resource(group = \"sample.example.com\", version = \"v1\")]` above it, with a domain you own"));
        attrs.refuse_required();
    }
    attrs
}

impl<'a> Attrs<'a> {
    fn of(input: &'a DeriveInput) -> Self {
        Self {
            input,
            place: input.ident.to_token_stream(),
            description: first_paragraph(&input.attrs),
            group: Setting::Absent,
            version: Setting::Absent,
            kind: Setting::Absent,
            plural: Setting::Absent,
            singular: Setting::Absent,
            short_names: Setting::Absent,
            categories: Setting::Absent,
            scope: Setting::Absent,
            verbs: Setting::Absent,
            status: Setting::Absent,
            scale: Setting::Absent,
            selectable_fields: Setting::Absent,
            columns: Setting::Absent,
            strategy: Setting::Absent,
            deprecated: Setting::Absent,
            krate: Setting::Absent,
        }
    }

    /// Keeps a missing attribute from being reported again as missing keys.
    fn refuse_required(&mut self) {
        self.group.refuse();
        self.version.refuse();
    }

    fn set(&mut self, entry: &Entry, errors: &Errors) {
        match entry.key.to_string().as_str() {
            "group" => once(&mut self.group, entry, errors, || entry.text("sample.example.com", errors)),
            "version" => once(&mut self.version, entry, errors, || entry.text("v1", errors)),
            "kind" => once(&mut self.kind, entry, errors, || entry.text("Gizmo", errors)),
            "plural" => once(&mut self.plural, entry, errors, || entry.text("gizmos", errors)),
            "singular" => once(&mut self.singular, entry, errors, || entry.text("gizmo", errors)),
            "short_names" => once(&mut self.short_names, entry, errors, || entry.texts("gz", errors)),
            "categories" => once(&mut self.categories, entry, errors, || entry.texts("all", errors)),
            "scope" => once(&mut self.scope, entry, errors, || entry.path("a word", "Cluster", errors)),
            "verbs" => once(&mut self.verbs, entry, errors, || entry.words("get, list, watch", errors)),
            "status" => once(&mut self.status, entry, errors, || entry.flag(errors)),
            "scale" => once(&mut self.scale, entry, errors, || scale::parse(entry, errors)),
            "selectable_fields" => {
                once(&mut self.selectable_fields, entry, errors, || entry.texts(".spec.color", errors));
            }
            "columns" => once(&mut self.columns, entry, errors, || columns::parse(entry, errors)),
            "strategy" => once(&mut self.strategy, entry, errors, || entry.r#type("GizmoRules", errors)),
            "deprecated" => once(&mut self.deprecated, entry, errors, || deprecated::parse(entry, errors)),
            "crate" => once(&mut self.krate, entry, errors, || entry.path("a path", "my_platform::kube_annex", errors)),
            _ => match unknown_key(entry, &KEYS, errors) {
                // It was probably meant, so it is not missing as well.
                Some("group") => self.group.refuse(),
                Some("version") => self.version.refuse(),
                _ => {}
            },
        }
    }
}

/// Reads what stands in the parentheses of `#[aggregated_type(map = atomic)]`.
pub(crate) fn type_map(arguments: TokenStream, errors: &Errors) -> Setting<Ident> {
    let mut map = Setting::Absent;
    for entry in entries(arguments, errors) {
        match entry.key.to_string().as_str() {
            "map" => once(&mut map, &entry, errors, || entry.word("atomic", errors)),
            _ => drop(unknown_key(&entry, &["map"], errors)),
        }
    }
    map
}

/// Reports a key that does not exist; answers the one that was probably meant.
fn unknown_key(entry: &Entry, known: &[&'static str], errors: &Errors) -> Option<&'static str> {
    let written = entry.key.to_string();
    let elsewhere = ELSEWHERE.iter().find(|(word, key)| *word == written && known.contains(key)).map(|(_, key)| *key);
    let near = elsewhere.or_else(|| nearest(&written, known.iter().copied()));
    let answer = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys are {}", list(known.iter().copied())),
    };
    errors.at(&entry.key, format!("there is no key `{written}`; {answer}"));
    near
}

/// What keys are called in custom resource definitions and in other derives.
const ELSEWHERE: [(&str, &str); 10] = [
    ("embedded_resource", "embedded"),
    ("granularity", "map"),
    ("jsonPath", "path"),
    ("json_path", "path"),
    ("labelSelectorPath", "label_selector"),
    ("namespaced", "scope"),
    ("printcolumn", "columns"),
    ("selectable", "selectable_fields"),
    ("specReplicasPath", "spec_replicas"),
    ("statusReplicasPath", "status_replicas"),
];

/// The first paragraph of a documentation comment, as one line.
fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(doc_text).collect();
    let text = lines.join("\n");
    let paragraph = text.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ")
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if pair.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}
