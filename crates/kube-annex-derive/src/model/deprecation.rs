//! The warning that clients of a deprecated version get.

use crate::attr::{Deprecated, Releases, Setting};
use crate::diag::Errors;
use kube_annex_names::{dns, kind, version};
use syn::LitStr;

/// Why clients are warned. What was not told is empty.
#[derive(Default)]
pub(crate) struct Deprecation {
    pub(crate) since: String,
    pub(crate) removed: String,
    pub(crate) replacement: String,
    pub(crate) warning: String,
}

/// The longest warning, in bytes: that of custom resources.
const WARNING_MAX: usize = 256;

/// Judges the deprecation. What is wrong leaves an error.
pub(super) fn check(written: Option<&Deprecated>, errors: &Errors) -> Option<Deprecation> {
    match written? {
        Deprecated::No => None,
        Deprecated::Yes => Some(Deprecation::default()),
        Deprecated::Warning(text) => Some(Deprecation { warning: warning(text, errors), ..Deprecation::default() }),
        Deprecated::Releases(releases) => Some(of(releases, errors)),
    }
}

fn of(releases: &Releases, errors: &Errors) -> Deprecation {
    Deprecation {
        since: release(&releases.since, errors),
        removed: release(&releases.removed, errors),
        replacement: replacement(&releases.replacement, errors),
        warning: String::new(),
    }
}

fn warning(literal: &LitStr, errors: &Errors) -> String {
    let text = literal.value();
    if text.trim().is_empty() {
        errors.at(literal, "the warning is empty; write what to use instead, or just `deprecated`");
    } else if text.len() > WARNING_MAX || text.chars().any(char::is_control) {
        errors.at(literal, format!("a warning is one line of at most {WARNING_MAX} bytes"));
    }
    text
}

fn release(setting: &Setting<LitStr>, errors: &Errors) -> String {
    let Some(literal) = setting.given() else { return String::new() };
    let text = literal.value();
    let number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor)) {
        errors.at(literal, format!("`{text}` is not a release; write one such as `1.3`"));
    }
    text
}

fn replacement(setting: &Setting<LitStr>, errors: &Errors) -> String {
    let Some(literal) = setting.given() else { return String::new() };
    let text = literal.value();
    if !is_version_and_kind(&text) {
        errors.at(
            literal,
            format!("`{text}` is not a group, version and kind; write one such as `sample.example.com/v1 Gizmo`"),
        );
    }
    text
}

fn is_version_and_kind(text: &str) -> bool {
    let Some((api_version, kind)) = text.split_once(' ') else { return false };
    let legal_version = match api_version.split_once('/') {
        Some((group, version)) => dns::is_subdomain(group) && version::Version::parse(version).is_some(),
        None => version::Version::parse(api_version).is_some(),
    };
    legal_version && kind::is_kind(kind)
}
