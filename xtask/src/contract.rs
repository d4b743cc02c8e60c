//! `cargo xtask contract`: each clause of `docs/contract.md` with the tests that prove it.
//!
//! A test proves the clauses that its name begins with: `l_3_a_list_is_400_and_g_2_a_get_is_500` proves L-3 and G-2. A
//! script or program of other tests proves the clauses that it names as the contract spells them, `L-3`.

mod proof;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};

use crate::paths;
use crate::step::say;

/// What `cargo xtask contract` is told.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Tell the clauses of these topics or ids alone, such as `L` or `SSA-9` [default: all].
    clauses: Vec<String>,
    /// Tell only the clauses that must be proven and are not.
    #[arg(long)]
    missing: bool,
}

/// One clause.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Clause {
    /// Its name, such as `SSA-9`.
    pub id: String,
    /// How much depends on it.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// How much depends on a clause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// A client breaks otherwise: a test proves it.
    Must,
    /// A client can tell.
    Should,
    /// What kube-apiserver does; nothing here to prove.
    Front,
    /// Not served yet.
    Later,
}

impl Level {
    const ALL: [(&'static str, Self); 4] =
        [("must", Self::Must), ("should", Self::Should), ("front", Self::Front), ("later", Self::Later)];

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, level)| level)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, level)| *level == self).map_or("", |(name, _)| name)
    }
}

/// Prints the clauses and their proofs.
///
/// * Errors: a clause that must be proven is not, by name.
pub fn run(args: &Args) -> Result<()> {
    let clauses = clauses()?;
    let proofs = proof::find(&paths::workspace(), &ids(&clauses))?;
    for clause in clauses.iter().filter(|clause| args.wants(clause)) {
        let found = proofs.get(&clause.id).map(Vec::as_slice).unwrap_or_default();
        if args.missing && !(clause.level == Level::Must && found.is_empty()) {
            continue;
        }
        say(format!("{} ({}) {}", clause.id, clause.level.name(), clause.text));
        for place in found {
            say(format!("    {place}"));
        }
    }
    let missing = unproven(&clauses, &proofs);
    say(summary(&clauses, &proofs));
    ensure!(missing.is_empty(), "no test proves {}; name one after it, or change its level", missing.join(", "));
    Ok(())
}

impl Args {
    fn wants(&self, clause: &Clause) -> bool {
        let topic = clause.id.split('-').next().unwrap_or_default();
        self.clauses.is_empty() || self.clauses.iter().any(|wanted| *wanted == clause.id || wanted == topic)
    }
}

/// The clauses of the contract, in its order.
///
/// * Errors: the file cannot be read; a clause has no level, or stands twice.
pub fn clauses() -> Result<Vec<Clause>> {
    let path = paths::workspace().join("docs/contract.md");
    parse(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?)
}

/// The clauses that must be proven and are not.
pub fn unproven(clauses: &[Clause], proofs: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let musts = clauses.iter().filter(|clause| clause.level == Level::Must);
    musts.filter(|clause| !proofs.contains_key(&clause.id)).map(|clause| clause.id.clone()).collect()
}

/// The tests that prove each clause.
///
/// * Errors: the work tree cannot be read.
pub fn proofs(clauses: &[Clause]) -> Result<BTreeMap<String, Vec<String>>> {
    proof::find(&paths::workspace(), &ids(clauses))
}

fn ids(clauses: &[Clause]) -> BTreeSet<String> {
    clauses.iter().map(|clause| clause.id.clone()).collect()
}

fn parse(page: &str) -> Result<Vec<Clause>> {
    let mut clauses: Vec<Clause> = Vec::new();
    for line in page.lines() {
        let Some((id, rest)) = line.strip_prefix("- ").and_then(|line| line.split_once(" (")) else { continue };
        if !proof::is_clause(id) {
            continue;
        }
        let (word, text) = rest.split_once(") ").with_context(|| format!("{id}: no level in brackets"))?;
        let level = Level::of(word).with_context(|| format!("{id}: `{word}` is no level"))?;
        ensure!(clauses.iter().all(|clause| clause.id != id), "{id} stands twice");
        clauses.push(Clause { id: id.to_owned(), level, text: text.to_owned() });
    }
    Ok(clauses)
}

fn summary(clauses: &[Clause], proofs: &BTreeMap<String, Vec<String>>) -> String {
    let counts = Level::ALL.map(|(name, level)| {
        let of_level = clauses.iter().filter(|clause| clause.level == level);
        let proven = of_level.clone().filter(|clause| proofs.contains_key(&clause.id)).count();
        match level {
            Level::Must | Level::Should => format!("{proven} of {} {name}", of_level.count()),
            Level::Front | Level::Later => format!("{} {name}", of_level.count()),
        }
    });
    let tests: BTreeSet<&String> = proofs.values().flatten().collect();
    format!("\n{} clauses: {}; {} proofs", clauses.len(), counts.join(", "), tests.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_has_a_name_a_level_and_a_text() {
        let parsed = parse("# Title\n\n- L-13 (must) A token (old) is 410.\n- `must`: not a clause\n").unwrap();
        let text = "A token (old) is 410.".to_owned();
        assert_eq!(parsed, [Clause { id: "L-13".to_owned(), level: Level::Must, text }]);
    }

    #[test]
    fn a_clause_without_a_known_level_or_said_twice_is_an_error() {
        assert!(parse("- L-13 (perhaps) x").is_err());
        assert!(parse("- L-13 (must) x\n- L-13 (must) y").is_err());
    }

    #[test]
    fn what_must_be_proven_and_is_not_is_named() {
        let clauses = parse("- L-1 (must) x\n- L-2 (must) y\n- L-3 (later) z").unwrap();
        let proofs = BTreeMap::from([("L-1".to_owned(), vec!["a.rs: l_1_x".to_owned()])]);
        assert_eq!(unproven(&clauses, &proofs), ["L-2"]);
        assert_eq!(summary(&clauses, &proofs), "\n3 clauses: 1 of 2 must, 0 of 0 should, 0 front, 1 later; 1 proofs");
    }
}
