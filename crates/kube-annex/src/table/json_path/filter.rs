//! Which items of a list a path goes on with.

use super::{Step, first, only};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// `[?(left operator right)]`, or `[?(left)]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Filter {
    pub(super) left: Operand,
    /// Without it an item passes that has the value at all.
    pub(super) test: Option<(Operator, Operand)>,
}

/// A side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    /// The value at a path below the item.
    Path(Vec<Step>),
    /// A value written in the path: a string, a number or a boolean.
    Literal(Value),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

impl Filter {
    pub(super) fn passes(&self, item: &Value) -> bool {
        match (&self.test, &self.left) {
            (None, Operand::Path(steps)) => first(steps, item).is_some(),
            (None, Operand::Literal(_)) => true,
            (Some((operator, right)), left) => match (left.value(item), right.value(item)) {
                (Some(left), Some(right)) => operator.holds(left, right),
                _ => false,
            },
        }
    }
}

impl Operand {
    fn value<'a>(&'a self, item: &'a Value) -> Option<&'a Value> {
        match self {
            Self::Path(steps) => only(steps, item),
            Self::Literal(value) => Some(value),
        }
    }
}

impl Operator {
    /// Values of different types do not compare: neither `==` nor `!=` holds.
    fn holds(self, left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Bool(left), Value::Bool(right)) => match self {
                Self::Equal => left == right,
                Self::NotEqual => left != right,
                _ => false,
            },
            (Value::String(left), Value::String(right)) => self.accepts(left.cmp(right)),
            (Value::Number(left), Value::Number(right)) => {
                compare(left, right).is_some_and(|ordering| self.accepts(ordering))
            }
            _ => false,
        }
    }

    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEqual => ordering.is_ge(),
        }
    }
}

fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}
