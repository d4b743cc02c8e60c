//! Findings in the order of the document, in which upstream comes upon them.

use super::{MAX_FINDINGS, MediaType};
use crate::field::quote;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Puts the findings of a body in order. The body is walked once more, and only where a finding is.
///
/// * Shape: JSON's duplicate and unknown fields are told where they stand, at most [`MAX_FINDINGS`]; below an unknown
///   field nothing is told. YAML's duplicates come first, then unknown fields by name: upstream sorts the keys as it
///   turns YAML into JSON. Findings that are not in the body come last.
pub fn in_document_order(body: &[u8], media: MediaType, mut findings: Vec<String>) -> Vec<String> {
    if media == MediaType::Json && findings.len() > 1 {
        findings = ordered(body, findings);
    }
    findings.truncate(MAX_FINDINGS);
    findings
}

/// Puts findings in the order in which upstream tells those of a type that declares its fields: what is written twice as
/// it was found, then unknown fields by their paths, those of metadata first and those of embedded metadata last.
pub fn in_declared_order(findings: Vec<String>) -> Vec<String> {
    let (mut unknown, mut told): (Vec<String>, Vec<String>) =
        findings.into_iter().partition(|finding| finding.starts_with(UNKNOWN));
    unknown.sort_by_cached_key(|finding| {
        let path = finding.trim_start_matches(UNKNOWN);
        let pass = match path {
            path if path.starts_with("metadata.") => 0,
            path if path.contains(".metadata.") => 2,
            _ => 1,
        };
        (pass, path.to_owned())
    });
    told.append(&mut unknown);
    told.truncate(MAX_FINDINGS);
    told
}

fn ordered(body: &[u8], findings: Vec<String>) -> Vec<String> {
    let mut order = Order { awaited: findings.into_iter().map(Awaited::from).collect(), told: Vec::new() };
    let open: Vec<Open> = (0..order.awaited.len()).map(|finding| Open { finding, matched: 0 }).collect();
    let walk = Walk { order: &mut order, open, root: true };
    // What was read before is read again, so an error has no news; what it kept from being found comes last.
    let _ = walk.deserialize(&mut serde_json::Deserializer::from_slice(body));
    order.finish()
}

/// The findings while the body is walked.
struct Order {
    awaited: Vec<Awaited>,
    told: Vec<String>,
}

struct Awaited {
    text: String,
    /// The path as quoted, without the quotes; empty when this is about no field.
    path: String,
    duplicate: bool,
    found: bool,
}

impl From<String> for Awaited {
    fn from(text: String) -> Self {
        let duplicate = text.starts_with(DUPLICATE);
        let path = text.strip_prefix(DUPLICATE).or_else(|| text.strip_prefix(UNKNOWN));
        let path = path.and_then(|path| path.strip_suffix('"')).unwrap_or_default().to_owned();
        Self { text, path, duplicate, found: false }
    }
}

const DUPLICATE: &str = "duplicate field \"";
const UNKNOWN: &str = "unknown field \"";

impl Order {
    fn tell(&mut self, finding: usize) {
        let Some(awaited) = self.awaited.get_mut(finding).filter(|awaited| !awaited.found) else { return };
        awaited.found = true;
        self.told.push(awaited.text.clone());
    }

    /// Duplicates that were not met are of unknown fields or below them.
    fn finish(self) -> Vec<String> {
        let rest = self.awaited.into_iter().filter(|awaited| !awaited.found && !awaited.duplicate);
        self.told.into_iter().chain(rest.map(|awaited| awaited.text)).collect()
    }
}

/// A finding that is here or below: so many bytes of its path lead here.
#[derive(Clone, Copy)]
struct Open {
    finding: usize,
    matched: usize,
}

/// The walk carries only findings that are at or below where it is, and passes over values that have none. Its depth is
/// bounded by serde.
struct Walk<'o> {
    order: &'o mut Order,
    open: Vec<Open>,
    root: bool,
}

impl Walk<'_> {
    /// The findings at or below a step of the path.
    fn step(&self, step: &str, dotted: bool) -> Vec<Open> {
        let dot = if dotted && !self.root { "." } else { "" };
        let matching = |open: &Open| {
            let rest = self.order.awaited.get(open.finding)?.path.get(open.matched..)?;
            let rest = rest.strip_prefix(dot)?.strip_prefix(step)?;
            let matched = open.matched + dot.len() + step.len();
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(Open { matched, ..*open })
        };
        self.open.iter().filter_map(matching).collect()
    }

    fn is_here(&self, open: Open) -> bool {
        self.order.awaited.get(open.finding).is_some_and(|awaited| awaited.path.len() == open.matched)
    }

    fn is_duplicate(&self, open: Open) -> bool {
        self.order.awaited.get(open.finding).is_some_and(|awaited| awaited.duplicate)
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let open = self.step(&format!("[{index}]"), false);
            let more = if open.is_empty() {
                items.next_element::<IgnoredAny>()?.is_some()
            } else {
                items.next_element_seed(Walk { order: &mut *self.order, open, root: false })?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut met = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let quoted = quote(&key);
            let open = self.step(within_quotes(&quoted), true);
            let (here, below): (Vec<Open>, Vec<Open>) = open.into_iter().partition(|open| self.is_here(*open));
            let unknown = here.iter().find(|open| !self.is_duplicate(**open));
            match (unknown, here.first()) {
                (Some(unknown), _) => self.order.tell(unknown.finding),
                (None, Some(duplicate)) if met.contains(&duplicate.finding) => self.order.tell(duplicate.finding),
                (None, Some(duplicate)) => met.push(duplicate.finding),
                (None, None) => {}
            }
            if unknown.is_some() || below.is_empty() {
                entries.next_value::<IgnoredAny>()?;
            } else {
                entries.next_value_seed(Walk { order: &mut *self.order, open: below, root: false })?;
            }
        }
        Ok(())
    }
}

fn within_quotes(quoted: &str) -> &str {
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default()
}
