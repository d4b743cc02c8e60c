//! Every law of a store, bare and cached, on an etcd that nobody else uses at that time: revisions and compaction are of a whole etcd.

use crate::{Process, store};
use kube_annex_storage::cache::{CacheOptions, Cached, Spawn};
use kube_annex_storage::conformance::{self, Subject};
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

fn subject(program: &Path, cached: bool) -> Subject {
    let taken = Taken::new(program);
    let prefix = format!("/laws/{}", PREFIXES.fetch_add(1, Ordering::Relaxed));
    let store = taken.0.as_ref().map(|etcd| store(etcd, &prefix)).unwrap();
    if !cached {
        return Subject::new(store).holding(taken);
    }
    #[allow(clippy::disallowed_methods, reason = "tests have no seams")]
    let spawn: Spawn = Arc::new(|task| drop(tokio::spawn(task)));
    Subject::new(Cached::new(Arc::new(store), CacheOptions::default(), spawn)).holding(taken)
}

pub(crate) fn trials(program: &Path) -> Vec<Trial> {
    let make = |cached| {
        let program = program.to_owned();
        move || async move { subject(&program, cached) }
    };
    let trial = |topic: &str, (name, law): (&str, conformance::Law)| {
        Trial::test(format!("{topic}::{name}"), || {
            law();
            Ok(())
        })
    };
    let bare = kube_annex_storage::conformance_list!(make(false)).into_iter().map(|law| trial("laws", law));
    let cached = kube_annex_storage::conformance_list!(make(true)).into_iter().map(|law| trial("cached", law));
    bare.chain(cached).collect()
}
