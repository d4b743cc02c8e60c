//! Quantities such as `500m` or `1Gi`, in the one form in which upstream writes each.

use std::fmt::Write as _;

/// A quantity in its canonical form; `None` when the text is none.
///
/// * Shape: a whole number and the largest suffix that loses nothing, of the family that was written: `1500m` for
///   `1.5`, `1536Mi` for `1.5Gi`, `12e3` for `12000e0`. What binary suffixes cannot say exactly, or is below 1024, is
///   said by decimal ones. What is finer than a billionth is rounded away from zero, and binary quantities end at
///   2^63-1.
/// * Source: `resource.Quantity` of k8s.io/apimachinery, which leaves some texts as they were written: `0.5Ki` becomes
///   `512`, and `+5` stays. Upstream forgets the suffix of what is larger than `E` can say; here zeros stand for it.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    let written = Written::of(text)?;
    if written.is_kept() {
        return Some(text.to_owned());
    }
    let mut amount = Amount::of(&written);
    let Family::Binary(power) = written.family else {
        amount.round_up(FINEST);
        return Some(amount.decimal(written.negative, matches!(written.family, Family::Exponent(_))));
    };
    for _ in 0..power {
        amount.multiply(1024);
    }
    amount.round_up(FINEST);
    let fractional = amount.exponent < 0;
    Some(match amount.floor() {
        Some(number) if number < LARGEST && (fractional || number < 1024) => amount.decimal(written.negative, false),
        number => binary(number.unwrap_or(LARGEST).min(LARGEST), written.negative),
    })
}

/// What JSON has for a quantity, in its canonical form; `None` when it is none.
pub(crate) fn canonical_json(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => canonical(text),
        serde_json::Value::Number(number) => canonical(&number.to_string()),
        _ => None,
    }
}

/// The parts of a quantity as it was written.
struct Written<'t> {
    negative: bool,
    /// Before the point, without leading zeros; never empty.
    whole: &'t str,
    /// Behind the point.
    fraction: &'t str,
    family: Family,
}

/// The kind of suffix, which the canonical form keeps.
#[derive(Clone, Copy)]
enum Family {
    /// `m`, `k`: a power of ten.
    Decimal(i32),
    /// `e3`: a power of ten.
    Exponent(i32),
    /// `Ki`: a power of 1024.
    Binary(i32),
}

impl<'t> Written<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let stripped = unsigned.trim_start_matches('0');
        if text.is_empty() {
            return None;
        }
        let (whole, rest) = digits(stripped);
        let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
        let whole = if whole.is_empty() { "0" } else { whole };
        Some(Self { negative, whole, fraction, family: family(suffix)? })
    }

    /// Whether upstream sends the text back as it came.
    fn is_kept(&self) -> bool {
        let digits = self.whole.len() + self.fraction.len();
        match self.family {
            Family::Decimal(power) | Family::Exponent(power) => {
                let exponent = i64::from(power) - length(self.fraction.len());
                let zeros = [self.whole, self.fraction].concat().ends_with("000");
                digits <= 18 && exponent >= FINEST && exponent % 3 == 0 && !zeros && !self.whole.starts_with('0')
            }
            Family::Binary(power) => {
                let fits = self.fraction.is_empty() && i64::from(power) * 3 + length(digits) <= 14;
                fits && self.whole.parse::<u64>().is_ok_and(|number| number % 8 != 0)
            }
        }
    }
}

/// The digits that a text begins with, and the rest.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|next: char| !next.is_ascii_digit()).unwrap_or(text.len()))
}

fn length(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

fn family(suffix: &str) -> Option<Family> {
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some(Family::Decimal(*power));
    }
    if let Some(power) = BINARY.iter().skip(1).position(|name| *name == suffix) {
        return i32::try_from(power + 1).ok().map(Family::Binary);
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    exponent.parse().ok().map(Family::Exponent)
}

/// A number: its digits times a power of ten, without zeros at either end. Nothing but zero has no digits.
struct Amount {
    digits: Vec<u8>,
    exponent: i64,
}

impl Amount {
    fn of(written: &Written<'_>) -> Self {
        let power = match written.family {
            Family::Decimal(power) | Family::Exponent(power) => power,
            Family::Binary(_) => 0,
        };
        let digits = written.whole.bytes().chain(written.fraction.bytes()).map(|byte| byte - b'0').collect();
        let mut amount = Self { digits, exponent: i64::from(power) - length(written.fraction.len()) };
        amount.trim();
        amount
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        while self.digits.last() == Some(&0) {
            self.digits.pop();
            self.exponent += 1;
        }
    }

    fn multiply(&mut self, factor: u32) {
        let mut carry = 0;
        for digit in self.digits.iter_mut().rev() {
            let product = u32::from(*digit) * factor + carry;
            (*digit, carry) = (last_digit(product), product / 10);
        }
        while carry > 0 {
            self.digits.insert(0, last_digit(carry));
            carry /= 10;
        }
        self.trim();
    }

    /// Leaves nothing finer than that power of ten; what is lost makes the number larger.
    fn round_up(&mut self, finest: i64) {
        let Ok(lost) = usize::try_from(finest.saturating_sub(self.exponent)) else { return };
        if lost == 0 || self.digits.is_empty() {
            return;
        }
        self.digits.truncate(self.digits.len().saturating_sub(lost));
        self.exponent = finest;
        if let Some(at) = self.digits.iter().rposition(|digit| *digit < 9) {
            self.digits[at] += 1;
            self.digits[at + 1..].fill(0);
        } else {
            self.digits.fill(0);
            self.digits.insert(0, 1);
        }
        self.trim();
    }

    /// The number without what is behind its point, when it fits.
    fn floor(&self) -> Option<u64> {
        let behind = usize::try_from(self.exponent.min(0).unsigned_abs()).ok()?;
        let zeros = usize::try_from(self.exponent.max(0)).ok()?;
        let whole = &self.digits[..self.digits.len().saturating_sub(behind)];
        whole.iter().chain(std::iter::repeat_n(&0, zeros)).try_fold(0_u64, |number, digit| {
            number.checked_mul(10).and_then(|number| number.checked_add(u64::from(*digit)))
        })
    }

    fn decimal(mut self, negative: bool, exponents: bool) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        while self.exponent % 3 != 0 || (!exponents && self.exponent > 18) {
            self.digits.push(0);
            self.exponent -= 1;
        }
        let mut text = String::from(if negative { "-" } else { "" });
        text.extend(self.digits.iter().map(|digit| char::from(b'0' + digit)));
        if exponents && self.exponent != 0 {
            let _ = write!(text, "e{}", self.exponent);
        } else {
            let suffix = DECIMAL.iter().find(|(_, power)| i64::from(*power) == self.exponent);
            text.push_str(suffix.map_or("", |(name, _)| name));
        }
        text
    }
}

fn last_digit(number: u32) -> u8 {
    u8::try_from(number % 10).unwrap_or_default()
}

fn binary(mut number: u64, negative: bool) -> String {
    let mut power = 0;
    while number.is_multiple_of(1024) && power + 1 < BINARY.len() {
        number /= 1024;
        power += 1;
    }
    format!("{}{number}{}", if negative { "-" } else { "" }, BINARY[power])
}

const DECIMAL: [(&str, i32); 10] =
    [("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6), ("G", 9), ("T", 12), ("P", 15), ("E", 18)];
/// By the power of 1024.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
/// The power of ten of what is told apart.
const FINEST: i64 = -9;
const LARGEST: u64 = i64::MAX.cast_unsigned();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ls_6_each_quantity_has_one_form() {
        for (written, expected) in CASES {
            assert_eq!(canonical(written).as_deref(), Some(*expected), "{written}");
        }
    }

    #[test]
    fn ls_6_what_was_made_canonical_stays() {
        for (_, expected) in CASES {
            assert_eq!(canonical(expected).as_deref(), Some(*expected));
        }
    }

    #[test]
    fn ls_6_what_is_no_quantity_has_no_form() {
        for text in ["", " ", "1.1.1", "1 Ki", "1kk", "1e", "1e1.5", "0x1", "ten", "1Ki1", "--1", "1e9999999999"] {
            assert_eq!(canonical(text), None, "{text:?}");
        }
    }

    /// Answers of `resource.ParseQuantity(..).String()`.
    const CASES: &[(&str, &str)] = &[
        ("0", "0"),
        ("+0", "0"),
        ("000", "0"),
        ("0Ki", "0"),
        ("0.0", "0"),
        ("1", "1"),
        ("1000", "1k"),
        ("1.5", "1500m"),
        ("1.5Gi", "1536Mi"),
        ("1024", "1024"),
        ("1024Ki", "1Mi"),
        ("0.5Ki", "512"),
        ("0.5Gi", "512Mi"),
        ("12000e0", "12e3"),
        ("1.5e3", "1500"),
        ("1E5", "100e3"),
        ("1e-10", "1e-9"),
        ("-1e-100", "-1e-9"),
        ("0.1n", "1n"),
        ("9Ei", "9223372036854775807"),
        ("+5", "+5"),
        ("05", "05"),
        ("0.1", "100m"),
        ("1500m", "1500m"),
        ("10000m", "10"),
        ("1023Ki", "1023Ki"),
        ("2048Mi", "2Gi"),
        ("1.1Ki", "1126400m"),
        ("1.123456789012345Ki", "1150419751949n"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e2", "100"),
        ("999999999999999999", "999999999999999999"),
        ("9999999999999999999", "9999999999999999999"),
        ("0.9999999999", "1"),
        ("1048576Ki", "1Gi"),
        ("-0.5Ki", "-512"),
        ("-1024Ki", "-1Mi"),
        ("-10Ei", "-9223372036854775807"),
        ("7.5Ei", "7680Pi"),
        ("7.9999999999999Ei", "9223372036854660515849539316n"),
        ("1.", "1."),
        (".5", "500m"),
        ("+.5m", "500u"),
        ("3.0Mi", "3Mi"),
        ("0.000976562Mi", "1023999475712n"),
        ("1000000n", "1m"),
        ("  4Ki  ", "4Ki"),
        ("1000.5k", "1000500"),
        ("0e5", "0"),
        ("1E", "1E"),
        ("1.5E", "1500P"),
    ];
}
