//! What differs by chance is put aside: versions become ordinals, uids numbers, times and tokens words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regex::{Captures, Regex};
use serde_json::Value;

/// How the versions of a transcript are told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Versions {
    /// Nobody else writes to that store: equal versions are one name, the step that told of it first.
    Own,
    /// Others write there too: a version is told by the last object's version that is not later.
    Shared,
}

/// The texts of one transcript, ready to be compared with another's, and at last the order of all versions.
///
/// Names are given by the step that told of something first, so that one step's difference is not all later steps'.
pub(crate) fn normal(texts: &[String], kept: &BTreeMap<String, String>, versions: Versions) -> Vec<String> {
    let known = Known::of(texts, versions);
    let mut normal: Vec<String> = texts.iter().map(|text| known.normal(text, kept)).collect();
    normal.push(format!("{}\n", known.versions.values().cloned().collect::<Vec<_>>().join(" ")));
    normal
}

/// The versions and uids that a transcript tells of, with their names.
struct Known {
    versions: BTreeMap<u64, String>,
    uids: BTreeMap<String, String>,
    tell: Versions,
}

impl Known {
    fn of(texts: &[String], tell: Versions) -> Self {
        let patterns: &[&LazyLock<Regex>] = match tell {
            Versions::Own => &[&VERSION, &IN_TEXT],
            Versions::Shared => &[&OF_OBJECT, &OF_SORTED_OBJECT],
        };
        let mut known = Self { versions: BTreeMap::new(), uids: BTreeMap::new(), tell };
        for (step, text) in texts.iter().enumerate() {
            let mut told: Vec<u64> = Vec::new();
            // A uid can begin as a version does.
            let without_uids = UID.replace_all(text, "<uid>");
            for pattern in patterns {
                told.extend(pattern.captures_iter(&without_uids).filter_map(|found| found[2].parse::<u64>().ok()));
            }
            told.extend(TOKEN.captures_iter(text).filter_map(|found| token(&found[2])?["rv"].as_u64()));
            let mut nth = 0;
            for version in told.into_iter().filter(|version| is_real(*version)) {
                known.versions.entry(version).or_insert_with(|| name(step, &mut nth));
            }
            let mut nth = 0;
            for uid in UID.find_iter(text) {
                known.uids.entry(uid.as_str().to_owned()).or_insert_with(|| name(step, &mut nth));
            }
        }
        known
    }

    fn named(&self, version: &str) -> Option<String> {
        let version: u64 = version.parse().ok().filter(|version| is_real(*version))?;
        match self.tell {
            Versions::Own => self.versions.get(&version).cloned(),
            Versions::Shared => {
                let last = self.versions.range(..=version).next_back();
                Some(last.map_or_else(|| "#0".to_owned(), |(_, name)| name.clone()))
            }
        }
    }

    fn normal(&self, text: &str, kept: &BTreeMap<String, String>) -> String {
        let uid = |found: &Captures<'_>| format!("<uid {}>", self.uids.get(&found[0]).map_or("", String::as_str));
        let mut text = UID.replace_all(text, uid).into_owned();
        for pattern in [&VERSION, &IN_TEXT] {
            text = pattern.replace_all(&text, |found: &Captures<'_>| self.version(found)).into_owned();
        }
        text = TOKEN.replace_all(&text, |found: &Captures<'_>| self.token(found)).into_owned();
        for (name, value) in kept.iter().filter(|(_, value)| value.len() > 4 && value.parse::<u64>().is_err()) {
            // Uids and tokens have their own form below.
            if !UID.is_match(value) && token(value).is_none() {
                text = text.replace(value.as_str(), &format!("<{name}>"));
            }
        }
        text = GENERATED.replace_all(&text, "${1}<generated>${2}").into_owned();
        text = TIME.replace_all(&text, "<time>").into_owned();
        text = HASH.replace_all(&text, "<hash>").into_owned();
        text = ADDRESS.replace_all(&text, "<address>").into_owned();
        text
    }

    fn version(&self, found: &Captures<'_>) -> String {
        match self.named(&found[2]) {
            Some(name) => format!("{}{name}{}", &found[1], found.get(3).map_or("", |rest| rest.as_str())),
            None => found[0].to_owned(),
        }
    }

    fn token(&self, found: &Captures<'_>) -> String {
        let Some(token) = token(&found[2]) else { return found[0].to_owned() };
        let version = token["rv"].to_string();
        let version = self.named(&version).unwrap_or(version);
        format!("{}<{} at {version} from {}>", &found[1], token["v"], start(&token))
    }
}

/// The name of the next thing that a step tells of first.
fn name(step: usize, nth: &mut usize) -> String {
    *nth += 1;
    if *nth == 1 { format!("#{}", step + 1) } else { format!("#{}.{nth}", step + 1) }
}

/// Where a token goes on; whether the key begins with a slash is the server's own affair.
fn start(token: &Value) -> String {
    token["start"].as_str().unwrap_or_default().trim_start_matches('/').escape_default().to_string()
}

/// A continue token, opened.
fn token(text: &str) -> Option<Value> {
    let opened = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&opened).ok().filter(|token: &Value| token.get("rv").is_some())
}

/// Versions that scripts make up are not those of a store.
fn is_real(version: u64) -> bool {
    version > 0 && version != 9_999_999_999_999_999 && i64::try_from(version).is_ok()
}

/// A constant pattern.
macro_rules! pattern {
    ($name:ident, $text:expr) => {
        #[allow(clippy::unwrap_used, reason = "a constant pattern, which the tests compile")]
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($text).unwrap());
    };
}

pattern!(VERSION, r#"("?resourceVersion"?: ?"|resourceVersion\\+": ?\\+")(\d+)("|\\)"#);
// A list's metadata begins with its version, an object's with its name.
pattern!(OF_OBJECT, r#"("uid": ?"[^"]+",\s*"resourceVersion": ?")(\d+)(")"#);
// The same where keys are in order, as custom resources have them.
pattern!(OF_SORTED_OBJECT, r#"("resourceVersion": ?")(\d+)",\s*"(?:selfLink|uid)"#);
pattern!(
    IN_TEXT,
    r"((?i:resource version: |current: |, ResourceVersion: |in record \(|in (?:the )?precondition \(|version: \d+ \())(\d+)"
);
pattern!(TOKEN, r#"("continue": ?"|continue: )([A-Za-z0-9_-]{16,})"#);
// Scripts that refuse a generated name write its beginning with a mark.
pattern!(GENERATED, r"(generated-?[/%_]?)[bcdfghjklmnpqrstvwxz2456789]{5}(\W)");
pattern!(UID, r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
pattern!(TIME, r"20(?:2[5-9]|3\d)-\d\d-\d\dT\d\d:\d\d:\d\dZ");
pattern!(HASH, r"[0-9A-F]{128}");
pattern!(ADDRESS, r"127\.0\.0\.1:\d{4,5}|localhost:\d{4,5}");

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str, versions: Versions) -> String {
        normal(&[text.to_owned()], &BTreeMap::new(), versions).remove(0)
    }

    #[test]
    fn versions_are_named_by_the_step_that_told_of_them_first() {
        let text = r#"{"metadata":{"resourceVersion":"90"},"items":[{"metadata":{"resourceVersion":"41"}}]}"#;
        let normal = one(text, Versions::Own);
        assert_eq!(
            normal,
            r##"{"metadata":{"resourceVersion":"#1"},"items":[{"metadata":{"resourceVersion":"#1.2"}}]}"##
        );
        assert_eq!(one("resourceVersion: \"7\"\n", Versions::Own), "resourceVersion: \"#1\"\n");
        let future = "Too large resource version: 9999999999999999, current: 7";
        assert_eq!(one(future, Versions::Own), "Too large resource version: 9999999999999999, current: #1");
    }

    #[test]
    fn what_comes_last_is_the_order_of_versions() {
        let texts =
            [r#""resourceVersion":"5""#, r#""resourceVersion":"9""#, r#""resourceVersion":"7""#].map(str::to_owned);
        assert_eq!(normal(&texts, &BTreeMap::new(), Versions::Own)[3], "#1 #3 #2\n");
    }

    #[test]
    fn where_others_write_a_list_is_told_by_the_last_object_before_it() {
        let text = r#"{"metadata":{"resourceVersion":"90"},"items":[{"metadata":{"uid":"x","resourceVersion":"41"}}]}"#;
        let normal = one(text, Versions::Shared);
        assert_eq!(
            normal,
            r##"{"metadata":{"resourceVersion":"#1"},"items":[{"metadata":{"uid":"x","resourceVersion":"#1"}}]}"##
        );
    }

    #[test]
    fn uids_times_and_tokens_become_words_and_equal_uids_stay_equal() {
        let uid = "0a1b2c3d-0000-4000-8000-0123456789ab";
        let text = format!("{uid} {uid} 2026-11-25T19:30:25Z 1999-01-01T00:00:00Z");
        assert_eq!(one(&text, Versions::Own), "<uid #1> <uid #1> <time> 1999-01-01T00:00:00Z");
        let token = URL_SAFE_NO_PAD.encode(r#"{"v":"meta.k8s.io/v1","rv":12,"start":"one/a\u0000"}"#);
        let text = format!(r#"{{"resourceVersion":"12","continue":"{token}"}}"#);
        let normal = one(&text, Versions::Own);
        assert_eq!(normal, r##"{"resourceVersion":"#1","continue":"<"meta.k8s.io/v1" at #1 from one/a\u{0}>"}"##);
    }

    #[test]
    fn what_a_script_kept_has_its_name() {
        let kept = BTreeMap::from([("made".to_owned(), "some-bcdfg".to_owned())]);
        let text = normal(&["\"name\":\"some-bcdfg\"".to_owned()], &kept, Versions::Own).remove(0);
        assert_eq!(text, "\"name\":\"<made>\"");
    }
}
