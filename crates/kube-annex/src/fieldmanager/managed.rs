//! `metadata.managedFields`: who manages what, in which version and since when.

use super::fields;
use super::set::Set;
use crate::encode;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::HashMap;

/// What tells an entry from all others.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Identity<'a> {
    pub(super) manager: Cow<'a, str>,
    /// Whether the manager applies; an applier has one entry whatever version it applies in.
    pub(super) applies: bool,
    /// The version of an updater; empty for an applier.
    pub(super) api_version: Cow<'a, str>,
    pub(super) subresource: Cow<'a, str>,
}

/// What one manager manages.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) identity: Identity<'a>,
    /// The version in which the set is meant.
    pub(super) api_version: Cow<'a, str>,
    pub(super) set: Set<'a>,
    pub(super) time: Option<Timestamp>,
    /// Where the set can be found as it was read, as long as it did not change.
    pub(super) origin: Option<usize>,
}

/// Everybody who manages fields of an object.
#[derive(Clone, Debug, Default)]
pub(super) struct Managed<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

impl<'a> Identity<'a> {
    pub(super) fn applier(manager: &'a str, subresource: &'a str) -> Self {
        Self {
            manager: Cow::Borrowed(manager),
            applies: true,
            api_version: Cow::Borrowed(""),
            subresource: Cow::Borrowed(subresource),
        }
    }

    pub(super) fn updater(manager: &'a str, api_version: &'a str, subresource: &'a str) -> Self {
        Self {
            manager: Cow::Borrowed(manager),
            applies: false,
            api_version: Cow::Borrowed(api_version),
            subresource: Cow::Borrowed(subresource),
        }
    }

    /// The text by which upstream sorts managers.
    pub(super) fn sort_key(&self) -> String {
        let mut key = b"{".to_vec();
        let operation = if self.applies { APPLY } else { UPDATE };
        let fields = [
            ("manager", self.manager.as_ref()),
            ("operation", operation),
            ("apiVersion", self.api_version.as_ref()),
            ("subresource", self.subresource.as_ref()),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            if key.len() > 1 {
                key.push(b',');
            }
            key.extend_from_slice(format!("\"{name}\":").as_bytes());
            let written = crate::encode::write_json(value, &mut key);
            debug_assert!(written.is_ok(), "text is always written");
        }
        key.push(b'}');
        String::from_utf8(key).unwrap_or_default()
    }
}

impl<'a> Managed<'a> {
    /// Reads `managedFields`; what is not a list has no entries. A later entry replaces an earlier one of the same
    /// identity.
    ///
    /// * Errors: why an entry cannot be read, in upstream's words.
    pub(super) fn read(entries: Option<&'a Value>) -> Result<Self, String> {
        let mut managed = Self::default();
        let mut places: HashMap<Identity<'a>, usize> = HashMap::new();
        for (at, entry) in entries.and_then(Value::as_array).into_iter().flatten().enumerate() {
            let entry = read_entry(entry, at)?;
            let earlier = places.get(&entry.identity).and_then(|&place| managed.entries.get_mut(place));
            if let Some(earlier) = earlier {
                *earlier = entry;
            } else {
                places.insert(entry.identity.clone(), managed.entries.len());
                managed.entries.push(entry);
            }
        }
        Ok(managed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn position(&self, identity: &Identity<'_>) -> Option<usize> {
        self.entries.iter().position(|entry| entry.identity == *identity)
    }

    /// Unites the oldest updaters of a version until there are few enough.
    pub(super) fn cap(&mut self) {
        let mut updaters: Vec<_> =
            self.entries.iter().enumerate().filter(|(_, entry)| !entry.identity.applies).collect();
        let mut count = updaters.len();
        if count <= MAX_UPDATERS {
            return;
        }
        updaters.sort_by_cached_key(|(_, entry)| (entry.seconds(), entry.identity.sort_key()));
        let order: Vec<usize> = updaters.into_iter().map(|(at, _)| at).collect();
        let mut gone = vec![false; self.entries.len()];
        // The first updater of each version, then the entry that takes the rest up.
        let mut buckets: HashMap<Cow<'a, str>, usize> = HashMap::new();
        for at in order {
            if count <= MAX_UPDATERS {
                break;
            }
            let Some(entry) = self.entries.get_mut(at) else { continue };
            let version = entry.api_version.clone();
            let Some(&first) = buckets.get(&version) else {
                buckets.insert(version, at);
                continue;
            };
            let (set, time) = (std::mem::take(&mut entry.set), entry.time);
            if let Some(gone) = gone.get_mut(at) {
                *gone = true;
            }
            let identity = Identity {
                manager: Cow::Borrowed(ANCIENT),
                applies: false,
                api_version: version.clone(),
                subresource: Cow::Borrowed(""),
            };
            // There may be a bucket of an earlier write, which then is not the oldest.
            let bucket = self
                .entries
                .iter()
                .enumerate()
                .position(|(at, entry)| entry.identity == identity && gone.get(at) != Some(&true))
                .unwrap_or(first);
            if let Some(entry) = self.entries.get_mut(bucket) {
                entry.identity = identity;
                entry.set.unite(set);
                entry.time = time;
                entry.origin = None;
            }
            count -= 1;
        }
        let mut gone = gone.into_iter();
        self.entries.retain(|_| gone.next() != Some(true));
    }

    /// Writes `managedFields`; `None` when nobody manages anything. `original` is what was read: sets that did not
    /// change are taken from there.
    pub(super) fn write(mut self) -> Option<Written<'a>> {
        if self.entries.is_empty() {
            return None;
        }
        self.entries.sort_by(|a, b| a.order().cmp(&b.order()));
        Some(Written(self.entries))
    }
}

/// Entries in the order in which they are written.
pub(super) struct Written<'a>(Vec<Entry<'a>>);

impl Written<'_> {
    /// The sets that changed, as JSON; and what else the entries say.
    pub(super) fn detach(self) -> Vec<Detached> {
        self.0
            .into_iter()
            .map(|entry| Detached {
                fields: match entry.origin {
                    Some(at) => Err(at),
                    None => Ok(fields::write(&entry.set)),
                },
                manager: entry.identity.manager.into_owned(),
                operation: if entry.identity.applies { APPLY } else { UPDATE },
                api_version: entry.api_version.into_owned(),
                subresource: entry.identity.subresource.into_owned(),
                time: entry.time,
            })
            .collect()
    }
}

/// An entry that borrows nothing.
pub(super) struct Detached {
    /// The set, or which original entry has it.
    fields: Result<Value, usize>,
    manager: String,
    operation: &'static str,
    api_version: String,
    subresource: String,
    time: Option<Timestamp>,
}

/// The entries as JSON. `original` gives the set of an original entry.
pub(super) fn assemble(entries: Vec<Detached>, mut original: impl FnMut(usize) -> Option<Value>) -> Value {
    let entries = entries.into_iter().map(|entry| {
        let fields = match entry.fields {
            Ok(fields) => fields,
            Err(at) => original(at).unwrap_or_else(|| Value::Object(Map::new())),
        };
        let mut json = Map::new();
        let mut text = |name: &str, value: String| {
            if !value.is_empty() {
                json.insert(name.to_owned(), Value::String(value));
            }
        };
        text("manager", entry.manager);
        text("operation", entry.operation.to_owned());
        text("apiVersion", entry.api_version);
        text("subresource", entry.subresource);
        text("fieldsType", FIELDS_V1.to_owned());
        if let Some(time) = entry.time {
            text("time", encode::time(time));
        }
        json.insert("fieldsV1".to_owned(), fields);
        Value::Object(json)
    });
    Value::Array(entries.collect())
}

impl Entry<'_> {
    fn seconds(&self) -> i64 {
        self.time.map_or(0, Timestamp::as_second)
    }

    fn order(&self) -> (Reverse<bool>, i64, &str, &str, &str) {
        let Identity { manager, applies, subresource, .. } = &self.identity;
        (Reverse(*applies), self.seconds(), manager, &self.api_version, subresource)
    }
}

fn read_entry(entry: &Value, at: usize) -> Result<Entry<'_>, String> {
    let text = |name| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let applies = match text("operation") {
        APPLY => true,
        UPDATE => false,
        _ => return Err("operation must be `Apply` or `Update`".to_owned()),
    };
    let api_version = text("apiVersion");
    if api_version.is_empty() {
        return Err("apiVersion must not be empty".to_owned());
    }
    match text("fieldsType") {
        FIELDS_V1 => {}
        "" => return Err(format!("missing fieldsType in managed fields entry {at}")),
        other => {
            return Err(format!("invalid fieldsType {} in managed fields entry {at}", crate::field::quote(other)));
        }
    }
    let (manager, subresource) = (text("manager"), text("subresource"));
    let identity = if applies {
        Identity::applier(manager, subresource)
    } else {
        Identity::updater(manager, api_version, subresource)
    };
    let parsed = match entry.get("fieldsV1") {
        None | Some(Value::Null) => fields::Parsed { set: Set::default(), canonical: false },
        Some(fields) => fields::parse(fields).map_err(|what| format!("error decoding set: {what}"))?,
    };
    Ok(Entry {
        identity,
        api_version: Cow::Borrowed(api_version),
        set: parsed.set,
        time: entry.get("time").and_then(Value::as_str).and_then(|time| time.parse().ok()),
        origin: parsed.canonical.then_some(at),
    })
}

/// Whether a client asks to forget who manages what: no entries, or one that says nothing.
pub(super) fn is_reset(entries: &Value) -> bool {
    match entries.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(only)]) => {
            only.values().all(|value| value.is_null() || value.as_str().is_some_and(str::is_empty))
        }
        _ => false,
    }
}

/// Checks `managedFields` that somebody else wrote, such as admission.
///
/// * Errors: why they cannot be read, in upstream's words.
pub fn validate_managed_fields(entries: &Value) -> Result<(), String> {
    Managed::read(Some(entries)).map(drop)
}

const APPLY: &str = "Apply";
const UPDATE: &str = "Update";
const FIELDS_V1: &str = "FieldsV1";
const ANCIENT: &str = "ancient-changes";

/// The most updaters that are told apart.
const MAX_UPDATERS: usize = 10;
