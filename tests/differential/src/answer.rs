//! What came back, as the text that is compared.

use std::fmt::Write as _;
use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use http::HeaderMap;
use http::response::Parts;

use crate::message;

/// Status, the headers that matter, and the body as it is; what is packed is unpacked.
pub(crate) fn text(head: &Parts, body: &[u8]) -> String {
    let mut text = head_text(head);
    let packed = head.headers.get("content-encoding").is_some_and(|coding| coding == "gzip");
    let body =
        if packed { unpacked(body).unwrap_or_else(|error| error.to_string().into_bytes()) } else { body.to_vec() };
    text.push('\n');
    let is_yaml = head.headers.get("content-type").is_some_and(|form| form.as_bytes().starts_with(b"application/yaml"));
    if message::is_enveloped(&body) {
        text.push_str(&message::text(&body));
        return text;
    }
    match String::from_utf8(body) {
        Ok(body) if is_yaml => text.push_str(&of_yaml(&body)),
        Ok(body) => text.push_str(&body),
        Err(error) => text.push_str(&error.into_bytes().escape_ascii().to_string()),
    }
    text
}

/// Status and the headers that matter, one a line.
pub(crate) fn head_text(head: &Parts) -> String {
    let mut text = format!("{}\n", head.status.as_u16());
    for name in COMPARED {
        for value in head.headers.get_all(name) {
            let _ = writeln!(text, "{name}: {}", value.as_bytes().escape_ascii());
        }
    }
    for name in NOTED {
        let _ = writeln!(text, "{name}: {}", if head.headers.contains_key(name) { "there" } else { "not there" });
    }
    text
}

/// Whether the length was told in advance, which a stream must not do.
pub(crate) fn has_length(headers: &HeaderMap) -> bool {
    headers.contains_key("content-length")
}

/// What a YAML document says; how it quotes and folds is its writer's affair.
fn of_yaml(body: &str) -> String {
    match serde_saphyr::from_str::<serde_json::Value>(body) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_else(|error| error.to_string()),
        Err(error) => format!("not YAML ({error}): {body}"),
    }
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(body).read_to_end(&mut unpacked).context("not gzip")?;
    Ok(unpacked)
}

/// Headers whose values are compared.
const COMPARED: [&str; 13] = [
    "content-type",
    "content-encoding",
    "cache-control",
    "vary",
    "warning",
    "retry-after",
    "allow",
    "accept",
    "location",
    "etag",
    "expires",
    "x-content-type-options",
    "www-authenticate",
];
/// Headers that are there or not; their values are chance.
const NOTED: [&str; 1] = ["audit-id"];
