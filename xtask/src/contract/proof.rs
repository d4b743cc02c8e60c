//! Which tests prove which clauses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where tests are.
const ROOTS: [&str; 3] = ["crates", "tests", "xtask"];

/// Whether the text is spelled as the contract spells its clauses: `SSA-9`.
pub(super) fn is_clause(text: &str) -> bool {
    let Some((topic, number)) = text.split_once('-') else { return false };
    let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    topic.starts_with(|first: char| first.is_ascii_uppercase())
        && topic.bytes().all(upper)
        && !number.is_empty()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The places that prove each known clause, as `file: test`.
pub(super) fn find(root: &Path, known: &BTreeSet<String>) -> Result<BTreeMap<String, Vec<String>>> {
    let mut proofs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in ROOTS.into_iter().map(|folder| files(&root.join(folder))).collect::<Result<Vec<_>>>()?.concat() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        for (clause, place) in in_file(&file, &text, known) {
            let places = proofs.entry(clause).or_default();
            let place = format!("{name}: {place}");
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    Ok(proofs)
}

fn in_file(file: &Path, text: &str, known: &BTreeSet<String>) -> Vec<(String, String)> {
    if file.extension().is_some_and(|extension| extension == "rs") {
        let names = text.lines().filter_map(function);
        return names.flat_map(|name| of_name(name, known).into_iter().map(|id| (id, name.to_owned()))).collect();
    }
    if !file.components().any(|part| part.as_os_str() == "tests") {
        return Vec::new();
    }
    let lines = text.lines().enumerate();
    lines
        .flat_map(|(at, line)| of_line(line, known).into_iter().map(move |id| (id, format!("line {}", at + 1))))
        .collect()
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let code =
        before.trim().is_empty() || before.trim_end().ends_with("async") || before.trim_start().starts_with("pub");
    let end = rest.find(|next: char| !next.is_ascii_alphanumeric() && next != '_')?;
    code.then(|| &rest[..end])
}

/// The clauses that a test's name tells: `an_14_15_groups` tells AN-14 and AN-15.
fn of_name(name: &str, known: &BTreeSet<String>) -> Vec<String> {
    let words: Vec<&str> = name.split('_').collect();
    let mut told = Vec::new();
    let mut topic = None;
    for pair in words.windows(2) {
        let [word, next] = pair else { continue };
        if !is_number(next) {
            continue;
        }
        // A number right after a clause goes on with its topic.
        let of = if is_number(word) { topic } else { Some(*word) };
        let clause = of.map(|topic| format!("{}-{next}", topic.to_uppercase()));
        topic = clause.as_ref().filter(|clause| known.contains(*clause)).and(of);
        told.extend(clause.filter(|_| topic.is_some()));
    }
    told
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The clauses that a line names as the contract spells them.
fn of_line(line: &str, known: &BTreeSet<String>) -> Vec<String> {
    let words = line.split(|next: char| !next.is_ascii_alphanumeric() && next != '-');
    words.filter(|word| is_clause(word) && known.contains(*word)).map(str::to_owned).collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_name_tells_each_clause_it_begins_with_or_joins() {
        let known = known(&["AN-14", "AN-15", "L-3", "G-2", "O2-5"]);
        assert_eq!(of_name("an_14_15_groups_of_the_3", &known), ["AN-14", "AN-15"]);
        assert_eq!(of_name("l_3_a_list_is_400_and_g_2_a_get_is_500", &known), ["L-3", "G-2"]);
        assert_eq!(of_name("o2_5_definitions", &known), ["O2-5"]);
        assert!(of_name("a_list_of_3_things", &known).is_empty());
    }

    #[test]
    fn functions_are_found_in_code_and_not_in_sentences() {
        assert_eq!(function("    async fn l_3_x() {"), Some("l_3_x"));
        assert_eq!(function("pub(super) async fn l_3_x(a: &str) {"), Some("l_3_x"));
        assert_eq!(function("//! `fn l_3_x(` proves"), None);
    }

    #[test]
    fn a_script_names_clauses_as_the_contract_does() {
        assert_eq!(of_line("# L-3, G-2: what is no number; UTF-8", &known(&["L-3", "G-2"])), ["L-3", "G-2"]);
    }
}
