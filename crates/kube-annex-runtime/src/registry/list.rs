//! Listing: snapshots, pages and selectors.

use crate::registry::continue_token::ContinueToken;
use crate::registry::item::Item;
use crate::registry::store::Store;
use kube_annex::options::ListOptions;
use kube_annex::selector::{field, label};
use kube_annex::{Status, version};
use kube_annex_storage::{self as storage, Key, ListRequest, Page, Prefix, Revision};

/// A page of objects, still in the stored version.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) items: Vec<Item>,
    /// The snapshot's revision.
    pub(crate) revision: u64,
    /// The token of the next page; empty on the last.
    pub(crate) continue_token: String,
    /// How many objects follow, when that is known.
    pub(crate) remaining: Option<usize>,
}

/// Which objects are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicate {
    label: label::Selector,
    field: field::Selector,
}

impl Predicate {
    /// Reads both selectors.
    ///
    /// * Errors: 400 for a selector that does not parse, and for a field that cannot be selected by.
    pub(crate) fn of(options: &ListOptions) -> Result<Self, Status> {
        let label =
            label::Selector::parse(&options.label_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        let field =
            field::Selector::parse(&options.field_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        field.check(field::KNOWN_FIELDS).map_err(|error| Status::bad_request(error.to_string()))?;
        Ok(Self { label, field })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.label.is_empty() && self.field.is_empty()
    }

    pub(crate) fn matches(&self, item: &Item) -> Result<bool, Status> {
        if self.is_empty() {
            return Ok(true);
        }
        let metadata = item.head()?;
        let by_field = |name: &str| match name {
            "metadata.name" => Some(metadata.name.to_string()),
            "metadata.namespace" => Some(metadata.namespace.to_string()),
            _ => None,
        };
        Ok(self.label.matches(&metadata.labels) && self.field.matches(by_field))
    }
}

/// The most objects that are read at once in search of those that are selected.
const MOST_IN_A_CHUNK: usize = 10_000;

/// After how many entries other requests get their turn: storages in memory are always ready and never wait.
const TURN: usize = 128;

/// Which state of the store a list reads.
enum Snapshot {
    Newest,
    At(Revision),
}

const EXPIRED_TOKEN: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

impl Store {
    /// One page. The options are valid already.
    pub(crate) async fn list(
        &self,
        namespace: &str,
        options: &ListOptions,
        predicate: &Predicate,
    ) -> Result<Listed, Status> {
        let prefix = self.prefix.in_namespace(namespace);
        let (snapshot, start) = self.start_of(&prefix, options).await?;
        let limit = usize::try_from(options.limit).unwrap_or_default();
        let mut listed = Listed::default();
        let mut next = start;
        let mut at = match snapshot {
            Snapshot::Newest => None,
            Snapshot::At(revision) => Some(revision),
        };
        let mut chunk = limit;
        let mut looked_at = 0_usize;
        loop {
            let request = ListRequest { start: next.take(), limit: chunk, revision: at };
            let page = match self.storage.list(&prefix, request).await {
                Ok(page) => page,
                Err(error) => return Err(self.list_failed(&error, options, &prefix)),
            };
            listed.revision = page.revision.0;
            at = Some(page.revision);
            let Page { entries, next: mut following, remaining, .. } = page;
            for entry in entries {
                if limit > 0 && listed.items.len() == limit {
                    // The chunk was larger than what is wanted: the next page starts within it.
                    following = Some(entry.key);
                    break;
                }
                looked_at += 1;
                if looked_at.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                }
                let item = Item { bytes: entry.value, revision: entry.revision.0 };
                if predicate.matches(&item)? {
                    listed.items.push(item);
                }
            }
            match following {
                None => return Ok(listed),
                Some(following) if limit > 0 && listed.items.len() >= limit => {
                    let token = ContinueToken { revision: at, start: following };
                    listed.continue_token = token.encode(&prefix);
                    listed.remaining = predicate.is_empty().then_some(remaining);
                    return Ok(listed);
                }
                Some(following) => next = Some(following),
            }
            // Few objects are selected: a page of them must not take as many reads as there are others.
            chunk = chunk.saturating_mul(2).min(MOST_IN_A_CHUNK.max(limit));
        }
    }

    /// The table of L-4: which snapshot, and from which key on.
    async fn start_of(&self, prefix: &Prefix, options: &ListOptions) -> Result<(Snapshot, Option<Key>), Status> {
        if !options.continue_token.is_empty() {
            let token = ContinueToken::decode(&options.continue_token, prefix)?;
            if !matches!(options.resource_version.as_str(), "" | "0") {
                return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
            }
            let snapshot = token.revision.map_or(Snapshot::Newest, Snapshot::At);
            return Ok((snapshot, Some(token.start)));
        }
        let revision = version::parse_list(&options.resource_version)?;
        let exact = options.resource_version_match == "Exact"
            || (options.resource_version_match.is_empty() && options.limit > 0);
        match revision {
            0 => Ok((Snapshot::Newest, None)),
            revision => {
                self.wait_for(revision).await?;
                Ok((if exact { Snapshot::At(Revision(revision)) } else { Snapshot::Newest }, None))
            }
        }
    }

    fn list_failed(&self, error: &storage::Error, options: &ListOptions, prefix: &Prefix) -> Status {
        if let storage::Error::Expired { .. } = error
            && let Ok(token) = ContinueToken::decode(&options.continue_token, prefix)
        {
            let mut status = Status::expired(EXPIRED_TOKEN);
            status.metadata.continue_token = ContinueToken { revision: None, ..token }.encode(prefix);
            return status;
        }
        self.failed(error, "list", "")
    }
}
