//! The front proxy: kube-apiserver's aggregator has identified the user and says so in headers.

use super::{Authenticator, Connection, Error, FrontProxyHeaders, FrontProxyTrust, TrustStore, UnixClock};
use http::{HeaderMap, HeaderName, HeaderValue};
use kube_annex::handlers::BoxFuture;
use kube_annex::request::UserInfo;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Believes the headers of a peer whose certificate is the front proxy's.
pub struct FrontProxy {
    trust: Arc<TrustStore>,
    clock: UnixClock,
}

impl FrontProxy {
    /// Believes whom `trust` names.
    pub fn new(trust: Arc<TrustStore>, clock: UnixClock) -> Self {
        Self { trust, clock }
    }

    fn identify(&self, headers: &HeaderMap, connection: &Connection) -> Result<Option<UserInfo>, Error> {
        let trust = self.trust.load();
        let Some(front_proxy) = trust.front_proxy.as_deref().filter(|_| !connection.certificates.is_empty()) else {
            return Ok(None);
        };
        self.check_peer(front_proxy, connection)?;
        read_user(headers, &front_proxy.headers)
    }

    fn check_peer(&self, front_proxy: &FrontProxyTrust, connection: &Connection) -> Result<(), Error> {
        let identity = connection.verify(&front_proxy.ca, (self.clock)())?;
        let allowed = &front_proxy.allowed_names;
        if allowed.is_empty() || allowed.contains(&identity.common_name) {
            return Ok(());
        }
        Err(Error::NameNotAllowed { name: identity.common_name.clone() })
    }
}

impl Authenticator for FrontProxy {
    fn authenticate<'a>(
        &'a self,
        headers: &'a HeaderMap,
        connection: &'a Connection,
    ) -> BoxFuture<'a, Result<Option<UserInfo>, Error>> {
        Box::pin(std::future::ready(self.identify(headers, connection)))
    }
}

fn read_user(headers: &HeaderMap, names: &FrontProxyHeaders) -> Result<Option<UserInfo>, Error> {
    let name = first_value(headers, &names.username)?;
    if name.is_empty() {
        return Ok(None);
    }
    let uid = first_value(headers, &names.uid)?;
    let groups = all_values(headers, &names.group)?;
    let extra = read_extra(headers, &names.extra_prefix)?;
    Ok(Some(UserInfo { name, uid, groups, extra }))
}

fn first_value(headers: &HeaderMap, names: &[HeaderName]) -> Result<String, Error> {
    let found = names.iter().find_map(|name| {
        let value = headers.get(name).filter(|value| !value.is_empty())?;
        Some(text(name, value))
    });
    found.unwrap_or_else(|| Ok(String::new()))
}

fn all_values(headers: &HeaderMap, names: &[HeaderName]) -> Result<Vec<String>, Error> {
    let values = names.iter().flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)));
    values.filter(|(_, value)| !value.is_empty()).map(|(name, value)| text(name, value)).collect()
}

fn read_extra(headers: &HeaderMap, prefixes: &[String]) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut extra = BTreeMap::<String, Vec<String>>::new();
    for prefix in prefixes {
        for name in headers.keys() {
            let Some(suffix) = name.as_str().strip_prefix(prefix.as_str()) else { continue };
            let values = extra.entry(unescape(suffix)).or_default();
            for value in headers.get_all(name) {
                values.push(text(name, value)?);
            }
        }
    }
    Ok(extra)
}

// A lossy reading could make one user of two.
fn text(name: &HeaderName, value: &HeaderValue) -> Result<String, Error> {
    let value = std::str::from_utf8(value.as_bytes());
    value.map(str::to_owned).map_err(|_| Error::MalformedHeader { name: name.to_string() })
}

/// Percent-decodes; a text that does not decode is taken as it is.
pub(crate) fn unescape(key: &str) -> String {
    let mut escapes = key.split('%').skip(1);
    if !escapes.all(|rest| rest.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))) {
        return key.to_owned();
    }
    percent_decode_str(key).decode_utf8().map_or_else(|_| key.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn px_8_extra_keys_are_percent_decoded_and_kept_as_they_are_when_they_do_not_decode() {
        assert_eq!(unescape("example.com%2ffoo"), "example.com/foo");
        assert_eq!(unescape("100%25"), "100%");
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("a%2gb%2f"), "a%2gb%2f");
        assert_eq!(unescape("%ff"), "%ff");
    }

    fn standard(headers: &[(&'static str, &'static str)]) -> Option<UserInfo> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        read_user(&map, &FrontProxyHeaders::standard()).expect("well-formed")
    }

    #[test]
    fn an_8_no_name_is_no_user_and_empty_groups_are_left_out() {
        assert_eq!(standard(&[("x-remote-group", "system:masters")]), None);
        assert_eq!(standard(&[("x-remote-user", ""), ("x-remote-group", "system:masters")]), None);
        let user = standard(&[
            ("x-remote-user", "ada"),
            ("x-remote-uid", "7"),
            ("x-remote-group", "dev"),
            ("x-remote-group", ""),
            ("x-remote-group", "ops"),
            ("x-remote-extra-scopes", "one"),
            ("x-remote-extra-scopes", "two"),
        ])
        .expect("a user");
        assert_eq!((user.name.as_str(), user.uid.as_str()), ("ada", "7"));
        assert_eq!(user.groups, ["dev", "ops"]);
        assert_eq!(user.extra["scopes"], ["one", "two"]);
    }

    #[test]
    fn a_name_that_is_not_utf_8_is_an_error_and_not_another_users_name() {
        let mut headers = HeaderMap::new();
        headers.insert("x-remote-user", HeaderValue::from_bytes(b"ad\xffa").expect("opaque bytes"));
        let outcome = read_user(&headers, &FrontProxyHeaders::standard());
        assert!(matches!(outcome, Err(Error::MalformedHeader { .. })), "{outcome:?}");
    }
}
