//! Whom the cluster tells its extension servers to believe: the `ConfigMap` `kube-system/extension-apiserver-authentication`.

use super::ca_bundle::CaBundle;
use super::trust::{FrontProxyHeaders, FrontProxyTrust, Trust, TrustStore};
use futures_util::{StreamExt as _, pin_mut};
use http::HeaderName;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Reads and watches the `ConfigMap`, and tells a [`TrustStore`] what it says.
pub struct ClusterConfig {
    api: Api<ConfigMap>,
    store: Arc<TrustStore>,
    known: Known,
}

/// Why the `ConfigMap` could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterConfigError {
    /// The server's account may not read it.
    #[error(
        "kube-apiserver does not let this server read ConfigMap kube-system/extension-apiserver-authentication; bind \
         its account to Role extension-apiserver-authentication-reader in namespace kube-system, or start with \
         --authentication-tolerate-lookup-failure or --authentication-skip-lookup: {message}"
    )]
    Forbidden {
        /// What kube-apiserver says.
        message: String,
    },
    /// It could not be read for another reason.
    #[error(
        "ConfigMap kube-system/extension-apiserver-authentication cannot be read from kube-apiserver at start-up; \
         check --authentication-kubeconfig and that kube-apiserver is reachable"
    )]
    Unreadable(#[source] kube::Error),
    /// It took too long.
    #[error(
        "kube-apiserver did not hand out ConfigMap kube-system/extension-apiserver-authentication within {limit:?}; \
         check --authentication-kubeconfig and that kube-apiserver is reachable"
    )]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
}

/// What was last understood. Each part outlives updates that cannot be understood.
#[derive(Default)]
struct Known {
    client_ca: Option<Arc<CaBundle>>,
    front_proxy_ca: Option<Arc<CaBundle>>,
    names: Names,
}

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Names {
    allowed: Vec<String>,
    headers: FrontProxyHeaders,
}

impl ClusterConfig {
    /// Reads through `client`, which needs Role `extension-apiserver-authentication-reader` in `kube-system`.
    pub fn new(client: kube::Client, store: Arc<TrustStore>) -> Self {
        Self { api: Api::namespaced(client, NAMESPACE), store, known: Known::default() }
    }

    /// Reads it once, as at start-up. That there is none is no error.
    pub async fn load(&mut self) -> Result<(), ClusterConfigError> {
        let found = tokio::time::timeout(LONGEST_LOAD, self.api.get_opt(NAME)).await;
        match found.map_err(|_| ClusterConfigError::TimedOut { limit: LONGEST_LOAD })? {
            Ok(None) => tracing::warn!(configmap = NAME, "there is none in {NAMESPACE}: nobody is believed through it"),
            Ok(Some(found)) => self.apply(&found),
            Err(kube::Error::Api(status)) if status.code == 403 => {
                return Err(ClusterConfigError::Forbidden { message: status.message.clone() });
            }
            Err(error) => return Err(ClusterConfigError::Unreadable(error)),
        }
        Ok(())
    }

    /// Keeps up with it until `stop`.
    pub async fn watch(mut self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let mut wait = SHORTEST_WAIT;
            loop {
                // A watch ends by itself before that, unless its connection is dead.
                match tokio::time::timeout(LONGEST_WATCH, self.list_and_watch()).await {
                    Ok(Ok(())) | Err(_) => wait = SHORTEST_WAIT,
                    Ok(Err(error)) => {
                        tracing::warn!(configmap = NAME, %error, "cannot keep up with it; trying again in {wait:?}");
                        wait = (wait * 2).min(LONGEST_WAIT);
                    }
                }
                tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            }
        })
        .await;
    }

    async fn list_and_watch(&mut self) -> Result<(), kube::Error> {
        let selector = format!("metadata.name={NAME}");
        let list = self.api.list(&ListParams::default().fields(&selector)).await?;
        if let Some(found) = list.items.first() {
            self.apply(found);
        } else {
            tracing::warn!(configmap = NAME, "there is none; what it said last still holds");
        }
        let version = list.metadata.resource_version.unwrap_or_default();
        let events = self.api.watch(&WatchParams::default().fields(&selector), &version).await?;
        pin_mut!(events);
        while let Some(event) = events.next().await {
            match event? {
                WatchEvent::Added(found) | WatchEvent::Modified(found) => self.apply(&found),
                WatchEvent::Deleted(_) => tracing::warn!(configmap = NAME, "it is gone; what it said last still holds"),
                WatchEvent::Bookmark(_) => {}
                WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
            }
        }
        Ok(())
    }

    fn apply(&mut self, found: &ConfigMap) {
        let empty = BTreeMap::new();
        let (changed, complaints) = self.known.update(found.data.as_ref().unwrap_or(&empty));
        for complaint in complaints {
            tracing::error!(configmap = NAME, "{complaint}; what it said before still holds");
        }
        if changed {
            tracing::info!(configmap = NAME, "whom the cluster believes changed");
            self.store.set_cluster(self.known.trust());
        }
    }
}

impl Known {
    /// Takes over what can be understood. Tells whether anything changed, and what could not be understood.
    fn update(&mut self, data: &BTreeMap<String, String>) -> (bool, Vec<String>) {
        let mut complaints = vec![];
        let mut changed = update_bundle(&mut self.client_ca, CLIENT_CA, data, &mut complaints);
        changed |= update_bundle(&mut self.front_proxy_ca, FRONT_PROXY_CA, data, &mut complaints);
        match Names::read(data) {
            Ok(names) if names != self.names => {
                self.names = names;
                changed = true;
            }
            Ok(_) => {}
            Err(complaint) => complaints.push(complaint),
        }
        (changed, complaints)
    }

    fn trust(&self) -> Trust {
        let front_proxy = self.front_proxy_ca.as_ref().map(|ca| {
            let names = self.names.clone();
            Arc::new(FrontProxyTrust { ca: ca.clone(), allowed_names: names.allowed, headers: names.headers })
        });
        Trust { client_ca: self.client_ca.clone(), front_proxy }
    }
}

fn update_bundle(
    known: &mut Option<Arc<CaBundle>>,
    key: &str,
    data: &BTreeMap<String, String>,
    complaints: &mut Vec<String>,
) -> bool {
    let Some(pem) = data.get(key).filter(|pem| !pem.is_empty()) else {
        if known.is_some() {
            complaints.push(format!("key {key} is gone"));
        }
        return false;
    };
    if known.as_ref().is_some_and(|known| known.pem() == pem.as_bytes()) {
        return false;
    }
    match CaBundle::from_pem(format!("key {key} of ConfigMap {NAMESPACE}/{NAME}"), pem.as_bytes()) {
        Ok(bundle) => {
            *known = Some(Arc::new(bundle));
            true
        }
        Err(error) => {
            complaints.push(error.to_string());
            false
        }
    }
}

impl Names {
    fn read(data: &BTreeMap<String, String>) -> Result<Self, String> {
        Ok(Self {
            allowed: strings(data, "requestheader-allowed-names")?,
            headers: FrontProxyHeaders {
                username: header_names(data, "requestheader-username-headers")?,
                uid: header_names(data, "requestheader-uid-headers")?,
                group: header_names(data, "requestheader-group-headers")?,
                extra_prefix: strings(data, "requestheader-extra-headers-prefix")?
                    .into_iter()
                    .map(|prefix| extra_prefix(&prefix))
                    .collect::<Result<_, _>>()?,
            },
        })
    }
}

fn header_names(data: &BTreeMap<String, String>, key: &str) -> Result<Vec<HeaderName>, String> {
    let parse = |name: String| {
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| format!("{name:?} in key {key} is not a header's name"))
    };
    strings(data, key)?.into_iter().map(parse).collect()
}

// An empty prefix would make every header of the request an extra value, and strip them all.
fn extra_prefix(prefix: &str) -> Result<String, String> {
    HeaderName::from_bytes(prefix.as_bytes())
        .map(|name| name.as_str().to_owned())
        .map_err(|_| format!("{prefix:?} in key requestheader-extra-headers-prefix does not begin a header's name"))
}

/// A JSON array of strings; a missing or empty text is none.
fn strings(data: &BTreeMap<String, String>, key: &str) -> Result<Vec<String>, String> {
    match data.get(key).filter(|text| !text.is_empty()) {
        None => Ok(vec![]),
        Some(text) => {
            // Go reads `null` as no strings.
            let parsed = serde_json::from_str::<Option<Vec<String>>>(text);
            parsed
                .map(Option::unwrap_or_default)
                .map_err(|error| format!("key {key} is not a JSON array of strings: {error}"))
        }
    }
}

const NAMESPACE: &str = "kube-system";
const NAME: &str = "extension-apiserver-authentication";
const CLIENT_CA: &str = "client-ca-file";
const FRONT_PROXY_CA: &str = "requestheader-client-ca-file";
const LONGEST_LOAD: Duration = Duration::from_secs(30);
/// Watches ask to be ended after 290 s.
const LONGEST_WATCH: Duration = Duration::from_secs(330);
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_1_names_are_json_arrays_and_an_empty_text_is_an_empty_list() {
        let names = Names::read(&data(&[
            ("requestheader-allowed-names", ""),
            ("requestheader-username-headers", r#"["X-Remote-User","X-Other"]"#),
            ("requestheader-group-headers", "null"),
            ("requestheader-extra-headers-prefix", r#"["X-Remote-Extra-"]"#),
        ]))
        .expect("well-formed");
        assert_eq!(names.allowed, Vec::<String>::new());
        assert_eq!(names.headers.username, ["x-remote-user", "x-other"]);
        assert_eq!(names.headers.extra_prefix, ["x-remote-extra-"]);
        assert!(names.headers.uid.is_empty() && names.headers.group.is_empty());
    }

    #[test]
    fn an_3_a_malformed_update_keeps_what_was_known_and_is_complained_of() {
        let mut known = Known::default();
        let good = data(&[("requestheader-username-headers", r#"["X-Remote-User"]"#)]);
        assert_eq!(known.update(&good), (true, vec![]));
        assert_eq!(known.update(&good), (false, vec![]));
        let bad = data(&[("requestheader-username-headers", "X-Remote-User"), ("client-ca-file", "no PEM")]);
        let (changed, complaints) = known.update(&bad);
        assert!(!changed);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert_eq!(known.names.headers.username, ["x-remote-user"]);
    }

    #[test]
    fn an_empty_prefix_of_extra_headers_is_malformed() {
        assert!(Names::read(&data(&[("requestheader-extra-headers-prefix", r#"[""]"#)])).is_err());
    }
}
