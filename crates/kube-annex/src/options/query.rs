//! Reading single parameters of a query.

use crate::Status;
use crate::field::quote;
use std::borrow::Cow;
use std::num::IntErrorKind;

/// The parameters of a query in the order sent.
#[derive(Clone, Debug, Default)]
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Takes a query apart. No text fails: what is not well escaped or holds a semicolon is left out, as upstream does.
    pub fn parse(query: &'a str) -> Self {
        let parts = query.split('&').filter(|part| !part.contains(';') && has_whole_escapes(part));
        Self(parts.flat_map(|part| form_urlencoded::parse(part.as_bytes())).collect())
    }

    /// The first value of a parameter; `None` when it was not sent.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// The first value of a parameter; empty when it was not sent.
    pub fn text(&self, name: &str) -> String {
        self.first(name).unwrap_or_default().to_owned()
    }

    /// Every value of a parameter in the order sent.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    /// A yes or no; `None` when it was not sent. All but `0` and `false` in any case means yes, even the empty value.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.first(name).map(|value| value != "0" && !value.eq_ignore_ascii_case("false"))
    }

    /// A whole number; `None` when it was not sent.
    ///
    /// * Errors: 400 when it is no whole number or needs more than 64 bits.
    pub fn integer(&self, name: &str) -> Result<Option<i64>, Status> {
        self.first(name).map(|value| value.parse().map_err(|error| bad_integer(name, value, &error))).transpose()
    }
}

/// Whether every `%` of a text begins an escape; Go reads no other path and no other parameter.
pub fn has_whole_escapes(text: &str) -> bool {
    text.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    })
}

fn bad_integer(name: &str, value: &str, error: &std::num::ParseIntError) -> Status {
    let why = match error.kind() {
        IntErrorKind::PosOverflow => "larger than 9223372036854775807",
        IntErrorKind::NegOverflow => "smaller than -9223372036854775808",
        _ => "not a whole number",
    };
    Status::bad_request(format!("invalid value {} for parameter {name}: {why}", quote(value)))
}
