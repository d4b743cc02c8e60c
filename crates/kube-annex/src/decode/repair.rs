//! JSON whose texts are not quite text: what is no character becomes the replacement character, as in Go.

use std::borrow::Cow;

/// The document with replacement characters; `None` when it needs none.
///
/// * Shape: bytes outside of UTF-8, and escapes of half a surrogate pair. Whether the rest is JSON is not looked at.
pub(super) fn characters(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(bytes);
    let escapes = lone_surrogates(text.as_bytes());
    if escapes.is_empty() {
        return matches!(text, Cow::Owned(_)).then(|| text.into_owned().into_bytes());
    }
    let mut repaired = text.into_owned().into_bytes();
    for at in escapes {
        if let Some(digits) = repaired.get_mut(at..at + 4) {
            digits.copy_from_slice(b"fffd");
        }
    }
    Some(repaired)
}

/// Where the four digits of such escapes begin.
fn lone_surrogates(text: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        match unit(text, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(text, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                found.push(at + 2);
                at += 6;
            }
            // Whatever is escaped is not the beginning of an escape.
            _ => at += 2,
        }
    }
    found
}

/// The code unit that an escape at this place stands for.
fn unit(text: &[u8], at: usize) -> Option<u16> {
    let escape = text.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = char::from(*digit).to_digit(16).and_then(|digit| u16::try_from(digit).ok())?;
        Some(unit << 4 | digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repaired(text: &[u8]) -> Option<String> {
        characters(text).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn halves_of_pairs_are_replaced_and_pairs_stay() {
        assert_eq!(repaired(br#""\ud800""#).unwrap(), r#""\ufffd""#);
        assert_eq!(repaired(br#""\udc00\ud800x""#).unwrap(), r#""\ufffd\ufffdx""#);
        assert_eq!(repaired(br#""\ud800\ud83d\ude00""#).unwrap(), r#""\ufffd\ud83d\ude00""#);
        assert_eq!(repaired(br#""\ud83d\ude00 \\ud800""#), None);
    }

    #[test]
    fn bytes_outside_of_utf_8_are_replaced() {
        assert_eq!(repaired(b"\"\xff\"").unwrap(), "\"\u{fffd}\"");
        assert_eq!(repaired(b"\"a\""), None);
        assert_eq!(repaired(b"\\u12"), None);
    }
}
