//! Who manages what after a write, and what an apply makes of an object.

use super::compare::{Comparison, compare};
use super::conflict::{ConvertError, Overlap};
use super::managed::{Entry, Identity, Managed};
use super::merge::merge;
use super::path::equal;
use super::remove::{Emptied, remove};
use super::set::Set;
use super::topology::{Topologies, Types};
use super::typed::{Duplicates, field_set, validate};
use super::{Versions, Writer};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::OnceCell;

/// Why a write could not be accounted for.
#[derive(Debug)]
pub(super) enum Refusal<'a> {
    /// Somebody else owns what would change.
    Conflict(Vec<Overlap<'a>>),
    /// The objects or schemas do not allow it.
    Failed(String),
}

impl From<String> for Refusal<'_> {
    fn from(what: String) -> Self {
        Self::Failed(what)
    }
}

/// One write, and what it needs to know.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) versions: &'a dyn Versions,
    pub(super) topologies: &'a Topologies,
    pub(super) kept: &'a Kept,
    pub(super) writer: Writer<'a>,
    /// What the endpoint resets.
    pub(super) resets: &'a Set<'a>,
    /// What nobody is ever said to manage.
    pub(super) untracked: &'a Set<'a>,
}

/// Objects that live as long as the write: sets of paths borrow from them.
#[derive(Default)]
pub(super) struct Kept(OnceCell<Box<Link>>);

struct Link {
    value: Value,
    next: Kept,
}

impl Kept {
    pub(super) fn keep(&self, value: Value) -> &Value {
        let mut end = self;
        while let Some(link) = end.0.get() {
            end = &link.next;
        }
        &end.0.get_or_init(|| Box::new(Link { value, next: Self::default() })).value
    }
}

/// What changed, for who manages other fields.
struct Delta<'a> {
    removed: Set<'a>,
    /// What has another value, or has one now.
    changed: Set<'a>,
}

/// What an apply makes.
pub(super) struct Applied<'a> {
    pub(super) managed: Managed<'a>,
    /// The object, without `managedFields`; `None` when it stays as it is.
    pub(super) object: Option<Value>,
}

impl<'a> Session<'a> {
    pub(super) fn types(&self, api_version: &str) -> Option<&'a Types> {
        self.topologies.get(self.versions, api_version)
    }

    fn own_types(&self) -> Result<&'a Types, String> {
        self.types(self.writer.api_version)
            .ok_or_else(|| ConvertError::NotServed { api_version: self.writer.api_version.to_owned() }.to_string())
    }

    pub(super) fn convert(&self, object: &'a Value, api_version: &str) -> Result<&'a Value, ConvertError> {
        match object.get("apiVersion").and_then(Value::as_str) {
            None | Some("") => Ok(object),
            Some(version) if version == api_version => Ok(object),
            Some(_) => self.versions.convert(object, api_version).map(|object| self.kept.keep(object)),
        }
    }

    /// An object in the writer's version, checked.
    pub(super) fn versioned(&self, object: &'a Value, what: &str, duplicates: Duplicates) -> Result<&'a Value, String> {
        let converted = self.convert(object, self.writer.api_version).map_err(|error| {
            format!("failed to convert {what} object ({}) to proper version: {error}", describe(object))
        })?;
        self.typed(converted, what, duplicates)
    }

    /// An object of the writer's version, checked.
    pub(super) fn typed(&self, object: &'a Value, what: &str, duplicates: Duplicates) -> Result<&'a Value, String> {
        match validate(self.own_types()?, object, duplicates) {
            Ok(()) => Ok(object),
            Err(misfits) => Err(format!("failed to create typed {what} object ({}): {misfits}", describe(object))),
        }
    }

    /// The live object in the writer's version, checked; what a creation starts from when there is none.
    pub(super) fn live(&self, live: Option<&'a Value>) -> Result<&'a Value, String> {
        match live {
            Some(live) => self.versioned(live, "live", Duplicates::Allowed),
            None => Ok(self.kept.keep(self.versions.empty(self.writer.api_version))),
        }
    }

    /// The managed fields of an object that had none until now.
    pub(super) fn track(&self, live: &'a Value) -> Result<Managed<'a>, String> {
        let empty = self.live(None)?;
        match self.update(empty, live, Managed::default(), BEFORE_FIRST_APPLY) {
            Ok(managed) => Ok(managed),
            Err(Refusal::Failed(what)) => Err(what),
            Err(Refusal::Conflict(_)) => Ok(Managed::default()),
        }
    }

    /// The managed fields after an object was written as it is. `live` and `new` are valid and of the writer's version.
    pub(super) fn update(
        &self,
        live: &'a Value,
        new: &'a Value,
        mut managed: Managed<'a>,
        manager: &'a str,
    ) -> Result<Managed<'a>, Refusal<'a>> {
        self.reconcile(&mut managed);
        let delta = self.account(live, new, &mut managed, None, true)?;
        let mut set = delta.changed;
        set.subtract_below(self.resets);
        set.subtract(self.untracked);
        if !set.is_empty() {
            let identity = Identity::updater(manager, self.writer.api_version, self.writer.subresource);
            let time = Some(self.writer.now);
            let known = managed.position(&identity).and_then(|at| managed.entries.get_mut(at));
            if let Some(entry) = known {
                entry.set.unite(set);
                entry.time = time;
                entry.origin = None;
            } else {
                let api_version = Cow::Borrowed(self.writer.api_version);
                managed.entries.push(Entry { identity, api_version, set, time, origin: None });
            }
        }
        managed.cap();
        Ok(managed)
    }

    /// What an apply makes of the live object. Both are valid and of the writer's version.
    pub(super) fn apply(
        &self,
        live: &'a Value,
        applied: &'a Value,
        mut managed: Managed<'a>,
        manager: &'a str,
        force: bool,
    ) -> Result<Applied<'a>, Refusal<'a>> {
        self.reconcile(&mut managed);
        let types = self.own_types()?;
        let merged = self.kept.keep(merge(types, live, applied));
        let mut set = field_set(types, applied);
        set.subtract_below(self.resets);
        let identity = Identity::applier(manager, self.writer.subresource);
        let api_version = Cow::Borrowed(self.writer.api_version);
        let known = managed.position(&identity);
        let at = known.unwrap_or(managed.entries.len());
        let time = known.and_then(|at| managed.entries.get(at)).and_then(|last| last.time);
        managed.entries.push(Entry { identity, api_version, set, time, origin: None });
        let last = known.map(|at| managed.entries.swap_remove(at));
        let pruned = self
            .prune(merged, &managed, at, last.as_ref())
            .map_err(|what| format!("failed to prune fields: {what}"))?;
        self.account(live, pruned.object, &mut managed, Some(at), force)?;
        let changed = !same_but_managed_fields(live, pruned.object);
        let own = Identity::applier(manager, self.writer.subresource);
        if let Some(entry) = managed.position(&own).and_then(|at| managed.entries.get_mut(at)) {
            if changed {
                entry.time = Some(self.writer.now);
            }
            entry.set.subtract(self.untracked);
            let unchanged = |last: &Entry<'_>| last.api_version == entry.api_version && last.set == entry.set;
            entry.origin = last.filter(unchanged).and_then(|last| last.origin);
        }
        managed.entries.retain(|entry| !entry.set.is_empty());
        let object = changed.then(|| pruned.clean.unwrap_or_else(|| pruned.object.clone()));
        Ok(Applied { managed, object })
    }

    /// Brings sets up to date with the schemas; forgets those of versions that are not served.
    fn reconcile(&self, managed: &mut Managed<'a>) {
        managed.entries.retain_mut(|entry| {
            let Some(types) = self.types(&entry.api_version) else { return false };
            if entry.set.reconcile(types, types.root()) {
                entry.origin = None;
            }
            true
        });
    }

    /// Takes what changed from everybody but the writer, whose entry is `own`.
    fn account(
        &self,
        old: &'a Value,
        new: &'a Value,
        managed: &mut Managed<'a>,
        own: Option<usize>,
        force: bool,
    ) -> Result<Delta<'a>, Refusal<'a>> {
        let own_version = self.writer.api_version;
        let own_delta = self.delta(old, new, self.own_types()?)?;
        let mut others: Vec<(Cow<'a, str>, Option<Delta<'a>>)> = Vec::new();
        for version in managed.entries.iter().map(|entry| &entry.api_version) {
            if *version != own_version && !others.iter().any(|(known, _)| known == version) {
                others.push((version.clone(), self.delta_in(old, new, version)?));
            }
        }
        let delta_of = |version: &str| {
            if version == own_version {
                return Some(&own_delta);
            }
            others.iter().find(|(known, _)| known == version).and_then(|(_, delta)| delta.as_ref())
        };
        if !force {
            let mut overlaps = Vec::new();
            for (_, entry) in managed.entries.iter().enumerate().filter(|(at, _)| Some(*at) != own) {
                let Some(delta) = delta_of(&entry.api_version) else { continue };
                let set = entry.set.intersection(&delta.changed);
                if !set.is_empty() {
                    overlaps.push(Overlap { identity: entry.identity.clone(), set });
                }
            }
            if !overlaps.is_empty() {
                return Err(Refusal::Conflict(overlaps));
            }
        }
        let mut at = 0;
        managed.entries.retain_mut(|entry| {
            at += 1;
            if Some(at - 1) == own {
                // It goes in the end, when it is known where it was.
                return true;
            }
            let Some(delta) = delta_of(&entry.api_version) else { return false };
            let lost = entry.set.subtract(&delta.changed) | entry.set.subtract(&delta.removed);
            if lost {
                entry.origin = None;
            }
            !entry.set.is_empty()
        });
        Ok(own_delta)
    }

    /// `None` when one of the versions is not served.
    fn delta_in(&self, old: &'a Value, new: &'a Value, api_version: &str) -> Result<Option<Delta<'a>>, String> {
        let Some(types) = self.types(api_version) else { return Ok(None) };
        let mut converted = [old, new];
        for (object, which) in converted.iter_mut().zip(["old", "new"]) {
            *object = match self.convert(object, api_version) {
                Ok(object) => object,
                Err(ConvertError::NotServed { .. }) => return Ok(None),
                Err(error) => return Err(format!("failed to convert {which} object: {error}")),
            };
            validate(types, object, Duplicates::Refused).map_err(|misfits| misfits.to_string())?;
        }
        let [old, new] = converted;
        self.delta(old, new, types).map(Some)
    }

    fn delta(&self, old: &'a Value, new: &'a Value, types: &'a Types) -> Result<Delta<'a>, String> {
        let mut comparison =
            compare(types, old, new).map_err(|misfits| format!("failed to compare objects: {misfits}"))?;
        comparison.subtract_below(self.resets);
        let Comparison { removed, modified: mut changed, added } = comparison;
        changed.unite(added);
        Ok(Delta { removed, changed })
    }
}

/// An object without what its applier no longer applies.
struct Pruned<'a> {
    /// With null where a container has nothing left; this is how who manages it is told.
    object: &'a Value,
    /// Without those containers, if there are any.
    clean: Option<Value>,
}

impl<'a> Session<'a> {
    /// Removes what the writer applied last time and does not now, unless somebody else manages it.
    fn prune(
        &self,
        merged: &'a Value,
        managed: &Managed<'a>,
        own: usize,
        last: Option<&Entry<'a>>,
    ) -> Result<Pruned<'a>, String> {
        let whole = Pruned { object: merged, clean: None };
        let Some((last, own)) = last.filter(|last| !last.set.is_empty()).zip(managed.entries.get(own)) else {
            return Ok(whole);
        };
        // Then everything that was applied still is, which is the usual case.
        if last.api_version == own.api_version && last.set.is_within(&own.set) {
            return Ok(whole);
        }
        let version = last.api_version.as_ref();
        let Some(types) = self.types(version) else { return Ok(whole) };
        let Some(merged) = self.served(merged, version, "merged object to last applied version")? else {
            return Ok(whole);
        };
        let named = |types: &'a Types, mut set: Set<'a>| {
            set.own_named_fields(types, Some(types.root()));
            set
        };
        let last = named(types, last.set.clone());
        let pruned = self.kept.keep(remove(types, merged, &last, Emptied::Null).value);
        let pruned = self.add_back_owned(merged, pruned, version, managed)?;
        let Some(pruned) = self.served(pruned, version, "pruned object to last applied version")? else {
            return Ok(Pruned { object: merged, clean: None });
        };
        // What nobody else owned is gone; what the writer never owned comes back.
        let mut gone = named(types, field_set(types, merged));
        gone.subtract(&named(types, field_set(types, pruned)));
        let gone = gone.intersection(&last);
        let left = remove(types, merged, &gone, Emptied::Null);
        let clean = left.emptied.then(|| remove(types, merged, &gone, Emptied::Gone).value);
        let object = self.kept.keep(left.value);
        if version == self.writer.api_version {
            return Ok(Pruned { object, clean });
        }
        let converted = |object| self.convert(object, self.writer.api_version).map_err(|error| error.to_string());
        let Some(clean) = clean else { return converted(object).map(|object| Pruned { object, clean: None }) };
        let clean = converted(self.kept.keep(clean))?;
        // Not every type can have null where a container was.
        let object = converted(object).unwrap_or(clean);
        Ok(Pruned { object, clean: Some(clean.clone()) })
    }

    /// The object without what nobody owns, given the merged one and the one without what the writer owned.
    fn add_back_owned(
        &self,
        merged: &'a Value,
        pruned: &'a Value,
        version: &str,
        managed: &Managed<'a>,
    ) -> Result<&'a Value, String> {
        let mut owned: Vec<(Cow<'a, str>, Set<'a>)> = Vec::new();
        for entry in &managed.entries {
            match owned.iter_mut().find(|(version, _)| *version == entry.api_version) {
                Some((_, set)) => set.unite(entry.set.clone()),
                None => owned.push((entry.api_version.clone(), entry.set.clone())),
            }
        }
        // The pruned version first: fields that a conversion needs may have been pruned.
        owned.sort_by_key(|(of, _)| *of != version);
        let (mut merged, mut pruned) = (merged, pruned);
        for (version, mut owned) in owned {
            let Some(types) = self.types(&version) else { continue };
            let Some(whole) = self.served(merged, &version, &format!("merged object at version {version}"))? else {
                continue;
            };
            merged = whole;
            let Some(left) = self.served(pruned, &version, &format!("pruned object at version {version}"))? else {
                continue;
            };
            let root = Some(types.root());
            let mut gone = field_set(types, merged);
            gone.own_named_fields(types, root);
            let mut left = field_set(types, left);
            left.own_named_fields(types, root);
            owned.own_named_fields(types, root);
            gone.subtract(&left);
            gone.subtract(&owned);
            pruned = self.kept.keep(remove(types, merged, &gone, Emptied::Null).value);
        }
        Ok(pruned)
    }

    /// The object in a version; `None` when that is not served.
    fn served(&self, object: &'a Value, api_version: &str, what: &str) -> Result<Option<&'a Value>, String> {
        match self.convert(object, api_version) {
            Ok(object) => Ok(Some(object)),
            Err(ConvertError::NotServed { .. }) => Ok(None),
            Err(error) => Err(format!("failed to convert {what}: {error}")),
        }
    }
}

/// Whether nothing but `managedFields` differs.
fn same_but_managed_fields(a: &Value, b: &Value) -> bool {
    let (Value::Object(a), Value::Object(b)) = (a, b) else { return equal(a, b) };
    let rest = |object: &serde_json::Map<String, Value>| object.len() - usize::from(object.contains_key("metadata"));
    let fields = |metadata: Option<&Value>| {
        metadata
            .and_then(Value::as_object)
            .map(|fields| fields.len() - usize::from(fields.contains_key(MANAGED_FIELDS)))
    };
    let metadata = |a: Option<&Value>, b: Option<&Value>| {
        fields(a).unwrap_or_default() == fields(b).unwrap_or_default()
            && a.and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter(|(name, _)| *name != MANAGED_FIELDS)
                .all(|(name, value)| b.and_then(|b| b.get(name)).is_some_and(|other| equal(value, other)))
    };
    rest(a) == rest(b)
        && a.iter()
            .filter(|(name, _)| *name != "metadata")
            .all(|(name, value)| b.get(name).is_some_and(|other| equal(value, other)))
        && metadata(a.get("metadata"), b.get("metadata"))
}

/// An object's name and kind in messages.
pub(super) fn describe(object: &Value) -> String {
    let metadata = |name| object.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_str);
    let (namespace, name) = (metadata("namespace").unwrap_or_default(), metadata("name").unwrap_or_default());
    format!("{namespace}/{name}; {}", kind_of(object))
}

/// An object's group, version and kind in messages.
pub(super) fn kind_of(object: &Value) -> String {
    let text = |name| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let api_version = text("apiVersion");
    let slash = if api_version.contains('/') { "" } else { "/" };
    format!("{slash}{api_version}, Kind={}", text("kind"))
}

pub(super) const MANAGED_FIELDS: &str = "managedFields";

/// The updater of fields that were there before somebody applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
