//! Any history of writes leaves a table as it would leave a map.

use super::super::entry::CachedEntry;
use super::super::table::{Run, Table};
use crate::key::{Key, Prefix};
use crate::storage::{Entry, Revision};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn entry(key: &Key, revision: u64) -> Arc<CachedEntry> {
    let revision = Revision(revision);
    Arc::new(CachedEntry::new(Entry { key: key.clone(), value: Bytes::new(), revision, created: revision }))
}

fn keys(runs: &[Run]) -> Vec<(Key, Revision)> {
    runs.iter().flat_map(Run::entries).map(|entry| (entry.key.clone(), entry.revision)).collect()
}

fn key(number: u16) -> Key {
    // Some namespaces, and names that do not grow with the number.
    Key::new(format!("g/r/{}/{:03}", number % 3, number.wrapping_mul(7919) % 1000))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_holds_what_a_map_would(
        filled in proptest::collection::btree_set(0..1000_u16, 0..400),
        writes in proptest::collection::vec((0..1000_u16, proptest::bool::weighted(0.6)), 0..1500),
        start in proptest::option::of(0..1000_u16),
    ) {
        let mut map: BTreeMap<Key, Revision> = filled.into_iter().map(|number| (key(number), Revision(1))).collect();
        let mut table = Table::of(&map.keys().map(|key| entry(key, 1)).collect::<Vec<_>>());
        let before = (table.clone(), map.clone());
        for (revision, (number, puts)) in (2_u64..).zip(writes) {
            let at = key(number);
            let (told, known) = if puts {
                (table.insert(entry(&at, revision)), map.insert(at.clone(), Revision(revision)))
            } else {
                (table.remove(&at), map.remove(&at))
            };
            prop_assert_eq!(told.map(|entry| entry.revision), known);
        }
        let all = Prefix::of_resource("g", "r");
        prop_assert_eq!(keys(&table.runs(&all, None)), map.clone().into_iter().collect::<Vec<_>>());
        prop_assert_eq!(keys(&before.0.runs(&all, None)), before.1.into_iter().collect::<Vec<_>>(), "a snapshot stays");
        for namespace in ["0", "1", "2", "3", ""] {
            let prefix = all.in_namespace(namespace);
            let start = start.map(key);
            let wanted = map.iter().filter(|(key, _)| prefix.covers(key) && start.as_ref().is_none_or(|it| *key >= it));
            let wanted: Vec<_> = wanted.map(|(key, revision)| (key.clone(), *revision)).collect();
            prop_assert_eq!(keys(&table.runs(&prefix, start.as_ref())), wanted);
        }
        for number in (0..1000).step_by(37) {
            prop_assert_eq!(table.get(&key(number)).map(|entry| entry.revision), map.get(&key(number)).copied());
        }
        prop_assert!(table.runs(&all, None).iter().all(|run| run.segment.entries().len() <= 129));
    }
}
