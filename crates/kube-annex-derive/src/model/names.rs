//! What a resource is called: group, version, kind and the words of its path.

use super::Scope;
use crate::attr::{Attrs, Setting};
use crate::diag::{Errors, list};
use kube_annex_names::{dns, kind, version};
use syn::LitStr;
use syn::ext::IdentExt;

/// The names of one resource.
#[allow(clippy::struct_field_names, reason = "the fields are named as their keys")]
pub(crate) struct Names {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short_names: Vec<String>,
    pub(crate) categories: Vec<String>,
}

/// Judges every name. `None` leaves at least one error.
pub(super) fn check(attrs: &Attrs<'_>, scope: Option<Scope>, errors: &Errors) -> Option<Names> {
    let group = group(attrs, errors);
    let version = version(attrs, errors);
    let kind = kind(attrs, errors);
    let guess = |of: fn(&str) -> String| kind.as_deref().map(of);
    let plural = word("plural", &attrs.plural, guess(kind::plural), errors);
    let singular = word("singular", &attrs.singular, guess(kind::singular), errors);
    if scope == Some(Scope::Namespaced) {
        reserved(attrs, plural.as_deref(), errors);
    }
    let taken = [("plural", plural.as_deref()), ("singular", singular.as_deref())];
    let short_names = words("short name", &attrs.short_names, &taken, errors);
    let categories = words("category", &attrs.categories, &[], errors);
    Some(Names {
        group: group?,
        version: version?,
        kind: kind?,
        plural: plural?,
        singular: singular?,
        short_names,
        categories,
    })
}

fn group(attrs: &Attrs<'_>, errors: &Errors) -> Option<String> {
    let literal = required(attrs, "group", &attrs.group, "sample.example.com", errors)?;
    let group = literal.value();
    let answer = "write a domain you own, such as `sample.example.com`";
    if !dns::is_subdomain(&group) {
        errors.at(literal, format!("group `{group}` is not a DNS subdomain; {answer}"));
    } else if group.len() > dns::SUBDOMAIN_MAX {
        errors.at(literal, format!("group `{group}` has more than {} bytes; {answer}", dns::SUBDOMAIN_MAX));
    } else if !group.contains('.') {
        errors
            .at(literal, format!("group `{group}` has no dot, and such groups belong to Kubernetes itself; {answer}"));
    } else {
        return Some(group);
    }
    None
}

fn version(attrs: &Attrs<'_>, errors: &Errors) -> Option<String> {
    let literal = required(attrs, "version", &attrs.version, "v1", errors)?;
    let version = literal.value();
    if version::is_declarable(&version) {
        return Some(version);
    }
    errors.at(
        literal,
        format!("version `{version}` is not an API version; write one such as `v1`, `v1beta1` or `v1alpha1`"),
    );
    None
}

fn required<'a>(
    attrs: &Attrs<'_>,
    key: &str,
    setting: &'a Setting<LitStr>,
    example: &str,
    errors: &Errors,
) -> Option<&'a LitStr> {
    if let Setting::Absent = setting {
        errors.at(&attrs.place, format!("the {key} is missing; add `{key} = \"{example}\"`"));
    }
    setting.given()
}

/// The kind that was written, or the struct's name.
fn kind(attrs: &Attrs<'_>, errors: &Errors) -> Option<String> {
    let name = &attrs.input.ident;
    match &attrs.kind {
        Setting::Refused => None,
        Setting::Given(literal) => {
            let kind = literal.value();
            if kind::is_kind(&kind) {
                return Some(kind);
            }
            errors.at(
                literal,
                format!(
                    "kind `{kind}` is not a CamelCase word of at most 63 letters and digits; write one such as `{}`",
                    camel_case(&kind)
                ),
            );
            None
        }
        Setting::Absent => {
            let kind = name.unraw().to_string();
            if kind::is_kind(&kind) {
                return Some(kind);
            }
            errors.at(name, format!("the struct's name is its kind, and `{kind}` is not a CamelCase word of at most 63 letters and digits; add `kind = \"{}\"`, or rename the struct", camel_case(&kind)));
            None
        }
    }
}

/// The word that was written, or the guess.
fn word(key: &str, setting: &Setting<LitStr>, guess: Option<String>, errors: &Errors) -> Option<String> {
    match setting {
        Setting::Refused => None,
        Setting::Absent => guess,
        Setting::Given(literal) => {
            let word = literal.value();
            label(key, &word, literal, errors).then_some(word)
        }
    }
}

/// Every word of a list, none twice and none of those that are taken.
fn words(what: &str, setting: &Setting<Vec<LitStr>>, taken: &[(&str, Option<&str>)], errors: &Errors) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for literal in setting.given().into_iter().flatten() {
        let word = literal.value();
        if words.contains(&word) {
            errors.at(literal, format!("{what} `{word}` is given twice; keep one of them"));
        } else if let Some((key, _)) = taken.iter().find(|(_, name)| *name == Some(word.as_str())) {
            errors.at(literal, format!("{what} `{word}` is the {key} already; leave it out"));
        } else {
            label(what, &word, literal, errors);
        }
        words.push(word);
    }
    words
}

fn label(what: &str, word: &str, place: &LitStr, errors: &Errors) -> bool {
    let legal = dns::label_1035(word).is_empty();
    if !legal {
        let lower: String = word.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        let answer = if dns::label_1035(&lower).is_empty() { lower } else { "gizmos".to_owned() };
        errors.at(place, format!("{what} `{word}` is not a DNS label of lower-case letters, digits and inner dashes that begins with a letter; write one such as `{answer}`"));
    }
    legal
}

/// Below `namespaces/<name>/` these words are subresources of the namespace, so nothing else can be reached there.
const RESERVED: [&str; 2] = ["finalize", "status"];

fn reserved(attrs: &Attrs<'_>, plural: Option<&str>, errors: &Errors) {
    let Some(plural) = plural.filter(|plural| RESERVED.contains(plural)) else { return };
    let message = format!(
        "a namespaced resource cannot be called {}: that path belongs to the namespace; give another `plural`, or `scope = Cluster`",
        list([plural])
    );
    match attrs.plural.given() {
        Some(literal) => errors.at(literal, message),
        None => errors.at(&attrs.input.ident, message),
    }
}

/// A legal kind that is close to what was written.
fn camel_case(written: &str) -> String {
    let mut camel = String::new();
    for part in written.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        let (first, rest) = part.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    if kind::is_kind(&camel) { camel } else { "Gizmo".to_owned() }
}
