//! Where objects are kept: what the flags choose, opened before anything is served.

use crate::cli::{ServeFlags, StorageBackend};
use anyhow::bail;
use kube_annex_runtime::Seams;
use kube_annex_storage::memory::Memory;
use kube_annex_storage::{Revision, Storage};
use std::sync::Arc;

#[cfg(feature = "redb")]
use {
    anyhow::Context as _,
    kube_annex_storage::redb::{self, Redb},
    std::io::Write as _,
    std::path::{Path, PathBuf},
};

/// The values of `--storage-backend` that this build contains.
pub(crate) const BACKENDS: &[&str] = if cfg!(feature = "redb") { &["memory", "redb"] } else { &["memory"] };

/// An open storage, and where it is in words.
pub(crate) struct Kept {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) place: String,
}

/// Refuses flags that contradict each other or ask for what this build does not contain.
pub(crate) fn check(flags: &ServeFlags) -> anyhow::Result<()> {
    let backend = backend(flags);
    let name = name(backend);
    if !BACKENDS.contains(&name) {
        bail!("this build does not contain --storage-backend {name}; it contains: {}", BACKENDS.join(", "))
    }
    for (flag, given) in
        [("--etcd-servers", !flags.etcd_servers.is_empty()), ("--etcd-prefix", flags.etcd_prefix.is_some())]
    {
        if given {
            bail!("{flag} is given, but --storage-backend is {name}; objects would not be kept in etcd")
        }
    }
    if backend == StorageBackend::Redb && flags.data_dir.is_none() {
        bail!("--storage-backend redb keeps objects under --data-dir; give that too")
    }
    Ok(())
}

/// Opens the storage that the flags choose.
///
/// * Errors: who else has it, or what is wrong with it; nothing is served then.
pub(crate) async fn open(flags: &ServeFlags, seams: &Seams) -> anyhow::Result<Kept> {
    #[cfg(feature = "redb")]
    if let (StorageBackend::Redb, Some(data)) = (backend(flags), &flags.data_dir) {
        return open_redb(folder(data)).await;
    }
    check(flags)?;
    let place = "memory and are gone when this process ends".to_owned();
    // Clients of an earlier process remember its revisions. Those must be in the past here, not in the future.
    let now = Revision(u64::try_from(seams.clock.now().as_microsecond()).unwrap_or(1));
    Ok(Kept { storage: Arc::new(Memory::new().starting_at(now)), place })
}

/// Behind a cluster a pod has no folder that outlives it unless it is given one: nobody is led to believe so.
fn backend(flags: &ServeFlags) -> StorageBackend {
    let own = flags.standalone && cfg!(feature = "redb");
    flags.storage_backend.unwrap_or(if own { StorageBackend::Redb } else { StorageBackend::Memory })
}

fn name(backend: StorageBackend) -> &'static str {
    match backend {
        StorageBackend::Memory => "memory",
        StorageBackend::Redb => "redb",
        StorageBackend::Etcd => "etcd",
    }
}

#[cfg(feature = "redb")]
fn folder(data: &Path) -> PathBuf {
    data.join("storage")
}

#[cfg(feature = "redb")]
async fn open_redb(folder: PathBuf) -> anyhow::Result<Kept> {
    let place = folder.display().to_string();
    // It reads and checks the whole file.
    let opened = tokio::task::spawn_blocking(|| Redb::open(folder)).await;
    let redb = opened.with_context(|| format!("{place} cannot be read"))??;
    Ok(Kept { storage: Arc::new(redb), place })
}

/// `storage verify`: reads everything and says what there is.
///
/// * Errors: there is nothing, or what is wrong with it.
#[cfg(feature = "redb")]
pub(crate) fn verify(data: &Path) -> anyhow::Result<()> {
    let found = redb::verify(folder(data))?;
    writeln!(std::io::stdout(), "{found}").context("standard output is closed")
}
