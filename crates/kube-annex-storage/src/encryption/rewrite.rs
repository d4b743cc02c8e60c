//! Giving everything that is kept the form that a write would give it today.

use crate::error::Error;
use crate::key::Prefix;
use crate::storage::{ListRequest, Precondition, Storage};

/// What [`rewrite`] did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rewritten {
    /// How many values were looked at.
    pub seen: usize,
    /// How many of them were written anew.
    pub written: usize,
}

/// How many values are read at once.
const PAGE: usize = 500;

/// Writes every value below a prefix anew that is [stale](Storage::is_stale), as it is.
///
/// Others may write meanwhile: what they write has the new form already.
///
/// * Errors: the first value that cannot be read or written; those before it have their new form.
pub async fn rewrite(storage: &dyn Storage, prefix: &Prefix) -> Result<Rewritten, Error> {
    let mut rewritten = Rewritten::default();
    let mut request = ListRequest { limit: PAGE, ..ListRequest::default() };
    loop {
        let page = storage.list(prefix, request).await?;
        for entry in page.entries {
            rewritten.seen += 1;
            if !storage.is_stale(&entry.key).await? {
                continue;
            }
            match storage.update(&entry.key, entry.value, Precondition::at(entry.revision)).await {
                Ok(_) => rewritten.written += 1,
                Err(Error::Conflict { .. } | Error::Recreated { .. } | Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(start) = page.next else { return Ok(rewritten) };
        // The newest state, not that of the first page: whoever writes much moves history on.
        request = ListRequest { start: Some(start), limit: PAGE, revision: None };
    }
}
