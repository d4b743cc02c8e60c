//! Listing: snapshots, pages and selectors.

use crate::registry::continue_token::ContinueToken;
use crate::registry::item::{Facts, Head, Item};
use crate::registry::registration::Registration;
use crate::registry::selectable::Selectable;
use crate::registry::store::Store;
use kube_annex::options::ListOptions;
use kube_annex::selector::{field, label};
use kube_annex::{Scope, Status, version};
use kube_annex_storage::cache::{CachedEntry, Freshness, Run, Snapshot};
use kube_annex_storage::{self as storage, Key, ListRequest, Prefix, Revision};
use std::sync::Arc;

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

/// A page of entries as they lie in the cache.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) parts: Vec<Part>,
    pub(crate) revision: u64,
    pub(crate) continue_token: String,
    pub(crate) remaining: Option<usize>,
}

/// Entries of one segment.
#[derive(Debug)]
pub(crate) enum Part {
    /// All of a run.
    Run(Run),
    /// Those that were selected, in order.
    Picked(Vec<Arc<CachedEntry>>),
}

impl Part {
    pub(crate) fn entries(&self) -> &[Arc<CachedEntry>] {
        match self {
            Self::Run(run) => run.entries(),
            Self::Picked(entries) => entries,
        }
    }
}

impl From<Found> for Listed {
    fn from(found: Found) -> Self {
        let Found { parts, revision, continue_token, remaining } = found;
        let items = parts.iter().flat_map(Part::entries).map(|entry| Item::stored(entry)).collect();
        Self { items, revision, continue_token, remaining }
    }
}

/// Which objects are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicate {
    label: label::Selector,
    field: field::Selector,
    selectable: Selectable,
}

impl Predicate {
    /// Reads both selectors, the fields being those of a version of the resource.
    ///
    /// * Errors: 400 for a selector that does not parse, and for a field that cannot be selected by.
    pub(crate) fn of(options: &ListOptions, registration: &Arc<Registration>, version: usize) -> Result<Self, Status> {
        let label =
            label::Selector::parse(&options.label_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        let field =
            field::Selector::parse(&options.field_selector).map_err(|error| Status::bad_request(error.to_string()))?;
        let selectable = Selectable::of(&field, registration, version)?;
        Ok(Self { label, field, selectable })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.label.is_empty() && self.field.is_empty()
    }

    /// The one value that a field must have, if one is asked for.
    fn required(&self, field: &str) -> Option<&str> {
        let asks = |of: &&field::Requirement| of.field() == field && of.operator() == field::Operator::Equals;
        self.field.requirements().iter().find(asks).map(field::Requirement::value)
    }

    pub(crate) fn matches(&self, item: &Item) -> Result<bool, Status> {
        if self.is_empty() {
            return Ok(true);
        }
        self.selects(&item.head()?, &item.bytes)
    }

    /// As `matches`, reading no bytes that were read before unless a field of the type's own is asked for.
    pub(crate) fn matches_entry(&self, entry: &CachedEntry) -> Result<bool, Status> {
        if self.is_empty() {
            return Ok(true);
        }
        self.selects(Facts::of(entry)?.head(entry)?, &entry.value)
    }

    fn selects(&self, metadata: &Head<'_>, bytes: &[u8]) -> Result<bool, Status> {
        let own = self.selectable.values(bytes)?;
        let by_field = |name: &str| match name {
            "metadata.name" => Some(metadata.name.to_string()),
            "metadata.namespace" => Some(metadata.namespace.to_string()),
            other => own.get(other).cloned(),
        };
        Ok(self.label.matches(&metadata.labels) && self.field.matches(by_field))
    }
}

/// What a list of one object has: the entry at its key, if there is one and it is selected.
fn found_one(entry: Option<Arc<CachedEntry>>, revision: Revision, predicate: &Predicate) -> Result<Found, Status> {
    let mut found = Found { revision: revision.0, ..Found::default() };
    if let Some(entry) = entry
        && predicate.matches_entry(&entry)?
    {
        found.parts.push(Part::Picked(vec![entry]));
    }
    Ok(found)
}

/// The most objects that are read from a storage at once in search of those that are selected.
const MOST_IN_A_CHUNK: usize = 10_000;

/// After how many entries other requests get their turn: storages in memory are always ready and never wait.
const TURN: usize = 128;

/// Which state of the store a list reads.
enum Wanted {
    Fresh(Freshness),
    At(Revision),
}

const EXPIRED_TOKEN: &str = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";

impl Store {
    /// One page as objects. The options are valid already.
    pub(crate) async fn list(
        &self,
        namespace: &str,
        options: &ListOptions,
        predicate: &Predicate,
    ) -> Result<Listed, Status> {
        Ok(self.find(namespace, options, predicate).await?.into())
    }

    /// One page. The options are valid already.
    pub(crate) async fn find(
        &self,
        namespace: &str,
        options: &ListOptions,
        predicate: &Predicate,
    ) -> Result<Found, Status> {
        let prefix = self.prefix.in_namespace(namespace);
        let (wanted, start) = self.start_of(&prefix, options).await?;
        // As upstream: who takes whatever is in the cache gets all of it.
        let any = matches!(wanted, Wanted::Fresh(Freshness::Any)) && options.resource_version == "0";
        let limit = if any { 0 } else { usize::try_from(options.limit).unwrap_or_default() };
        let only = self.only(namespace, options, predicate);
        let page = Wish { prefix: &prefix, start, limit, only, predicate };
        let (snapshot, at) = match wanted {
            Wanted::At(revision) => (Ok(self.cache.snapshot_at(&prefix, revision)), Some(revision)),
            Wanted::Fresh(freshness) => {
                (self.bounded(freshness, self.cache.snapshot(&prefix, freshness)).await?.map(Some), None)
            }
        };
        match snapshot {
            // Even where it goes on where another page ended, as long as the cache has that state.
            Ok(Some(snapshot)) if options.resource_version == "0" => {
                Wish { limit: 0, ..page }.of_snapshot(&snapshot).await
            }
            Ok(Some(snapshot)) => page.of_snapshot(&snapshot).await,
            Ok(None) => self.list_storage(page, options, at).await,
            // Upstream asks the storage for what is small or would not be in the cache.
            Err(storage::Error::NotReady { troubled, .. }) if troubled || (limit > 0 && predicate.is_empty()) => {
                self.list_storage(page, options, at).await
            }
            Err(error) => Err(self.list_failed(&error, options, &prefix)),
        }
    }

    /// The key of the one object that can be selected, when its name is asked for. As upstream: such a list has one page,
    /// unless it goes on where another ended.
    fn only(&self, namespace: &str, options: &ListOptions, predicate: &Predicate) -> Option<Key> {
        let name = predicate.required("metadata.name").filter(|name| !name.is_empty())?;
        let namespace = match namespace {
            "" => predicate.required("metadata.namespace").unwrap_or_default(),
            namespace => namespace,
        };
        let namespaced = self.registration.descriptor().scope == Scope::Namespaced;
        let known = options.continue_token.is_empty() && namespaced != namespace.is_empty();
        known.then(|| self.key(namespace, name))
    }

    /// One page that the cache does not have.
    async fn list_storage(
        &self,
        wish: Wish<'_>,
        options: &ListOptions,
        mut at: Option<Revision>,
    ) -> Result<Found, Status> {
        let Wish { prefix, start, limit, only, predicate } = wish;
        if let Some(key) = only {
            let request = ListRequest { start: Some(key.clone()), limit: 1, revision: at };
            let page = self.storage.list(prefix, request).await;
            let page = page.map_err(|error| self.list_failed(&error, options, prefix))?;
            let entry = page.entries.into_iter().next().filter(|entry| entry.key == key);
            return found_one(entry.map(|entry| Arc::new(CachedEntry::new(entry))), page.revision, predicate);
        }
        let mut entries = Vec::new();
        let (mut next, mut chunk, mut looked_at) = (start, limit, 0_usize);
        let mut found = Found::default();
        loop {
            let request = ListRequest { start: next.take(), limit: chunk, revision: at };
            let page = match self.storage.list(prefix, request).await {
                Ok(page) => page,
                Err(error) => return Err(self.list_failed(&error, options, prefix)),
            };
            found.revision = page.revision.0;
            at = Some(page.revision);
            let mut following = page.next;
            for entry in page.entries {
                if limit > 0 && entries.len() == limit {
                    // The chunk was larger than what is wanted: the next page starts within it.
                    following = Some(entry.key);
                    break;
                }
                looked_at += 1;
                if looked_at.is_multiple_of(TURN) {
                    tokio::task::yield_now().await;
                }
                let entry = Arc::new(CachedEntry::new(entry));
                if predicate.matches_entry(&entry)? {
                    entries.push(entry);
                }
            }
            if let Some(following) = following {
                if limit == 0 || entries.len() < limit {
                    next = Some(following);
                    // Few objects are selected: a page of them must not take as many reads as there are others.
                    chunk = chunk.saturating_mul(2).min(MOST_IN_A_CHUNK.max(limit));
                    continue;
                }
                found.continue_token = ContinueToken { revision: at, start: following }.encode(prefix);
                found.remaining = predicate.is_empty().then_some(page.remaining);
            }
            found.parts = Run::of(entries).map(Part::Run).into_iter().collect();
            return Ok(found);
        }
    }

    /// The table of L-4: which state, and from which key on.
    async fn start_of(&self, prefix: &Prefix, options: &ListOptions) -> Result<(Wanted, Option<Key>), Status> {
        if !options.continue_token.is_empty() {
            let token = ContinueToken::decode(&options.continue_token, prefix)?;
            if !matches!(options.resource_version.as_str(), "" | "0") {
                return Err(Status::bad_request("specifying resource version is not allowed when using continue"));
            }
            let wanted = token.revision.map_or(Wanted::Fresh(Freshness::Newest), Wanted::At);
            return Ok((wanted, Some(token.start)));
        }
        let revision = Revision(version::parse_list(&options.resource_version)?);
        let exact = options.resource_version_match == "Exact"
            || (options.resource_version_match.is_empty() && options.limit > 0);
        let wanted = match revision {
            Revision(0) if options.resource_version.is_empty() => Wanted::Fresh(Freshness::Newest),
            Revision(0) => Wanted::Fresh(Freshness::Any),
            revision if exact => {
                self.wait_for(revision.0).await?;
                Wanted::At(revision)
            }
            revision => Wanted::Fresh(Freshness::NotOlderThan(revision)),
        };
        Ok((wanted, None))
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

/// Which part of a state is wanted.
struct Wish<'a> {
    prefix: &'a Prefix,
    start: Option<Key>,
    limit: usize,
    /// The only key that is of interest.
    only: Option<Key>,
    predicate: &'a Predicate,
}

impl Wish<'_> {
    async fn of_snapshot(&self, snapshot: &Snapshot) -> Result<Found, Status> {
        if let Some(key) = &self.only {
            return found_one(snapshot.get(key).cloned(), snapshot.revision(), self.predicate);
        }
        let runs = snapshot.runs(self.prefix, self.start.as_ref());
        let total: usize = runs.iter().map(|run| run.range.len()).sum();
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let mut found = Found { revision: snapshot.revision().0, ..Found::default() };
        let (mut looked_at, mut taken, mut last) = (0, 0, None);
        for mut run in runs {
            if taken == limit {
                break;
            }
            if self.predicate.is_empty() {
                run.range.end = run.range.end.min(run.range.start.saturating_add(limit - taken));
                taken += run.range.len();
                looked_at += run.range.len();
                last = run.entries().last().cloned();
                found.parts.push(Part::Run(run));
                continue;
            }
            let mut picked = Vec::new();
            for entry in run.entries() {
                if taken == limit {
                    break;
                }
                looked_at += 1;
                if self.predicate.matches_entry(entry)? {
                    taken += 1;
                    last = Some(entry.clone());
                    picked.push(entry.clone());
                }
            }
            if !picked.is_empty() {
                found.parts.push(Part::Picked(picked));
            }
            tokio::task::yield_now().await;
        }
        if let Some(last) = last.filter(|_| taken == limit && looked_at < total) {
            let next = ContinueToken { revision: Some(snapshot.revision()), start: last.key.successor() };
            found.continue_token = next.encode(self.prefix);
            found.remaining = self.predicate.is_empty().then_some(total - looked_at);
        }
        Ok(found)
    }
}
