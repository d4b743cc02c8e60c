//! Random histories of operations, played on a store and on a map: every answer is the same.

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Entry, Error, Event, EventKind, Key, ListRequest, Precondition, Prefix, Revision, Storage};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Keys of several prefixes, neighbours among them.
const KEYS: [&str; 8] = ["g/a/x", "g/a/y", "g/a/n/x", "g/a/n/y", "g/ab/x", "g/a0", "g/b/x", "h/a/x"];

const PREFIXES: [(&str, &str, &str); 5] =
    [("g", "a", ""), ("g", "a", "n"), ("g", "ab", ""), ("g", "b", ""), ("h", "c", "")];

#[derive(Clone, Debug)]
enum Operation {
    Create {
        key: usize,
        value: u8,
    },
    Update {
        key: usize,
        value: u8,
        knew: Option<Known>,
    },
    Delete {
        key: usize,
        knew: Option<Known>,
    },
    List {
        prefix: usize,
        start: Option<usize>,
        limit: usize,
        back: Option<u64>,
    },
    Compact {
        back: u64,
    },
    /// The store is closed and opened again.
    Restart,
}

/// Which revision a writer believes in: the key's own, or so far behind the newest.
#[derive(Clone, Copy, Debug)]
enum Known {
    Current,
    Behind(u64),
}

/// What the store must be: the state after each commit, and the commits.
struct Model {
    states: Vec<BTreeMap<Key, Entry>>,
    events: Vec<Event>,
    first: Revision,
    oldest: Revision,
}

impl Model {
    fn new(first: Revision) -> Self {
        Self { states: vec![BTreeMap::new()], events: Vec::new(), first, oldest: first }
    }

    fn newest(&self) -> Revision {
        Revision(self.first.0 + self.events.len() as u64)
    }

    fn state(&self) -> &BTreeMap<Key, Entry> {
        &self.states[self.events.len()]
    }

    fn state_at(&self, revision: Revision) -> &BTreeMap<Key, Entry> {
        &self.states[usize::try_from(revision.0 - self.first.0).expect("few commits")]
    }

    fn back(&self, commits: u64) -> Revision {
        Revision(self.newest().0.saturating_sub(commits))
    }

    fn known(&self, key: &Key, knew: Option<Known>) -> Precondition {
        let revision = knew.map(|knew| match knew {
            Known::Current => self.state().get(key).map_or(self.newest(), |entry| entry.revision),
            Known::Behind(commits) => self.back(commits),
        });
        Precondition { revision, created: None }
    }

    fn commit(&mut self, kind: EventKind, key: &Key, value: &Bytes) -> Revision {
        let revision = Revision(self.newest().0 + 1);
        let mut state = self.state().clone();
        let created = state.get(key).map_or(revision, |entry| entry.created);
        let entry = Entry { key: key.clone(), value: value.clone(), revision, created };
        let previous = match kind {
            EventKind::Deleted => state.remove(key),
            EventKind::Created | EventKind::Updated => state.insert(key.clone(), entry),
        };
        let previous = previous.map(|entry| (entry.value, entry.revision));
        self.events.push(Event { kind, key: key.clone(), value: value.clone(), previous, revision, created });
        self.states.push(state);
        revision
    }

    /// The refusal of a write, as text: errors are compared by all they say.
    fn refusal(&self, key: &Key, precondition: Precondition) -> Option<String> {
        let key = key.clone();
        let error = match (self.state().get(&key), precondition.revision) {
            (None, _) => Error::NotFound { key },
            (Some(entry), Some(expected)) if expected != entry.revision => {
                Error::Conflict { key, expected, current: entry.revision }
            }
            _ => return None,
        };
        Some(format!("{error:?}"))
    }

    fn after(&self, prefix: &Prefix, from: Revision) -> Vec<Event> {
        let events = self.events.iter().filter(|event| event.revision > from && prefix.covers(&event.key));
        events.cloned().collect()
    }
}

fn text<T>(result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

fn prefix(index: usize) -> Prefix {
    let (group, resource, namespace) = PREFIXES[index];
    Prefix::of_resource(group, resource).in_namespace(namespace)
}

/// Plays one operation on both.
async fn play(store: &dyn Storage, model: &mut Model, operation: Operation) -> Result<(), TestCaseError> {
    match operation {
        Operation::Create { key, value } => {
            let (key, value) = (Key::new(KEYS[key]), Bytes::from(vec![value]));
            let expected = match model.state().get(&key).map(|entry| entry.revision) {
                Some(revision) => Err(format!("{:?}", Error::AlreadyExists { key: key.clone(), revision })),
                None => Ok(model.commit(EventKind::Created, &key, &value)),
            };
            prop_assert_eq!(text(store.create(&key, value).await), expected);
        }
        Operation::Update { key, value, knew } => {
            let (key, value) = (Key::new(KEYS[key]), Bytes::from(vec![value]));
            let precondition = model.known(&key, knew);
            let expected = match model.refusal(&key, precondition) {
                Some(refusal) => Err(refusal),
                None => Ok(model.commit(EventKind::Updated, &key, &value)),
            };
            prop_assert_eq!(text(store.update(&key, value, precondition).await), expected);
        }
        Operation::Delete { key, knew } => {
            let key = Key::new(KEYS[key]);
            let precondition = model.known(&key, knew);
            let there = model.state().get(&key).cloned();
            let expected = match (model.refusal(&key, precondition), there) {
                (None, Some(entry)) => {
                    let revision = model.commit(EventKind::Deleted, &key, &entry.value);
                    Ok((entry, revision))
                }
                (refusal, _) => Err(refusal.unwrap_or_default()),
            };
            prop_assert_eq!(text(store.delete(&key, precondition).await), expected);
        }
        Operation::List { prefix: index, start, limit, back } => {
            let revision = back.map(|back| model.back(back));
            let request = ListRequest { start: start.map(|key| Key::new(KEYS[key])), limit, revision };
            list(store, model, &prefix(index), request).await?;
        }
        Operation::Compact { back } => {
            let revision = model.back(back);
            prop_assert_eq!(text(store.compact(revision).await), Ok(()));
            model.oldest = model.oldest.max(revision);
        }
        Operation::Restart => {} // it is whoever has the store who opens it again
    }
    prop_assert_eq!(text(store.current_revision().await), Ok(model.newest()));
    Ok(())
}

async fn list(store: &dyn Storage, model: &Model, prefix: &Prefix, request: ListRequest) -> Result<(), TestCaseError> {
    let answer = text(store.list(prefix, request.clone()).await);
    let revision = request.revision.unwrap_or(model.newest());
    if revision < model.oldest {
        let error = Error::Expired { requested: revision, oldest: model.oldest };
        prop_assert_eq!(answer, Err(format!("{error:?}")));
        return Ok(());
    }
    let below = model.state_at(revision).values().filter(|entry| prefix.covers(&entry.key));
    let whole: Vec<_> = below.filter(|entry| request.start.as_ref().is_none_or(|start| entry.key >= *start)).collect();
    let size = if request.limit == 0 { whole.len() } else { whole.len().min(request.limit) };
    let page = answer.map_err(TestCaseError::fail)?;
    prop_assert_eq!(page.revision, revision);
    prop_assert_eq!(page.entries.iter().collect::<Vec<_>>(), &whole[..size]);
    prop_assert_eq!(page.remaining, whole.len() - size);
    prop_assert_eq!(page.next.is_some(), size < whole.len());
    if let Some(next) = page.next {
        prop_assert!(next <= whole[size].key && next > whole[size - 1].key);
    }
    Ok(())
}

/// Every key, every kept state, and every watch from every kept revision.
async fn compare(store: &dyn Storage, model: &Model) -> Result<(), TestCaseError> {
    for key in KEYS.map(Key::new) {
        prop_assert_eq!(text(store.get(&key).await), Ok(model.state().get(&key).cloned()));
    }
    for index in 0..PREFIXES.len() {
        for revision in model.oldest.0..=model.newest().0 {
            let request = ListRequest { revision: Some(Revision(revision)), ..ListRequest::default() };
            list(store, model, &prefix(index), request).await?;
            watch(store, model, &prefix(index), Revision(revision)).await?;
        }
    }
    Ok(())
}

async fn watch(store: &dyn Storage, model: &Model, prefix: &Prefix, from: Revision) -> Result<(), TestCaseError> {
    let mut events = store.watch(prefix, from).await.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let (expected, mut seen) = (model.after(prefix, from), Vec::new());
    while seen.len() < expected.len() {
        let item = tokio::time::timeout(PATIENCE, events.next()).await;
        let item = item.map_err(|_| TestCaseError::fail(format!("only {seen:?} were told")))?;
        seen.extend(text(item.expect("a watch does not end by itself")).map_err(TestCaseError::fail)?.event());
    }
    prop_assert_eq!(&seen, &expected);
    while let Some(item) = events.next().now_or_never() {
        let more = item.expect("a watch does not end by itself").expect("it fails no more").event();
        prop_assert!(more.is_none(), "nobody did {:?}", more);
    }
    Ok(())
}

fn operation() -> impl Strategy<Value = Operation> {
    let key = || 0..KEYS.len();
    let knew = || {
        let known = prop_oneof![2 => Just(Known::Current), 1 => (0..6_u64).prop_map(Known::Behind)];
        proptest::option::of(known)
    };
    let request = (0..PREFIXES.len(), proptest::option::of(key()), 0..5_usize, proptest::option::of(0..20_u64));
    prop_oneof![
        4 => (key(), any::<u8>()).prop_map(|(key, value)| Operation::Create { key, value }),
        6 => (key(), any::<u8>(), knew()).prop_map(|(key, value, knew)| Operation::Update { key, value, knew }),
        4 => (key(), knew()).prop_map(|(key, knew)| Operation::Delete { key, knew }),
        5 => request.prop_map(|(prefix, start, limit, back)| Operation::List { prefix, start, limit, back }),
        1 => (0..30_u64).prop_map(|back| Operation::Compact { back }),
        1 => Just(Operation::Restart),
    ]
}

/// How long an event may take: a cache follows its storage.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays a history on a store that `open` opens, again after each restart; what it keeps must outlive that.
fn hold(operations: Vec<Operation>, open: impl Fn() -> Arc<dyn Storage>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let mut store = open();
        let mut model = Model::new(store.current_revision().await.expect("the revision is known"));
        for operation in operations {
            if matches!(operation, Operation::Restart) {
                drop(store);
                // What goes on beside a store ends when it is gone.
                tokio::task::yield_now().await;
                store = open();
            }
            play(&*store, &mut model, operation).await?;
        }
        compare(&*store, &model).await
    })
}

fn cached(store: Arc<dyn Storage>) -> Cached {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Cached::new(store, CacheOptions::default(), spawn)
}

/// As many operations as fit on a page.
fn history() -> impl Strategy<Value = Vec<Operation>> {
    proptest::collection::vec(operation(), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_answered_as_a_map_would(operations in history()) {
        let memory = Arc::new(Memory::new());
        hold(operations, || memory.clone())?;
    }
}

proptest! {
    // Whatever happens to be in a cache or not.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_answered_by_a_cache_as_a_map_would(operations in history()) {
        let memory = Arc::new(Memory::new());
        hold(operations, || Arc::new(cached(memory.clone())))?;
    }

    #[cfg(feature = "encryption")]
    #[test]
    fn any_history_is_answered_through_encryption_as_a_map_would(operations in history()) {
        use kube_annex_storage::encryption::{AesGcm, Encrypted, Transformers};
        let memory: Arc<dyn Storage> = Arc::new(Memory::new());
        hold(operations, || {
            let mut transformers = Transformers::default();
            transformers.set("*", "*", AesGcm::new(&[7; 16]).expect("a key"));
            Arc::new(Encrypted::new(memory.clone(), transformers))
        })?;
    }
}

#[cfg(feature = "redb")]
proptest! {
    // Every write waits for the disk.
    #![proptest_config(ProptestConfig { cases: 25, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_answered_by_a_file_as_a_map_would(operations in history()) {
        let folder = tempfile::tempdir().expect("a folder");
        hold(operations, || Arc::new(kube_annex_storage::redb::Redb::open(&folder).expect("a store")))?;
    }
}
