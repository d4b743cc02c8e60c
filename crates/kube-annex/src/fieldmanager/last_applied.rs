//! Taking over from `kubectl apply` on the client's side, which keeps what it applied in an annotation.

use super::compare::{Comparison, compare};
use super::managed::Managed;
use super::set::Set;
use super::typed::{Duplicates, field_set};
use super::updater::{Applied, Refusal, Session};
use serde_json::{Map, Value};

/// Applies. Where `kubectl` conflicts with nothing but what it applied on its own side before, it gets its way.
pub(super) fn apply<'a>(
    session: &Session<'a>,
    live: &'a Value,
    applied: &'a Value,
    managed: Managed<'a>,
    manager: &'a str,
    force: bool,
) -> Result<Applied<'a>, Refusal<'a>> {
    if manager != KUBECTL || force {
        return session.apply(live, applied, managed, manager, force);
    }
    let refusal = match session.apply(live, applied, managed.clone(), manager, false) {
        Err(Refusal::Conflict(overlaps)) => overlaps,
        other => return other,
    };
    let Some(allowed) = owned_by_annotation(session, live) else { return Err(Refusal::Conflict(refusal)) };
    let mut overlaps = refusal;
    overlaps.retain_mut(|overlap| {
        overlap.set.subtract(&allowed);
        !overlap.set.is_empty()
    });
    if overlaps.is_empty() {
        session.apply(live, applied, managed, manager, true)
    } else {
        Err(Refusal::Conflict(overlaps))
    }
}

/// What the annotation says was applied and is still so; `None` when there is no annotation that says anything.
fn owned_by_annotation<'a>(session: &Session<'a>, live: &'a Value) -> Option<Set<'a>> {
    let annotation = annotations(live)?.get(ANNOTATION)?.as_str()?;
    let last: Value = serde_json::from_str(annotation).ok()?;
    let kind = |object: &'_ Value| object.get("kind").and_then(Value::as_str).map(str::to_owned);
    let api_version = last.get("apiVersion").and_then(Value::as_str);
    if api_version != Some(session.writer.api_version) || kind(&last) != kind(live) {
        return None;
    }
    let live = session.typed(live, "live", Duplicates::Refused).ok()?;
    let last = session.kept.keep(last);
    let last = session.typed(last, "last applied", Duplicates::Refused).ok()?;
    let types = session.types(session.writer.api_version)?;
    let mut owned = field_set(types, last);
    let Comparison { removed, modified, added } = compare(types, last, live).ok()?;
    for differing in [modified, added, removed] {
        owned.subtract(&differing);
    }
    Some(owned)
}

/// Keeps the annotation as `kubectl` would, if there is one.
pub(super) fn keep_annotation(object: &mut Value, mut applied: Value, manager: &str) {
    let has = annotations(object).and_then(|all| all.get(ANNOTATION)).and_then(Value::as_str);
    if manager != KUBECTL || has.is_none_or(str::is_empty) {
        return;
    }
    let all = applied.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(all) = all.and_then(Value::as_object_mut) {
        all.remove(ANNOTATION);
    }
    let mut text = Vec::new();
    if crate::encode::write_json(&applied, &mut text).is_err() {
        return;
    }
    text.push(b'\n');
    let Ok(text) = String::from_utf8(text) else { return };
    let all = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    let Some(all) = all.and_then(Value::as_object_mut) else { return };
    all.insert(ANNOTATION.to_owned(), Value::String(text));
    let size: usize = all.iter().map(|(name, value)| name.len() + value.as_str().map_or(0, str::len)).sum();
    if size > MAX_ANNOTATIONS {
        all.remove(ANNOTATION);
    }
}

fn annotations(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.get("annotations")?.as_object()
}

const KUBECTL: &str = "kubectl";
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The most bytes that all annotations of an object may have, keys and values together.
const MAX_ANNOTATIONS: usize = 256 * 1024;
