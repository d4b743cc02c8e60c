//! From the text of a path to its steps.

use super::filter::{Filter, Operand, Operator};
use super::{Error, Step};
use serde_json::Value;

/// Steps that one path may have.
const MAX_STEPS: usize = 64;

pub(super) fn path(text: &str) -> Result<Vec<Step>, Error> {
    let trimmed = text.trim();
    let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(trimmed);
    let mut parser = Parser { text: inner, position: 0 };
    parser.whole().map_err(|why| {
        // Told as the author counts, braces and blanks included.
        let before = text.find(inner).unwrap_or_default();
        Error { path: text.to_owned(), position: before + parser.position, why }
    })
}

struct Parser<'a> {
    text: &'a str,
    position: usize,
}

type Parsed<T> = Result<T, &'static str>;

impl Parser<'_> {
    fn whole(&mut self) -> Parsed<Vec<Step>> {
        self.blanks();
        let _ = self.accept("$") || self.accept("@");
        let steps = self.steps(false)?;
        self.blanks();
        match self.peek() {
            Some(_) => Err("expected . or [ here; a path starts with a dot, such as .spec.size"),
            None if steps.is_empty() => Err("the path is empty; write one such as .spec.size"),
            None => Ok(steps),
        }
    }

    /// As many steps as follow. A filter has no filters within.
    fn steps(&mut self, in_filter: bool) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            let step = if self.accept("..") {
                return Err("recursive descent (..) is not supported in columns; write the whole path");
            } else if self.accept(".*") {
                Step::All
            } else if self.accept(".") {
                Step::Field(self.field(in_filter)?)
            } else if self.accept("[?(") {
                if in_filter {
                    return Err("a filter within a filter is not supported in columns");
                }
                Step::Filter(self.filter()?)
            } else if self.accept("[") {
                self.bracket()?
            } else {
                return Ok(steps);
            };
            if steps.len() == MAX_STEPS {
                return Err("the path has more than 64 steps");
            }
            steps.push(step);
        }
    }

    /// A name after a dot, up to what cannot be in one; a backslash takes the next character as it is.
    fn field(&mut self, in_filter: bool) -> Parsed<String> {
        let mut name = String::new();
        while let Some(next) = self.peek() {
            if next == '\\' {
                self.next();
                name.push(self.next().ok_or("a character must follow the backslash")?);
                continue;
            }
            if next.is_whitespace() || ".,[]$@{}".contains(next) || (in_filter && "=!<>)".contains(next)) {
                break;
            }
            name.push(next);
            self.next();
        }
        if name.is_empty() { Err("a field's name must follow the dot") } else { Ok(name) }
    }

    /// What follows `[`.
    fn bracket(&mut self) -> Parsed<Step> {
        self.blanks();
        let step = match self.peek() {
            Some('*') => {
                self.next();
                Step::All
            }
            Some(quote @ ('\'' | '"')) => {
                self.next();
                Step::Field(self.quoted(quote)?)
            }
            _ => self.index_or_slice()?,
        };
        self.blanks();
        if self.accept(",") {
            return Err("a union ([a,b]) is not supported in columns; declare two columns");
        }
        if self.accept("]") { Ok(step) } else { Err("expected ] here") }
    }

    fn index_or_slice(&mut self) -> Parsed<Step> {
        let start = self.integer()?;
        if !self.accept(":") {
            return start.map(Step::Index).ok_or("expected an index, *, a quoted name or ?( here");
        }
        let end = self.integer()?;
        let step = if self.accept(":") { self.integer()?.unwrap_or(1) } else { 1 };
        let step = usize::try_from(step).ok().filter(|step| *step > 0).ok_or("the step of a slice must be positive")?;
        Ok(Step::Slice { start: start.unwrap_or(0), end, step })
    }

    fn integer(&mut self) -> Parsed<Option<isize>> {
        let digits = self.take_while(|character| character == '-' || character.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        digits.parse().map(Some).map_err(|_| "the number before this is not a whole number, or too large")
    }

    /// What follows `[?(`.
    fn filter(&mut self) -> Parsed<Filter> {
        let left = self.operand()?;
        self.blanks();
        let test = match self.operator() {
            Some(operator) => Some((operator, self.operand()?)),
            None => None,
        };
        self.blanks();
        if self.accept(")]") {
            Ok(Filter { left, test })
        } else {
            Err("expected )] here, or one of == != < <= > >= and a value")
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        const OPERATORS: [(&str, Operator); 6] = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessEqual),
            (">=", Operator::GreaterEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        OPERATORS.into_iter().find(|(text, _)| self.accept(text)).map(|(_, operator)| operator)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        self.blanks();
        match self.peek() {
            Some('@') => {
                self.next();
                self.steps(true).map(Operand::Path)
            }
            Some(quote @ ('\'' | '"')) => {
                self.next();
                self.quoted(quote).map(|text| Operand::Literal(Value::String(text)))
            }
            _ => self.bare_word(),
        }
    }

    /// A number, `true` or `false`.
    fn bare_word(&mut self) -> Parsed<Operand> {
        let word = self.take_while(|character| character.is_ascii_alphanumeric() || "+-.".contains(character));
        match serde_json::from_str(word.strip_prefix('+').unwrap_or(word)) {
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => Ok(Operand::Literal(value)),
            _ => Err("expected @, a quoted string, a number, true or false before this"),
        }
    }

    /// What follows an opening quote, up to the closing one; a backslash takes the next character as it is.
    fn quoted(&mut self, quote: char) -> Parsed<String> {
        let mut text = String::new();
        loop {
            match self.next().ok_or("the quoted text does not end")? {
                '\\' => text.push(self.next().ok_or("a character must follow the backslash")?),
                end if end == quote => return Ok(text),
                character => text.push(character),
            }
        }
    }

    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.position += next.len_utf8();
        Some(next)
    }

    fn accept(&mut self, token: &str) -> bool {
        let accepted = self.rest().starts_with(token);
        if accepted {
            self.position += token.len();
        }
        accepted
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &str {
        let start = self.position;
        while self.peek().is_some_and(&belongs) {
            self.next();
        }
        self.text.get(start..self.position).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.take_while(char::is_whitespace);
    }
}
