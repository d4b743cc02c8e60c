//! The token that continues a list: where the next page starts, in which snapshot.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use kube_annex::Status;
use kube_annex_storage::{Key, Prefix, Revision};
use serde::{Deserialize, Serialize};

/// Where a list goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContinueToken {
    /// The snapshot; `None` continues in the newest state.
    pub revision: Option<Revision>,
    /// The first key that may be on the next page.
    pub start: Key,
}

#[derive(Deserialize, Serialize)]
struct Wire {
    #[serde(default)]
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
}

const VERSION: &str = "meta.k8s.io/v1";
/// As Go's: bits that complete the last byte of text need not be zero.
const BASE64: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, NO_PAD.with_decode_allow_trailing_bits(true));

impl ContinueToken {
    /// The token for the page that starts at `start`.
    pub fn encode(&self, prefix: &Prefix) -> String {
        let start = match self.start.as_str().strip_prefix(prefix.as_str()).unwrap_or_default() {
            "" => "/",
            start => start,
        };
        let rv = self.revision.map_or(-1, |revision| i64::try_from(revision.0).unwrap_or(i64::MAX));
        let wire = Wire { v: VERSION.to_owned(), rv, start: start.to_owned() };
        BASE64.encode(serde_json::to_vec(&wire).unwrap_or_default())
    }

    /// Reads a token that a client sent back.
    ///
    /// * Errors: 400 for anything that no server wrote, and for keys that would leave the prefix.
    pub fn decode(token: &str, prefix: &Prefix) -> Result<Self, Status> {
        let bytes = BASE64.decode(token).map_err(|_| bad(": illegal base64 data"))?;
        let wire: Wire = serde_json::from_slice(&bytes).map_err(|_| bad(": it is not JSON"))?;
        if wire.v != VERSION {
            return Err(bad(&format!(": server does not recognize this encoded version {}", wire.v)));
        }
        if wire.rv == 0 {
            return Err(bad(": incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
        }
        if wire.start.is_empty() {
            return Err(bad(": encoded start key empty (version meta.k8s.io/v1)"));
        }
        let start = wire.start.strip_prefix('/').unwrap_or(&wire.start);
        let odd = |segment: &str| segment == ".." || segment == "." || segment.is_empty();
        if !start.is_empty() && start.split('/').any(odd) {
            return Err(bad(&format!(": {}", wire.start.escape_default())));
        }
        Ok(Self { revision: u64::try_from(wire.rv).ok().map(Revision), start: prefix.key(start) })
    }
}

fn bad(detail: &str) -> Status {
    Status::bad_request(format!("invalid continue token: continue key is not valid{detail}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix::of_resource("g.io", "things")
    }

    fn wire(json: &str) -> Result<ContinueToken, Status> {
        ContinueToken::decode(&BASE64.encode(json), &prefix())
    }

    #[test]
    fn l_7_a_token_is_upstreams_json_relative_to_the_prefix() {
        let token = ContinueToken { revision: Some(Revision(7)), start: prefix().key("n/a\0") };
        let text = token.encode(&prefix());
        let json = String::from_utf8(BASE64.decode(&text).unwrap()).unwrap();
        assert_eq!(json, r#"{"v":"meta.k8s.io/v1","rv":7,"start":"n/a\u0000"}"#);
        assert_eq!(ContinueToken::decode(&text, &prefix()).unwrap(), token);
        assert_eq!(wire(r#"{"v":"meta.k8s.io/v1","rv":-1,"start":"a"}"#).unwrap().revision, None);
    }

    #[test]
    fn l_8_tokens_that_no_server_wrote_are_refused() {
        for (json, detail) in [
            (r#"{"v":"meta.k8s.io/v1","rv":0,"start":"a"}"#, "incorrect encoded start resourceVersion"),
            (r#"{"v":"meta.k8s.io/v1","rv":5,"start":""}"#, "encoded start key empty"),
            (r#"{"v":"v9","rv":5,"start":"a"}"#, "does not recognize this encoded version v9"),
            (r#"{"v":"meta.k8s.io/v1","rv":5,"start":"../b"}"#, "../b"),
            (r#"{"v":"meta.k8s.io/v1","rv":5,"start":"/../b"}"#, "../b"),
            (r#"{"v":"meta.k8s.io/v1","rv":5,"start":"//b"}"#, "//b"),
            (r#"{"v":"meta.k8s.io/v1","rv":5,"start":"b/"}"#, "b/"),
            ("nonsense", "not JSON"),
        ] {
            let status = wire(json).unwrap_err();
            assert_eq!(status.code, 400, "{json}");
            assert!(status.message.starts_with("invalid continue token: continue key is not valid"), "{status}");
            assert!(status.message.contains(detail), "{status}");
        }
        for text in ["***", "", "e30=", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiYSJ9=="] {
            assert_eq!(ContinueToken::decode(text, &prefix()).unwrap_err().code, 400, "{text}");
        }
    }

    #[test]
    fn l_8_a_token_may_begin_with_a_slash_and_end_in_bits_that_mean_nothing() {
        for (start, key) in [("/a", "a"), ("/n/a", "n/a"), ("/", "")] {
            let token = wire(&format!(r#"{{"v":"meta.k8s.io/v1","rv":7,"start":"{start}"}}"#)).unwrap();
            assert_eq!(token, ContinueToken { revision: Some(Revision(7)), start: prefix().key(key) });
            assert_eq!(ContinueToken::decode(&token.encode(&prefix()), &prefix()).unwrap(), token);
        }
        let text = ContinueToken { revision: Some(Revision(7)), start: prefix().key("a") }.encode(&prefix());
        assert!(text.ends_with("In0"), "{text}");
        let odd = text.replace("In0", "In1");
        assert_eq!(ContinueToken::decode(&odd, &prefix()).unwrap(), ContinueToken::decode(&text, &prefix()).unwrap());
    }
}
