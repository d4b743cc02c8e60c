//! Where in the store something is.

use std::fmt;
use std::sync::Arc;

/// The place of one value: `<group>/<resource>/<namespace>/<name>`, without a namespace for cluster-scoped objects.
///
/// Segments are joined as they are: names that may not contain `/` keep keys from colliding.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key(Arc<str>);

/// What a set of keys starts with. It ends in `/`, so that `a` never covers `ab`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Prefix(Arc<str>);

impl Key {
    /// The key that is written so.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first key that can come after this one, in byte order.
    #[must_use]
    pub fn successor(&self) -> Self {
        Self(format!("{}\0", self.0).into())
    }
}

impl Prefix {
    /// The prefix that is written so; it ends in `/`.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Every key of a resource: `<group>/<resource>/`.
    pub fn of_resource(group: &str, resource: &str) -> Self {
        Self(format!("{group}/{resource}/").into())
    }

    /// Every key of a resource in a namespace; the same prefix when the namespace is empty.
    #[must_use]
    pub fn in_namespace(&self, namespace: &str) -> Self {
        if namespace.is_empty() { self.clone() } else { Self(format!("{}{namespace}/", self.0).into()) }
    }

    /// The key of that name below this prefix.
    pub fn key(&self, name: &str) -> Key {
        Key(format!("{}{name}", self.0).into())
    }

    /// Whether the key is below this prefix.
    pub fn covers(&self, key: &Key) -> bool {
        key.0.starts_with(&*self.0)
    }

    /// The prefix as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
