//! The verbs: one file each, and `respond`, the only writer of bodies.

mod apply;
mod carried;
mod create;
mod delete;
mod delete_collection;
mod form;
mod frames;
mod get;
mod gzip;
mod joined;
mod list;
mod message;
mod mutation;
mod packed;
mod patch;
mod refusal;
pub(crate) mod respond;
mod scale;
mod table;
mod unreadable;
mod update;
mod watch;
mod websocket;

use crate::authz::Authorizer;
use crate::registry::resource::{Origin, ServedResource};
use crate::registry::store::Write;
use crate::request::exchange::Exchange;
use crate::request::negotiate;
use crate::seams::Tasks;
use crate::serve::Shutdown;
use axum::body::Body;
use axum::response::Response;
use http::Method;
use kube_annex::request::RequestInfo;
use kube_annex::{ResourceDescriptor, Status, Verb};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Every resource in service, by group, version and plural.
pub(crate) struct Endpoints {
    resources: HashMap<String, HashMap<String, HashMap<String, Endpoint>>>,
}

/// One resource in one version.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) resource: Arc<ServedResource>,
    pub(crate) version: usize,
    /// Watches end when the server drains.
    pub(crate) shutdown: Shutdown,
    /// Asked once more when a request turns out to need another right.
    pub(crate) authorizer: Arc<dyn Authorizer>,
    /// Where what outlives its request runs.
    pub(crate) tasks: Tasks,
}

/// A path that this server serves, or why it does not.
pub(crate) enum Route {
    /// No group here is of that name.
    UnknownGroup,
    /// The group is served, the path leads nowhere.
    NoSuchPath,
    /// The path is served with other methods.
    MethodNotAllowed,
    /// A verb of a resource.
    Found(Endpoint, Verb),
}

/// A handler's own bound for requests that change something, below the server's bound for requests.
const MUTATION_LIMIT: Duration = Duration::from_secs(34);

impl Endpoints {
    pub(crate) fn new(
        resources: &[Arc<ServedResource>],
        shutdown: &Shutdown,
        authorizer: &Arc<dyn Authorizer>,
        tasks: &Tasks,
    ) -> Self {
        let mut by_group: HashMap<String, HashMap<String, HashMap<String, Endpoint>>> = HashMap::new();
        for resource in resources {
            for (version, served) in resource.registration.versions.iter().enumerate() {
                let descriptor = served.descriptor;
                let (resource, shutdown) = (Arc::clone(resource), shutdown.clone());
                let (authorizer, tasks) = (Arc::clone(authorizer), tasks.clone());
                by_group
                    .entry(descriptor.group.to_owned())
                    .or_default()
                    .entry(descriptor.version.to_owned())
                    .or_default()
                    .insert(descriptor.plural.to_owned(), Endpoint { resource, version, shutdown, authorizer, tasks });
            }
        }
        Self { resources: by_group }
    }

    /// Begins to fill the caches of all stored resources.
    pub(crate) fn warm(&self) {
        for endpoint in self.resources.values().flat_map(HashMap::values).flat_map(HashMap::values) {
            if let Origin::Stored(store) = &endpoint.resource.origin {
                store.cache.warm(&store.prefix);
            }
        }
    }

    /// Finds what a request is for. The method counts: a known path with another method is 405.
    pub(crate) fn route(&self, method: &Method, exchange: &Exchange) -> Route {
        let info = &exchange.call.info;
        let Some(versions) = self.resources.get(&info.group) else { return Route::UnknownGroup };
        let endpoint = versions.get(&info.version).and_then(|resources| resources.get(&info.resource));
        let Some(endpoint) = endpoint else { return Route::NoSuchPath };
        let descriptor = endpoint.descriptor();
        let name = info.parts.get(1).map(String::as_str).unwrap_or_default();
        let namespaced = endpoint.resource.namespaced();
        // An empty segment could be authorized as one thing and be served as another. That of the namespace is none.
        let segments = info.path.trim_matches('/').split('/').enumerate();
        let watch_path = is_watch_path(info);
        let namespace_at = NAMESPACE_SEGMENT + usize::from(watch_path);
        let no_namespace = |at| at == namespace_at && info.parts.len() <= 2 && namespaced;
        let empty_segment = segments.filter(|(at, _)| !no_namespace(*at)).any(|(_, segment)| segment.is_empty());
        if (!namespaced && !info.namespace.is_empty()) || info.parts.len() > 3 || empty_segment {
            return Route::NoSuchPath;
        }
        let names_none = info.path.trim_matches('/').split('/').nth(namespace_at).is_some_and(str::is_empty);
        let whole_cluster = namespaced && info.namespace.is_empty() && !names_none;
        let allowed: &[Verb] = match (name, info.subresource.as_str()) {
            _ if info.verb == "proxy" => return Route::NoSuchPath,
            _ if watch_path && (info.parts.len() > 2 || (!name.is_empty() && whole_cluster)) => {
                return Route::NoSuchPath;
            }
            // The path's verb is to watch, whatever the method.
            _ if watch_path && *method != Method::GET => return Route::MethodNotAllowed,
            _ if watch_path => &[Verb::Watch],
            ("", _) if whole_cluster => &[Verb::List, Verb::Watch],
            ("", _) => &[Verb::List, Verb::Watch, Verb::Create, Verb::DeleteCollection],
            (_, _) if whole_cluster => return Route::NoSuchPath,
            (_, "") => &[Verb::Get, Verb::Update, Verb::Patch, Verb::Delete],
            (_, subresource) => match descriptor.subresource(subresource) {
                Some(served) => served.verbs,
                None => return Route::NoSuchPath,
            },
        };
        let serves = |verb| allowed.contains(&verb) && (!info.subresource.is_empty() || descriptor.serves(verb));
        if !allowed.iter().any(|verb| serves(*verb)) {
            return Route::NoSuchPath;
        }
        match verb_asked(method, info.known_verb()) {
            // The path is that of the list; the endpoint says that there is no watch.
            Some(Verb::Watch) if serves(Verb::List) => Route::Found(endpoint.clone(), Verb::Watch),
            Some(verb) if serves(verb) => Route::Found(endpoint.clone(), verb),
            _ => Route::MethodNotAllowed,
        }
    }
}

/// Where a path has its namespace: `/apis/<group>/<version>/namespaces/<namespace>`.
const NAMESPACE_SEGMENT: usize = 4;

/// Whether a path is of the older form, `/apis/<group>/<version>/watch/...`.
fn is_watch_path(info: &RequestInfo) -> bool {
    let rest = info.path.strip_prefix("/apis/").and_then(|rest| rest.strip_prefix(info.group.as_str()));
    let rest = rest.and_then(|rest| rest.strip_prefix('/')).and_then(|rest| rest.strip_prefix(info.version.as_str()));
    rest.is_some_and(|rest| rest.starts_with("/watch/"))
}

fn verb_asked(method: &Method, verb: Option<Verb>) -> Option<Verb> {
    matches!(*method, Method::GET | Method::POST | Method::PUT | Method::PATCH | Method::DELETE)
        .then_some(verb)
        .flatten()
}

impl Endpoint {
    pub(crate) fn descriptor(&self) -> &'static ResourceDescriptor {
        self.resource.served(self.version).descriptor
    }

    /// What a handler of this endpoint writes with.
    fn write<'a>(&self, exchange: &'a Exchange, dry_run: bool) -> Write<'a> {
        Write {
            exchange,
            descriptor: self.descriptor(),
            subresource: &exchange.call.info.subresource,
            dry_run,
            creates_with: None,
            may_forget_managers: true,
        }
    }

    /// Answers a request for this resource.
    pub(crate) async fn answer(&self, verb: Verb, exchange: &Arc<Exchange>, body: Body) -> Result<Response, Status> {
        // As upstream's router, which looks at what is sent before it looks at what is accepted.
        if verb == Verb::Patch {
            patch::check_content_type(self, exchange)?;
        }
        negotiate::check_route(&exchange.headers, verb == Verb::List || verb == Verb::Watch)?;
        self.warn_of_deprecation(exchange);
        check_namespace(self, exchange)?;
        if exchange.call.info.subresource == "scale" {
            if verb != Verb::Update {
                check_name(exchange)?;
            }
            return match verb {
                Verb::Update => bounded(scale::update(self, exchange, body)).await,
                Verb::Patch => bounded(scale::patch(self, exchange, body)).await,
                _ => scale::get(self, exchange).await,
            };
        }
        match verb {
            Verb::Get => get::get(self, exchange).await,
            Verb::List => list::list(self, exchange).await,
            Verb::Watch => watch::watch(self, exchange).await,
            Verb::DeleteCollection => delete_collection::delete_collection(self, exchange, body).await,
            Verb::Create => bounded(create::create(self, exchange, body)).await,
            Verb::Update => bounded(update::update(self, exchange, body)).await,
            Verb::Patch => bounded(patch::patch(self, exchange, body)).await,
            Verb::Delete => bounded(delete::delete(self, exchange, body)).await,
        }
    }

    fn warn_of_deprecation(&self, exchange: &Exchange) {
        let descriptor = self.descriptor();
        let Some(deprecation) = descriptor.deprecated else { return };
        if !deprecation.warning.is_empty() {
            exchange.warnings.add(deprecation.warning);
            return;
        }
        let mut text = format!("{} {} is deprecated", descriptor.api_version(), descriptor.kind);
        for (words, release, sign) in
            [(" in v", deprecation.since, "+"), (", unavailable in v", deprecation.removed, "+")]
        {
            if !release.is_empty() {
                text.extend([words, release, sign]);
            }
        }
        if !deprecation.replacement.is_empty() {
            text.extend(["; use ", deprecation.replacement]);
        }
        exchange.warnings.add(text);
    }
}

/// Refuses the name of an object without its namespace, which upstream's storage does.
fn check_namespace(endpoint: &Endpoint, exchange: &Exchange) -> Result<(), Status> {
    let info = &exchange.call.info;
    let named = info.parts.get(1).is_some_and(|name| !name.is_empty());
    if named && endpoint.resource.namespaced() && info.namespace.is_empty() {
        return Err(Status::bad_request("Namespace parameter required."));
    }
    Ok(())
}

/// Refuses a name that no object can have in a path, in upstream's words: when the storage is about to be asked for it.
fn check_name(exchange: &Exchange) -> Result<(), Status> {
    let name = exchange.call.info.parts.get(1).map(String::as_str).unwrap_or_default();
    match kube_annex::names::dns::path_segment(name).first() {
        Some(why) if !name.is_empty() => {
            Err(Status::bad_request(format!("Name parameter invalid: {}: {why}", kube_annex::field::quote(name))))
        }
        _ => Ok(()),
    }
}

async fn bounded(work: impl Future<Output = Result<Response, Status>>) -> Result<Response, Status> {
    tokio::time::timeout(MUTATION_LIMIT, work).await.unwrap_or_else(|_| {
        Err(Status::timeout("request did not complete within requested timeout - context deadline exceeded"))
    })
}
