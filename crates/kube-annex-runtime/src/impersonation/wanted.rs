//! Who a request wants to be, as its headers say.

use crate::authn::unescape;
use http::{HeaderMap, HeaderName, HeaderValue};
use kube_annex::Status;
use kube_annex::field::quote;
use kube_annex::request::UserInfo;
use std::fmt::Write as _;

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const EXTRA: &str = "impersonate-extra-";

/// Takes the user that a request wants to be out of its headers; `None` when it wants to be nobody else.
///
/// * Shape: as it is written, nothing is added to it.
/// * Errors: 400 for somebody without a name, and for a header that is no text.
pub(crate) fn take(headers: &mut HeaderMap) -> Result<Option<UserInfo>, Status> {
    if !headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
        return Ok(None);
    }
    let mut wanted = UserInfo { name: first(headers, &USER)?, uid: first(headers, &UID)?, ..UserInfo::default() };
    wanted.groups = all(headers, &GROUP)?;
    let extra: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with(EXTRA)).cloned().collect();
    for name in &extra {
        let key = unescape(&name.as_str()[EXTRA.len()..]);
        wanted.extra.entry(key).or_default().extend(all(headers, name)?);
    }
    if wanted.name.is_empty() {
        let nobody = wanted == UserInfo::default();
        return if nobody { Ok(None) } else { Err(without_name(&wanted)) };
    }
    // Nothing after this stage may depend on how the user came to be who he is.
    for name in [&USER, &UID, &GROUP].into_iter().chain(&extra) {
        headers.remove(name);
    }
    Ok(Some(wanted))
}

/// Upstream's words around what is wanted, which upstream writes as a Go struct.
fn without_name(wanted: &UserInfo) -> Status {
    let mut what = String::new();
    if !wanted.uid.is_empty() {
        let _ = write!(what, "uid {}, ", quote(&wanted.uid));
    }
    for group in &wanted.groups {
        let _ = write!(what, "group {}, ", quote(group));
    }
    for (key, values) in &wanted.extra {
        let values: Vec<String> = values.iter().map(|value| quote(value)).collect();
        let _ = write!(what, "extra {} [{}], ", quote(key), values.join(" "));
    }
    let what = what.trim_end_matches(", ");
    Status::bad_request(format!("requested {what} without impersonating a user name"))
}

fn first(headers: &HeaderMap, name: &HeaderName) -> Result<String, Status> {
    headers.get(name).map_or(Ok(String::new()), |value| text(name, value))
}

fn all(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Status> {
    headers.get_all(name).iter().map(|value| text(name, value)).collect()
}

// A lossy reading could make one user of two.
fn text(name: &HeaderName, value: &HeaderValue) -> Result<String, Status> {
    let value = std::str::from_utf8(value.as_bytes()).map(str::to_owned);
    value.map_err(|_| Status::bad_request(format!("the value of header {name} is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn an_19_who_is_wanted_is_read_from_four_kinds_of_headers_which_then_are_gone() {
        let mut headers = headers(&[
            ("impersonate-user", "ada"),
            ("impersonate-user", "bob"),
            ("impersonate-uid", "7"),
            ("impersonate-group", "dev"),
            ("impersonate-group", ""),
            ("impersonate-extra-example.com%2fscopes", "one"),
            ("impersonate-extra-example.com%2fscopes", "two"),
            ("impersonate-extra-100%", "x"),
            ("impersonate-other", "kept"),
            ("accept", "application/json"),
        ]);
        let wanted = take(&mut headers).unwrap().unwrap();
        assert_eq!((wanted.name.as_str(), wanted.uid.as_str()), ("ada", "7"));
        assert_eq!(wanted.groups, ["dev", ""]);
        assert_eq!(wanted.extra["example.com/scopes"], ["one", "two"]);
        assert_eq!(wanted.extra["100%"], ["x"]);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "impersonate-other"]);
    }

    #[test]
    fn an_19_who_has_no_name_is_nobody() {
        assert_eq!(take(&mut headers(&[("impersonate-user", "")])), Ok(None));
        assert_eq!(take(&mut headers(&[("impersonate-other", "x")])), Ok(None));
        for (pairs, what) in [
            (&[("impersonate-group", "dev"), ("impersonate-group", "ops")][..], r#"group "dev", group "ops""#),
            (&[("impersonate-uid", "7")], r#"uid "7""#),
            (&[("impersonate-user", ""), ("impersonate-extra-a", "b")], r#"extra "a" ["b"]"#),
        ] {
            let status = take(&mut headers(pairs)).unwrap_err();
            assert_eq!(status.message, format!("requested {what} without impersonating a user name"));
            assert_eq!(status.code, 400);
        }
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_nobodys() {
        let mut headers = HeaderMap::new();
        headers.insert(USER, HeaderValue::from_bytes(b"ad\xffa").unwrap());
        assert_eq!(take(&mut headers).unwrap_err().code, 400);
    }
}
