//! One step of a path into an object, its order, and its two spellings: for people and in `fieldsV1`.

use crate::encode::write_json;
use crate::field::quote;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

/// Which child of a map or list is meant. Borrows from objects, schemas and managed fields.
///
/// * Shape: the variants are in the order in which upstream sorts them.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum PathElement<'a> {
    /// The field, or the map's entry, of that name.
    Field(&'a str),
    /// The list's item whose fields have these values. Sorted by name.
    Key(Rc<[(Cow<'a, str>, Scalar<'a>)]>),
    /// The set's item of that value.
    Item(Scalar<'a>),
    /// The list's item at that position.
    Index(i64),
}

/// A value within a path element. Clients may write any JSON there, so it can also be a tree.
#[derive(Clone, Debug)]
pub(super) enum Scalar<'a> {
    Int(i64),
    Float(f64),
    Text(Cow<'a, str>),
    Bool(bool),
    Tree(Rc<Value>),
    Null,
}

/// A set of a path's elements as people read it: `.spec.ports[port=80,protocol="TCP"].name`.
pub(super) struct Path<'p, 'a>(pub(super) &'p [PathElement<'a>]);

/// Why a key of `fieldsV1` is no path element.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error("a kind of path element that is not known")]
    Unknown,
    #[error("{0}")]
    Malformed(String),
}

impl<'a> PathElement<'a> {
    /// Reads a key of `fieldsV1`, such as `f:spec` or `k:{"name":"a"}`.
    ///
    /// * Errors: [`KeyError::Unknown`] for kinds of a later version, which are to be ignored.
    pub(super) fn from_key(key: &'a str) -> Result<Self, KeyError> {
        let malformed = |what: &dyn fmt::Display| KeyError::Malformed(format!("{}: {what}", quote(key)));
        let &[kind, b':', ..] = key.as_bytes() else {
            return Err(malformed(&"a path element begins with a letter and a colon"));
        };
        let Some(rest) = key.get(2..) else { return Err(KeyError::Unknown) };
        match kind {
            b'f' => Ok(Self::Field(rest)),
            b'v' => {
                let value = serde_json::from_str(rest).map_err(|error| malformed(&error))?;
                Ok(Self::Item(Scalar::parsed(value)))
            }
            b'k' => {
                let fields: Map<String, Value> = serde_json::from_str(rest).map_err(|error| malformed(&error))?;
                Ok(Self::Key(
                    fields.into_iter().map(|(name, value)| (Cow::Owned(name), Scalar::parsed(value))).collect(),
                ))
            }
            b'i' => rest.parse().map(Self::Index).map_err(|error| malformed(&error)),
            _ => Err(KeyError::Unknown),
        }
    }

    /// Writes the key of `fieldsV1`.
    pub(super) fn to_key(&self) -> String {
        match self {
            Self::Field(name) => ["f:", name].concat(),
            Self::Key(fields) => {
                let mut out = b"k:{".to_vec();
                for (at, (name, value)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    // Names are not escaped for HTML, values are: so upstream's encoder has it.
                    out.extend(serde_json::to_string(name.as_ref()).unwrap_or_default().into_bytes());
                    out.push(b':');
                    value.write(&mut out);
                }
                out.push(b'}');
                String::from_utf8(out).unwrap_or_default()
            }
            Self::Item(value) => {
                let mut out = b"v:".to_vec();
                value.write(&mut out);
                String::from_utf8(out).unwrap_or_default()
            }
            Self::Index(index) => format!("i:{index}"),
        }
    }
}

impl fmt::Display for PathElement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{name}={value}")?;
                }
                f.write_str("]")
            }
            Self::Item(value) => write!(f, "[={value}]"),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for Path<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}

impl<'a> Scalar<'a> {
    /// The value as it is in an object.
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::number(number),
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            tree => Self::Tree(Rc::new(tree.clone())),
        }
    }

    /// The value as it is read from `fieldsV1`, where upstream takes every number for a float. Those that a float
    /// cannot hold stay whole.
    fn parsed(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match Self::number(&number) {
                #[allow(clippy::cast_precision_loss, reason = "within the bound it is exact")]
                Self::Int(value) if value.unsigned_abs() <= EXACT => Self::Float(value as f64),
                other => other,
            },
            Value::String(text) => Self::Text(Cow::Owned(text)),
            tree => Self::Tree(Rc::new(tree)),
        }
    }

    fn number(number: &serde_json::Number) -> Self {
        match number.as_i64() {
            Some(value) => Self::Int(value),
            None => Self::Float(number.as_f64().unwrap_or_default()),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let written = match self {
            Self::Int(value) => write_json(value, out),
            Self::Float(value) => write_json(value, out),
            Self::Text(text) => write_json(text.as_ref(), out),
            Self::Bool(value) => write_json(value, out),
            Self::Tree(tree) => write_json(tree.as_ref(), out),
            Self::Null => write_json(&(), out),
        };
        debug_assert!(written.is_ok(), "plain JSON is always written");
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Int(_) | Self::Float(_) => 0,
            Self::Text(_) => 1,
            Self::Bool(_) => 2,
            Self::Tree(tree) if tree.is_array() => 3,
            Self::Tree(_) => 4,
            Self::Null => 5,
        }
    }
}

impl Ord for Scalar<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Float(b)) => compare_numbers(*a, *b),
            (Self::Float(a), Self::Int(b)) => compare_numbers(*b, *a).reverse(),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Tree(a), Self::Tree(b)) => compare_values(a, b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Scalar<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scalar<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Scalar<'_> {}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => f.write_str(&general(*value)),
            Self::Text(text) => f.write_str(&quote(text)),
            Self::Bool(value) => value.fmt(f),
            Self::Null => f.write_str("null"),
            Self::Tree(tree) => match tree.as_ref() {
                Value::Array(items) => {
                    f.write_str("[")?;
                    for (at, item) in items.iter().enumerate() {
                        let comma = if at > 0 { "," } else { "" };
                        write!(f, "{comma}{}", Scalar::of(item))?;
                    }
                    f.write_str("]")
                }
                Value::Object(fields) => {
                    fields.iter().try_for_each(|(name, value)| write!(f, "{name}={}", Scalar::of(value)))
                }
                leaf => Scalar::of(leaf).fmt(f),
            },
        }
    }
}

/// Whether two values are the same; whole numbers equal floats of the same value.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((a, x), (b, y))| a == b && equal(x, y))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Number(a), Value::Number(b)) => Scalar::number(a) == Scalar::number(b),
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Null, Value::Null) => true,
        _ => false,
    }
}

fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            let differing = a.iter().zip(b).map(|(a, b)| compare_values(a, b)).find(|order| order.is_ne());
            differing.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let pairs = a.iter().zip(b).map(|((a, x), (b, y))| a.cmp(b).then_with(|| compare_values(x, y)));
            pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Array(_) | Value::Object(_), _) | (_, Value::Array(_) | Value::Object(_)) => rank(a).cmp(&rank(b)),
        _ => Scalar::of(a).cmp(&Scalar::of(b)),
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

/// Upstream compares the two as floats, which is no order; this is one, and differs only beyond [`EXACT`].
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "each cast is exact where it is reached"
)]
fn compare_numbers(a: i64, b: f64) -> Ordering {
    if a.unsigned_abs() <= EXACT {
        (a as f64).partial_cmp(&b).unwrap_or(Ordering::Equal)
    } else if b >= 9_223_372_036_854_775_808.0 {
        Ordering::Less
    } else if b < -9_223_372_036_854_775_808.0 {
        Ordering::Greater
    } else if b.abs() <= EXACT as f64 {
        a.cmp(&0)
    } else {
        a.cmp(&(b as i64))
    }
}

/// Go's `%v` of a float: the shortest digits, with an exponent where that is below -4 or above 5.
fn general(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        format!("{value}")
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    }
}

/// Whole numbers up to this one are exact as floats.
const EXACT: u64 = 1 << 53;
