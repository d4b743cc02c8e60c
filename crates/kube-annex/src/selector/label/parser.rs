//! From a label selector's tokens to its requirements.

use super::lexer::{Lexer, Token};
use super::{Error, Operator, Requirement};
use crate::field::{self, Path};
use kube_annex_names::dns;
use std::collections::BTreeSet;
use std::iter::Peekable;

/// Reads the requirements in the order written.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, Error> {
    let mut parser = Parser { tokens: Lexer::new(text).peekable() };
    let mut requirements = Vec::new();
    loop {
        match parser.peek() {
            Token::End => return Ok(requirements),
            Token::Identifier(_) | Token::Not => {}
            other => return Err(unexpected(other, ", expected: !, identifier, or 'end of string'")),
        }
        let requirement =
            parser.requirement().map_err(|error| Error(format!("unable to parse requirement: {error}")))?;
        requirements.push(requirement);
        match parser.word() {
            Token::End => return Ok(requirements),
            Token::Comma => match parser.peek() {
                Token::Identifier(_) | Token::Not => {}
                other => return Err(unexpected(other, ", expected: identifier after ','")),
            },
            other => return Err(unexpected(other, ", expected: ',' or 'end of string'")),
        }
    }
}

struct Parser<'a> {
    tokens: Peekable<Lexer<'a>>,
}

impl<'a> Parser<'a> {
    fn requirement(&mut self) -> Result<Requirement, Error> {
        let (key, absent) = self.key()?;
        if absent {
            return requirement(key, Operator::DoesNotExist, BTreeSet::new());
        }
        if matches!(self.peek(), Token::End | Token::Comma) {
            return requirement(key, Operator::Exists, BTreeSet::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => BTreeSet::from([self.value()?]),
        };
        requirement(key, operator, values)
    }

    /// The key, and whether it is written as one that must be absent.
    fn key(&mut self) -> Result<(&'a str, bool), Error> {
        let first = self.word();
        let absent = first == Token::Not;
        match if absent { self.word() } else { first } {
            Token::Identifier(key) => {
                // Upstream gives this error no path, and prints that as `<nil>`.
                if let Some(error) = judge(&dns::label_key(key), &Path::new("<nil>"), key) {
                    return Err(Error(error.to_string()));
                }
                Ok((key, absent))
            }
            other => Err(unexpected(other, ", expected: identifier")),
        }
    }

    fn operator(&mut self) -> Result<Operator, Error> {
        Ok(match self.tokens.next().unwrap_or(Token::End) {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::NotEquals => Operator::NotEquals,
            Token::GreaterThan => Operator::GreaterThan,
            Token::LessThan => Operator::LessThan,
            other => {
                let symbols: Vec<&str> = BINARY.iter().map(|operator| operator.symbol()).collect();
                return Err(unexpected(other, &format!(", expected: {}", symbols.join(", "))));
            }
        })
    }

    /// The one value of a comparison; nothing written means the empty value.
    fn value(&mut self) -> Result<&'a str, Error> {
        if matches!(self.peek(), Token::End | Token::Comma) {
            return Ok("");
        }
        match self.word() {
            Token::Identifier(value) => Ok(value),
            other => Err(unexpected(other, ", expected: identifier")),
        }
    }

    /// `(a,b)`. Nothing between two commas or parentheses means the empty value.
    fn values(&mut self) -> Result<BTreeSet<&'a str>, Error> {
        match self.word() {
            Token::OpenParenthesis => {}
            other => return Err(unexpected(other, " expected: '('")),
        }
        match self.peek() {
            Token::ClosedParenthesis => {
                self.word();
                Ok(BTreeSet::from([""]))
            }
            Token::Identifier(_) | Token::Comma => self.values_until_closed(),
            other => Err(unexpected(other, ", expected: ',', ')' or identifier")),
        }
    }

    fn values_until_closed(&mut self) -> Result<BTreeSet<&'a str>, Error> {
        let mut values = BTreeSet::new();
        loop {
            match self.word() {
                Token::Identifier(value) => {
                    values.insert(value);
                    if !matches!(self.peek(), Token::Comma | Token::ClosedParenthesis) {
                        return Err(unexpected(self.peek(), ", expected: ',' or ')'"));
                    }
                }
                Token::Comma => {
                    if values.is_empty() || matches!(self.peek(), Token::Comma | Token::ClosedParenthesis) {
                        values.insert("");
                    }
                }
                other => return Err(unexpected(other, ", expected: ',', or identifier")),
            }
            if self.peek() == Token::ClosedParenthesis {
                self.word();
                return Ok(values);
            }
        }
    }

    /// The next token where no operator can stand.
    fn word(&mut self) -> Token<'a> {
        self.tokens.next().map_or(Token::End, Token::as_word)
    }

    fn peek(&mut self) -> Token<'a> {
        self.tokens.peek().map_or(Token::End, |token| token.as_word())
    }
}

/// The requirement, if a label can have such values.
fn requirement(key: &str, operator: Operator, values: BTreeSet<&str>) -> Result<Requirement, Error> {
    let mut errors = Vec::new();
    let path = Path::new("values");
    if matches!(operator, Operator::GreaterThan | Operator::LessThan) {
        for (index, value) in values.iter().enumerate().filter(|(_, value)| value.parse::<i64>().is_err()) {
            let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
            errors.push(field::Error::invalid(&path.index(index), *value, detail));
        }
    }
    for (index, value) in values.iter().enumerate() {
        errors.extend(judge(&dns::label_value(value), &path.index(index).key(key), value));
    }
    errors.truncate(MAX_ERRORS);
    if errors.is_empty() {
        let values = values.into_iter().map(str::to_owned).collect();
        Ok(Requirement { key: key.to_owned(), operator, values })
    } else {
        Err(Error(field::aggregate(&errors)))
    }
}

/// One error of all that is wrong with a key or value.
fn judge(violations: &[String], path: &Path, value: &str) -> Option<field::Error> {
    (!violations.is_empty()).then(|| field::Error::invalid(path, value, violations.join("; ")))
}

fn unexpected(found: Token<'_>, expected: &str) -> Error {
    Error(format!("found '{}'{expected}", found.literal()))
}

/// The most errors told of one requirement: each repeats the rule, and a text may hold thousands of values.
const MAX_ERRORS: usize = 100;

/// In the order in which upstream names them.
const BINARY: &[Operator] = &[
    Operator::In,
    Operator::NotIn,
    Operator::Equals,
    Operator::DoubleEquals,
    Operator::NotEquals,
    Operator::GreaterThan,
    Operator::LessThan,
];
