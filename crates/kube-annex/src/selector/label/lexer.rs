//! From a label selector's text to its tokens.

/// The least meaningful part of a selector.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'a> {
    End,
    ClosedParenthesis,
    OpenParenthesis,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    GreaterThan,
    LessThan,
    In,
    NotIn,
    /// A key or a value.
    Identifier(&'a str),
}

impl<'a> Token<'a> {
    /// As it was written.
    pub(super) fn literal(self) -> &'a str {
        match self {
            Self::End => "",
            Self::ClosedParenthesis => ")",
            Self::OpenParenthesis => "(",
            Self::Comma => ",",
            Self::Not => "!",
            Self::Equals => "=",
            Self::DoubleEquals => "==",
            Self::NotEquals => "!=",
            Self::GreaterThan => ">",
            Self::LessThan => "<",
            Self::In => "in",
            Self::NotIn => "notin",
            Self::Identifier(text) => text,
        }
    }

    /// The same token where no operator can stand: there, `in` and `notin` are ordinary words.
    pub(super) fn as_word(self) -> Self {
        match self {
            Self::In | Self::NotIn => Self::Identifier(self.literal()),
            other => other,
        }
    }
}

/// The tokens of a text, without the end.
pub(super) struct Lexer<'a> {
    rest: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.rest = self.rest.trim_start_matches(is_blank);
        // Upstream's lexer takes a NUL for the end where a token could begin, and passes over one that ends a token.
        if self.rest.is_empty() || self.rest.starts_with('\0') {
            self.rest = "";
            return None;
        }
        for (symbol, token) in SYMBOLS {
            if let Some(rest) = self.rest.strip_prefix(symbol) {
                self.rest = rest.strip_prefix('\0').unwrap_or(rest);
                return Some(*token);
            }
        }
        let end = self.rest.find(|c| is_blank(c) || is_special(c) || c == '\0').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.strip_prefix('\0').unwrap_or(rest);
        Some(match word {
            "in" => Token::In,
            "notin" => Token::NotIn,
            word => Token::Identifier(word),
        })
    }
}

/// Longer symbols stand before those they begin with.
const SYMBOLS: &[(&str, Token<'static>)] = &[
    ("==", Token::DoubleEquals),
    ("!=", Token::NotEquals),
    ("=", Token::Equals),
    ("!", Token::Not),
    (")", Token::ClosedParenthesis),
    ("(", Token::OpenParenthesis),
    (",", Token::Comma),
    (">", Token::GreaterThan),
    ("<", Token::LessThan),
];

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn is_special(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}
