//! The grammars of names, labels and keys, with upstream's words for what is wrong with them.
//!
//! Each function that judges returns every violation as upstream phrases it, and nothing for a good value. The `is_`
//! functions answer only whether the characters are right; they are `const`, and do not judge the length.
//!
//! Source: Kubernetes API machinery, `validate/content`.

use std::borrow::Cow;

/// The most bytes of a DNS-1123 subdomain.
pub const SUBDOMAIN_MAX: usize = 253;

/// The most bytes of a DNS label, of the name part of a label key, and of a label value.
pub const LABEL_MAX: usize = 63;

/// Judges a DNS-1123 subdomain, such as `example.com`: the rule of most object names and of API groups.
pub fn subdomain(value: &str) -> Vec<String> {
    let mut errors = longer_than(SUBDOMAIN_MAX, "characters", value);
    if !is_subdomain(value) {
        errors.push(SUBDOMAIN.explain());
    }
    errors
}

/// Judges a DNS-1123 label, such as `my-name` or `123-abc`: the rule of namespaces.
pub fn label(value: &str) -> Vec<String> {
    let mut errors = longer_than(LABEL_MAX, "characters", value);
    if !is_label(value) {
        // The characters of a subdomain are those of labels and dots: the dots are all that is wrong.
        errors.push(if is_subdomain(value) { "must not contain dots".to_owned() } else { LABEL.explain() });
    }
    errors
}

/// Judges a DNS-1035 label, such as `my-name` or `abc-123`: the rule of service names, plurals and short names.
pub fn label_1035(value: &str) -> Vec<String> {
    let mut errors = longer_than(LABEL_MAX, "characters", value);
    if !is_label_1035(value) {
        errors.push(LABEL_1035.explain());
    }
    errors
}

/// Judges a name that becomes a path segment. An empty name passes: whether one is required is another question.
pub fn path_segment(value: &str) -> Vec<String> {
    match value {
        "." | ".." => vec![format!("may not be '{value}'")],
        _ => path_segment_prefix(value),
    }
}

/// Judges the beginning of a name that becomes a path segment: `.` passes, since a suffix follows.
pub fn path_segment_prefix(value: &str) -> Vec<String> {
    ["/", "%"].into_iter().filter(|bad| value.contains(bad)).map(|bad| format!("may not contain '{bad}'")).collect()
}

/// Judges a qualified name, `[prefix/]name`: the rule of label keys and finalizers, and of lower-cased annotation keys.
pub fn label_key(value: &str) -> Vec<String> {
    let mut parts = value.split('/');
    let (mut errors, name) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => (Vec::new(), name),
        (Some(prefix), Some(name), None) => (key_prefix(prefix), name),
        _ => {
            let rule = LABEL_KEY.explain();
            let prefixed = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
            return vec![format!("a valid label key {rule} {prefixed}")];
        }
    };
    if name.is_empty() {
        errors.push("name part must be non-empty".to_owned());
    } else {
        errors.extend(longer_than(LABEL_MAX, "bytes", name).into_iter().map(|error| format!("name part {error}")));
    }
    if !is_qualified_part(name) {
        errors.push(format!("name part {}", LABEL_KEY.explain()));
    }
    errors
}

/// Judges the value of a label; it may be empty.
pub fn label_value(value: &str) -> Vec<String> {
    let mut errors = longer_than(LABEL_MAX, "bytes", value);
    if !value.is_empty() && !is_qualified_part(value) {
        errors.push(LABEL_VALUE.explain());
    }
    errors
}

/// What of a `generateName` is judged by the rule of names: a dash at the end is fine there, so it is masked.
pub fn mask_trailing_dash(prefix: &str) -> Cow<'_, str> {
    match prefix.strip_suffix('-') {
        Some(rest) => match rest.char_indices().next_back() {
            // Upstream replaces the last two bytes; after a character of several bytes the result is wrong either way.
            Some((last, character)) if character.is_ascii() => Cow::Owned(format!("{}a", &rest[..last])),
            Some(_) => Cow::Owned(format!("{rest}a")),
            None => Cow::Borrowed(prefix),
        },
        None => Cow::Borrowed(prefix),
    }
}

/// Whether every dot-separated part is a DNS-1123 label, of any length.
pub const fn is_subdomain(value: &str) -> bool {
    let bytes = value.as_bytes();
    let mut start = 0;
    let mut index = 0;
    while index <= bytes.len() {
        if index == bytes.len() || bytes[index] == b'.' {
            if !is_label_between(bytes, start, index) {
                return false;
            }
            start = index + 1;
        }
        index += 1;
    }
    true
}

/// Whether these are lower-case letters, digits and inner dashes.
pub const fn is_label(value: &str) -> bool {
    is_label_between(value.as_bytes(), 0, value.len())
}

/// Whether this is a label that begins with a letter.
pub const fn is_label_1035(value: &str) -> bool {
    // A label has a first byte.
    is_label(value) && value.as_bytes()[0].is_ascii_lowercase()
}

const fn is_label_between(bytes: &[u8], start: usize, end: usize) -> bool {
    if start >= end || bytes[start] == b'-' || bytes[end - 1] == b'-' {
        return false;
    }
    let mut index = start;
    while index < end {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        index += 1;
    }
    true
}

fn is_qualified_part(value: &str) -> bool {
    let bytes = value.as_bytes();
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(inner)
}

fn key_prefix(prefix: &str) -> Vec<String> {
    if prefix.is_empty() {
        return vec!["prefix part must be non-empty".to_owned()];
    }
    let mut errors = longer_than(SUBDOMAIN_MAX, "bytes", prefix);
    if !is_subdomain(prefix) {
        errors.push(SUBDOMAIN.explain());
    }
    errors.into_iter().map(|error| format!("prefix part {error}")).collect()
}

/// Bytes are counted either way; upstream says `characters` of names and `bytes` of keys and values.
fn longer_than(max: usize, unit: &str, value: &str) -> Vec<String> {
    if value.len() > max { vec![format!("must be no more than {max} {unit}")] } else { Vec::new() }
}

/// A rule in upstream's words: what it says, values that pass, and the expression it quotes.
struct Rule {
    text: &'static str,
    examples: &'static [&'static str],
    expression: &'static str,
}

impl Rule {
    /// The rule as upstream prints it, with its two spaces before each `or`.
    fn explain(&self) -> String {
        let examples: Vec<String> = self.examples.iter().map(|example| format!("'{example}', ")).collect();
        format!("{} (e.g. {}regex used for validation is '{}')", self.text, examples.join(" or "), self.expression)
    }
}

const SUBDOMAIN: Rule = Rule {
    text: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
           start and end with an alphanumeric character",
    examples: &["example.com"],
    expression: r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
};

const LABEL: Rule = Rule {
    text: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
           end with an alphanumeric character",
    examples: &["my-name", "123-abc"],
    expression: "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
};

const LABEL_1035: Rule = Rule {
    text: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
           character, and end with an alphanumeric character",
    examples: &["my-name", "abc-123"],
    expression: "[a-z]([-a-z0-9]*[a-z0-9])?",
};

const LABEL_KEY: Rule = Rule {
    text: "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric \
           character",
    examples: &["MyName", "my.name", "123-abc"],
    expression: "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
};

const LABEL_VALUE: Rule = Rule {
    text: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
           start and end with an alphanumeric character",
    examples: &["MyValue", "my_value", "12345"],
    expression: "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
};

#[cfg(test)]
mod tests;
