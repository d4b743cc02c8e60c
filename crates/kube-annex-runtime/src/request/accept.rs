//! What a client accepts: the `Accept` and `Accept-Encoding` headers.

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

/// The media ranges a client takes, most wanted first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accept(Vec<MediaRange>);

/// One media range with its parameters, `q` apart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MediaRange {
    main: String,
    sub: String,
    parameters: Vec<(String, String)>,
    quality: f32,
}

/// A header's value; empty when there is none. As upstream, where it is sent several times the first one counts.
pub(crate) fn first(headers: &HeaderMap, name: &HeaderName) -> String {
    headers.get(name).map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Whether the client takes gzip: as upstream, a token must be exactly `gzip`.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    first(headers, &ACCEPT_ENCODING).split(',').any(|token| token.trim() == "gzip")
}

impl Accept {
    /// Reads the header of a request.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        Self::parse(&first(headers, &ACCEPT))
    }

    /// Reads the header. Nothing accepted means everything is: that is how the header's absence reads.
    pub(crate) fn parse(header: &str) -> Self {
        let mut ranges: Vec<MediaRange> = header.split(',').take(MOST_RANGES).filter_map(MediaRange::parse).collect();
        if header.is_empty() {
            ranges.push(MediaRange::anything());
        }
        // Upstream's order is none: a wildcard goes behind a type and a higher quality goes before, whichever is asked
        // first. What comes of it depends on who is compared with whom, which is as here.
        for at in 1..ranges.len() {
            let before = ranges.iter().take(at).rposition(|other| !ranges[at].goes_before(other));
            ranges[before.map_or(0, |before| before + 1)..=at].rotate_right(1);
        }
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
        Self { main: "*".to_owned(), sub: "*".to_owned(), parameters: Vec::new(), quality: 1.0 }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';');
        let range = parts.next()?.trim_matches(' ');
        let (main, sub) = match range.split_once('/') {
            Some((main, sub)) if !sub.is_empty() => (main, sub.strip_suffix('/').unwrap_or(sub)),
            _ if range.trim_end_matches(['/', ' ']) == "*" => ("*", "*"),
            _ => return None,
        };
        let (main, sub) = (main.trim_matches(' ').to_owned(), sub.trim_matches(' ').to_owned());
        let mut range = Self { main, sub, parameters: Vec::new(), quality: 1.0 };
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            let value = value.strip_suffix('=').unwrap_or(value);
            if value.is_empty() || value.contains('=') {
                continue;
            }
            // As upstream: names of parameters are told apart by case, and quotes are a part of a value.
            let key = key.trim_matches(' ');
            if key == "q" {
                // A quality that is none is the least.
                range.quality = value.parse().unwrap_or(0.0);
            } else {
                range.parameters.push((key.to_owned(), value.trim_matches(' ').to_owned()));
            }
        }
        Some(range)
    }

    /// Upstream's comparison, which is no order: of two ranges each may go before the other.
    fn goes_before(&self, other: &Self) -> bool {
        self.quality > other.quality || self.main != "*" && other.main == "*" || self.sub != "*" && other.sub == "*"
    }

    /// Whether the range covers a media type.
    pub(crate) fn matches(&self, media_type: &str) -> bool {
        let (main, sub) = media_type.split_once('/').unwrap_or((media_type, ""));
        // As upstream: any type of a known form is no range.
        self.sub == "*" && (self.main == "*" || self.main == main) || self.main == main && self.sub == sub
    }

    /// The value of a parameter, the last one told; empty when it is not there.
    pub(crate) fn parameter(&self, key: &str) -> &str {
        self.parameters.iter().rfind(|(name, _)| name == key).map_or("", |(_, value)| value)
    }
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
    fn cn_7_quality_zero_comes_last_and_is_still_accepted() {
        assert!(Accept::parse("application/json;q=0").accepts("application/json"));
        assert_eq!(order("a/b;q=0, c/d;q=0.0001, e/f"), ["e/f", "c/d", "a/b"]);
    }

    #[test]
    fn cn_7_a_quality_that_is_none_is_the_least() {
        for quality in ["x", "-1", "\"0.9\"", " 0.9"] {
            assert_eq!(order(&format!("a/b;q={quality}, c/d;q=0.1")), ["c/d", "a/b"], "{quality}");
        }
        assert_eq!(order("a/b;q=0.1;q=0.5, c/d;q=0.2"), ["a/b", "c/d"], "the last one counts");
        assert_eq!(order("a/b;q=0.1, c/d;q=7"), ["c/d", "a/b"]);
    }

    #[test]
    fn cn_7_a_wildcard_goes_behind_the_type_that_follows_it_whatever_their_qualities() {
        assert_eq!(order("*/*;q=0.9, application/yaml;q=0.5"), ["application/yaml", "*/*"]);
        assert_eq!(order("application/yaml;q=0.5, */*;q=0.9"), ["*/*", "application/yaml"]);
    }

    #[test]
    fn cn_8_the_last_of_a_repeated_parameter_counts() {
        let range = MediaRange::parse("a/b;as=Table;as=Chair;g=x=y;v=z=;h=").unwrap();
        let told = ["as", "g", "v", "h"].map(|key| range.parameter(key));
        assert_eq!(told, ["Chair", "", "z", ""]);
    }

    #[test]
    fn cn_7_of_several_headers_the_first_counts() {
        let mut headers = HeaderMap::new();
        headers.append(ACCEPT, "application/yaml".parse().unwrap());
        headers.append(ACCEPT, "application/json".parse().unwrap());
        assert!(!Accept::of(&headers).accepts("application/json"));
    }

    #[test]
    fn cn_7_absent_or_empty_accepts_anything() {
        assert!(Accept::parse("").accepts("application/json"));
        assert!(!Accept::parse(",").accepts("application/json"));
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
        for header in [",;,=", "application", ";q=1", "a/b;q=zzz;;=;x", "/", "a/b;q=NaN, */b;q=inf"] {
            assert!(!Accept::parse(header).accepts("application/json"), "{header}");
        }
    }
}
