//! What a text must look like: the formats that custom resources know.

use kube_annex_names::dns;
use regex::Regex;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

/// The formats that are checked, without inner dashes. Any other says something to people only.
pub const FORMATS: &[&str] = &[
    "byte",
    "cidr",
    "date",
    "datetime",
    "email",
    "hexcolor",
    "hostname",
    "ipv4",
    "ipv6",
    "k8slongname",
    "k8sshortname",
    "mac",
    "password",
    "rgbcolor",
    "ssn",
    "uri",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
];

/// Whether the text is of that format. Every text is of a format that is not checked.
pub(super) fn is(format: &str, text: &str) -> bool {
    match format.replace('-', "").as_str() {
        "byte" => is_match(&BASE64, text),
        "cidr" => is_cidr(text),
        "date" => is_date(text),
        "datetime" => is_date_time(text),
        "email" => is_match(&EMAIL, text),
        "hexcolor" => is_match(&HEX_COLOR, text),
        "hostname" => is_host_name(text),
        "ipv4" => text.parse::<Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<Ipv6Addr>().is_ok(),
        "k8slongname" => dns::is_subdomain(text),
        "k8sshortname" => dns::label(text).is_empty(),
        "mac" => is_match(&MAC, text),
        "rgbcolor" => is_match(&RGB_COLOR, text),
        "ssn" => is_match(&SSN, text),
        "uri" => is_uri(text),
        "uuid" => is_uuid(text, None),
        "uuid3" => is_uuid(text, Some('3')),
        "uuid4" => is_uuid(text, Some('4')),
        "uuid5" => is_uuid(text, Some('5')),
        _ => true,
    }
}

type Pattern = LazyLock<Option<Regex>>;

static BASE64: Pattern = LazyLock::new(|| {
    Regex::new("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$").ok()
});
static EMAIL: Pattern = LazyLock::new(|| Regex::new(r#"^[^\s@<>()\[\],;:"]+@[^\s@<>()\[\],;:"]+$"#).ok());
static HEX_COLOR: Pattern = LazyLock::new(|| Regex::new("^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$").ok());
static HOST_NAME: Pattern = LazyLock::new(|| {
    Regex::new(r"^(?:[a-zA-Z0-9\u{ff10}-\u{ff19}]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]{0,61}[a-zA-Z0-9]))*$").ok()
});
static MAC: Pattern = LazyLock::new(|| {
    Regex::new("^(?:[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5,7}|[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5,7}|[0-9a-fA-F]{4}(?:\\.[0-9a-fA-F]{4}){2,3})$").ok()
});
static RGB_COLOR: Pattern = LazyLock::new(|| {
    let part = r"\s*(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\s*";
    Regex::new(&format!(r"^rgb\({part},{part},{part}\)$")).ok()
});
static SSN: Pattern = LazyLock::new(|| Regex::new(r"^[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}$").ok());

fn is_match(pattern: &Pattern, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.is_match(text))
}

/// `2006-01-02`, a day that there is.
fn is_date(text: &str) -> bool {
    text.len() == 10 && text.is_ascii() && text.parse::<k8s_openapi::jiff::civil::Date>().is_ok()
}

/// `2006-01-02T15:04:05.123Z` or with an offset. As upstream, in any case of letters.
fn is_date_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let Some((date, time)) = text.split_once('t') else { return false };
    is_date(date) && is_time(time)
}

fn is_time(text: &str) -> bool {
    static TIME: Pattern =
        LazyLock::new(|| Regex::new(r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})$").ok());
    let Some(captures) = TIME.as_ref().and_then(|pattern| pattern.captures(text)) else { return false };
    let (_, [hours, minutes, seconds]) = captures.extract();
    hours <= "23" && minutes <= "59" && seconds <= "59"
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    digits && length.parse::<u8>().is_ok_and(|length| length <= most)
}

fn is_host_name(text: &str) -> bool {
    text.len() <= 255 && is_match(&HOST_NAME, text)
}

/// An absolute path, or a scheme and what follows it.
fn is_uri(text: &str) -> bool {
    let clean = !text.is_empty() && !text.chars().any(|character| character.is_control() || character == ' ');
    let scheme = |text: &str| {
        let mut characters = text.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphabetic())
            && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    clean && (text.starts_with('/') || text.split_once(':').is_some_and(|(before, _)| scheme(before)))
}

/// A UUID, of a version if one is given; the dashes may be left out.
fn is_uuid(text: &str, version: Option<char>) -> bool {
    static UUID: Pattern =
        LazyLock::new(|| Regex::new("^(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$").ok());
    if !is_match(&UUID, text) {
        return false;
    }
    let digits: Vec<char> = text.chars().filter(|character| *character != '-').collect();
    let variant = digits.get(16).is_some_and(|digit| matches!(digit.to_ascii_lowercase(), '8' | '9' | 'a' | 'b'));
    match version {
        None => true,
        Some('3') => digits.get(12) == Some(&'3'),
        Some(version) => digits.get(12) == Some(&version) && variant,
    }
}
