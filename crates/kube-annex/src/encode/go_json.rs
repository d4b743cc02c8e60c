//! JSON as Go's encoder writes it: HTML-sensitive characters escaped, floats in Go's notation.

use super::Error;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Writes compact JSON into a buffer.
pub(super) type GoSerializer<'a> = Serializer<&'a mut Vec<u8>, GoFormatter>;

/// Appends any value as compact JSON with Go's escapes.
///
/// * Errors: [`Error`] when the value's own `Serialize` fails; `out` is then as before.
pub fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Error> {
    let before = out.len();
    with_serializer(out, |serializer| value.serialize(serializer)).inspect_err(|_| out.truncate(before))?;
    Ok(())
}

pub(super) fn with_serializer<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut GoSerializer<'_>) -> T) -> T {
    write(&mut Serializer::with_formatter(out, GoFormatter))
}

#[derive(Clone, Copy, Debug)]
pub(super) struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut written = 0;
        let mut at = 0;
        while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| is_special(*byte))) {
            at += found;
            let (length, escape) = escape(bytes.get(at..).unwrap_or_default());
            if let Some(escape) = escape {
                writer.write_all(bytes.get(written..at).unwrap_or_default())?;
                writer.write_all(escape)?;
                written = at + length;
            }
            at += length;
        }
        writer.write_all(bytes.get(written..).unwrap_or_default())
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
            write!(writer, "{value}")
        } else {
            exponent(writer, &format!("{value:e}"))
        }
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        // The bounds are compared as f32: the nearest f32 of 1e-6 is a little less than the f64.
        if value == 0.0 || (1e-6..1e21).contains(&value.abs()) {
            write!(writer, "{value}")
        } else {
            exponent(writer, &format!("{value:e}"))
        }
    }
}

/// Whether a byte begins something that Go escapes and serde does not. `0xe2` begins U+2028 and U+2029.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'<' | b'>' | b'&' | 0xe2)
}

/// How many bytes to pass, and what to write for them, if not themselves.
fn escape(bytes: &[u8]) -> (usize, Option<&'static [u8]>) {
    match bytes {
        [b'<', ..] => (1, Some(b"\\u003c")),
        [b'>', ..] => (1, Some(b"\\u003e")),
        [b'&', ..] => (1, Some(b"\\u0026")),
        [0xe2, 0x80, 0xa8, ..] => (3, Some(b"\\u2028")),
        [0xe2, 0x80, 0xa9, ..] => (3, Some(b"\\u2029")),
        _ => (1, None),
    }
}

/// Rust writes `1e21`, Go `1e+21`.
fn exponent<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => write!(writer, "{digits}e+{power}"),
        _ => writer.write_all(text.as_bytes()),
    }
}
