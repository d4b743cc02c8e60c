//! The server as a library: what is served, with which seams, as one service.

use crate::admission::{Chain, Plugin};
use crate::authn::{Authenticators, Connection};
use crate::authz::Authorizer;
use crate::documents::Documents;
use crate::endpoint::Endpoints;
use crate::flow::InFlight;
use crate::health::{Check, Health};
use crate::impersonation::Impersonation;
use crate::openapi::About;
use crate::pipeline::Pipeline;
use crate::registry::reader::Reader;
use crate::registry::registration::Registration;
use crate::registry::resource::{Origin, ServedResource};
use crate::registry::store::Store;
use crate::seams::Seams;
use crate::serve::Shutdown;
use crate::source::{ComputedStore, Versions};
use axum::body::Body;
use axum::response::Response;
use http::Request;
use kube_annex::ResourceDescriptor;
use kube_annex_storage::cache::{CacheOptions, Freshness};
use kube_annex_storage::{Cached, Prefix, Storage};
use std::collections::HashSet;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a request that is no watch may take.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A server that answers requests. Cheap to clone; it is a tower service.
#[derive(Clone)]
pub struct Server(Arc<Pipeline>);

/// Why a server cannot be built from its registrations.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Nothing would be served.
    #[error("no resource is registered; register at least one, such as `Registration::stored::<Flunder>()`")]
    Empty,
    /// Two registrations claim one path.
    #[error("{path} is registered twice; give one of the types another `plural` or `version`")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// The versions of one resource disagree about where its objects live.
    #[error("the versions of {resource} have different scopes; give all of them the same `scope`")]
    ScopesDiffer {
        /// The resource.
        resource: String,
    },
    /// Two registrations own one resource under different versions, so that its objects would be kept twice.
    #[error("{resource} is registered twice; serve the second version with `serve_as`")]
    SplitResource {
        /// The resource.
        resource: String,
    },
    /// A stored resource, and nowhere to store it.
    #[error("{resource} is a stored resource and the server has no storage; call `ServerBuilder::storage`")]
    NoStorage {
        /// The resource.
        resource: String,
    },
}

/// A server to be built.
pub struct ServerBuilder {
    registrations: Vec<Arc<Registration>>,
    plugins: Vec<Arc<dyn Plugin>>,
    reader: Reader,
    storage: Option<Arc<dyn Storage>>,
    cache_options: CacheOptions,
    seams: Seams,
    checks: Vec<Check>,
    shutdown: Shutdown,
    request_timeout: Duration,
    router: axum::Router,
    name: String,
    version: String,
}

impl Server {
    /// A server that serves nothing yet.
    pub fn builder() -> ServerBuilder {
        ServerBuilder {
            registrations: Vec::new(),
            plugins: Vec::new(),
            reader: Reader::default(),
            storage: None,
            cache_options: CacheOptions::default(),
            seams: Seams::default(),
            checks: Vec::new(),
            shutdown: Shutdown::new(),
            request_timeout: REQUEST_TIMEOUT,
            router: axum::Router::new(),
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Begins to read everything that is stored into memory, so that the first clients need not wait for it. Must be
    /// called where tasks can be started.
    pub fn warm(&self) {
        self.0.endpoints.warm();
    }

    /// Answers one request from one peer. This is the whole server without its socket.
    pub async fn answer(&self, request: Request<Body>, connection: &Connection) -> Response {
        self.0.answer(request, connection).await
    }
}

impl ServerBuilder {
    /// What the documents call the server.
    #[must_use]
    pub fn about(mut self, name: &str, version: &str) -> Self {
        name.clone_into(&mut self.name);
        version.clone_into(&mut self.version);
        self
    }

    /// Serves a resource.
    #[must_use]
    pub fn register(mut self, registration: impl Into<Registration>) -> Self {
        self.registrations.push(Arc::new(registration.into()));
        self
    }

    /// Serves several resources.
    #[must_use]
    pub fn register_all(mut self, registrations: impl IntoIterator<Item = Registration>) -> Self {
        self.registrations.extend(registrations.into_iter().map(Arc::new));
        self
    }

    /// Asks a plug-in about every write, after those added before. It may read stored objects through the [`Reader`].
    #[must_use]
    pub fn admission<P: Plugin>(mut self, plugin: impl FnOnce(Reader) -> P) -> Self {
        self.plugins.push(Arc::new(plugin(self.reader.clone())));
        self
    }

    /// Asks plug-ins that are made elsewhere.
    #[must_use]
    pub fn admission_all(mut self, plugins: impl FnOnce(Reader) -> Vec<Arc<dyn Plugin>>) -> Self {
        self.plugins.extend(plugins(self.reader.clone()));
        self
    }

    /// Keeps stored objects there.
    #[must_use]
    pub fn storage(mut self, storage: Arc<dyn Storage>) -> Self {
        self.storage = Some(storage);
        self
    }

    /// How much of the past is kept in memory for each resource, for watches and lists that go on from there. What is
    /// older comes from the storage.
    #[must_use]
    pub fn cache_options(mut self, options: CacheOptions) -> Self {
        self.cache_options = options;
        self
    }

    /// Takes time, ids and tasks from there.
    #[must_use]
    pub fn seams(mut self, seams: Seams) -> Self {
        self.seams = seams;
        self
    }

    /// One more health check.
    #[must_use]
    pub fn check(mut self, check: Check) -> Self {
        self.checks.push(check);
        self
    }

    /// Ends watches, and fails readiness, when that shutdown is asked for.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Bounds requests that are no watches. A minute by default.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Answers paths outside `/apis` that the server itself does not know. They are authorized by path as all others.
    #[must_use]
    pub fn router(mut self, router: axum::Router) -> Self {
        self.router = router;
        self
    }

    /// The server, asking these who a client is and what it may do.
    ///
    /// * Errors: [`BuildError`] when the registrations contradict each other.
    pub fn build(self, authenticators: Authenticators, authorizer: Arc<dyn Authorizer>) -> Result<Server, BuildError> {
        check(&self.registrations)?;
        let chain = Chain::new(self.plugins);
        let mut resources = Vec::with_capacity(self.registrations.len());
        let cache = self.storage.clone().map(|storage| cached(storage, self.cache_options, &self.seams));
        for registration in &self.registrations {
            resources.push(Arc::new(in_service(registration, &self.seams, cache.as_ref(), &chain)?));
        }
        self.reader.fill(&resources);
        let mut checks = self.checks;
        if let Some(storage) = self.storage {
            checks.push(storage_check(storage));
        }
        checks.push(caches_check(&resources));
        checks.push(shutdown_check(self.shutdown.clone()));
        let about = About { title: &self.name, version: &self.version };
        let pipeline = Pipeline {
            documents: Documents::new(about, &self.registrations, Health::new(checks), self.router, self.seams.clone()),
            endpoints: Endpoints::new(&resources, &self.shutdown, &authorizer, &self.seams.tasks),
            seams: self.seams,
            authenticators,
            authorizer,
            impersonation: Impersonation::new(),
            in_flight: InFlight::default(),
            request_timeout: self.request_timeout,
            shutdown: self.shutdown,
        };
        Ok(Server(Arc::new(pipeline)))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder").field("registrations", &self.registrations).finish_non_exhaustive()
    }
}

/// The listener's side: the peer is in the request's extensions.
impl<B> tower::Service<Request<B>> for Server
where
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let request = request.map(Body::new);
            let connection = request.extensions().get::<Connection>().cloned();
            // A service that nobody told the peer of must not believe anybody.
            let connection =
                connection.unwrap_or_else(|| Connection::new(SocketAddr::from(([0, 0, 0, 0], 0)), Vec::new(), false));
            Ok(server.answer(request, &connection).await)
        })
    }
}

fn check(registrations: &[Arc<Registration>]) -> Result<(), BuildError> {
    if registrations.is_empty() {
        return Err(BuildError::Empty);
    }
    let mut paths = HashSet::new();
    let mut resources = HashSet::new();
    for registration in registrations {
        let hub = registration.descriptor();
        let resource = hub.group_resource().to_string();
        for descriptor in registration.descriptors() {
            let path = format!("/apis/{}/{}", descriptor.api_version(), descriptor.plural);
            if !paths.insert(path.clone()) {
                return Err(BuildError::Duplicate { path });
            }
            if descriptor.scope != hub.scope {
                return Err(BuildError::ScopesDiffer { resource });
            }
        }
        if !resources.insert(resource.clone()) {
            return Err(BuildError::SplitResource { resource });
        }
    }
    Ok(())
}

fn in_service(
    registration: &Arc<Registration>,
    seams: &Seams,
    cache: Option<&Arc<Cached>>,
    admission: &Chain,
) -> Result<ServedResource, BuildError> {
    let descriptor = registration.descriptor();
    let origin = if let Some(computed) = &registration.computed {
        Origin::Computed(ComputedStore {
            registration: Arc::clone(registration),
            computed: Arc::clone(computed),
            versions: Versions::starting_at(seams.clock.now()),
            seams: seams.clone(),
            admission: admission.clone(),
            changes: tokio::sync::Mutex::default(),
        })
    } else {
        let cache = cache.cloned().ok_or_else(|| no_storage(descriptor))?;
        Origin::Stored(Store {
            registration: Arc::clone(registration),
            storage: Arc::clone(cache.storage()),
            cache,
            written: Arc::default(),
            selections: Arc::default(),
            prefix: Prefix::of_resource(descriptor.group, descriptor.plural),
            seams: seams.clone(),
            admission: admission.clone(),
        })
    };
    Ok(ServedResource::new(registration, origin))
}

/// A cache over the storage, fed by tasks that end with the server.
fn cached(storage: Arc<dyn Storage>, options: CacheOptions, seams: &Seams) -> Arc<Cached> {
    let tasks = seams.tasks.clone();
    Arc::new(Cached::new(storage, options, Arc::new(move |task| tasks.spawn(task))))
}

fn no_storage(descriptor: &ResourceDescriptor) -> BuildError {
    BuildError::NoStorage { resource: descriptor.group_resource().to_string() }
}

fn storage_check(storage: Arc<dyn Storage>) -> Check {
    Check::new(storage.name(), &["healthz", "readyz"], move || {
        let storage = Arc::clone(&storage);
        async move { storage.health().await.map_err(|error| error.to_string()) }
    })
}

/// Nobody is sent here before what they ask for is in memory. What was once filled stays so.
fn caches_check(resources: &[Arc<ServedResource>]) -> Check {
    let stores = resources.iter().filter_map(|resource| match &resource.origin {
        Origin::Stored(store) => Some((store.cache.clone(), store.prefix.clone())),
        Origin::Computed(_) => None,
    });
    let stores: Arc<[_]> = stores.collect();
    Check::new("storage-readiness", &["readyz"], move || {
        let stores = stores.clone();
        async move {
            for (cache, prefix) in &*stores {
                cache.snapshot(prefix, Freshness::Any).await.map_err(|error| error.to_string())?;
            }
            Ok(())
        }
    })
}

fn shutdown_check(shutdown: Shutdown) -> Check {
    Check::new("shutdown", &["readyz"], move || {
        let stopping = shutdown.is_asked();
        async move { if stopping { Err("process is shutting down".to_owned()) } else { Ok(()) } }
    })
}
