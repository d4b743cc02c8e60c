//! The reference backend keeps every law of a store, bare and cached.

use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::memory::Memory;
use std::sync::Arc;

kube_annex_storage::conformance!(memory, || async { Memory::new() });

kube_annex_storage::conformance!(cached, || async {
    Cached::new(Arc::new(Memory::new()), CacheOptions::default(), spawn())
});

fn spawn() -> Spawn {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    Arc::new(|task| drop(tokio::spawn(task)))
}
