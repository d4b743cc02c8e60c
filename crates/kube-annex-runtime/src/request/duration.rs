//! Go's spelling of durations: `1h30m`, `500ms`.

use std::time::Duration;

/// Reads numbers with the units ns, us, ms, s, m and h, one after the other; `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match rest.get(..end)? {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        rest = rest.get(end..)?;
        total = total.checked_add(Duration::try_from_secs_f64(number * unit).ok()?)?;
    }
    // Go counts nanoseconds in 64 bits.
    (!text.is_empty() && i64::try_from(total.as_nanos()).is_ok()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        for (text, millis) in [("0", 0), ("10s", 10_000), ("1m0.5s", 60_500), ("1h", 3_600_000), ("250ms", 250)] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "10", "s", "1x", "-1s", "1s 2s", "99999999999999999999h", "9999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
