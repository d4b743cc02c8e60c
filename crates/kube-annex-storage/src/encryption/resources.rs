//! Which transformer the values of a resource have.

use super::transformer::{Identity, Transformer};
use crate::key::Key;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The transformers of resources.
///
/// A resource that is named has its own; else its group's, else everyone's; else its values are kept as they are, and
/// what is encrypted is refused.
#[derive(Clone, Default)]
pub struct Transformers {
    /// By group and resource; `*` stands for all of them.
    by_resource: BTreeMap<(String, String), Arc<dyn Transformer>>,
}

impl Transformers {
    /// Gives a resource of a group its transformer; `*` as the resource gives it to all of the group, `*` as both to all.
    pub fn set(&mut self, group: &str, resource: &str, transformer: impl Transformer) {
        self.by_resource.insert((group.to_owned(), resource.to_owned()), Arc::new(transformer));
    }

    /// Whether every value is kept as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_resource.is_empty()
    }

    pub(crate) fn of(&self, key: &Key) -> &dyn Transformer {
        let mut segments = key.as_str().split('/');
        let (group, resource) = (segments.next().unwrap_or_default(), segments.next().unwrap_or_default());
        let found = [(group, resource), (group, ALL), (ALL, ALL)]
            .into_iter()
            .find_map(|(group, resource)| self.by_resource.get(&(group.to_owned(), resource.to_owned())));
        found.map_or(&Identity, |transformer| &**transformer)
    }
}

/// Every resource of a group, or every group.
pub(super) const ALL: &str = "*";

impl fmt::Debug for Transformers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_resource.keys()).finish()
    }
}
