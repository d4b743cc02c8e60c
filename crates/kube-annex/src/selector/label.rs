//! Selecting objects by their labels: `app=web,tier in (front, back),!legacy`.
//!
//! Source: Kubernetes concepts, "Labels and Selectors". The words of the errors are upstream's.

mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

/// Requirements that a set of labels must all meet. The default has none and matches everything.
///
/// The requirements are in the order of their keys. Printing a selector gives text that parses to an equal one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on the label of one key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

/// How a label's value is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operator {
    /// `key in (a,b)`: the value is one of a set.
    In,
    /// `key notin (a,b)`: the value is none of a set, or there is no such label.
    NotIn,
    /// `key=a`: the value is this one.
    Equals,
    /// `key==a`: another spelling of [`Operator::Equals`].
    DoubleEquals,
    /// `key!=a`: the value is another one, or there is no such label.
    NotEquals,
    /// `key`: there is such a label.
    Exists,
    /// `!key`: there is no such label.
    DoesNotExist,
    /// `key>5`: the value is a whole number above this one.
    GreaterThan,
    /// `key<5`: the value is a whole number below this one.
    LessThan,
}

/// Why a text is not a label selector.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Selector {
    /// Reads a selector. The empty text selects everything.
    ///
    /// * Errors: the first place where the text is not a selector, or a key or value that no label can have.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut requirements = parser::parse(text)?;
        requirements.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { requirements })
    }

    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether these labels meet every requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// The requirements in the order of their keys.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    /// The label's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the label's value is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What the label's value is compared with, sorted and each once: none for the existence operators, one or more for
    /// `in` and `notin`, one for all others.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Whether these labels meet the requirement.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let actual = labels.get(&self.key);
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => actual.is_some_and(|actual| self.has(actual)),
            Operator::NotIn | Operator::NotEquals => !actual.is_some_and(|actual| self.has(actual)),
            Operator::Exists => actual.is_some(),
            Operator::DoesNotExist => actual.is_none(),
            Operator::GreaterThan => self.bound_and(actual).is_some_and(|(bound, actual)| actual > bound),
            Operator::LessThan => self.bound_and(actual).is_some_and(|(bound, actual)| actual < bound),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|wanted| wanted == value)
    }

    /// The number to compare with and the label's, when the label has one.
    fn bound_and(&self, actual: Option<&String>) -> Option<(i64, i64)> {
        Some((self.values.first()?.parse().ok()?, actual?.parse().ok()?))
    }
}

impl Operator {
    /// As it is written between a key and its values.
    fn symbol(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::Exists => "exists",
            Self::DoesNotExist => "!",
            Self::GreaterThan => "gt",
            Self::LessThan => "lt",
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, values) = (&self.key, self.values.join(","));
        match self.operator {
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::In | Operator::NotIn => write!(f, "{key} {} ({values})", self.operator.symbol()),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
            Operator::Equals | Operator::DoubleEquals | Operator::NotEquals => {
                write!(f, "{key}{}{values}", self.operator.symbol())
            }
        }
    }
}
