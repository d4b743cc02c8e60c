//! Where objects are kept: what the flags choose, opened before anything is served.

use crate::cli::{ServeFlags, StorageBackend};
use anyhow::bail;
use kube_annex_runtime::Seams;
use kube_annex_runtime::health::Check;
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Revision, Storage};
use std::pin::Pin;
use std::sync::Arc;

#[cfg(feature = "redb")]
use {anyhow::Context as _, kube_annex_storage::redb::Redb, std::path::PathBuf};

/// The values of `--storage-backend` that this build contains.
pub(crate) const BACKENDS: &[&str] = match (cfg!(feature = "redb"), cfg!(feature = "etcd")) {
    (true, true) => &["memory", "redb", "etcd"],
    (true, false) => &["memory", "redb"],
    (false, true) => &["memory", "etcd"],
    (false, false) => &["memory"],
};

/// An open storage, and where it is in words.
pub(crate) struct Kept {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) place: String,
    /// What others know the place of a value by, before its key.
    pub(crate) keyed: String,
    /// What more must be well for the server to be ready.
    pub(crate) checks: Vec<Check>,
    /// What goes on beside the requests, until the server stops.
    pub(crate) upkeep: Option<Upkeep>,
}

/// Work that goes on until it is dropped.
pub(crate) type Upkeep = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Kept {
    pub(crate) fn new(storage: impl Storage, place: String) -> Self {
        Self { storage: Arc::new(storage), place, keyed: String::new(), checks: Vec::new(), upkeep: None }
    }
}

/// Refuses flags that contradict each other or ask for what this build does not contain.
pub(crate) fn check(flags: &ServeFlags) -> anyhow::Result<()> {
    let backend = backend(flags);
    let name = name(backend);
    if !BACKENDS.contains(&name) {
        bail!("this build does not contain --storage-backend {name}; it contains: {}", BACKENDS.join(", "))
    }
    let etcd = &flags.etcd;
    for (flag, given) in [
        ("--etcd-servers", !etcd.etcd_servers.is_empty()),
        ("--etcd-prefix", etcd.etcd_prefix.is_some()),
        ("--etcd-cafile", etcd.etcd_cafile.is_some()),
        ("--etcd-certfile", etcd.etcd_certfile.is_some()),
    ] {
        if given && backend != StorageBackend::Etcd {
            bail!("{flag} is given, but --storage-backend is {name}; objects would not be kept in etcd")
        }
    }
    #[cfg(feature = "etcd")]
    if backend == StorageBackend::Etcd {
        crate::etcd::check(etcd)?;
    }
    if backend == StorageBackend::Redb && flags.data_dir.is_none() {
        bail!("--storage-backend redb keeps objects under --data-dir; give that too")
    }
    Ok(())
}

/// Opens the storage that the flags choose.
///
/// * Errors: who else has it, or what is wrong with it; nothing is served then.
#[cfg_attr(not(feature = "etcd"), allow(unused_variables, reason = "only in etcd keys begin with the group"))]
#[cfg_attr(
    not(any(feature = "redb", feature = "etcd")),
    expect(clippy::unused_async, reason = "memory is there at once")
)]
pub(crate) async fn open(flags: &ServeFlags, group: &str, seams: &Seams) -> anyhow::Result<Kept> {
    #[cfg(feature = "redb")]
    if let (StorageBackend::Redb, Some(data)) = (backend(flags), &flags.data_dir) {
        return open_redb(crate::maintenance::storage_in(data)).await;
    }
    #[cfg(feature = "etcd")]
    if backend(flags) == StorageBackend::Etcd {
        return crate::etcd::open(&flags.etcd, group).await;
    }
    check(flags)?;
    let place = "memory and are gone when this process ends".to_owned();
    // Clients of an earlier process remember its revisions. Those must be in the past here, not in the future.
    let now = Revision(u64::try_from(seams.clock.now().as_microsecond()).unwrap_or(1));
    Ok(Kept::new(Memory::new().starting_at(now), place))
}

/// Behind a cluster a pod has no folder that outlives it unless it is given one: nobody is led to believe so.
fn backend(flags: &ServeFlags) -> StorageBackend {
    let own = flags.standalone && cfg!(feature = "redb");
    let default = match (flags.etcd.etcd_servers.is_empty(), own) {
        (false, _) => StorageBackend::Etcd,
        (true, true) => StorageBackend::Redb,
        (true, false) => StorageBackend::Memory,
    };
    flags.storage_backend.unwrap_or(default)
}

fn name(backend: StorageBackend) -> &'static str {
    match backend {
        StorageBackend::Memory => "memory",
        StorageBackend::Redb => "redb",
        StorageBackend::Etcd => "etcd",
    }
}

#[cfg(feature = "redb")]
async fn open_redb(folder: PathBuf) -> anyhow::Result<Kept> {
    let place = folder.display().to_string();
    // It reads and checks the whole file.
    let opened = tokio::task::spawn_blocking(|| Redb::open(folder)).await;
    let redb = opened.with_context(|| format!("{place} cannot be read"))??;
    if let Some(aside) = redb.aside() {
        tracing::warn!(aside = %aside.display(), "{place} was damaged; what could be read of it was written anew");
    }
    for object in redb.damaged() {
        tracing::error!(key = %object.key, revision = object.revision.0, why = object.why, "an object cannot be read");
    }
    Ok(Kept::new(redb, place))
}
