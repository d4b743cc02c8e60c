//! What a client accepts: the `Accept` and `Accept-Encoding` headers.

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

/// The media ranges a client takes, most wanted first.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Accept(Vec<MediaRange>);

/// One media range with its parameters, `q` apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MediaRange {
    main: String,
    sub: String,
    parameters: Vec<(String, String)>,
    /// Thousandths, as many as the header can say.
    quality: u16,
}

/// A header's values joined by commas, as one list; empty when there is none.
pub(crate) fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// Whether the client takes gzip: as upstream, a token must be exactly `gzip`.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    joined(headers, &ACCEPT_ENCODING).split(',').any(|token| token.trim() == "gzip")
}

impl Accept {
    /// Reads the header of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::parse(&joined(headers, &ACCEPT))
    }

    /// Reads the header. Nothing accepted means everything is: that is how the header's absence reads.
    pub(crate) fn parse(header: &str) -> Self {
        let mut ranges: Vec<MediaRange> = header.split(',').take(MOST_RANGES).filter_map(MediaRange::parse).collect();
        if header.trim().is_empty() {
            ranges.push(MediaRange::anything());
        }
        ranges.retain(|range| range.quality > 0);
        ranges.sort_by_key(|range| (u16::MAX - range.quality, range.main == "*", range.sub == "*"));
        Self(ranges)
    }

    /// The first choice that a range selects, trying ranges from the most wanted on.
    pub(crate) fn select<T>(&self, select: impl Fn(&MediaRange) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(select)
    }

    /// Whether a media type without parameters is accepted.
    pub(crate) fn accepts(&self, media_type: &str) -> bool {
        self.0.iter().any(|range| range.matches(media_type))
    }
}

impl MediaRange {
    fn anything() -> Self {
        Self { main: "*".to_owned(), sub: "*".to_owned(), parameters: Vec::new(), quality: 1000 }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (main, sub) = parts.next()?.split_once('/').or(Some(("*", "*")).filter(|_| text.trim() == "*"))?;
        let mut range = Self { main: main.to_owned(), sub: sub.to_owned(), parameters: Vec::new(), quality: 1000 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            // As upstream: names of parameters are told apart by case, and quotes are a part of a value.
            let (key, value) = (key.trim().to_owned(), value.trim());
            if key == "q" {
                range.quality = quality(value);
            } else {
                range.parameters.push((key, value.to_owned()));
            }
        }
        Some(range)
    }

    /// Whether the range covers a media type.
    pub(crate) fn matches(&self, media_type: &str) -> bool {
        let (main, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        // As upstream: any type of a known form is no range.
        self.sub == "*" && (self.main == "*" || self.main == main) || self.main == main && self.sub == sub
    }

    /// The value of a parameter; empty when it is not there.
    pub(crate) fn parameter(&self, key: &str) -> &str {
        self.parameters.iter().find(|(name, _)| name == key).map_or("", |(_, value)| value)
    }
}

/// Thousandths of `0`, `1` or `0.123`; further digits are cut. An unreadable quality counts as none given.
fn quality(text: &str) -> u16 {
    let Some((whole, digits)) = text.split_once('.') else { return if text == "0" { 0 } else { 1000 } };
    if !matches!(whole, "" | "0") {
        return 1000;
    }
    let digits = digits.bytes().chain(std::iter::repeat(b'0')).take(3);
    let mut thousandths = digits.map(|byte| byte.is_ascii_digit().then(|| u16::from(byte - b'0')));
    thousandths.try_fold(0, |sum, digit| Some(sum * 10 + digit?)).unwrap_or(1000)
}

/// Ranges of one header that are looked at: more than any client sends.
const MOST_RANGES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn order(header: &str) -> Vec<String> {
        Accept::parse(header).0.iter().map(|range| format!("{}/{}", range.main, range.sub)).collect()
    }

    #[test]
    fn cn_7_ranges_are_tried_by_quality_then_position() {
        assert_eq!(
            order("text/plain;q=0.5, application/yaml, application/json"),
            ["application/yaml", "application/json", "text/plain"]
        );
    }

    #[test]
    fn cn_7_quality_zero_excludes() {
        assert!(!Accept::parse("application/json;q=0").accepts("application/json"));
        assert!(Accept::parse("application/json;q=0.001").accepts("application/json"));
    }

    #[test]
    fn cn_7_absent_or_empty_accepts_anything() {
        assert!(Accept::parse("").accepts("application/json"));
        assert!(Accept::parse("  ").accepts("application/json"));
    }

    #[test]
    fn cn_7_wildcards_match_and_come_last_among_equals() {
        assert!(Accept::parse("application/*").accepts("application/yaml"));
        assert!(Accept::parse("*/*").accepts("application/yaml"));
        assert!(!Accept::parse("text/*").accepts("application/yaml"));
        assert_eq!(order("*/*, application/*, application/json"), ["application/json", "application/*", "*/*"]);
    }

    #[test]
    fn nonsense_selects_nothing_and_does_not_fail() {
        for header in [",;,=", "application", ";q=1", "a/b;q=zzz;;=;x", "/", "*/*;q=NaN"] {
            assert!(!Accept::parse(header).accepts("application/json") || header == "*/*;q=NaN", "{header}");
        }
    }
}
