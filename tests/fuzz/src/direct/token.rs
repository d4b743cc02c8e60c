//! Continue tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kube_annex_runtime::registry::continue_token::ContinueToken;
use kube_annex_storage::Prefix;

/// A token as its text, and as what its text says. A token that was read is written as one that says the same, and never
/// leads out of the objects that are listed.
pub(crate) fn pages(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        page(text);
    }
    page(&URL_SAFE_NO_PAD.encode(input));
}

fn page(text: &str) {
    for prefix in [Prefix::of_resource("g.io", "things"), Prefix::of_resource("g.io", "things").in_namespace("n")] {
        let token = match ContinueToken::decode(text, &prefix) {
            Ok(token) => token,
            Err(status) => {
                assert_eq!(status.code, 400, "{status}");
                assert!(status.message.starts_with(REFUSED), "{status}");
                continue;
            }
        };
        assert!(prefix.covers(&token.start), "{token:?}");
        let written = token.encode(&prefix);
        assert_eq!(ContinueToken::decode(&written, &prefix).as_ref(), Ok(&token), "{written}");
    }
}

const REFUSED: &str = "invalid continue token: continue key is not valid";
