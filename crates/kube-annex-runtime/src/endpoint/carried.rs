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
use kube_annex::options::query::Query;

/// A watch's answer in the way that its client asked for.
///
/// * Source: `serveWatchHandler` of k8s.io/apiserver. The client of a `WebSocket` gets nothing packed.
pub(super) fn carried(exchange: &Exchange, tasks: &Tasks, response: Response) -> Response {
    if let Some(upgrade) = exchange.upgrade.take().filter(|_| is_websocket(&exchange.headers)) {
        return websocket::answer(&exchange.headers, upgrade, tasks, response);
    }
    if !is_streaming_list(exchange) || !accepts_gzip(&exchange.headers) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let vary = head.headers.remove(VARY);
    respond::announce_gzip(&mut head.headers);
    head.headers.extend(vary.map(|vary| (VARY, vary)));
    Response::from_parts(head, Body::new(Packed(body)))
}

/// Whether a watch begins with a whole list, which is long enough to be packed: because it is asked for, or because the
/// watch begins nowhere and nothing else is said of its beginning.
fn is_streaming_list(exchange: &Exchange) -> bool {
    let query = Query::parse(&exchange.query);
    let begins_nowhere = matches!(query.text("resourceVersion").as_str(), "" | "0");
    let lists = query.flag("sendInitialEvents").unwrap_or_else(|| {
        begins_nowhere && query.text("resourceVersionMatch").is_empty() && query.flag("watch") == Some(true)
    });
    lists && query.flag("allowWatchBookmarks") == Some(true)
}
