//! `GET` of a collection as a stream of changes.

use crate::endpoint::carried::carried;
use crate::endpoint::form::Form;
use crate::endpoint::joined::Joined;
use crate::endpoint::message;
use crate::endpoint::table::TableWriter;
use crate::endpoint::{Endpoint, respond};
use crate::registry::item::Item;
use crate::registry::list::Predicate;
use crate::registry::resource::Origin;
use crate::registry::selection::Selection;
use crate::registry::store::Store;
use crate::registry::watch::{WatchEvent, WatchRefusal, Watcher};
use crate::request::exchange::Exchange;
use crate::request::negotiate::{Answer, Format, MetaVersion, Negotiated, Transform, negotiate};
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use kube_annex::options::ListOptions;
use kube_annex::selector::field;
use kube_annex::watch::{EventType, write_event};
use kube_annex::{Status, Verb, protobuf};
use kube_annex_storage::EventKind;
use kube_annex_storage::cache::{CachedEntry, CachedEvent};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
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
    // As upstream, the form of an object is looked for before that of a stream.
    negotiate(&exchange.headers, &exchange.query, Answer::Object)?;
    let options = if super::is_watch_path(&exchange.call.info) {
        ListOptions::parse_watch_path(&exchange.query)?
    } else {
        ListOptions::parse_watch(&exchange.query)?
    };
    let descriptor = endpoint.descriptor();
    let Some(store) = stored(endpoint).filter(|_| descriptor.serves(Verb::Watch)) else {
        return Err(Status::verb_not_supported(&descriptor.group_resource(), "watch"));
    };
    let mut options = options;
    narrow_to_path_name(exchange, &mut options)?;
    let predicate = Predicate::of(&options, &endpoint.resource.registration, endpoint.version)?;
    let namespace = &exchange.call.info.namespace;
    let draining = endpoint.shutdown.waiting_to_drain();
    let outcome = store.watch(namespace, &options, Instant::now() + life(&options), draining).await;
    if let Err(WatchRefusal::Answer(status)) = outcome {
        return Err(status);
    }
    // Only a watch that there is has a form.
    let negotiated = negotiate(&exchange.headers, &exchange.query, Answer::Stream)?;
    let format = negotiated.format;
    let writer = EventWriter::new(endpoint, exchange, negotiated, store, predicate, &options)?;
    let body = if options.timeout_seconds.is_some_and(|seconds| seconds < 0) {
        // As upstream's, whose time is over before it begins.
        Body::from_stream(stream::empty::<Result<Bytes, Infallible>>())
    } else {
        match outcome {
            Ok(watcher) => Body::new(Joined::new(Lines { watcher, writer })),
            Err(WatchRefusal::Answer(status)) => return Err(status),
            Err(WatchRefusal::Event(status)) => {
                let line = writer.error(&status);
                // A stream, of which nobody is told the length.
                Body::from_stream(stream::iter([Ok::<_, Infallible>(line)]))
            }
        }
    };
    Ok(carried(exchange, &endpoint.tasks, options.is_watch_list(), streaming(format, body)))
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

fn streaming(format: Format, body: Body) -> Response {
    let media_type = match format {
        Format::Protobuf => protobuf::STREAM_MEDIA_TYPE,
        Format::Json | Format::Yaml => format.media_type(),
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// The events of a watch, each as a line of its own, or in protobuf as a frame: what any framing is made of.
struct Lines {
    watcher: Watcher,
    writer: EventWriter,
}

/// How many events that are none of the watcher's are passed over before others get their turn.
const TURN: usize = 64;

impl Stream for Lines {
    type Item = Bytes;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Self { watcher, writer } = self.get_mut();
        for _ in 0..TURN {
            let Some(event) = ready!(Pin::new(&mut *watcher).poll_next(context)) else { return Poll::Ready(None) };
            let (line, ends) = writer.line(event);
            if ends {
                watcher.end();
            }
            if let Some(line) = line {
                return Poll::Ready(Some(line));
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Writes events as lines, in the form and version asked for.
struct EventWriter {
    endpoint: Endpoint,
    format: Format,
    transform: Transform,
    predicate: Predicate,
    /// The form of the lines, if other watchers may share them, and the number of form and selection together.
    shared: Option<(Form, u64)>,
    _selection: Selection,
    /// What tables depend on.
    exchange: Option<Arc<Exchange>>,
    columns_sent: bool,
}

impl EventWriter {
    fn new(
        endpoint: &Endpoint,
        exchange: &Arc<Exchange>,
        negotiated: Negotiated,
        store: &Store,
        predicate: Predicate,
        options: &ListOptions,
    ) -> Result<Self, Status> {
        let transform = negotiated.transform;
        if let Transform::Table(version) = transform {
            TableWriter::new(exchange, endpoint, version)?;
        }
        let selection = Selection::of(&store.selections, options);
        let form = Form::of_objects(endpoint.version, negotiated);
        Ok(Self {
            endpoint: endpoint.clone(),
            format: negotiated.format,
            transform,
            predicate,
            shared: form.map(|form| (form, form.number() | selection.number() << 8)),
            _selection: selection,
            exchange: form.is_none().then(|| Arc::clone(exchange)),
            columns_sent: false,
        })
    }

    /// The event's line, `None` when the event is none of this watcher's; and whether the stream ends with it.
    fn line(&mut self, event: WatchEvent) -> (Option<Bytes>, bool) {
        // No object has the form of a list of metadata: upstream's stream ends without a word where the first is due.
        if matches!(self.transform, Transform::PartialObjectMetadataList(_)) {
            return (None, true);
        }
        let written = match event {
            WatchEvent::Initial(entry) => self.initial(&entry),
            WatchEvent::Change(event) => self.change(&event),
            WatchEvent::Bookmark { revision, initial } => self.bookmark(revision, initial).map(Some),
            WatchEvent::Error(status) => return (Some(self.error(&status)), true),
        };
        match written {
            Ok(line) => (line, false),
            Err(status) => (Some(self.error(&status)), true),
        }
    }

    fn error(&self, status: &Status) -> Bytes {
        let object = match self.format {
            Format::Protobuf => message::status(status),
            Format::Json | Format::Yaml => serde_json::to_vec(status).unwrap_or_default(),
        };
        event(self.format, EventType::Error, &object)
    }

    fn initial(&mut self, entry: &CachedEntry) -> Result<Option<Bytes>, Status> {
        if !self.predicate.matches_entry(entry)? {
            return Ok(None);
        }
        self.object(EventType::Added, entry, entry.revision.0).map(Some)
    }

    fn change(&mut self, event: &CachedEvent) -> Result<Option<Bytes>, Status> {
        if let Some((form, number)) = self.shared {
            let (endpoint, predicate) = (&self.endpoint, &self.predicate);
            return event.told(number, || match told(predicate, event)? {
                Some((kind, entry)) => write_shared(endpoint, form, kind, entry, event.entry.revision.0).map(Some),
                None => Ok(None),
            });
        }
        match told(&self.predicate, event)? {
            Some((kind, entry)) => self.object(kind, entry, event.entry.revision.0).map(Some),
            None => Ok(None),
        }
    }

    fn object(&mut self, kind: EventType, entry: &CachedEntry, revision: u64) -> Result<Bytes, Status> {
        if let Some((form, _)) = self.shared {
            return write_shared(&self.endpoint, form, kind, entry, revision);
        }
        let item = Item { bytes: entry.value.clone(), revision };
        let item = self.endpoint.resource.render(item, self.endpoint.version)?;
        self.write(kind, &item, false)
    }

    fn bookmark(&mut self, revision: u64, initial: bool) -> Result<Bytes, Status> {
        let item = bookmark_object(&self.endpoint, revision, initial);
        self.write(EventType::Bookmark, &item, initial)
    }

    fn write(&mut self, kind: EventType, item: &Item, initial_end: bool) -> Result<Bytes, Status> {
        if self.format == Format::Protobuf {
            return Ok(event(self.format, kind, &message::object(&self.endpoint, self.transform, item)?));
        }
        let mut object = Vec::with_capacity(item.bytes.len() + 64);
        match (self.transform, self.exchange.clone()) {
            (Transform::Table(version), Some(exchange)) => {
                self.write_table(&exchange, version, item, initial_end, &mut object)?;
            }
            (Transform::PartialObjectMetadata(version), _) => respond::write_partial(item, version, &mut object)?,
            (Transform::PartialObjectMetadataList(_), _) => {
                return Err(respond::not_a_list(self.endpoint.descriptor()));
            }
            (Transform::None | Transform::Table(_), _) => respond::write_object(item, &mut object)?,
        }
        Ok(event(self.format, kind, &object))
    }

    fn write_table(
        &mut self,
        exchange: &Exchange,
        version: MetaVersion,
        item: &Item,
        initial_end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        let mut writer = TableWriter::new(exchange, &self.endpoint, version)?;
        if std::mem::replace(&mut self.columns_sent, true) {
            writer = writer.without_columns();
        }
        if initial_end {
            writer = writer.with_metadata();
        }
        writer.write_object(item, out)
    }
}

/// What a commit means to a watcher: objects that enter or leave its selection appear or disappear.
fn told<'a>(predicate: &Predicate, event: &'a CachedEvent) -> Result<Option<(EventType, &'a CachedEntry)>, Status> {
    let now = &*event.entry;
    if predicate.is_empty() {
        let kind = match event.kind {
            EventKind::Created => EventType::Added,
            EventKind::Updated => EventType::Modified,
            EventKind::Deleted => EventType::Deleted,
        };
        return Ok(Some((kind, now)));
    }
    let before = event.previous.as_deref();
    let was_selected = before.map_or(Ok(false), |entry| predicate.matches_entry(entry))?;
    let is_selected = event.kind != EventKind::Deleted && predicate.matches_entry(now)?;
    Ok(match (was_selected, is_selected) {
        (false, true) => Some((EventType::Added, now)),
        (true, true) => Some((EventType::Modified, now)),
        (true, false) => before.map(|old| (EventType::Deleted, old)),
        (false, false) => None,
    })
}

fn write_shared(
    endpoint: &Endpoint,
    form: Form,
    kind: EventType,
    entry: &CachedEntry,
    revision: u64,
) -> Result<Bytes, Status> {
    let mut object = Vec::with_capacity(entry.value.len() + 128);
    form.write_object(&endpoint.resource, entry, revision, &mut object)?;
    Ok(event(form.format(), kind, &object))
}

/// An event around an object that is written in the same format.
fn event(format: Format, kind: EventType, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 32);
    match format {
        Format::Protobuf => protobuf::event(kind.as_str(), object, &mut line),
        Format::Json | Format::Yaml => write_event(kind, object, &mut line),
    }
    line.into()
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
