//! `GET` of a collection as a stream of changes.

use crate::endpoint::table::TableWriter;
use crate::endpoint::{Endpoint, respond};
use crate::registry::item::Item;
use crate::registry::list::Predicate;
use crate::registry::resource::Origin;
use crate::registry::store::Store;
use crate::registry::watch::{WatchEvent, WatchRefusal, Watcher};
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, MetaVersion, Negotiated, Transform, negotiate};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use kube_annex::options::ListOptions;
use kube_annex::selector::field;
use kube_annex::watch::{EventType, write_event};
use kube_annex::{Status, Verb};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A watch without a time-out of its own ends at a random moment between this and twice this.
const DEFAULT_LIFE: Duration = Duration::from_mins(30);

/// More than any connection lives; the sum with the present stays a time.
const LONGEST_LIFE: Duration = Duration::from_hours(24 * 365);

fn stored(endpoint: &Endpoint) -> Option<&Store> {
    match &endpoint.resource.origin {
        Origin::Stored(store) => Some(store),
        Origin::Computed(_) => None,
    }
}

pub(super) async fn watch(endpoint: &Endpoint, exchange: &Arc<Exchange>) -> Result<Response, Status> {
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Stream)?;
    let options = ListOptions::parse_watch(&exchange.query)?;
    let descriptor = endpoint.descriptor();
    let Some(store) = stored(endpoint).filter(|_| descriptor.serves(Verb::Watch)) else {
        return Err(Status::verb_not_supported(&descriptor.group_resource(), "watch"));
    };
    let mut options = options;
    narrow_to_path_name(exchange, &mut options)?;
    let predicate = Predicate::of(&options)?;
    let writer = EventWriter::new(endpoint, exchange, negotiated)?;
    let namespace = &exchange.call.info.namespace;
    match store.watch(namespace, &options, predicate, Instant::now() + life(&options)).await {
        Ok(watcher) => Ok(streaming(events(watcher, writer))),
        Err(WatchRefusal::Answer(status)) => Err(status),
        Err(WatchRefusal::Event(status)) => {
            let line = EventWriter::error(&status);
            Ok(streaming(Body::from(line)))
        }
    }
}

/// The older paths carry the name of the one object; a selector may only say the same.
fn narrow_to_path_name(exchange: &Exchange, options: &mut ListOptions) -> Result<(), Status> {
    let Some(name) = exchange.call.info.parts.get(1) else { return Ok(()) };
    let bad = |error: field::Error| Status::bad_request(error.to_string());
    let selector = field::Selector::parse(&options.field_selector).map_err(bad)?;
    options.field_selector = selector.with_name(name).map_err(bad)?.to_string();
    Ok(())
}

fn life(options: &ListOptions) -> Duration {
    match options.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0) {
        Some(seconds) => Duration::from_secs(seconds).min(LONGEST_LIFE),
        None => DEFAULT_LIFE.mul_f64(1.0 + fastrand::f64()),
    }
}

fn streaming(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn events(watcher: Watcher, writer: EventWriter) -> Body {
    Body::from_stream(stream::unfold((watcher, writer), |(mut watcher, mut writer)| async move {
        let event = tokio::select! {
            event = watcher.next() => event?,
            () = writer.endpoint.shutdown.draining() => return None,
        };
        let (line, ends) = writer.line(event);
        if ends {
            watcher.end();
        }
        Some((Ok::<Bytes, Infallible>(line), (watcher, writer)))
    }))
}

/// Writes events as lines, in the form and version asked for.
struct EventWriter {
    endpoint: Endpoint,
    exchange: Arc<Exchange>,
    transform: Transform,
    columns_sent: bool,
}

impl EventWriter {
    fn new(endpoint: &Endpoint, exchange: &Arc<Exchange>, negotiated: Negotiated) -> Result<Self, Status> {
        if let Transform::Table(version) = negotiated.transform {
            TableWriter::new(exchange, endpoint, version)?;
        }
        Ok(Self {
            endpoint: endpoint.clone(),
            exchange: Arc::clone(exchange),
            transform: negotiated.transform,
            columns_sent: false,
        })
    }

    /// The event's line, and whether the stream ends with it.
    fn line(&mut self, event: WatchEvent) -> (Bytes, bool) {
        let written = match event {
            WatchEvent::Change(kind, item) => self.change(kind, item),
            WatchEvent::Bookmark { revision, initial } => self.bookmark(revision, initial),
            WatchEvent::Error(status) => return (Self::error(&status), true),
        };
        match written {
            Ok(line) => (line, false),
            Err(status) => (Self::error(&status), true),
        }
    }

    fn error(status: &Status) -> Bytes {
        let object = serde_json::to_vec(status).unwrap_or_default();
        let mut line = Vec::with_capacity(object.len() + 32);
        write_event(EventType::Error, &object, &mut line);
        line.into()
    }

    fn change(&mut self, kind: EventType, item: Item) -> Result<Bytes, Status> {
        let item = self.endpoint.resource.render(item, self.endpoint.version)?;
        self.write(kind, &item, false)
    }

    fn bookmark(&mut self, revision: u64, initial: bool) -> Result<Bytes, Status> {
        let item = bookmark_object(&self.endpoint, revision, initial);
        self.write(EventType::Bookmark, &item, initial)
    }

    fn write(&mut self, kind: EventType, item: &Item, initial_end: bool) -> Result<Bytes, Status> {
        let mut object = Vec::with_capacity(item.bytes.len() + 64);
        match self.transform {
            Transform::Table(version) => self.write_table(version, item, initial_end, &mut object)?,
            other => {
                respond::write_transformed(&self.exchange, &self.endpoint, other, item, &mut object)?;
            }
        }
        let mut line = Vec::with_capacity(object.len() + 32);
        write_event(kind, &object, &mut line);
        Ok(line.into())
    }

    fn write_table(
        &mut self,
        version: MetaVersion,
        item: &Item,
        initial_end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let mut writer = TableWriter::new(&self.exchange, &self.endpoint, version)?;
        if std::mem::replace(&mut self.columns_sent, true) {
            writer = writer.without_columns();
        }
        if initial_end {
            writer = writer.with_metadata();
        }
        writer.write_object(item, out)
    }
}

/// The object of a bookmark: an empty one of its type, a resourceVersion, and the mark that the initial events are over.
///
/// A type that has no empty object shows its kind and metadata alone.
fn bookmark_object(endpoint: &Endpoint, revision: u64, initial: bool) -> Item {
    let descriptor = endpoint.descriptor();
    let annotations = if initial { r#"{"k8s.io/initial-events-end":"true"}"# } else { "{}" };
    let bare = format!(
        r#"{{"kind":"{}","apiVersion":"{}","metadata":{{"annotations":{annotations}}}}}"#,
        descriptor.kind,
        descriptor.api_version()
    );
    let codec = &endpoint.resource.served(endpoint.version).codec;
    let empty = codec.read(bare.as_bytes()).ok().and_then(|hub| Item::of(codec.convert(hub), revision).ok());
    empty.unwrap_or_else(|| Item { bytes: bare.into(), revision })
}
