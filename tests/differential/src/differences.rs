//! The differences that are meant. Each is declared in `differences.yaml`, with the sentence of docs/differences.md that tells
//! users of it; whatever else differs is a defect.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde::Deserialize;

use crate::leaves::{leaves, sorted};

/// All that is declared.
pub(crate) struct Differences {
    declared: Vec<Declared>,
}

/// One difference.
struct Declared {
    name: String,
    steps: Regex,
    leaves: bool,
    upstream: Vec<(Regex, String)>,
    ours: Vec<(Regex, String)>,
    used: AtomicUsize,
}

/// One difference as the file has it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    name: String,
    /// How docs/differences.md says it: the beginning of an item there.
    #[cfg_attr(not(test), allow(dead_code, reason = "a test compares it with the page"))]
    documented: String,
    /// Which steps it concerns: a pattern over `script/name of the step`.
    steps: String,
    /// Whether the two are compared by the leaves of their JSON from here on, whatever the order of members.
    #[serde(default)]
    leaves: bool,
    /// What is put in place of what upstream says, before the two are compared.
    #[serde(default)]
    upstream: Vec<Replacement>,
    /// What is put in place of what we say.
    #[serde(default)]
    ours: Vec<Replacement>,
}

/// A pattern, and what is put in its place.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replacement {
    find: String,
    put: String,
}

impl Differences {
    /// Reads the file.
    ///
    /// * Errors: it is not what it should be; a pattern is none.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let entries = entries(path)?;
        let declared = entries.into_iter().map(|entry| {
            let name = entry.name;
            let steps = Regex::new(&format!("^(?:{})", entry.steps)).with_context(|| format!("{name}: steps"))?;
            let compiled = |of: Vec<Replacement>| -> Result<Vec<(Regex, String)>> {
                of.into_iter()
                    .map(|Replacement { find, put }| {
                        Ok((Regex::new(&find).with_context(|| format!("{name}: {find}"))?, put))
                    })
                    .collect()
            };
            let (upstream, ours) = (compiled(entry.upstream)?, compiled(entry.ours)?);
            Ok(Declared { name, steps, leaves: entry.leaves, upstream, ours, used: AtomicUsize::new(0) })
        });
        Ok(Self { declared: declared.collect::<Result<_>>()? })
    }

    /// The same with some left out, by their names.
    ///
    /// * Errors: nothing is declared under a name.
    pub(crate) fn without(mut self, names: &[String]) -> Result<Self> {
        for name in names {
            let before = self.declared.len();
            self.declared.retain(|declared| declared.name != *name);
            ensure!(self.declared.len() < before, "no difference is declared as {name}");
        }
        Ok(self)
    }

    /// The two answers to a step after everything that is declared for it; they are equal unless something is not.
    pub(crate) fn explained(&self, step: &str, upstream: &str, ours: &str) -> (String, String) {
        let mut pair = (upstream.to_owned(), ours.to_owned());
        for declared in &self.declared {
            if pair.0 == pair.1 {
                break;
            }
            if !declared.steps.is_match(step) {
                continue;
            }
            if declared.leaves {
                pair = (leaves(&pair.0), leaves(&pair.1));
            }
            let mut next = (replaced(&pair.0, &declared.upstream), replaced(&pair.1, &declared.ours));
            if declared.leaves {
                next = (sorted(&next.0), sorted(&next.1));
            }
            if next != pair {
                declared.used.fetch_add(1, Ordering::Relaxed);
            }
            pair = next;
        }
        pair
    }

    /// How often each was met, by name.
    pub(crate) fn used(&self) -> BTreeMap<&str, usize> {
        self.declared.iter().map(|declared| (declared.name.as_str(), declared.used.load(Ordering::Relaxed))).collect()
    }
}

fn entries(path: &Path) -> Result<Vec<Entry>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let entries: Vec<Entry> =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?;
    for entry in &entries {
        ensure!(!entry.upstream.is_empty() || !entry.ours.is_empty(), "{}: nothing is replaced", entry.name);
    }
    Ok(entries)
}

fn replaced(text: &str, replacements: &[(Regex, String)]) -> String {
    replacements.iter().fold(text.to_owned(), |text, (find, put)| find.replace_all(&text, put.as_str()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("differences.yaml")
    }

    #[test]
    fn every_declared_difference_is_told_to_users() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
        let page = fs::read_to_string(page).unwrap();
        let page: Vec<&str> = page.split_whitespace().collect();
        let page = page.join(" ");
        for entry in entries(&file()).unwrap() {
            let wanted: Vec<&str> = entry.documented.split_whitespace().collect();
            let wanted = wanted.join(" ");
            assert!(page.contains(&wanted), "{}: docs/differences.md does not say {wanted:?}", entry.name);
        }
    }

    #[test]
    fn every_declared_difference_is_readable_and_named_once() {
        Differences::read(&file()).unwrap();
        let mut names: Vec<String> = entries(&file()).unwrap().into_iter().map(|entry| entry.name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "two differences have one name");
    }
}
