//! Selecting objects by their fields: `metadata.name=web,metadata.namespace!=default`.
//!
//! Source: Kubernetes concepts, "Field Selectors".

#[cfg(test)]
mod tests;

use crate::field::quote;
use std::fmt;

/// Requirements that an object's fields must all meet. The default has none and matches everything.
///
/// Printing a selector gives text that parses to an equal one.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition on one field.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Requirement {
    field: String,
    operator: Operator,
    value: String,
}

/// How a field's value is compared.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operator {
    /// `field=value` or `field==value`.
    Equals,
    /// `field!=value`.
    NotEquals,
}

/// Why a text is not a field selector, or not one that can be used here.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part between commas has no operator.
    #[error("invalid selector: '{selector}'; can't understand '{term}'")]
    NoOperator {
        /// The whole text.
        selector: String,
        /// The part.
        term: String,
    },
    /// A backslash stands before something that needs none, or at the end.
    #[error("invalid field selector: invalid escape sequence: {0}")]
    BadEscape(String),
    /// A value contains a character that needs a backslash before it. Upstream tells its number in Unicode.
    #[error("invalid field selector: unescaped character in value: {}", u32::from(*.0))]
    Unescaped(char),
    /// Objects cannot be selected by this field.
    #[error("{} is not a known field selector: only {}", quote(field), list(known))]
    UnknownField {
        /// The field.
        field: String,
        /// The fields that objects can be selected by.
        known: Vec<String>,
    },
    /// The request's path names one object and the selector another.
    #[error("fieldSelector metadata.name doesn't match requested name")]
    OtherName,
}

/// The fields by which every object can be selected, whatever its scope.
pub const KNOWN_FIELDS: &[&str] = &[NAME, NAMESPACE];

const NAME: &str = "metadata.name";
const NAMESPACE: &str = "metadata.namespace";

impl Selector {
    /// Reads a selector. The empty text selects everything.
    ///
    /// * Errors: all but [`Error::UnknownField`] and [`Error::OtherName`]; any field is taken here, see
    ///   [`Selector::check`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        // Sorted, since of several faults upstream tells the one in the term that sorts first.
        let mut terms: Vec<&str> = terms(text).filter(|term| !term.is_empty()).collect();
        terms.sort_unstable();
        let mut requirements = Vec::with_capacity(terms.len());
        for term in terms {
            let (field, operator, value) =
                split(term).ok_or_else(|| Error::NoOperator { selector: text.to_owned(), term: term.to_owned() })?;
            let value = unescape(value)?;
            // A comparison of nothing with nothing, such as `=`, restricts nothing.
            if !(field.is_empty() && value.is_empty()) {
                requirements.push(Requirement { field: field.to_owned(), operator, value });
            }
        }
        requirements.sort();
        Ok(Self { requirements })
    }

    /// The same selector for a request whose path names one object.
    ///
    /// * Errors: [`Error::OtherName`] when the selector is neither empty nor asks for that very name.
    pub fn with_name(self, name: &str) -> Result<Self, Error> {
        if self.is_empty() {
            let requirement =
                Requirement { field: NAME.to_owned(), operator: Operator::Equals, value: name.to_owned() };
            return Ok(Self { requirements: vec![requirement] });
        }
        if self.required_name() == Some(name) { Ok(self) } else { Err(Error::OtherName) }
    }

    /// Whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object meets every requirement. `value_of` tells a field's value; a field without one counts as empty.
    pub fn matches(&self, value_of: impl Fn(&str) -> Option<String>) -> bool {
        self.requirements.iter().all(|requirement| {
            let equal = value_of(&requirement.field).unwrap_or_default() == requirement.value;
            equal == (requirement.operator == Operator::Equals)
        })
    }

    /// The one name that an object must have, if the selector asks for one.
    pub fn required_name(&self) -> Option<&str> {
        self.requirements
            .iter()
            .find(|requirement| requirement.field == NAME && requirement.operator == Operator::Equals)
            .map(|requirement| requirement.value.as_str())
    }

    /// Whether objects can be selected by each of the fields. See [`KNOWN_FIELDS`].
    ///
    /// * Errors: [`Error::UnknownField`] for the first that is not in `known`.
    pub fn check(&self, known: &[&str]) -> Result<(), Error> {
        match self.requirements.iter().find(|requirement| !known.contains(&requirement.field.as_str())) {
            None => Ok(()),
            Some(Requirement { field, .. }) => Err(Error::UnknownField {
                field: field.clone(),
                known: known.iter().map(|field| (*field).to_owned()).collect(),
            }),
        }
    }

    /// The requirements, sorted.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

impl Requirement {
    /// The field's path.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// How the field's value is compared.
    pub fn operator(&self) -> Operator {
        self.operator
    }

    /// What the field's value is compared with, without escapes.
    pub fn value(&self) -> &str {
        &self.value
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
        let operator = match self.operator {
            Operator::Equals => "=",
            Operator::NotEquals => "!=",
        };
        write!(f, "{}{operator}{}", self.field, escape(&self.value))
    }
}

/// The parts between commas that are not escaped. Escapes stay as written.
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |character| {
        let is_data = escaped;
        escaped = !is_data && character == '\\';
        character == ',' && !is_data
    })
}

/// The field, operator and value as written. A field knows no escapes: the first operator ends it.
fn split(term: &str) -> Option<(&str, Operator, &str)> {
    let at = term.char_indices().map(|(at, _)| at).find(|at| {
        let rest = &term[*at..];
        rest.starts_with("!=") || rest.starts_with('=')
    })?;
    let (field, rest) = term.split_at(at);
    // The longer spelling first, or else its second half would belong to the value.
    [("!=", Operator::NotEquals), ("==", Operator::Equals), ("=", Operator::Equals)]
        .into_iter()
        .find_map(|(symbol, operator)| rest.strip_prefix(symbol).map(|value| (field, operator, value)))
}

fn unescape(value: &str) -> Result<String, Error> {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped @ ('\\' | ',' | '=')) => plain.push(escaped),
                Some(other) => return Err(Error::BadEscape(format!("\\{other}"))),
                None => return Err(Error::BadEscape("\\".to_owned())),
            },
            ',' | '=' => return Err(Error::Unescaped(character)),
            other => plain.push(other),
        }
    }
    Ok(plain)
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '\\' | ',' | '=') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn list(fields: &[String]) -> String {
    fields.iter().map(|field| quote(field)).collect::<Vec<_>>().join(", ")
}
