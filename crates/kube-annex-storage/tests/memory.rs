//! The memory backend keeps every law of a store.

use kube_annex_storage::memory::Memory;

kube_annex_storage::conformance!(memory, || async { Memory::new() });
