//! Documents that are computed once and answered many times, and how a client chooses among their forms.

mod version;

use crate::request::accept::{Accept, accepts_gzip, first};
use bytes::Bytes;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
    VARY,
};
use sha2::{Digest, Sha512};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::OnceLock;

pub use version::{VersionInfo, answer_version};

/// What a request says about the form of the answer.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The `Accept` header, the first where there are several.
    pub accept: String,
    /// Whether the client takes gzip: a token of `Accept-Encoding` is exactly `gzip`.
    pub gzip: bool,
    /// The `If-None-Match` header; empty when absent.
    pub if_none_match: String,
    /// Whether a person reads it, so that JSON is to be indented.
    pub pretty: bool,
}

impl Ask {
    /// What the headers of a request say. `pretty` depends on more than headers and is left false.
    pub fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            accept: first(headers, &ACCEPT),
            gzip: accepts_gzip(headers),
            if_none_match: first(headers, &IF_NONE_MATCH),
            pretty: false,
        }
    }

    /// The same, with indented JSON.
    #[must_use]
    pub fn pretty(mut self, pretty: bool) -> Self {
        self.pretty = pretty;
        self
    }

    pub(crate) fn accept(&self) -> Accept {
        Accept::parse(&self.accept)
    }
}

/// What is answered to a request for a document. The caller turns it into a response; headers that every response
/// carries, such as `Audit-ID` and the default `Cache-Control`, are the caller's.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with the document.
    Ok {
        /// Headers of this document: `Content-Type` always, besides it what the kind of document asks for.
        headers: HeaderMap,
        /// The document, compressed when `headers` says so.
        body: Bytes,
    },
    /// 304: the client has this very document.
    NotModified {
        /// `ETag` and what caches need.
        headers: HeaderMap,
    },
    /// 406: none of these is accepted.
    NotAcceptable {
        /// The media types there are.
        offered: &'static [&'static str],
    },
    /// 404: there is no such document.
    NotFound,
}

/// One document in one form.
#[derive(Debug)]
pub struct Document {
    bytes: Bytes,
    etag: String,
    content_type: &'static str,
    gzip: OnceLock<Bytes>,
}

impl Document {
    /// A document that is known by its bytes.
    pub fn new(bytes: impl Into<Bytes>, content_type: &'static str) -> Self {
        let bytes = bytes.into();
        let etag = etag_of(&bytes);
        Self::with_etag(bytes, content_type, etag)
    }

    /// A document that is known by something else, shared with its other forms.
    pub fn with_etag(bytes: impl Into<Bytes>, content_type: &'static str, etag: String) -> Self {
        Self { bytes: bytes.into(), etag, content_type, gzip: OnceLock::new() }
    }

    /// The bytes of the document.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What changes exactly when the content does: a SHA-512 in upper-case hexadecimal, without quotes.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The media type with its parameters.
    pub fn content_type(&self) -> &'static str {
        self.content_type
    }

    /// The document, compressed at the first request for it.
    pub fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| gzip(&self.bytes).unwrap_or_default())
    }

    /// The answer without conditions and without compression.
    pub(crate) fn plain(&self) -> Answer {
        Answer::Ok { headers: self.typed(), body: self.bytes.clone() }
    }

    /// The answer to a client that may have the document already. `extra` headers go with it either way.
    pub(crate) fn conditional(&self, ask: &Ask, extra: &[(HeaderName, &str)]) -> Answer {
        let quoted = format!("\"{}\"", self.etag);
        let mut headers = HeaderMap::new();
        insert(&mut headers, ETAG, &quoted);
        for (name, value) in extra {
            append(&mut headers, name.clone(), value);
        }
        if ask.if_none_match == quoted {
            return Answer::NotModified { headers };
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        Answer::Ok { headers, body: self.bytes.clone() }
    }

    /// As [`Document::conditional`], compressed for a client that takes gzip.
    pub(crate) fn conditional_gzip(&self, ask: &Ask, extra: &[(HeaderName, &str)]) -> Answer {
        let varies: Vec<_> = [(VARY, "Accept-Encoding")].into_iter().chain(extra.iter().cloned()).collect();
        let mut answer = self.conditional(ask, &varies);
        if let Answer::Ok { headers, body } = &mut answer
            && ask.gzip
            && !self.gzip().is_empty()
        {
            *body = self.gzip().clone();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        answer
    }

    fn typed(&self) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(self.content_type))])
    }
}

/// The SHA-512 of something in upper-case hexadecimal.
pub(crate) fn etag_of(bytes: &[u8]) -> String {
    Sha512::digest(bytes).iter().fold(String::with_capacity(128), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// What a shared cache may keep, as long as it asks again.
pub(crate) const PUBLIC: (HeaderName, &str) = (CACHE_CONTROL, "public");

/// What a cache may keep without asking again, because its URL changes when it does.
pub(crate) const IMMUTABLE: (HeaderName, &str) = (CACHE_CONTROL, "public, immutable");

/// The form of the document was chosen by `Accept`.
pub(crate) const VARY_ACCEPT: (HeaderName, &str) = (VARY, "Accept");

/// Values are hashes, dates and literals: always legal.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.append(name, value);
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}
