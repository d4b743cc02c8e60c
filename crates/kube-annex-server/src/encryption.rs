//! `--encryption-provider-config`: which objects are encrypted at rest.

use anyhow::Context as _;
use kube_annex_storage::Storage;
use kube_annex_storage::encryption::{Encrypted, EncryptionConfiguration, Transformers};
use std::path::Path;
use std::sync::Arc;

/// A storage whose values are encrypted as the file says, if there is one.
///
/// `place` is what others know a value's place by before its key.
pub(crate) fn around(storage: Arc<dyn Storage>, file: Option<&Path>, place: &str) -> anyhow::Result<Arc<dyn Storage>> {
    // Without a configuration too: what is encrypted is never taken for an object.
    let transformers = file.map(read).transpose()?.unwrap_or_default();
    Ok(Arc::new(Encrypted::new(storage, transformers).with_place(place)))
}

/// Reads and checks the file.
///
/// * Errors: everything that is wrong with it, without its secrets.
pub(crate) fn read(file: &Path) -> anyhow::Result<Transformers> {
    let flag = || format!("--encryption-provider-config {}", file.display());
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", flag()))?;
    // Where it is wrong is told; what is written there may be a secret.
    let configuration: EncryptionConfiguration = serde_saphyr::from_str(&text).map_err(|error| {
        let place = error.location().map(|at| format!(" near line {}", at.line())).unwrap_or_default();
        anyhow::anyhow!("{} is no EncryptionConfiguration{place}", flag())
    })?;
    configuration.transformers().with_context(|| format!("{} cannot be followed", flag()))
}
