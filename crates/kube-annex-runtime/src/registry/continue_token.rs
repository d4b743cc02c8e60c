//! The token that continues a list: where the next page starts, in which snapshot.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kube_annex::Status;
use kube_annex_storage::{Key, Prefix, Revision};
use serde::{Deserialize, Serialize};

/// Where a list goes on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ContinueToken {
    /// The snapshot; `None` continues in the newest state.
    pub(crate) revision: Option<Revision>,
    /// The first key that may be on the next page.
    pub(crate) start: Key,
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

impl ContinueToken {
    /// The token for the page that starts at `start`.
    pub(crate) fn encode(&self, prefix: &Prefix) -> String {
        let start = self.start.as_str().strip_prefix(prefix.as_str()).unwrap_or_default();
        let rv = self.revision.map_or(-1, |revision| i64::try_from(revision.0).unwrap_or(i64::MAX));
        let wire = Wire { v: VERSION.to_owned(), rv, start: start.to_owned() };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&wire).unwrap_or_default())
    }

    /// Reads a token that a client sent back.
    ///
    /// * Errors: 400 for anything that no server wrote, and for keys that would leave the prefix.
    pub(crate) fn decode(token: &str, prefix: &Prefix) -> Result<Self, Status> {
        let bytes = URL_SAFE_NO_PAD.decode(token.trim_end_matches('=')).map_err(|_| bad(": illegal base64 data"))?;
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
        if wire.start.split('/').any(|segment| segment == ".." || segment == "." || segment.is_empty()) {
            return Err(bad(&format!(": {}", wire.start.escape_default())));
        }
        Ok(Self { revision: u64::try_from(wire.rv).ok().map(Revision), start: prefix.key(&wire.start) })
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
        ContinueToken::decode(&URL_SAFE_NO_PAD.encode(json), &prefix())
    }

    #[test]
    fn l_7_a_token_is_upstreams_json_relative_to_the_prefix() {
        let token = ContinueToken { revision: Some(Revision(7)), start: prefix().key("n/a\0") };
        let text = token.encode(&prefix());
        let json = String::from_utf8(URL_SAFE_NO_PAD.decode(&text).unwrap()).unwrap();
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
            ("nonsense", "not JSON"),
        ] {
            let status = wire(json).unwrap_err();
            assert_eq!(status.code, 400, "{json}");
            assert!(status.message.starts_with("invalid continue token: continue key is not valid"), "{status}");
            assert!(status.message.contains(detail), "{status}");
        }
        assert_eq!(ContinueToken::decode("***", &prefix()).unwrap_err().code, 400);
    }
}
