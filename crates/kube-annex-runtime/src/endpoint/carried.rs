//! How a stream of events travels: as it is, packed, or in the messages of a WebSocket.

use super::packed::Packed;
use super::{respond, websocket};
use crate::authn::is_websocket;
use crate::request::accept::accepts_gzip;
use crate::request::exchange::Exchange;
use crate::seams::Tasks;
use axum::body::Body;
use axum::response::Response;
use http::header::VARY;

/// A watch's answer in the way that its client asked for. One in place of a list is long enough to be packed.
///
/// * Source: `serveWatchHandler` of k8s.io/apiserver. The client of a `WebSocket` gets nothing packed.
pub(super) fn carried(exchange: &Exchange, tasks: &Tasks, is_watch_list: bool, response: Response) -> Response {
    if let Some(upgrade) = exchange.upgrade.take().filter(|_| is_websocket(&exchange.headers)) {
        return websocket::answer(&exchange.headers, upgrade, tasks, response);
    }
    if !is_watch_list || !accepts_gzip(&exchange.headers) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let vary = head.headers.remove(VARY);
    respond::announce_gzip(&mut head.headers);
    head.headers.extend(vary.map(|vary| (VARY, vary)));
    Response::from_parts(head, Body::new(Packed(body)))
}
