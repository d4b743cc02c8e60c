//! Whom the server believes at this moment, and where that comes from.

use super::ca_bundle::CaBundle;
use arc_swap::{ArcSwap, Guard};
use http::{HeaderMap, HeaderName};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::sync::watch;

/// Whom the server believes.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The authorities of client certificates; none means that no client certificate is a user.
    pub client_ca: Option<Arc<CaBundle>>,
    /// The front proxy; none means that no header is believed.
    pub front_proxy: Option<Arc<FrontProxyTrust>>,
}

/// Which front proxy is believed, and in which headers it says who asks.
#[derive(Clone, Debug)]
pub struct FrontProxyTrust {
    /// The authorities of the front proxy's certificate.
    pub ca: Arc<CaBundle>,
    /// The common names that its certificate may have; empty allows any.
    pub allowed_names: Vec<String>,
    /// The headers it writes.
    pub headers: FrontProxyHeaders,
}

/// The names of the headers in which a front proxy says who asks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FrontProxyHeaders {
    /// The user's name: the first that has a value counts.
    pub username: Vec<HeaderName>,
    /// The user's uid: the first that has a value counts.
    pub uid: Vec<HeaderName>,
    /// The groups: all values count.
    pub group: Vec<HeaderName>,
    /// Lower-case prefixes of the headers of extra values; the rest of the name is the key.
    pub extra_prefix: Vec<String>,
}

impl FrontProxyHeaders {
    /// The names that kube-apiserver sends, whatever it was told.
    pub fn standard() -> Self {
        Self {
            username: vec![HeaderName::from_static("x-remote-user")],
            uid: vec![HeaderName::from_static("x-remote-uid")],
            group: vec![HeaderName::from_static("x-remote-group")],
            extra_prefix: vec!["x-remote-extra-".to_owned()],
        }
    }

    /// [`Self::standard`], made once.
    pub(super) fn of_upstream() -> &'static Self {
        static STANDARD: LazyLock<FrontProxyHeaders> = LazyLock::new(FrontProxyHeaders::standard);
        &STANDARD
    }

    /// Removes all of these headers.
    pub fn remove_from(&self, headers: &mut HeaderMap) {
        for name in self.username.iter().chain(&self.uid).chain(&self.group) {
            headers.remove(name);
        }
        let is_extra = |name: &HeaderName| self.extra_prefix.iter().any(|prefix| name.as_str().starts_with(prefix));
        let extra: Vec<HeaderName> = headers.keys().filter(|name| is_extra(name)).cloned().collect();
        for name in extra {
            headers.remove(name);
        }
    }
}

/// The one place that holds the current [`Trust`]; it changes while the server runs.
///
/// What flags say and what the cluster says arrive separately. Client authorities are joined; a front proxy that flags
/// name replaces the cluster's.
pub struct TrustStore {
    current: ArcSwap<Trust>,
    sources: Mutex<Sources>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Sources {
    flags: Trust,
    cluster: Trust,
}

impl TrustStore {
    /// A store that begins with what the flags say.
    pub fn new(flags: Trust) -> Arc<Self> {
        let store = Self { current: ArcSwap::default(), sources: Mutex::default(), changed: watch::Sender::new(0) };
        store.set_flags(flags);
        Arc::new(store)
    }

    /// What holds now.
    pub fn load(&self) -> Guard<Arc<Trust>> {
        self.current.load()
    }

    /// Replaces what the flags, or the files they name, say.
    pub fn set_flags(&self, flags: Trust) {
        self.update(|sources| sources.flags = flags);
    }

    pub(super) fn flags(&self) -> Trust {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).flags.clone()
    }

    /// Replaces what the cluster says.
    pub fn set_cluster(&self, cluster: Trust) {
        self.update(|sources| sources.cluster = cluster);
    }

    /// Changes whenever the trust does.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn update(&self, change: impl FnOnce(&mut Sources)) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut sources);
        let trust = sources.effective();
        trust.warn_of_shared_authorities();
        self.current.store(Arc::new(trust));
        self.changed.send_modify(|generation| *generation += 1);
    }
}

impl Sources {
    fn effective(&self) -> Trust {
        Trust {
            client_ca: CaBundle::join(self.flags.client_ca.as_ref(), self.cluster.client_ca.as_ref()),
            front_proxy: self.flags.front_proxy.as_ref().or(self.cluster.front_proxy.as_ref()).cloned(),
        }
    }
}

impl Trust {
    /// Whether any client certificate of a user would also be believed as the front proxy's.
    pub fn lets_clients_pose_as_front_proxy(&self) -> bool {
        match (&self.client_ca, &self.front_proxy) {
            (Some(client_ca), Some(front_proxy)) => {
                front_proxy.allowed_names.is_empty() && front_proxy.ca.overlaps(client_ca)
            }
            _ => false,
        }
    }

    fn warn_of_shared_authorities(&self) {
        if self.lets_clients_pose_as_front_proxy() {
            tracing::warn!(
                "an authority of client certificates is also one of the front proxy's, and any name is allowed: every \
                 holder of a client certificate can pose as any user; set --requestheader-allowed-names, or use an \
                 authority of its own for the front proxy"
            );
        }
    }
}
