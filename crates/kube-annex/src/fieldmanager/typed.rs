//! Values and their types: whether they fit, and which fields a value has.

use super::path::{PathElement, Scalar};
use super::set::Set;
use super::topology::{Atom, List, ScalarType, TypeId, Types};
use crate::field::quote;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Everything about a value that does not fit its type.
#[derive(Debug, Default)]
pub(super) struct Misfits(Vec<(String, String)>);

impl Misfits {
    pub(super) fn of(what: impl Into<String>) -> Self {
        Self(vec![(String::new(), what.into())])
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn below(mut self, element: &PathElement<'_>) -> Self {
        for (path, _) in &mut self.0 {
            path.insert_str(0, &element.to_string());
        }
        self
    }

    pub(super) fn result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Misfits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |f: &mut fmt::Formatter<'_>, (path, what): &(String, String)| {
            if path.is_empty() { f.write_str(what) } else { write!(f, "{path}: {what}") }
        };
        if let [only] = self.0.as_slice() {
            return one(f, only);
        }
        f.write_str("errors:")?;
        self.0.iter().try_for_each(|misfit| {
            f.write_str("\n  ")?;
            one(f, misfit)
        })
    }
}

/// How a value is looked at: what its type allows and what it is decide together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Map,
    Scalar,
    List,
    /// The type allows nothing.
    Nothing,
}

/// The kinds that a type has left for a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Kinds {
    map: bool,
    scalar: bool,
    list: bool,
}

impl Kinds {
    /// A value that its type allows leaves its own kind; null, no value and a value of a wrong kind leave them all.
    pub(super) fn of(atom: &Atom, value: Option<&Value>) -> Self {
        let all = Self { map: atom.map.is_some(), scalar: atom.scalar.is_some(), list: atom.list.is_some() };
        let none = Self { map: false, scalar: false, list: false };
        match value {
            Some(Value::Object(_)) if all.map => Self { map: true, ..none },
            Some(Value::Array(_)) if all.list => Self { list: true, ..none },
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if all.scalar => Self { scalar: true, ..none },
            _ => all,
        }
    }

    /// The kind that counts.
    pub(super) fn first(self) -> Kind {
        match self {
            Self { map: true, .. } => Kind::Map,
            Self { scalar: true, .. } => Kind::Scalar,
            Self { list: true, .. } => Kind::List,
            _ => Kind::Nothing,
        }
    }
}

/// Whether lists that are sets or maps may have an item twice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Duplicates {
    Allowed,
    Refused,
}

/// Checks that a value fits its type.
///
/// * Errors: every misfit with its path, in upstream's words where they do not speak of Go.
pub(super) fn validate(types: &Types, value: &Value, duplicates: Duplicates) -> Result<(), Misfits> {
    Validation { types, duplicates }.check(types.root(), value, 0).result()
}

struct Validation<'t> {
    types: &'t Types,
    duplicates: Duplicates,
}

impl Validation<'_> {
    fn check(&self, ty: TypeId, value: &Value, depth: usize) -> Misfits {
        let atom = self.types.atom(ty);
        if atom.ignored || value.is_null() {
            return Misfits::default();
        }
        if depth > MAX_DEPTH {
            return Misfits::of("exceeded max depth");
        }
        match (Kinds::of(atom, Some(value)).first(), &atom.map, atom.scalar, &atom.list) {
            (Kind::Map, Some(map), ..) => {
                let Value::Object(fields) = value else {
                    return Misfits::of(format!("expected map, got {}", kind_of(value)));
                };
                let mut misfits = Misfits::default();
                for (name, value) in fields {
                    let Some(ty) = map.field(name).or(map.rest) else {
                        misfits.add(Misfits::of("field not declared in schema").below(&PathElement::Field(name)));
                        break;
                    };
                    let below = self.check(ty, value, depth + 1);
                    if !below.is_empty() {
                        misfits.add(below.below(&PathElement::Field(name)));
                    }
                }
                misfits
            }
            (Kind::Scalar, _, Some(scalar), _) => check_scalar(scalar, value),
            (Kind::List, _, _, Some(list)) => match value {
                Value::Array(items) => self.check_items(list, items, depth),
                _ => Misfits::of(format!("expected list, got {}", kind_of(value))),
            },
            _ => Misfits::of("schema error: invalid atom"),
        }
    }

    fn check_items(&self, list: &List, items: &[Value], depth: usize) -> Misfits {
        let mut misfits = Misfits::default();
        let mut seen = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let element = if list.atomic {
                PathElement::Index(i64::try_from(at).unwrap_or(i64::MAX))
            } else {
                match item_element(list, item) {
                    Ok(element) => element,
                    Err(what) => {
                        misfits.add(Misfits::of(format!("element {at}: {what}")));
                        return misfits;
                    }
                }
            };
            let below = self.check(list.items, item, depth + 1);
            if !below.is_empty() {
                misfits.add(below.below(&element));
            }
            if !list.atomic && self.duplicates == Duplicates::Refused {
                seen.push((element, at));
            }
        }
        seen.sort();
        let mut again: Vec<_> = seen
            .windows(2)
            .filter_map(|pair| match pair {
                [(a, _), (b, at)] if a == b => Some((*at, format!("duplicate entries for key {b}"))),
                _ => None,
            })
            .collect();
        again.sort();
        for (_, what) in again {
            misfits.add(Misfits::of(what));
        }
        misfits
    }
}

fn check_scalar(scalar: ScalarType, value: &Value) -> Misfits {
    let (fits, expected) = match scalar {
        ScalarType::Numeric => (value.is_number(), "numeric (int or float)"),
        ScalarType::Text => (value.is_string(), "string"),
        ScalarType::Boolean => (value.is_boolean(), "boolean"),
        ScalarType::Untyped => (!value.is_object() && !value.is_array(), "any scalar"),
    };
    if fits { Misfits::default() } else { Misfits::of(format!("expected {expected}, got {}", kind_of(value))) }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// What tells an item of a set or list-map apart.
///
/// * Errors: why nothing does, in upstream's words.
pub(super) fn item_element<'a>(list: &'a List, item: &'a Value) -> Result<PathElement<'a>, Cow<'static, str>> {
    if list.keys.is_empty() {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".into()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".into()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".into()),
            scalar => Ok(PathElement::Item(Scalar::of(scalar))),
        };
    }
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err("associative list with keys may not have a null element".into()),
        _ => return Err("associative list with keys may not have non-map elements".into()),
    };
    let value = |name| fields.get(name).map(Scalar::of);
    if let [key] = list.keys.as_slice()
        && let Some(scalar) = value(&key.name).or_else(|| key.default.as_ref().map(Scalar::of))
    {
        return Ok(PathElement::Key([(Cow::Borrowed(key.name.as_str()), scalar)].into()));
    }
    let mut keys: Vec<_> = list
        .keys
        .iter()
        .filter_map(|key| {
            let scalar = value(&key.name).or_else(|| key.default.as_ref().map(Scalar::of))?;
            Some((Cow::Borrowed(key.name.as_str()), scalar))
        })
        .collect();
    if keys.is_empty() {
        let names: Vec<_> = list.keys.iter().map(|key| quote(&key.name)).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        )
        .into());
    }
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(PathElement::Key(keys.into()))
}

/// Every leaf and every item that a value has.
pub(super) fn field_set<'a>(types: &'a Types, value: &'a Value) -> Set<'a> {
    fields_of(types, types.root(), value).below
}

/// What a value adds to a set.
struct Fields<'a> {
    /// Whether it is a leaf.
    leaf: bool,
    below: Set<'a>,
}

fn fields_of<'a>(types: &'a Types, ty: TypeId, value: &'a Value) -> Fields<'a> {
    let atom = types.atom(ty);
    let mut below = Set::default();
    if atom.ignored {
        return Fields { leaf: false, below };
    }
    match (Kinds::of(atom, Some(value)).first(), &atom.map, &atom.list) {
        (Kind::Map, Some(map), _) => {
            if map.atomic {
                return Fields { leaf: true, below };
            }
            for (name, value) in value.as_object().into_iter().flatten() {
                let named = map.field(name);
                let Some(ty) = named.or(map.rest) else { continue };
                let fields = fields_of(types, ty, value);
                let empty = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
                let ignored = types.atom(ty).ignored;
                let member = !ignored && (fields.leaf || empty || named.is_none());
                below.push(PathElement::Field(name), member, fields.below);
            }
            Fields { leaf: false, below }
        }
        (Kind::List, _, Some(list)) => {
            if list.atomic {
                return Fields { leaf: true, below };
            }
            let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
            Fields { leaf: false, below: items_of(types, list, items) }
        }
        _ => Fields { leaf: true, below },
    }
}

/// Items that are there twice are in the set without what they have.
fn items_of<'a>(types: &'a Types, list: &'a List, items: &'a [Value]) -> Set<'a> {
    let mut elements: Vec<_> = items.iter().filter_map(|item| Some((item_element(list, item).ok()?, item))).collect();
    elements.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut set = Set::default();
    let mut elements = elements.into_iter().peekable();
    while let Some((element, item)) = elements.next() {
        let mut twice = false;
        while elements.next_if(|(next, _)| *next == element).is_some() {
            twice = true;
        }
        let below = if twice { Set::default() } else { fields_of(types, list.items, item).below };
        set.push(element, true, below);
    }
    set
}

/// How deep a value may be. What comes from a request is never as deep.
const MAX_DEPTH: usize = 256;
