//! The flags that the documents name exist.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_flag_that_the_documents_give_to_serve_exists() {
    let output = Command::new(env!("CARGO_BIN_EXE_kube-annex-server")).args(["serve", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let mut checked = 0;
    for path in pages() {
        let text = fs::read_to_string(&path).unwrap();
        // What stands between backticks on one line, or at a prompt.
        for quoted in text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).chain(line.strip_prefix("$ "))) {
            let Some((_, arguments)) = quoted.split_once("serve ") else { continue };
            for flag in arguments.split_whitespace().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or(flag);
                let known = help.split([' ', ',', '\n']).any(|word| word == flag);
                assert!(known, "{}: `{quoted}`: there is no {flag}:\n{help}", path.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 2, "only {checked} flags were found; is the search broken?");
}

/// Who administers a cluster takes it that policies on all resources cover these too.
#[test]
fn ad_28_what_does_not_exist_is_said_not_to_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let differences = fs::read_to_string(root.join("docs/differences.md")).unwrap();
    let (_, missing) = differences.split_once("## Because it does not exist yet").unwrap();
    for absent in ["Admission webhooks and policies of the cluster: none is asked", "audit"] {
        assert!(missing.contains(absent), "docs/differences.md does not say: {absent}");
    }
}

fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let docs = root.join("docs");
    let folders = [root, docs.join("guide"), docs.join("adr"), docs];
    let files = folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let paths = files.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect()
}
