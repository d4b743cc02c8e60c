//! Upstream's file that says which resources are encrypted with which keys.

use super::aesgcm::AesGcm;
use super::resources::{ALL, Transformers};
use super::transformer::{Identity, Prefixed, TransformError, Transformer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kube_annex::field::{self, Path};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Which resources are encrypted how: upstream's `EncryptionConfiguration` with the providers `identity` and `aesgcm`.
///
/// Of a resource's providers the first writes, and all read. To change a key, add the new one as the second of its
/// provider's, restart every server, make it the first, restart them again, rewrite all objects, and remove the old one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EncryptionConfiguration {
    api_version: String,
    kind: String,
    #[serde(default)]
    resources: Vec<Resources>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resources {
    #[serde(default)]
    resources: Vec<String>,
    #[serde(default)]
    providers: Vec<Provider>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Provider {
    identity: Option<Empty>,
    aesgcm: Option<Keys>,
    aescbc: Option<serde::de::IgnoredAny>,
    secretbox: Option<serde::de::IgnoredAny>,
    kms: Option<serde::de::IgnoredAny>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(default)]
    keys: Vec<NamedKey>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedKey {
    #[serde(default)]
    name: String,
    #[serde(default)]
    secret: String,
}

impl fmt::Debug for NamedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: [REDACTED]", self.name)
    }
}

/// Why a configuration cannot be followed. It names every violation; secrets are never part of it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is another document.
    #[error("it is {kind} of {api_version}; write EncryptionConfiguration of {API_VERSION}")]
    Kind {
        /// What it calls itself.
        kind: String,
        /// Of which API.
        api_version: String,
    },
    /// Its content breaks rules.
    #[error("{0}")]
    Invalid(String),
}

const API_VERSION: &str = "apiserver.config.k8s.io/v1";
const KIND: &str = "EncryptionConfiguration";

/// A provider, and what all that it writes begins with.
type Named = (Bytes, Arc<dyn Transformer>);

impl EncryptionConfiguration {
    /// The transformers that it asks for.
    ///
    /// * Errors: every violation of upstream's rules, in upstream's words; and providers that this crate does not have.
    pub fn transformers(&self) -> Result<Transformers, ConfigError> {
        if (self.kind.as_str(), self.api_version.as_str()) != (KIND, API_VERSION) {
            return Err(ConfigError::Kind { kind: self.kind.clone(), api_version: self.api_version.clone() });
        }
        let mut errors = field::ErrorList::new();
        let mut lists: BTreeMap<(&str, &str), Vec<Named>> = BTreeMap::new();
        let root = Path::new("resources");
        if self.resources.is_empty() {
            errors.push(field::Error::required(&root, "at least one resources is required"));
        }
        for (index, entry) in self.resources.iter().enumerate() {
            let path = root.index(index);
            check_names(&entry.resources, &path.child("resources"), &mut errors);
            let providers = entry.providers(&path.child("providers"), &mut errors);
            for name in &entry.resources {
                let (_, group) = split(name);
                let mask = [(group, ALL), (ALL, ALL)].into_iter().find(|earlier| lists.contains_key(earlier));
                if let Some((group, resource)) = mask {
                    let detail = format!("is masked by the earlier rule for {resource}.{group}");
                    errors.push(field::Error::invalid(&path.child("resources"), name.as_str(), detail));
                }
            }
            for name in &entry.resources {
                let (resource, group) = split(name);
                lists.entry((group, resource)).or_default().extend(providers.iter().cloned());
            }
        }
        if !errors.is_empty() {
            return Err(ConfigError::Invalid(field::aggregate(&errors)));
        }
        let mut transformers = Transformers::default();
        for ((group, resource), list) in lists {
            transformers.set(group, resource, Prefixed::new(list, TransformError::NoProvider));
        }
        Ok(transformers)
    }
}

impl Resources {
    /// What each provider writes begins with, and the provider.
    fn providers(&self, path: &Path, errors: &mut field::ErrorList) -> Vec<Named> {
        if self.providers.is_empty() {
            errors.push(field::Error::required(path, format!("at least one {path} is required")));
        }
        let mut made: Vec<Named> = Vec::new();
        for (index, provider) in self.providers.iter().enumerate() {
            let path = path.index(index);
            match provider.only() {
                Ok(Kind::Identity) => made.push((Bytes::new(), Arc::new(Identity))),
                Ok(Kind::AesGcm(keys)) => {
                    let keys = keys.transformer(&path.child("aesgcm").child("keys"), errors);
                    made.push((Bytes::from_static(AESGCM), Arc::new(keys)));
                }
                Ok(Kind::Other(name)) => {
                    let detail = "this server has no such provider; it has: identity, aesgcm";
                    errors.push(field::Error::forbidden(&path.child(name), detail));
                }
                Err(detail) => errors.push(field::Error::invalid(&path, "provider", detail)),
            }
        }
        made
    }
}

/// What the values of the provider begin with, before the name of the key.
const AESGCM: &[u8] = b"k8s:enc:aesgcm:v1:";

enum Kind<'a> {
    Identity,
    AesGcm(&'a Keys),
    Other(&'static str),
}

impl Provider {
    /// The one provider that an element of the list names.
    fn only(&self) -> Result<Kind<'_>, &'static str> {
        let mut named = [
            self.identity.as_ref().map(|_| Kind::Identity),
            self.aesgcm.as_ref().map(Kind::AesGcm),
            self.aescbc.as_ref().map(|_| Kind::Other("aescbc")),
            self.secretbox.as_ref().map(|_| Kind::Other("secretbox")),
            self.kms.as_ref().map(|_| Kind::Other("kms")),
        ]
        .into_iter()
        .flatten();
        match (named.next(), named.next()) {
            (Some(kind), None) => Ok(kind),
            (None, _) => Err(NO_PROVIDER),
            (Some(_), Some(_)) => Err(TWO_PROVIDERS),
        }
    }
}

const NO_PROVIDER: &str =
    "provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity";
const TWO_PROVIDERS: &str =
    "more than one provider specified in a single element, should split into different list elements";

impl Keys {
    /// A transformer for every key that can be used; the others are violations.
    fn transformer(&self, path: &Path, errors: &mut field::ErrorList) -> Prefixed {
        if self.keys.is_empty() {
            errors.push(field::Error::required(path, "at least one keys is required"));
        }
        let mut made: Vec<Named> = Vec::new();
        for (index, key) in self.keys.iter().enumerate() {
            let path = path.index(index);
            if key.name.is_empty() {
                errors.push(field::Error::required(&path.child("name"), "name is a mandatory field for a key"));
            }
            match key.cipher(&path.child("secret")) {
                Ok(cipher) => made.push((format!("{}:", key.name).into(), Arc::new(cipher))),
                Err(error) => errors.push(error),
            }
        }
        Prefixed::new(made, TransformError::NoKey)
    }
}

impl NamedKey {
    fn cipher(&self, path: &Path) -> Result<AesGcm, field::Error> {
        if self.secret.is_empty() {
            return Err(field::Error::required(path, "secret is a mandatory field for a key"));
        }
        let secret = STANDARD.decode(&self.secret);
        let secret = secret.map_err(|_| field::Error::invalid(path, REDACTED, "secrets must be base64 encoded"))?;
        AesGcm::new(&secret).ok_or_else(|| {
            let detail = "secret is not of the expected length";
            let sizes = AesGcm::KEY_SIZES.map(|size| size.to_string()).join(" ");
            field::Error::invalid(path, REDACTED, format!("{detail}, got {}, expected one of [{sizes}]", secret.len()))
        })
    }
}

const REDACTED: &str = "REDACTED";

/// The resource and the group of a name such as `flunders.wardle.example.com`.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

fn check_names(names: &[String], path: &Path, errors: &mut field::ErrorList) {
    if names.is_empty() {
        errors.push(field::Error::required(path, format!("at least one {path} is required")));
    }
    let pairs = || names.iter().enumerate().flat_map(|(index, one)| names[..index].iter().map(move |two| (one, two)));
    if pairs().any(|(one, two)| one == two) {
        errors.push(field::Error::invalid(path, names, "the same resource cannot be specified multiple times"));
    }
    if pairs().any(|(one, two)| one != two && overlap(split(one), split(two))) {
        errors.push(field::Error::invalid(path, names, OVERLAP));
    }
    for (index, name) in names.iter().enumerate() {
        let (resource, group) = split(name);
        let detail = if name.chars().any(char::is_uppercase) {
            "resource name should not contain capital letters"
        } else if name == ALL {
            "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources"
        } else if group == ALL && resource != ALL {
            "encrypting the same resource across groups is not supported"
        } else {
            continue;
        };
        errors.push(field::Error::invalid(&path.index(index), name.as_str(), detail));
    }
}

const OVERLAP: &str = "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";

fn overlap(one: (&str, &str), two: (&str, &str)) -> bool {
    let all = (ALL, ALL);
    one == all || two == all || (one.1 == two.1 && (one.0 == ALL || two.0 == ALL))
}
