//! Every law of a store, bare, cached and encrypted, on an etcd that nobody else uses at that time: revisions and
//! compaction are of a whole etcd.

use crate::{Process, options};
use kube_annex_storage::Storage;
use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::conformance::{self, Subject};
use kube_annex_storage::etcd::Etcd;
use libtest_mimic::Trial;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The etcds that no law uses. A law takes one, or starts one, and puts it back.
static IDLE: Mutex<Vec<Process>> = Mutex::new(Vec::new());
static PREFIXES: AtomicUsize = AtomicUsize::new(0);

/// An etcd for the time of a law.
struct Taken(Option<Process>);

impl Taken {
    fn new(program: &Path) -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if idle.is_some() {
            // What the law before gave up may be on its way.
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(Some(idle.unwrap_or_else(|| Process::start(program))))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).extend(self.0.take());
    }
}

/// A store around an etcd that is taken for it; what opens it again is another client of the same etcd.
fn subject<S: Storage>(program: &Path, around: fn(Etcd) -> S) -> Subject {
    let taken = Taken::new(program);
    let prefix = format!("/laws/{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
    let options = taken.0.as_ref().map(|etcd| options(etcd, &prefix)).unwrap();
    let open = move || std::future::ready(around(Etcd::new(options.clone())));
    Subject::new(open().into_inner()).holding(taken).reopened_by(open)
}

fn cached(store: impl Storage) -> Cached {
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Cached::new(Arc::new(store), CacheOptions::default(), spawn)
}

/// As a server with `--encryption-provider-config` has it.
#[cfg(feature = "encryption")]
fn encrypted_and_cached(store: Etcd) -> Cached {
    use kube_annex_storage::encryption::{AesGcm, Encrypted, Transformers};
    let mut transformers = Transformers::default();
    transformers.set("*", "*", AesGcm::new(&[7; 32]).unwrap());
    let root = store.root();
    cached(Encrypted::new(Arc::new(store), transformers).with_place(&root))
}

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    /// What makes a subject.
    macro_rules! make {
        ($around:expr) => {{
            let program = program.to_owned();
            move || async move { subject(&program, $around) }
        }};
    }
    let trial = |topic: &str, (name, law): (&str, conformance::Law)| {
        Trial::test(format!("{topic}::{name}"), || {
            law();
            Ok(())
        })
    };
    let bare = kube_annex_storage::conformance_list!(make!(|store| store)).into_iter().map(|law| trial("laws", law));
    let around = kube_annex_storage::conformance_list!(make!(cached)).into_iter().map(|law| trial("cached", law));
    let trials = bare.chain(around);
    #[cfg(feature = "encryption")]
    let trials = trials.chain(
        kube_annex_storage::conformance_list!(make!(encrypted_and_cached))
            .into_iter()
            // Encryption changes values, and those alone: what it does to the rest, the faster backends tell.
            .filter(|(law, _)| ["read::", "write::", "restart::"].iter().any(|topic| law.starts_with(topic)))
            .map(|law| trial("encrypted_and_cached", law)),
    );
    trials.collect()
}
