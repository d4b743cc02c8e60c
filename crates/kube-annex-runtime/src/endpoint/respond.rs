//! The only writer of bodies: objects, lists and errors in the form that was negotiated.

use crate::endpoint::Endpoint;
use crate::endpoint::form::Form;
use crate::endpoint::frames::Frames;
use crate::endpoint::gzip::{Gzip, deflate};
use crate::endpoint::message;
use crate::endpoint::table::TableWriter;
use crate::registry::item::{Item, unreadable};
use crate::registry::list::{Found, Part};
use crate::request::accept::accepts_gzip;
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Format, MetaVersion, Negotiated, Transform};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use kube_annex::encode::{Stored, write_json};
use kube_annex::protobuf::Frame;
use kube_annex::{ResourceDescriptor, Status};
use kube_annex_storage::cache::{CachedEntry, Run, Segment, SegmentBody};
use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;

/// Bodies above this size are compressed for clients that ask for gzip.
const COMPRESS_ABOVE: usize = 128 * 1024;

/// A page of objects in the version asked for.
pub(crate) struct ListAnswer {
    pub(crate) items: Vec<Item>,
    pub(crate) revision: u64,
    pub(crate) continue_token: String,
    pub(crate) remaining: Option<usize>,
}

/// One object.
pub(crate) fn object(
    exchange: &Exchange,
    endpoint: &Endpoint,
    negotiated: Negotiated,
    code: StatusCode,
    item: &Item,
) -> Result<Response, Status> {
    if negotiated.format == Format::Protobuf {
        return Ok(in_form(exchange, negotiated, code, message::object(endpoint, negotiated.transform, item)?));
    }
    let mut out = Vec::with_capacity(item.bytes.len() + 64);
    write_transformed(exchange, endpoint, negotiated.transform, item, &mut out)?;
    Ok(in_form(exchange, negotiated, code, out))
}

/// One object as it lies in the cache.
pub(super) fn entry(
    exchange: &Exchange,
    endpoint: &Endpoint,
    negotiated: Negotiated,
    form: Form,
    entry: &CachedEntry,
) -> Result<Response, Status> {
    let mut out = Vec::with_capacity(entry.value.len() + 64);
    form.write_object(&endpoint.resource, entry, entry.revision.0, &mut out)?;
    Ok(in_form(exchange, negotiated, StatusCode::OK, out))
}

/// A list of objects as they lie in the cache: its segments are encoded once for all who ask, and sent as they are.
pub(super) async fn found(
    exchange: &Exchange,
    endpoint: &Endpoint,
    form: Form,
    found: Found,
) -> Result<Response, Status> {
    let Found { parts, revision, continue_token, remaining } = found;
    let head = ListAnswer { items: Vec::new(), revision, continue_token, remaining };
    let mut pieces = vec![Piece::own(Bytes::new())];
    for (index, part) in parts.into_iter().enumerate() {
        let mut piece = items_of(endpoint, form, part)?;
        if index == 0 && form.format() == Format::Json {
            // Each item comes with a comma before it, the first of all without.
            piece = Piece::own(piece.plain.slice(1..));
        }
        pieces.push(piece);
        // To encode a segment takes a moment: others get their turn.
        tokio::task::yield_now().await;
    }
    let items: usize = pieces.iter().map(|piece| piece.plain.len()).sum();
    let Frame { head, tail } = form.frame(endpoint.descriptor(), &head, items);
    if let Some(first) = pieces.first_mut() {
        first.plain = head.into();
    }
    pieces.push(Piece::own(tail.into()));
    let length: usize = pieces.iter().map(|piece| piece.plain.len()).sum();
    let mut response = empty(form.format().media_type(), StatusCode::OK);
    let frames = if length > COMPRESS_ABOVE && accepts_gzip(&exchange.headers) {
        announce_gzip(response.headers_mut());
        gzipped(pieces, form).await
    } else {
        let mut frames = Frames::default();
        for piece in pieces {
            frames.push(piece.plain);
        }
        frames
    };
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(frames.len()));
    *response.body_mut() = frames.into_body();
    Ok(response)
}

/// A part of a list's body, and the segment that it is all of.
struct Piece {
    plain: Bytes,
    segment: Option<Arc<Segment>>,
}

impl Piece {
    fn own(plain: Bytes) -> Self {
        Self { plain, segment: None }
    }
}

fn items_of(endpoint: &Endpoint, form: Form, part: Part) -> Result<Piece, Status> {
    let join = |entries: &[Arc<CachedEntry>]| form.join(&endpoint.resource, entries);
    match part {
        Part::Run(Run { segment, range }) => {
            let plain = segment.body(form.number(), join)?.slice(&range);
            let whole = range.len() == segment.entries().len();
            Ok(Piece { plain, segment: whole.then_some(segment) })
        }
        Part::Picked(entries) => Ok(Piece::own(join(&entries)?.bytes)),
    }
}

/// Compresses a body piece by piece, so that others get their turn; what a segment was compressed to is kept with it.
async fn gzipped(pieces: Vec<Piece>, form: Form) -> Frames {
    let mut gzip = Gzip::new();
    for Piece { plain, segment } in pieces {
        let deflated = match segment {
            Some(segment) => {
                let packed = |_: &[Arc<CachedEntry>]| {
                    Ok::<_, Infallible>(SegmentBody { bytes: deflate(&plain), ends: Vec::new() })
                };
                let Ok(body) = segment.body(form.packed_number(), packed);
                body.bytes.clone()
            }
            None => deflate(&plain),
        };
        gzip.push(&plain, deflated);
        tokio::task::yield_now().await;
    }
    gzip.finish()
}

fn empty(media_type: &'static str, code: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

pub(super) fn announce_gzip(headers: &mut HeaderMap) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// A list of objects.
pub(crate) fn list(
    exchange: &Exchange,
    endpoint: &Endpoint,
    negotiated: Negotiated,
    answer: &ListAnswer,
) -> Result<Response, Status> {
    let descriptor = endpoint.descriptor();
    if negotiated.format == Format::Protobuf {
        let message = message::list(descriptor, negotiated.transform, answer)?;
        return Ok(in_form(exchange, negotiated, StatusCode::OK, message));
    }
    let size: usize = answer.items.iter().map(|item| item.bytes.len() + 40).sum();
    let mut out = Vec::with_capacity(size + 256);
    match negotiated.transform {
        Transform::None => {
            write_list_head(&descriptor.list_kind(), &descriptor.api_version(), answer, &mut out);
            write_items(answer, &mut out, write_item)?;
        }
        Transform::PartialObjectMetadataList(version) => {
            write_list_head("PartialObjectMetadataList", version.api_version(), answer, &mut out);
            write_items(answer, &mut out, |item, out| write_partial(item, version, out))?;
        }
        Transform::PartialObjectMetadata(_) => return Err(a_list(descriptor)),
        Transform::Table(version) => {
            TableWriter::new(exchange, endpoint, version)?.write_list(answer, &mut out)?;
        }
    }
    Ok(in_form(exchange, negotiated, StatusCode::OK, out))
}

/// A `Status`, in the negotiated form but never transformed.
pub(crate) fn status(exchange: &Exchange, negotiated: Negotiated, status: &Status) -> Response {
    let code = StatusCode::from_u16(if status.code == 0 { 200 } else { status.code })
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = if negotiated.format == Format::Protobuf { message::status(status) } else { encoded(status) };
    let negotiated = Negotiated { transform: Transform::None, ..negotiated };
    let mut response = in_form(exchange, negotiated, code, body);
    retry_after(&mut response, status);
    response
}

/// A `Status` for a client that accepts no form it has: indented JSON, as upstream answers.
pub(crate) fn raw_status(exchange: &Exchange, status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = bytes(exchange, Format::Json.media_type(), code, indent(&encoded(status)).into());
    retry_after(&mut response, status);
    response
}

fn encoded(status: &Status) -> Vec<u8> {
    let mut json = Vec::with_capacity(512);
    if write_json(status, &mut json).is_err() {
        json.clear();
    }
    json
}

fn retry_after(response: &mut Response, status: &Status) {
    if let Some(seconds) = status.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Writes an object as it is asked for: itself, its metadata, or a table of one row.
pub(crate) fn write_transformed(
    exchange: &Exchange,
    endpoint: &Endpoint,
    transform: Transform,
    item: &Item,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    match transform {
        Transform::None => write_object(item, out),
        Transform::PartialObjectMetadata(version) => write_partial(item, version, out),
        Transform::PartialObjectMetadataList(_) => Err(not_a_list(endpoint.descriptor())),
        Transform::Table(version) => TableWriter::new(exchange, endpoint, version)?.write_object(item, out),
    }
}

/// 406: the metadata of one object was asked for where there is a list.
pub(crate) fn a_list(descriptor: &ResourceDescriptor) -> Status {
    Status::not_acceptable(format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({})",
        descriptor.list_kind()
    ))
}

/// 406: a list of metadata was asked for where there is one object.
pub(crate) fn not_a_list(descriptor: &ResourceDescriptor) -> Status {
    Status::not_acceptable(format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({})",
        descriptor.kind
    ))
}

/// Writes the whole object with its resourceVersion.
pub(crate) fn write_object(item: &Item, out: &mut Vec<u8>) -> Result<(), Status> {
    if item.revision == 0 {
        out.extend_from_slice(&item.bytes);
        return Ok(());
    }
    stored(item)?.write_object(&item.bytes, item.revision, out);
    Ok(())
}

fn write_item(item: &Item, out: &mut Vec<u8>) -> Result<(), Status> {
    stored(item)?.write_item(&item.bytes, item.revision, out);
    Ok(())
}

fn stored(item: &Item) -> Result<Stored, Status> {
    Stored::find(&item.bytes).map_err(unreadable)
}

/// Writes the object's metadata as a `PartialObjectMetadata`.
pub(crate) fn write_partial(item: &Item, version: MetaVersion, out: &mut Vec<u8>) -> Result<(), Status> {
    stored(item)?.write_partial(&item.bytes, item.revision, version.api_version(), out).map_err(unreadable)
}

/// Writes everything of a list up to its items.
pub(crate) fn write_list_head(kind: &str, api_version: &str, answer: &ListAnswer, out: &mut Vec<u8>) {
    let _ = write!(out, r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":"#);
    write_list_metadata(answer, out);
}

/// Writes the metadata of a list.
pub(crate) fn write_list_metadata(answer: &ListAnswer, out: &mut Vec<u8>) {
    let _ = write!(out, r#"{{"resourceVersion":"{}""#, answer.revision);
    if !answer.continue_token.is_empty() {
        let _ = write!(out, r#","continue":"{}""#, answer.continue_token);
    }
    if let Some(remaining) = answer.remaining {
        let _ = write!(out, r#","remainingItemCount":{remaining}"#);
    }
    out.push(b'}');
}

fn write_items(
    answer: &ListAnswer,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&Item, &mut Vec<u8>) -> Result<(), Status>,
) -> Result<(), Status> {
    out.extend_from_slice(br#","items":["#);
    for (index, item) in answer.items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out)?;
    }
    out.extend_from_slice(b"]}");
    Ok(())
}

/// What was written, in the form that was negotiated: JSON so far, or the message itself for protobuf.
fn in_form(exchange: &Exchange, negotiated: Negotiated, code: StatusCode, written: Vec<u8>) -> Response {
    let body = match negotiated.format {
        Format::Protobuf => written,
        Format::Yaml => {
            let Some(yaml) = yaml(&written) else {
                let status = Status::internal("the answer nests too deep to be written as YAML; ask for JSON");
                return raw_status(exchange, &status);
            };
            yaml
        }
        Format::Json if negotiated.pretty => indent(&written),
        Format::Json => {
            let mut json = written;
            json.push(b'\n');
            json
        }
    };
    bytes(exchange, negotiated.format.media_type(), code, body.into())
}

/// A body of that media type, compressed when it is long and the client asks for gzip.
pub(crate) fn bytes(exchange: &Exchange, media_type: &'static str, code: StatusCode, body: Bytes) -> Response {
    let mut response = empty(media_type, code);
    let headers = response.headers_mut();
    let body = if body.len() > COMPRESS_ABOVE && accepts_gzip(&exchange.headers) {
        announce_gzip(headers);
        gzip(&body).map_or(body, Bytes::from)
    } else {
        body
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *response.body_mut() = Body::from(body);
    response
}

/// Compression of memory into memory fails only when memory does; the plain body is then as good.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// YAML of a JSON document, keys sorted as upstream sorts them. `None` for one that nests too deep.
fn yaml(json: &[u8]) -> Option<Vec<u8>> {
    let tree: serde_json::Value = serde_json::from_slice(json).ok()?;
    serde_saphyr::to_string(&tree).ok().map(String::into_bytes)
}

/// The same JSON with two-space indentation, keys in the order they have.
fn indent(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    let mut previous = 0_u8;
    for &byte in json {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            previous = byte;
            continue;
        }
        let opened = matches!(previous, b'{' | b'[');
        match byte {
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !opened {
                    new_line(&mut out, depth);
                }
                out.push(byte);
            }
            _ => {
                if opened {
                    depth += 1;
                    new_line(&mut out, depth);
                }
                out.push(byte);
                match byte {
                    b',' => new_line(&mut out, depth),
                    b':' => out.push(b' '),
                    b'"' => in_string = true,
                    _ => {}
                }
            }
        }
        if opened && matches!(byte, b'}' | b']') {
            depth += 1;
        }
        previous = byte;
    }
    out
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn_15_indentation_keeps_the_order_of_keys() {
        let compact = br#"{"kind":"K","apiVersion":"v1","metadata":{},"items":[],"a":[1,{"b":"x\"{,:}"}],"c":"\\"}"#;
        let text = String::from_utf8(indent(compact)).unwrap();
        let expected = "{\n  \"kind\": \"K\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {},\n  \"items\": [],\n  \
                        \"a\": [\n    1,\n    {\n      \"b\": \"x\\\"{,:}\"\n    }\n  ],\n  \"c\": \"\\\\\"\n}";
        assert_eq!(text, expected);
    }
}
